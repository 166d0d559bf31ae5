"""Whose age the SOA shows: the zone's (unbound, dnsmasq) or the entry's; and
what a layer makes of it that caches the answer of such a one."""
from deploy.lab.zones import NAME, ZONE
from tests.system.matrix.play import OTHER, Play, SimplePlay
from tests.system.matrix.test_plain import PACKET_CACHE
from tests.system.matrix.variants import (
    Bind, BindForwarder, Dnsdist, Dnsmasq, PowerDns, PowerDnsForwarder,
    Unbound, UnboundForwarder)

# After the restoration somebody asks for another name: the TTL shown for all
# names of the zone starts again.
RENEWED = {"within": None, "flag": "shared-soa", "because":
           "the TTL shown is that of another name's denial: only the window "
           "and the bound are known"}


def renewed(play):
    after = play.restore_s + 1.5
    for title, kind, behind in (("unbound", Unbound, ()),
                                ("dnsmasq", Dnsmasq, [Bind])):
        name = play.network(f"{title}-shared", kind, backends=behind)
        play.add(f"{title}, shared SOA renewed", name, at=8, **RENEWED)
        play.asked(after, name, OTHER)
    # These show the entry's own age: a stranger's denial changes nothing.
    for title, kind in (("named", Bind), ("pdns", PowerDns)):
        name = play.network(f"{title}-own", kind)
        play.add(f"{title}, another denial", name, at=8)
        play.asked(after, name, OTHER)


def older(play):
    """The entry is younger than the SOA it shares: too little is shown, and
    that is when it ends, unless the SOA is renewed before."""
    play.add("unbound, older shared SOA", play.network(
        "unbound-older", Unbound), at=9)
    play.add("unbound, older shared SOA renewed", play.network(
        "unbound-older-renewed", Unbound), at=9, **RENEWED)
    for name in ("unbound-older", "unbound-older-renewed"):
        play.asked(4, name, OTHER)
    play.asked(play.restore_s + 1.5, "unbound-older-renewed",
               f"another.{ZONE}")


def test_shared_clock():
    play = Play()
    renewed(play)
    older(play)
    return play.run()


def test_chains():
    """Nobody asks the front before what its backend shows has started again;
    then it keeps the zone's age on top of the entry's: nearly twice W."""
    play = SimplePlay(restore_s=31)
    play.watched_after_s = 1
    fronts = (("dnsmasq", Dnsmasq, ()), ("dnsdist", Dnsdist, PACKET_CACHE),
              ("unbound", UnboundForwarder, ()),
              ("named", BindForwarder, ()), ("pdns", PowerDnsForwarder, ()))
    for number, (title, kind, options) in enumerate(fronts):
        play.network(title, kind, *options, backends=[Unbound])
        play.add(f"{title} over a renewed unbound", title, **RENEWED)
        play.asked(6.5 + 0.1 * number, f"{title}/1", NAME)
        play.asked(play.restore_s + 0.3 + 0.1 * number, f"{title}/1", OTHER)
    return play.run()
