"""The agent's machine sleeps and wakes: its monotonic clock went on meanwhile,
its wall clock may be another one, answers lay in its sockets. What it sees then
carries the right times, and the countdown ends where it did."""
import datetime
import os
import signal
import time

import dns.message
import dns.rcode
import dns.rrset

from deploy.lab.ask import wait_until
from deploy.lab.namespace import add_addresses
from tests.lib import agent_faults, faults
from tests.lib.support import (PLAIN_BIN, Responder, network_row, open_incident,
                               reply_to, site_alone)
from tests.system.faults.test_agent_clock import jump, library

NETWORK = "branch"
CACHED_S = 600          # the denial is cached for so long from now on
ANSWER_S = 0.05         # so that a question is under way when it falls asleep
NEAR_S = 4.0            # TTLs are whole seconds; it sleeps for longer
FRESH_S = 60            # far below any jump
WALL_JUMPS_S = (3600, -86400, 0)


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
    clock = f"/tmp/nxclear-test-sleep.{os.getpid()}"
    longest = 0.0
    jump(clock, "+0")
    env = {"LD_PRELOAD": library(), "FAKETIME_TIMESTAMP_FILE": clock,
           "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    add_addresses([agent_faults.RESOLVER])
    ends = time.monotonic() + CACHED_S
    ends_wall = time.time() + CACHED_S
    try:
        with Responder(agent_faults.RESOLVER, counts_down(ends)), \
                site_alone(PLAIN_BIN, estimate=agent_faults.FAST) as site:
            agent = site.agent(
                NETWORK, nameservers=[agent_faults.RESOLVER],
                resolvers={"named": [{"at": f"{agent_faults.RESOLVER}@53"}]},
                policy={"resolver_qps": 20, "min_interval_ms": 100},
                batch={"max_results": 5, "max_age_ms": 200},
                spool={"path": "spool"})
            agent.daemon.env = env
            agent.accept()
            agent.start()
            incident = open_incident(site, name=faults.NAME, restored="now")
            one = agent_faults.Busy(site, agent)
            one.wait_stored(20, "the first results")
            wait_until(lambda: network_row(site.api.status(incident), NETWORK)
                       .get("state") == "cached-nxdomain", 20, "the verdict")
            check(one, incident, ends_wall, "before")
            for number in range(rounds_n):
                sleep_s = draw.uniform(6, 8)
                skew_s = WALL_JUMPS_S[number % len(WALL_JUMPS_S)]
                agent.daemon.signal(signal.SIGSTOP)
                jump(clock, f"{skew_s:+d}")
                stored = one.wait_quiet(sleep_s)  # after what it had sent
                agent.daemon.signal(signal.SIGCONT)
                longest = max(longest, one.wait_stored(stored + 10))
                check(one, incident, ends_wall,
                      f"slept {sleep_s:.1f} s, clock {skew_s:+d} s")
            lost, double = one.settle()
            assert one.dropped() == 0
    finally:
        os.unlink(clock)
    faults.row("agent suspended, its clock jumps", rounds_n, lost, double,
               longest)
