"""Resolvers that lie: nothing crashes, nothing hostile reaches a terminal, and
what is not an answer is not taken for one."""
import random
import struct
import time

import dns.flags
import dns.rcode
import dns.rrset

from deploy.lab import zones
from deploy.lab.ask import wait_until
from deploy.lab.namespace import add_addresses
from tests.lib.support import (Responder, network_row, network_state,
                               open_incident, reply_to, site_alone,
                               wait_status)

ADDRESS = "198.51.100.66"
NETWORK = "hostile"
SEED = 20261120


def soa_of(query, ttl=30):
    """A plausible NXDOMAIN."""
    reply = reply_to(query)
    reply.set_rcode(dns.rcode.NXDOMAIN)
    reply.authority.append(dns.rrset.from_text(
        f"{zones.ZONE}.", ttl, "IN", "SOA",
        f"ns1.{zones.ZONE}. h.{zones.ZONE}. 1 2 3 4 {ttl}"))
    return reply


def wrong_id(query):
    wire = bytearray(soa_of(query).to_wire())
    wire[0] ^= 0x55
    return [bytes(wire)]


def wrong_question(query):
    reply = soa_of(query)
    reply.question[0].name = type(reply.question[0].name)(
        (b"www", b"example", b"net", b""))
    return [reply.to_wire()]


def header(query, answers, authorities=0):
    return query[:2] + struct.pack("!HHHHH", 0x8183, 1, answers,
                                   authorities, 0)


def question(query):
    """The question section of a query that may carry EDNS."""
    end = query.index(b"\0", 12) + 5
    return query[12:end]


def compression_loop(query):
    """An owner name that points to itself, and two that point to each
    other."""
    asked = question(query)
    at = 12 + len(asked)
    fixed = struct.pack("!HHIH", 1, 1, 60, 4) + b"\xc0\x00\x02\x50"
    itself = header(query, 1) + asked + struct.pack("!H", 0xC000 | at) + fixed
    pair = (header(query, 2) + asked + struct.pack("!H", 0xC000 | (at + 16))
            + fixed + struct.pack("!H", 0xC000 | at) + fixed)
    return [itself, pair]


def truncated_record(query):
    return [soa_of(query).to_wire()[:-9]]


def long_count(query):
    return [header(query, 65535, 65535) + question(query)]


def control_characters(query):
    """A denial whose SOA owner and mailbox are made of escapes and quotes."""
    asked = question(query)
    evil = bytes([12]) + b"\x1b[31m\x07\0\n\"'<>"[:12].ljust(12, b"\\")
    name = evil + b"\xc0" + bytes([12 + 4])  # example.com of the question
    mailbox = bytes([4]) + b"\x1b]0;" + b"\0"
    rdata = name + mailbox + struct.pack("!IIIII", 1, 2, 3, 4, 30)
    record = name + struct.pack("!HHIH", 6, 1, 30, len(rdata)) + rdata
    return [header(query, 0, 1) + asked + record]


def cname_loop(query):
    reply = reply_to(query)
    name = f"{zones.NAME}."
    for owner, target in ((name, "b.example.com."), ("b.example.com.", name)):
        reply.answer.append(dns.rrset.from_text(owner, 60, "IN", "CNAME",
                                                target))
    return [reply.to_wire()]


def huge_ttl(query):
    wire = soa_of(query, 0x7FFFFFFF).to_wire()
    return [wire.replace(b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff")]


class Noise:
    """Plausible answers with bytes changed at random."""

    def __init__(self):
        self._random = random.Random(SEED)

    def __call__(self, query):
        wire = bytearray(soa_of(query).to_wire())
        for _ in range(self._random.randint(1, 8)):
            wire[self._random.randrange(2, len(wire))] = \
                self._random.randrange(256)
        return [bytes(wire[:self._random.randint(12, len(wire))])]


def assert_printable(text):
    """ASCII, and the one sign of ours beside it."""
    bad = [c for c in text if c not in "\n±" and not 32 <= ord(c) < 127]
    assert not bad, (bad, text)


def ask_it(answer, look, timeout=20, what="a verdict"):
    """Let an agent ask a resolver that answers so; look(document) must come
    to hold. Afterwards all programs must still be well and say nothing that
    a terminal would obey."""
    with site_alone() as site:
        add_addresses([ADDRESS])
        with Responder(ADDRESS, answer) as responder:
            agent = site.agent(NETWORK, nameservers=[ADDRESS],
                               probe={"timeout_ms": 300})
            agent.accept()
            agent.start()
            site.wait_connected()
            incident = open_incident(site, restored="now")
            document = wait_status(site, incident, look, timeout, what)
            asked = responder.asked
            open_incident(site, name=f"other.{zones.ZONE}", restored="now")
            wait_until(lambda: responder.asked > asked, 15,
                       "the agent to ask for another name")
            for member in (site.collector_program, agent):
                member.daemon.must_run()
                assert_printable(member.daemon.log_text())
            for view in ([], ["--json"]):
                assert_printable(site.cli("status", str(incident), "--all",
                                          *view, check=False).stdout)
            return document


def state_in(*states):
    return lambda d: network_state(d, NETWORK) in states


def no_answer(answer):
    """What is no answer to our question counts as none: the resolver is as
    good as unreachable."""
    ask_it(answer, state_in("unreachable"))


def test_wrong_id_is_no_answer():
    no_answer(wrong_id)


def test_wrong_question_is_no_answer():
    no_answer(wrong_question)


def test_compression_loop_is_no_answer():
    no_answer(compression_loop)


def test_truncated_record_is_no_answer():
    no_answer(truncated_record)


def test_counts_that_lie_are_no_answer():
    no_answer(long_count)


def test_forged_answer_does_not_hide_the_true_one():
    def both(query):
        return [*wrong_id(query), *wrong_question(query),
                soa_of(query).to_wire()]
    ask_it(both, state_in("cached-nxdomain", "policy-blocked", "recached"))


def test_control_characters_never_reach_the_terminal():
    document = ask_it(control_characters, lambda d: network_row(
        d, NETWORK).get("state") not in (None, "unknown"))
    assert network_state(document, NETWORK) != "clear", document


def test_cname_loop_is_not_clear():
    document = ask_it(cname_loop, lambda d: network_row(
        d, NETWORK).get("seen") is not None)
    assert network_state(document, NETWORK) != "clear", document


def test_ttl_above_2_31_is_survived():
    document = ask_it(huge_ttl, lambda d: network_row(
        d, NETWORK).get("seen") is not None)
    assert network_state(document, NETWORK) != "clear", document


def test_noise_is_survived():
    noise = Noise()
    end = time.monotonic() + 6
    ask_it(noise, lambda d: time.monotonic() > end
           and network_row(d, NETWORK) != {}, timeout=25)
