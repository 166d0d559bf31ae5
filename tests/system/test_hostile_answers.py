"""Resolvers that lie, each in a network of its own: nothing crashes, nothing
hostile reaches a terminal, and what is not an answer is not taken for one."""
import contextlib
import random
import struct
import time
from dataclasses import dataclass

import dns.flags
import dns.rcode
import dns.rrset

from deploy.lab import zones
from deploy.lab.ask import wait_until
from deploy.lab.namespace import add_addresses
from tests.lib import faults
from tests.lib.matrix import Case
from tests.lib.support import (Responder, network_row, open_incident, reply_to,
                               site_alone, wait_status)

SEED = 20261120
NOISE_S = 6     # of answers, each broken in another way
TOLD_S = 20
AGAIN_S = 15


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


def forged_before_the_true_one(query):
    return [*wrong_id(query), *wrong_question(query), soa_of(query).to_wire()]


def told_as(*states):
    return lambda row: row.get("state") in states


# What is no answer to our question counts as none: the resolver is as good as
# unreachable.
no_answer = told_as("unreachable")


def told_at_all(row):
    return row.get("state") not in (None, "unknown")


def seen(row):
    return row.get("seen") is not None


@dataclass
class Lie:
    """A network whose resolver gives such answers. told: of the network's row,
    what must come to hold; not_clear: what is told then is anything else."""
    name: str
    answer: object
    told: object
    not_clear: bool = True
    for_s: float = 0.0  # the verdict is looked at then


LIES = (
    Lie("wrong-id", wrong_id, no_answer),
    Lie("wrong-question", wrong_question, no_answer),
    Lie("compression-loop", compression_loop, no_answer),
    Lie("truncated-record", truncated_record, no_answer),
    Lie("counts-that-lie", long_count, no_answer),
    Lie("forged-before-the-true-one", forged_before_the_true_one,
        told_as("cached-nxdomain", "policy-blocked", "recached")),
    Lie("control-characters", control_characters, told_at_all),
    Lie("cname-loop", cname_loop, seen),
    Lie("ttl-above-2-31", huge_ttl, seen),
    Lie("noise", Noise(), bool, not_clear=False, for_s=NOISE_S),
)


def assert_printable(text):
    """ASCII, and the one sign of ours beside it."""
    bad = [c for c in text if c not in "\n±" and not 32 <= ord(c) < 127]
    assert not bad, (bad, text)


def check_lie(site, incident, lie, began):
    end = began + lie.for_s
    document = wait_status(
        site, incident, lambda d: time.monotonic() > end
        and lie.told(network_row(d, lie.name)), TOLD_S, f"{lie.name} to be told")
    row = network_row(document, lie.name)
    print(f"# | {lie.name} | {row.get('state')}: {row.get('why')} |",
          flush=True)
    assert not (lie.not_clear and row["state"] == "clear"), row


def check_goes_on(lie, agent, responder, asked):
    """The agent is well, asks for the next name, and its log is harmless."""
    wait_until(lambda: responder.asked > asked, AGAIN_S,
               f"the agent of {lie.name} to ask for another name")
    agent.daemon.must_run()
    assert_printable(agent.daemon.log_text())


def case(lie, check, *arguments):
    try:
        check(*arguments)
    except Exception as error:  # every failure is a result
        return Case(lie.name, f"{type(error).__name__}: {error}")
    return None


def addresses():
    return {lie.name: f"198.51.100.{66 + i}" for i, lie in enumerate(LIES)}


def start(site, stack):
    """(lie, agent, responder) of each, connected."""
    at = addresses()
    add_addresses(at.values())
    members = [(lie, site.agent(lie.name, nameservers=[at[lie.name]],
                                probe={"timeout_ms": 300}),
                stack.enter_context(Responder(at[lie.name], lie.answer)))
               for lie in LIES]
    for _lie, agent, _responder in members:
        agent.accept()
        agent.start()
    site.wait_connected()
    return members


def test_lies():
    """Nothing stops an agent; nothing that a terminal would obey is printed."""
    with site_alone() as site, contextlib.ExitStack() as stack:
        members = start(site, stack)
        incident = open_incident(site, restored="now")
        began = time.monotonic()
        cases = {lie.name: case(lie, check_lie, site, incident, lie, began)
                 for lie, _agent, _responder in members}
        asked = [responder.asked for *_rest, responder in members]
        open_incident(site, name=f"other.{zones.ZONE}", restored="now")
        for (lie, agent, responder), before in zip(members, asked):
            cases[lie.name] = cases[lie.name] or case(
                lie, check_goes_on, lie, agent, responder, before) or \
                Case(lie.name)
        site.collector_program.daemon.must_run()
        assert_printable(site.collector_program.daemon.log_text())
        for view in ([], ["--json"]):
            assert_printable(site.cli("status", str(incident), "--all", *view,
                                      check=False).stdout)
        faults.row("resolvers that lie (hostile answers)", len(LIES), None,
                   None)
        return list(cases.values())
