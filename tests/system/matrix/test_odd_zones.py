"""Zones whose servers do what they should not: a SOA that is not clipped to
its MINIMUM, denials without SOA, failures instead of denials; and a negative
TTL of zero. How long each resolver keeps what it got differs by make."""
from deploy.lab.zones import RECORD_ADDRESS, ZONE
from tests.lib.matrix import EXACT_S
from tests.system.matrix.play import Play, delegated, root_with
from tests.system.matrix.servers import Odd
from tests.system.matrix.test_plain import PACKET_CACHE
from tests.system.matrix.variants import (
    Bind, Dnscache, Dnsdist, Dnsmasq, KresdPlain, PowerDns, Resolved, Unbound)

ADDRESS = "192.0.2.31"
UNCLIPPED, BARE, BROKEN, ZERO = ("unclipped.example", "bare.example",
                                 "broken.example", "zero.example")
SOA_TTL_S, MINIMUM_S = 44, 22  # of the unclipped one
W = 30
DIRECT = ("dnsmasq", "dnsdist", "resolved")


def name_in(zone):
    return f"www.{zone}"


def facts(**more):
    return {"serial": 1, "soa_ttl": W, "minimum": W, "names": {}, **more}


class ToOdd:
    """A forwarder that asks the odd server, and nobody else."""
    @property
    def endpoints(self):
        return [self.address]

    def __init__(self, name, folder, address, options=(), backends=()):
        self.backends = ()
        super().__init__(name, folder, address, options, [OddBackend])


class OddBackend:
    address = ADDRESS
    title = "the server"


class DnsmasqToOdd(ToOdd, Dnsmasq):
    pass


class DnsdistToOdd(ToOdd, Dnsdist):
    pass


class ResolvedToOdd(ToOdd, Resolved):
    pass


class OddZones(Play):
    def lab_options(self):
        lines = [line for zone in (UNCLIPPED, BARE, BROKEN, ZERO)
                 for line in delegated(zone, "ns1", ADDRESS)]
        return {"root": root_with(*lines), "others": [self._server]}

    @staticmethod
    def _server(folder):
        # Forwarders that ask it alone are ready when they know of ZONE.
        return Odd("odd", f"{folder}/odd", ADDRESS, {
            f"{ZONE}.": facts(), f"{UNCLIPPED}.": facts(
                soa_ttl=SOA_TTL_S, minimum=MINIMUM_S),
            f"{BARE}.": facts(soa=False), f"{BROKEN}.": facts(),
            f"{ZERO}.": facts(soa_ttl=0, minimum=0)})

    @staticmethod
    def _set(lab, fails, names):
        odd = lab.others[0]
        for zone, said in odd.zones.items():
            said["serial"] += 1
            said["fails"] = fails and zone == f"{BROKEN}."
            said["names"] = {f"www.{zone}": RECORD_ADDRESS} if names else {}
        odd.publish()

    def outage(self, lab):
        self._set(lab, True, False)

    def restoration(self, lab):
        self._set(lab, False, True)


def unclipped(play, names):
    """Who takes the SOA's TTL from the wire keeps it twice as long."""
    keeps = {"unbound": {}, "named": {}, "pdns": {}, "dnsdist": {},
             "dnsmasq": {"within": None, "flag": "early-clear", "because":
                         "it shows the SOA's TTL and clears at the MINIMUM"},
             "resolved": {"within": EXACT_S},
             "dnscache": {"within": None, "bound": False, "flag": "no-soa",
                          "because": "it shows no SOA: that it keeps more "
                          "than the MINIMUM is not seen"}}
    for number, (name, more) in enumerate(keeps.items()):
        if name in names:
            play.add(f"{name}: SOA not clipped", name, at=6 + 0.2 * number,
                     name=name_in(UNCLIPPED), **more)


def bare(play, names):
    """Most do not keep it; Unbound does for 5 s, PowerDNS for 60. (kresd 5.6
    takes a TTL from the flags of the OPT record: 5 s or nine hours.)"""
    for number, name in enumerate(("unbound", "named", "pdns", "dnsmasq",
                                   "dnsdist")):
        keeps = name == "pdns"
        play.add(f"{name}: denial without SOA", name, (
            "cached-nxdomain", "clear") if keeps else ("clear",),
            at=7.5 + 0.2 * number, name=name_in(BARE), within=None,
            bound=False, also=() if keeps else ("cached-nxdomain",),
            because="no TTL is shown, and W is in no answer: how long it is "
            "kept is the resolver's own matter")


def broken(play, names):
    """SERVFAIL is kept 1 s (named), 5 s (unbound), a minute (pdns, dnsdist);
    10 s by resolved."""
    keeps = ("pdns", "dnsdist")
    for number, name in enumerate(("unbound", "named", "pdns", "kresd",
                                   "dnsdist", "resolved")):
        if name in names:
            play.add(f"{name}: SERVFAIL", name, (
                "servfail-other", "clear") if name in keeps else ("clear",),
                at=9 + 0.2 * number, name=name_in(BROKEN), within=None,
                also=() if name in keeps else ("servfail-other",),
                because="a failure shows no TTL: five minutes at most")


def zero(play, names):
    """Kept for the running second by named, 1 s by pdns, 5 s by kresd."""
    for number, name in enumerate(("unbound", "named", "pdns", "kresd",
                                   "dnsmasq", "dnsdist")):
        play.add(f"{name}: MINIMUM 0", name, ("clear",),
                 at=10.8 + 0.1 * number, name=name_in(ZERO), within=None,
                 also=("cached-nxdomain",))


def test_odd_zones():
    play = OddZones(w=W, deadline_s=260)
    kinds = {"unbound": Unbound, "named": Bind, "pdns": PowerDns,
             "kresd": KresdPlain, "dnsmasq": DnsmasqToOdd}
    for name, kind in kinds.items():
        play.network(name, kind)
    play.network("dnsdist", DnsdistToOdd, *PACKET_CACHE)
    names = [*kinds, "dnsdist"]
    for name, kind in (("resolved", ResolvedToOdd), ("dnscache", Dnscache)):
        if kind.there():
            names.append(play.network(name, kind))
    for group in (unclipped, bare, broken, zero):
        group(play, names)
    return play.run()
