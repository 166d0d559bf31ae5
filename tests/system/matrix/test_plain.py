"""Resolvers as they come: the makes of the demonstration, forwarders and
chains, a stub resolver, one that never shows a SOA."""
from tests.system.matrix.play import (ALIAS, MAIL, MOVED, NEAR_ALIAS, NODATA,
                                      TARGET, Play)
from tests.system.matrix.variants import (
    Bind, Dnscache, Dnsdist, Dnsmasq, Kresd, KresdPlain, PowerDns, Resolved,
    Unbound, UnboundForwarder)

PACKET_CACHE = ("pc = newPacketCache(1000, {})", "getPool(''):setCache(pc)")
# Refreshed when a client asks in the last seconds (kresd predict: 5 s and 1 %
# of W; named prefetch: 2 s): the look that cures comes inside of them.
PREDICT_S = 6.5
PREFETCH_S = 3.5
LAYERS_S = 2.5         # each layer ends at a whole second of its own
GUARDED = "open the incident for the target"


def nxdomain(play):
    for title, kind, at in (("unbound", Unbound, 5), ("named", Bind, 5.4),
                            ("pdns", PowerDns, 5.8),
                            ("kresd", KresdPlain, 6.2)):
        play.add(f"{title}: NXDOMAIN", play.network(title, kind), at=at)
    play.add("kresd predict", play.network("kresd-predict", Kresd), at=6.4,
             within=PREDICT_S)
    if Dnscache.there():
        play.add("dnscache", play.network("dnscache", Dnscache), at=7.2,
                 within=None, flag="no-soa", because="it never shows a SOA: no "
                 "countdown, only the window")


def other_answers(play):
    # Its own Unbound: the zone's names share the clock that it shows.
    play.add("unbound: NODATA", play.network("unbound-mail", Unbound), NODATA,
             at=7, name=MAIL)
    for title in ("named", "pdns", "kresd"):
        play.add(f"{title}: NODATA", title, NODATA, at=8, name=MAIL)
    for title in ("unbound-mail", "named", "pdns"):
        play.before.append((title, MOVED))
        play.add(f"{title}: old address", title, ("old-positive", "clear"),
                 name=MOVED, **({"within": PREFETCH_S} if title == "named"
                                else {}))


def chains(play):
    play.add("dnsmasq over unbound", play.network(
        "dnsmasq", Dnsmasq, backends=[Unbound]), at=6.6, within=LAYERS_S)
    play.add("dnsdist with cache over unbound", play.network(
        "dnsdist", Dnsdist, *PACKET_CACHE, backends=[Unbound]), at=6.8,
        within=LAYERS_S)
    play.add("unbound over unbound", play.network(
        "unbound-unbound", UnboundForwarder, backends=[Unbound]), at=7.1,
        within=LAYERS_S)
    play.add("unbound over named", play.network(
        "unbound-named", UnboundForwarder, backends=[Bind]), at=7.3,
        within=LAYERS_S)
    if Resolved.there():
        play.add("systemd-resolved over named", play.network(
            "resolved", Resolved, backends=[Bind]), at=8.2, within=LAYERS_S)


def test_plain():
    play = Play()
    for group in (nxdomain, other_answers, chains):
        group(play)
    return play.run()


def test_aliases():
    """An alias in another zone: what denies is not what the incident's servers
    serve. Its own incident asks nobody; that of the target does."""
    play = Play(w=24, restore_s=10)
    named = play.network("named", Bind)
    play.asked(6.5, named, ALIAS)
    play.add("alias of a denied name: the alias", named, ("unknown",),
             name=ALIAS, within=None, advice={"unknown": GUARDED},
             because="the zone of the target is not audited: asking could "
             "plant the denial")
    play.add("alias of a denied name: the target", named, name=TARGET)
    play.add("named: alias in the zone", named, at=6.9, name=NEAR_ALIAS)
    play.add("pdns: alias in the zone", play.network("pdns", PowerDns),
             at=7.3, name=NEAR_ALIAS)
    play.add("kresd: alias in the zone", play.network("kresd", KresdPlain),
             at=7.5, name=NEAR_ALIAS, within=None, because="kresd keeps the "
             "record that comes with the alias, and then gives it instead of "
             "the denial")
    return play.run()
