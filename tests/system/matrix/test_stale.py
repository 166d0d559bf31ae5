"""Denials past their end: some resolvers serve them while they cannot reach
the name servers, which are good again."""
import subprocess

from deploy.lab import zones
from deploy.lab.namespace import rules_before_local
from tests.system.matrix.play import MAIL, Play
from tests.system.matrix.test_plain import PACKET_CACHE
from tests.system.matrix.variants import (Bind, Dnsdist, Dnsmasq, PowerDns,
                                          Unbound)

CUT_S = 34             # so long they cannot
SERVED = ("cached-nxdomain", "stale-served", "clear")
LOOSE = {"within": None, "bound": False, "also": ("servfail-other",
                                                  "unreachable"),
         "because": "how long the way is cut is not seen from outside"}
EXPIRED = ("serve-expired: yes", "ede: yes", "ede-serve-expired: yes")


class Cut:
    """No packet from what a resolver asks arrives at it."""

    def __init__(self, networks):
        self._rules = [
            f"from {source} to {network.address} blackhole"
            for network in networks
            for source in ([b.address for b in network.backends] or
                           [zones.NS1_ADDRESS, zones.NS2_ADDRESS])]

    def on(self):
        rules_before_local()
        self._each("add")

    def off(self):
        self._each("del")

    def _each(self, what):
        for number, rule in enumerate(self._rules):
            subprocess.run(["ip", "rule", what, "pref", str(10 + number),
                            *rule.split()], check=True)


def served(play):
    play.add("unbound serve-expired, EDE 3", play.network(
        "unbound-stale", Unbound, *EXPIRED), SERVED, at=8.3, **LOOSE)
    play.add("named stale NODATA", play.network(
        "named-stale", Bind, "stale-answer-enable yes;",
        "stale-cache-enable yes;", "stale-answer-client-timeout 0;"),
        ("cached-nodata", "stale-served", "clear"), at=8.7, name=MAIL, **LOOSE)
    play.add("dnsmasq use-stale-cache", play.network(
        "dnsmasq-stale", Dnsmasq, "use-stale-cache", backends=[Bind]),
        SERVED, at=8.9, **LOOSE)
    play.add("dnsdist staleTTL", play.network(
        "dnsdist-stale", Dnsdist, *PACKET_CACHE,
        "setStaleCacheEntriesTTL(3600)",
        # Else it goes on asking the one that is down.
        "setRoundRobinFailOnNoServer(true)", backends=[Bind]), SERVED, at=9.1,
        **LOOSE)
    # It starts again at W, with the old serial and without EDE.
    play.add("pdns serve-stale", play.network(
        "pdns-stale", PowerDns, "serve-stale-extensions=10",
        "packetcache-ttl=0"), ("cached-nxdomain", "recached", "clear"),
        at=8.5, **{**LOOSE, "because": "an old copy of the zone that is asked "
                   "again looks the same: the advice names both"},
        advice={"recached": "extends"})


def once(play):
    """The servers are in reach: one stale answer, then the record."""
    play.add("unbound serve-expired, servers reached", play.network(
        "unbound-once", Unbound, *EXPIRED), ("cached-nxdomain", "clear"),
        at=9, also=("stale-served",))


def test_stale():
    play = Play()
    served(play)
    cut = []

    def cut_on(lab):
        cut.append(Cut([play.networks.made[n] for n in names]))
        cut[0].on()
    names = [network for _title, network, _states, _more in play.expect]
    once(play)
    play.events += [(play.restore_s, cut_on),
                    (play.restore_s + CUT_S, lambda _lab: cut[0].off())]
    return play.run()
