"""The agent's machine sleeps and wakes: CLOCK_MONOTONIC stood still meanwhile
(suspended_clock.c), CLOCK_BOOTTIME did not, its wall clock may be another one,
answers lay in its sockets. What it sees then carries the right times, and the
countdown ends where it did."""
import datetime
import os
import signal
import struct
import time

import dns.message
import dns.rcode
import dns.rrset

from deploy.lab.ask import wait_until
from deploy.lab.namespace import add_addresses
from tests.lib import agent_faults, faults
from tests.lib.support import (PLAIN_BIN, Responder, network_row, open_incident,
                               reply_to, site_alone)
from tests.system.faults.test_agent_clock import STOOD, jump, library

NETWORK = "branch"
CACHED_S = 600          # the denial is cached for so long from now on
ANSWER_S = 0.05         # so that a question is under way when it falls asleep
NEAR_S = 4.0            # TTLs are whole seconds; it sleeps for longer
FRESH_S = 60            # far below any jump
SKEWS_S = (0, -86400, 3600)  # of the wall clock, as it wakes


def counts_down(ends):
    """A resolver that has the denial in its cache until then (monotonic)."""
    def answer(query):
        time.sleep(ANSWER_S)
        reply = reply_to(query)
        reply.set_rcode(dns.rcode.NXDOMAIN)
        reply.authority.append(dns.rrset.from_text(
            "example.com.", int(ends - time.monotonic()), "IN", "SOA",
            f"ns1.example.com. hostmaster.example.com. 7 3600 600 86400 "
            f"{CACHED_S}"))
        return [reply.to_wire()]
    return answer


class Machine:
    """Of the agent: it sleeps, and its clocks."""

    def __init__(self):
        self.clock = f"/tmp/nxclear-test-sleep.{os.getpid()}"
        self.suspended = self.clock + ".suspended"
        self.slept_s = 0.0
        jump(self.clock, "+0")
        with open(self.suspended, "wb") as out:
            out.write(struct.pack("d", 0.0))

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        os.unlink(self.clock)
        os.unlink(self.suspended)

    @property
    def env(self):
        return {"LD_PRELOAD": f"{PLAIN_BIN}/nx_suspended_clock.so:{library()}",
                "NX_SUSPENDED": self.suspended,
                "FAKETIME_TIMESTAMP_FILE": self.clock,
                "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def sleep(self, one, seconds, skew_s):
        """Returns how many results were stored."""
        one.agent.daemon.signal(signal.SIGSTOP)
        began = time.monotonic()
        jump(self.clock, f"{skew_s:+d}")
        stored = one.wait_quiet(seconds)  # after what it had sent
        self.slept_s += time.monotonic() - began
        with open(self.suspended, "r+b") as out:
            out.write(struct.pack("d", self.slept_s))
        one.agent.daemon.signal(signal.SIGCONT)
        return stored


def seconds_of(text):
    return datetime.datetime.fromisoformat(text).timestamp()


def check(one, incident, ends_wall, when):
    """The forecast, and the time of what was seen last."""
    row = network_row(one.site.api.status(incident), NETWORK)
    assert row["state"] == "cached-nxdomain", (when, row)
    off = seconds_of(row["clears"]["point"]) - ends_wall
    age = time.time() - seconds_of(row["seen"])
    print(f"# {when}: the countdown ends {off:+.2f} s from the truth, seen "
          f"{age:.2f} s ago")
    assert abs(off) < NEAR_S, (when, off, row)
    assert -0.5 < age < FRESH_S, (when, age, row)
    assert len(row["resolvers"]) == 1, (when, row)


def test_suspended():
    rounds_n = faults.rounds(2, 9)
    draw = faults.seeded("suspended agent")
    longest = 0.0
    add_addresses([agent_faults.RESOLVER])
    ends = time.monotonic() + CACHED_S
    ends_wall = time.time() + CACHED_S
    with Machine() as machine, \
            Responder(agent_faults.RESOLVER, counts_down(ends)), \
            site_alone(PLAIN_BIN, estimate=agent_faults.FAST) as site:
        agent = agent_faults.slow_agent(site, NETWORK,
                                        spool={"path": "spool"})
        agent.daemon.env = machine.env
        agent.start()
        incident = open_incident(site, name=faults.NAME, restored="now")
        one = agent_faults.Busy(site, agent)
        one.wait_stored(20, "the first results")
        wait_until(lambda: network_row(site.api.status(incident), NETWORK)
                   .get("state") == "cached-nxdomain", 20, "the verdict")
        check(one, incident, ends_wall, "before")
        before_s = 0
        for number in range(rounds_n):
            sleep_s = draw.uniform(6, 8)
            skew_s = SKEWS_S[number % len(SKEWS_S)]
            mark = len(agent.daemon.log_text())
            stored = machine.sleep(one, sleep_s, skew_s)
            longest = max(longest, one.wait_stored(stored + 10))
            check(one, incident, ends_wall,
                  f"slept {sleep_s:.1f} s, clock {skew_s:+d} s")
            if skew_s > before_s:
                wait_until(lambda m=mark: STOOD in
                           agent.daemon.log_text()[m:], 20, "the pause")
            else:  # its own clock has counted the sleep: no pause
                assert STOOD not in agent.daemon.log_text()[mark:], \
                    (skew_s, agent.daemon.log_tail())
            before_s = skew_s
        lost, double = one.settle()
        assert one.dropped() == 0
    faults.row("agent suspended, its clock jumps", rounds_n, lost, double,
               longest)
