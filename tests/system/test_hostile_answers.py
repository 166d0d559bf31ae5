"""Resolvers that lie, each in a network of its own: nothing crashes, nothing
hostile reaches a terminal, and what is not an answer is not taken for one."""
import contextlib
import random
import socketserver
import struct
import threading
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


# --- "truncated, ask again over TCP", and then TCP does not keep the word ---

TC_NETWORK = "tc-lies"


def cut(query):
    """TC, and nothing else."""
    reply = reply_to(query)
    reply.flags |= dns.flags.TC
    return [reply.to_wire()]


def framed(wires):
    return b"".join(struct.pack("!H", len(wire)) + wire for wire in wires)


def says(answer):
    """Over TCP, and hangs up then."""
    return lambda link, query: link.sendall(framed(answer(query)))


def hangs_up(_link, _query):
    pass


def until_it_gives_up(link):
    with contextlib.suppress(OSError):
        while link.recv(64):
            pass


def says_nothing(link, _query):
    until_it_gives_up(link)


def waits_after(answer):
    """As who asks does, that the right one may still come."""
    def say(link, query):
        says(answer)(link, query)
        until_it_gives_up(link)
    return say


def garbage(link, _query):
    link.sendall(random.Random(SEED).randbytes(5000))


def half(link, query):
    link.sendall(framed([soa_of(query).to_wire()])[:-9])


TRUNCATED = ("unknown", "truncated")    # state, flag
TC_LIES = (
    ("nobody listens", None, TRUNCATED),
    ("hangs up", hangs_up, TRUNCATED),
    ("says nothing", says_nothing, TRUNCATED),
    ("garbage", garbage, TRUNCATED),
    ("half an answer", half, TRUNCATED),
    ("another ID", waits_after(wrong_id), TRUNCATED),
    ("another question", says(wrong_question), TRUNCATED),
    ("compression loops", says(compression_loop), TRUNCATED),
    ("truncated again", says(cut), TRUNCATED),
    # What TCP says counts, as it is whole.
    ("a denial", says(lambda query: [soa_of(query, 600).to_wire()]),
     ("cached-nxdomain", None)),
)


class TcpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def __init__(self, address, answer):
        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                with contextlib.suppress(OSError):
                    size = self.rfile.read(2)
                    if len(size) == 2:
                        query = self.rfile.read(*struct.unpack("!H", size))
                        self.server.asked += 1
                        answer(self.request, query)
        self.asked = 0
        super().__init__((address, 53), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


@contextlib.contextmanager
def tc_liars(site):
    """One agent that asks all of them; yields it and the servers."""
    at = [f"198.51.100.{120 + i}" for i in range(len(TC_LIES))]
    add_addresses(at)
    agent = site.agent(TC_NETWORK, resolvers={
        "discover": False, "named": [{"at": one} for one in at]},
        probe={"timeout_ms": 300})
    with contextlib.ExitStack() as stack:
        servers = [tcp and stack.enter_context(TcpServer(one, tcp))
                   for one, (_name, tcp, _told) in zip(at, TC_LIES)]
        for one in at:
            stack.enter_context(Responder(one, cut))
        agent.accept()
        agent.start()
        yield agent, dict(zip(at, TC_LIES)), servers
        for server in servers:
            if server:
                server.shutdown()


def tc_told(site, incident):
    detail = site.api.must_get(f"/v1/incidents/{incident}/networks/"
                               f"{TC_NETWORK}")
    return {t["resolver"].split("@")[0]: t for t in detail["targets"]}


def as_told(target, told):
    state, flag = told
    return target and target["state"] == state and (
        flag is None or flag in target["flags"])


def check_tc(site, incident, at, lie):
    name, _tcp, told = lie
    found = {}

    def holds():
        found.update(tc_told(site, incident).get(at) or {})
        return as_told(found, told)
    try:
        wait_until(holds, TOLD_S, f"TC, then {name}: to be told")
    finally:
        print(f"# | TC, then {name} | {found.get('state')}: "
              f"{found.get('flags')} |", flush=True)


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


def case(name, check, *arguments):
    try:
        check(*arguments)
    except Exception as error:  # every failure is a result
        return Case(name, f"{type(error).__name__}: {error}")
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
        tc_agent, tc_lies, tc_servers = stack.enter_context(tc_liars(site))
        members = start(site, stack)
        incident = open_incident(site, restored="now")
        began = time.monotonic()
        cases = {lie.name: case(lie.name, check_lie, site, incident, lie, began)
                 for lie, _agent, _responder in members}
        for at, lie in tc_lies.items():
            name = f"TC, then {lie[0]}"
            cases[name] = case(name, check_tc, site, incident, at, lie) or \
                Case(name)
        tc_agent.daemon.must_run()
        assert all(s.asked for s in tc_servers if s), "none was asked over TCP"
        asked = [responder.asked for *_rest, responder in members]
        open_incident(site, name=f"other.{zones.ZONE}", restored="now")
        for (lie, agent, responder), before in zip(members, asked):
            cases[lie.name] = cases[lie.name] or case(
                lie.name, check_goes_on, lie, agent, responder, before) or \
                Case(lie.name)
        site.collector_program.daemon.must_run()
        assert_printable(site.collector_program.daemon.log_text())
        for view in ([], ["--json"]):
            assert_printable(site.cli("status", str(incident), "--all", *view,
                                      check=False).stdout)
        faults.row("resolvers that lie (hostile answers)",
                   len(LIES) + len(TC_LIES), None, None)
        return list(cases.values())
