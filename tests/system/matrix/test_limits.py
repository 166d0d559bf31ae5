"""Resolvers that cap W, raise it, or show another TTL than they keep."""
from tests.system.matrix.play import Play
from tests.system.matrix.variants import (Bind, Dnsdist, DnsdistDirect,
                                          Dnsmasq, DnsmasqDirect, KresdPlain,
                                          PowerDns, Unbound)

FLOOR_S = 45
CAP_S = 20


def floors(play):
    for title, kind, option in (
            ("named min-ncache-ttl", Bind, f"min-ncache-ttl {FLOOR_S};"),
            ("unbound cache-min-ttl", Unbound, f"cache-min-ttl: {FLOOR_S}"),
            ("pdns minimum-ttl-override", PowerDns,
             f"minimum-ttl-override={FLOOR_S}")):
        name = play.network(title.replace(" ", "-"), kind, option)
        play.add(f"{title} (floor)", name, at=7.4, flag="ttl-raised")
    # Shows W and counts to 0, where it stays until the floor.
    play.add("kresd cache.min_ttl (floor)", play.network(
        "kresd-min", KresdPlain, f"cache.min_ttl({FLOOR_S})"), at=7.6,
        within=None, bound=False, also=("stale-served",),
        because="the floor is not shown; a TTL 0 that lasts is what a stale "
        "answer looks like too")


def caps(play):
    for title, kind, option in (
            ("named max-ncache-ttl", Bind, f"max-ncache-ttl {CAP_S};"),
            ("unbound cache-max-negative-ttl", Unbound,
             f"cache-max-negative-ttl: {CAP_S}"),
            ("pdns max-negative-ttl", PowerDns, f"max-negative-ttl={CAP_S}")):
        name = play.network(title.replace(" ", "-"), kind, option)
        play.add(f"{title} (cap)", name, at=9.5)
    play.add("dnsmasq max-cache-ttl (cap)", play.network(
        "dnsmasq-cap", DnsmasqDirect, f"max-cache-ttl={CAP_S}"), at=9.7)
    # Its backend still has the rest of W when the front asks again.
    play.add("dnsmasq max-cache-ttl over named", play.network(
        "dnsmasq-chain", Dnsmasq, f"max-cache-ttl={CAP_S}", backends=[Bind]),
        at=9.7, within=None, because="what a backend holds is not shown by "
        "the front: the bound is that of a chain")


def other_shown(play):
    def cache(options):
        return (f"pc = newPacketCache(1000, {{{options}}})",
                "getPool(''):setCache(pc)")
    play.add("dnsdist maxNegativeTTL, not shown", play.network(
        "dnsdist-cap", DnsdistDirect, *cache(f"maxNegativeTTL={CAP_S}")),
        at=9.9, within=None, flag="early-clear",
        because="what is shown is not what is kept, and nothing outside tells")
    play.add("dnsdist dontAge", play.network(
        "dnsdist-flat", Dnsdist, *cache("dontAge=true"), backends=[Bind]),
        at=10.1, within=None, flag="non-decrementing",
        because="the TTL stands still: only the window is known")
    play.add("dnsmasq max-ttl", play.network(
        "dnsmasq-show", DnsmasqDirect, "max-ttl=12"), at=10.3, within=None,
        flag="non-decrementing",
        because="it shows 12 as long as more is left")


def test_limits():
    play = Play()
    for group in (floors, caps, other_shown):
        group(play)
    return play.run()
