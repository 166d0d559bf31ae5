"""The quick and steady ones of the matrix (tests/system/matrix), in one
outage: a verdict that falls back shows in every run."""
from tests.system.matrix.play import (BLOCKED, MAIL, MOVED, NODATA, OTHER,
                                      Play)
from tests.system.matrix.test_plain import LAYERS_S
from tests.system.matrix.variants import (
    Bind, BindPolicy, Dnsmasq, KresdPlain, PowerDns, Refusing, Unbound,
    UnboundPolicy)

ALONE = "verdicts against measured clear times"
W = 16
FLOOR_S = 28
CAP_S = 13


def test_some_of_matrix():
    play = Play(w=W, restore_s=8, deadline_s=60)
    play.old_ttl_s = 24
    add = play.network
    for number, (title, kind) in enumerate((
            ("unbound", Unbound), ("named", Bind), ("pdns", PowerDns),
            ("kresd", KresdPlain))):
        play.add(f"{title}: NXDOMAIN", add(title, kind), at=4 + 0.2 * number)
    play.add("named: NODATA", "named", NODATA, at=5, name=MAIL)
    play.before.append(("pdns", MOVED))
    play.add("pdns: old address", "pdns", ("old-positive", "clear"),
             name=MOVED)
    play.add("dnsmasq over unbound", add(
        "dnsmasq", Dnsmasq, backends=[Unbound]), at=5.2, within=LAYERS_S)
    play.add("unbound cache-min-ttl (floor)", add(
        "unbound-floor", Unbound, f"cache-min-ttl: {FLOOR_S}"), at=5.4,
        flag="ttl-raised")
    play.add("pdns max-negative-ttl (cap)", add(
        "pdns-cap", PowerDns, f"max-negative-ttl={CAP_S}"), at=7)
    play.add("unbound, shared SOA renewed", add("unbound-shared", Unbound),
             at=5.6, within=None, flag="shared-soa")
    play.asked(play.restore_s + 1.5, "unbound-shared", OTHER)
    play.add("unbound RPZ", add("unbound-rpz", UnboundPolicy),
             ("policy-blocked",), **BLOCKED)
    play.add("named RPZ", add(
        "named-rpz", BindPolicy, 'response-policy { zone "policy.example"; };'
        ), ("policy-blocked",), **BLOCKED)
    play.add("unbound REFUSED", add("refusing", Refusing), ("refused",),
             within=None)
    return play.run()
