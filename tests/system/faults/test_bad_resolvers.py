"""Resolvers that say nothing, refuse, take 5 s, answer from another address or
lose a third of what they are asked: each gets the verdict that it deserves, is
asked no more often than it may be, and costs the agent nothing."""
import socket
import threading
import time

import dns.rcode
import dns.rrset

from deploy.lab.ask import wait_until
from deploy.lab.namespace import add_addresses
from tests.lib import faults
from tests.lib.capture import Capture
from tests.lib.support import (PLAIN_BIN, network_row, open_incident, reply_to,
                               site_alone, wait_status)
from tests.system.faults.test_doors import processor_s

NETWORK = "branch"
QPS, BURST = 5, 5
WATCH_S = 8
SLOW_S = 5
LOST_OF_10 = 3
CACHED_S = 600
PROCESSOR_MAX = 0.1
OTHER = "198.51.100.90"


def negative(query):
    reply = reply_to(query)
    reply.set_rcode(dns.rcode.NXDOMAIN)
    reply.authority.append(dns.rrset.from_text(
        "example.com.", CACHED_S, "IN", "SOA", "ns1.example.com. "
        f"hostmaster.example.com. 7 3600 600 86400 {CACHED_S}"))
    return reply.to_wire()


def refuses(query):
    reply = reply_to(query)
    reply.set_rcode(dns.rcode.REFUSED)
    return reply.to_wire()


class Bad:
    """A resolver with a fault."""

    def __init__(self, address, fault):
        self.address, self._fault = address, fault
        self.asked = 0
        self._link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._link.bind((address, 53))
        self._other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._other.bind((OTHER, 0))
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            query, peer = self._link.recvfrom(4096)
            self.asked += 1
            self._fault(self, query, peer)

    def says(self, bytes_said, peer):
        self._link.sendto(bytes_said, peer)

    # --- the faults ---

    def silent(self, _query, _peer):
        pass

    def refused(self, query, peer):
        self.says(refuses(query), peer)

    def slow(self, query, peer):
        threading.Timer(SLOW_S, self.says, (negative(query), peer)).start()

    def elsewhere(self, query, peer):
        self._other.sendto(negative(query), peer)

    def lossy(self, query, peer):
        if self.asked % 10 >= LOST_OF_10:
            self.says(negative(query), peer)


def busiest(times):
    """Questions in the busiest second."""
    return max((sum(1 for at in times if 0 <= at - began < 1)
                for began in times), default=0)


WANTED = {"198.51.100.81": (Bad.silent, "unreachable"),
          "198.51.100.82": (Bad.refused, "refused"),
          "198.51.100.83": (Bad.slow, "unreachable"),
          "198.51.100.84": (Bad.elsewhere, "unreachable"),
          "198.51.100.85": (Bad.lossy, "cached-nxdomain")}


def states(site, incident):
    detail = site.api.must_get(f"/v1/incidents/{incident}/networks/{NETWORK}")
    return {t["resolver"].split("@")[0]: t["state"]
            for t in detail["targets"]}


def test_bad_resolvers():
    add_addresses([*WANTED, OTHER])
    bad = {at: Bad(at, fault) for at, (fault, _state) in WANTED.items()}
    wanted = {at: state for at, (_fault, state) in WANTED.items()}
    with Capture() as capture, site_alone(PLAIN_BIN) as site:
        agent = site.agent(
            NETWORK, resolvers={"discover": False,
                                "named": [{"at": at} for at in WANTED]},
            policy={"resolver_qps": QPS, "resolver_burst": BURST,
                    "min_interval_ms": 200})
        agent.accept()
        agent.start()
        incident = open_incident(site, name=faults.NAME, restored="now")
        began = time.monotonic()
        used = processor_s(agent.daemon.pid)
        wait_status(site, incident, lambda d: network_row(d, NETWORK), 20,
                    "the network")
        seen = {}

        def as_wanted():
            seen.update(states(site, incident))
            return seen == wanted
        try:
            wait_until(as_wanted, 60, "the verdicts")
        except TimeoutError:
            raise AssertionError((seen, wanted)) from None
        took = time.monotonic() - began
        time.sleep(max(WATCH_S - took, 0))  # in which it could ask too much
        share = (processor_s(agent.daemon.pid) - used) / (
            time.monotonic() - began)
        agent.daemon.must_run()
        wait_until(as_wanted, 60, "the verdicts to stay")
    for at, one in bad.items():
        most = busiest([q.at for q in capture.select(destination=at)])
        print(f"# {at} {wanted[at]}: {one.asked} questions, {most} in a second "
              "at most", flush=True)
        # Decided on in time, one or two may be sent a little later.
        assert 0 < most <= QPS + BURST + 2, at
    print(f"# {share:.1%} of a processor")
    assert share < PROCESSOR_MAX, share
    faults.row("bad resolvers, five ways", len(WANTED), None, None,
               took)
