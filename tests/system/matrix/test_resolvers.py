"""One outage, many resolvers: what each cached denial is called, and when it
is said to end.

Moments are seconds after the removal of the records. Four names fail at once:
one is denied, one loses its type, one is an alias of a denied name in another
zone, one comes back with another address.
"""
import subprocess
import time
from dataclasses import replace

from deploy.lab import zones
from deploy.lab.ask import ask, wait_until
from deploy.lab.authority import Nsd
from deploy.lab.lab import Lab
from deploy.lab.networks import Network
from deploy.lab.zones import NAME, RECORD_ADDRESS, Zone, record
from tests.lib import support
from tests.lib.matrix import (EXACT_S, Asks, Scenario, cases, finish, open_logs,
                              sleep_until)
from tests.lib.support import site_in
from tests.system.matrix.variants import (
    Bind, BindPolicy, BindRefusing, Dnsdist, Dnsmasq, Kresd, KresdPlain, Networks, PowerDns,
    Refusing, Resolved, Unbound, UnboundForwarder, UnboundPolicy)

W = 30                 # negative TTL of the zones
RESTORE_S = 12
CUT_S = 34             # so long some resolvers cannot reach the servers
DEADLINE_S = 95        # after the restoration
MAIL = f"mail.{zones.ZONE}"
ALIAS = f"alias.{zones.ZONE}"
MOVED = f"moved.{zones.ZONE}"
OTHER = f"other.{zones.ZONE}"
TARGET = "target.example.net"
OLD_ADDRESS = "192.0.2.99"
NET_ADDRESS = "192.0.2.21"

# Verdicts that are known to be wrong.
ALIAS_WRONG = ("a CNAME at the authority passes for the restored record, so "
               "resolvers are asked during the outage, which plants denials")
FLOOR_WRONG = ("a countdown above W is taken for a denial cached after the "
               "restoration, or not believed")
RPZ_WRONG = ("AA without SOA is taken for a cached denial, with a forecast, "
             "for a minute")
REFUSED_WRONG = ("a REFUSED of 12 octets, without its question, is dropped "
                 "as if no answer had come")
STALE_WRONG = ("the denial starts again with the old serial and without EDE: "
               "taken for an old copy of the zone")
PREFETCH_WRONG = ("BIND renews a positive answer asked for in its last 2 s; "
                  "the interval leaves no room for it")

NXDOMAIN = ("cached-nxdomain", "clear")
NODATA = ("cached-nodata", "clear")


def leaf():
    base = zones.leaf_zone(W)
    return replace(base, records=base.records + (
        f"{MAIL}. 5 IN TXT \"stays\"", record(name=MAIL),
        f"{ALIAS}. 5 IN CNAME {TARGET}.",
        record(OLD_ADDRESS, MOVED, ttl=40)))


def net_zone():
    return Zone("example.net.", 1, (
        "example.net. 3600 IN NS ns1.example.net.",
        f"ns1.example.net. 3600 IN A {NET_ADDRESS}",
        record(name=TARGET)), soa_ttl=W, minimum=W,
        primary="ns1.example.net.")


def root():
    base = zones.root_zone()
    return replace(base, records=base.records + (
        "example.net. 3600 IN NS ns1.example.net.",
        f"ns1.example.net. 3600 IN A {NET_ADDRESS}"))


class Matrix:
    def __init__(self):
        self.networks = Networks()
        self.before = []   # (network, name): asked before the outage
        self.asks = []     # (moment, network, name)
        self.expect = []   # what Scenario takes, the network by name
        self.cut = []      # networks whose way to what they ask is cut
        self.dies = []     # networks whose resolver stops

    def add(self, title, network, states=NXDOMAIN, at=None, name=NAME,
            **more):
        if at is not None:
            self.asks.append((at, network, name))
        self.expect.append((title, network, states,
                            {"name": name, **more}))

    def scenarios(self):
        return [Scenario(t, self.networks.made[n], s, **m)
                for t, n, s, m in self.expect]

    def resolve(self, network):
        """"NAME/back": what stands behind NAME, for its own users."""
        name, _, back = network.partition("/")
        made = self.networks.made[name]
        return Network(network, made.backends[0],
                       user_address=made.user_address) if back else made


def plain(matrix):
    add = matrix.networks.add
    for title, kind, at in (("unbound", Unbound, 5), ("named", Bind, 5.4),
                            ("pdns", PowerDns, 5.8),
                            ("kresd", KresdPlain, 6.2)):
        matrix.add(f"{title}: NXDOMAIN", add(title, kind), at=at)
        matrix.add(f"{title}: alias of a denied name", title, at=at + 1.1,
                   name=ALIAS, todo=ALIAS_WRONG)
    # Its own Unbound: the zone's names share the clock that it shows.
    matrix.add("unbound: NODATA", add("unbound-mail", Unbound), NODATA, at=7,
               name=MAIL)
    for title in ("named", "pdns", "kresd"):
        matrix.add(f"{title}: NODATA", title, NODATA, at=8, name=MAIL)
    for title in ("unbound-mail", "named", "pdns"):
        matrix.before.append((title, MOVED))
        matrix.add(f"{title}: old address", title, ("old-positive", "clear"),
                   name=MOVED, within=EXACT_S,
                   todo=PREFETCH_WRONG if title == "named" else "")
    # Asked, it renews its entry up to 5 s + 1 % of W before the end.
    matrix.add("kresd predict", add("kresd-predict", Kresd), at=6.4,
               within=6.5)


def chains(matrix):
    add = matrix.networks.add
    cache = ("pc = newPacketCache(1000, {})", "getPool(''):setCache(pc)")
    matrix.add("dnsmasq over unbound", add("dnsmasq", Dnsmasq,
                                           backends=[Unbound]), at=6.6)
    matrix.add("dnsdist with cache over unbound",
               add("dnsdist", Dnsdist, *cache, backends=[Unbound]), at=6.8)
    matrix.add("unbound over unbound",
               add("unbound-unbound", UnboundForwarder, backends=[Unbound]),
               at=7.1)


def limits(matrix):
    add = matrix.networks.add
    for title, kind, option in (
            ("named min-ncache-ttl", Bind, "min-ncache-ttl 45;"),
            ("unbound cache-min-ttl", Unbound, "cache-min-ttl: 45"),
            ("pdns minimum-ttl-override", PowerDns,
             "minimum-ttl-override=45")):
        matrix.add(f"{title} (floor)", add(title.replace(" ", "-"), kind,
                                           option), at=7.4, todo=FLOOR_WRONG)
    for title, kind, option in (
            ("named max-ncache-ttl", Bind, "max-ncache-ttl 20;"),
            ("unbound cache-max-negative-ttl", Unbound,
             "cache-max-negative-ttl: 20"),
            ("pdns max-negative-ttl", PowerDns, "max-negative-ttl=20")):
        matrix.add(f"{title} (cap)", add(title.replace(" ", "-"), kind,
                                         option), at=9.5)


def others(matrix):
    add = matrix.networks.add
    blocked = {"clears": False, "within": None}
    matrix.add("unbound RPZ", add("unbound-rpz", UnboundPolicy),
               ("policy-blocked",), at=7.7, todo=RPZ_WRONG, **blocked)
    matrix.add("named RPZ", add("named-rpz", BindPolicy,
                                'response-policy { zone "policy.example"; };'),
               ("policy-blocked",), at=7.7, **blocked)
    # Somebody asks for another name after the restoration: the TTL shown for
    # all names of the zone starts again, and no forecast can be exact.
    matrix.add("unbound, shared SOA renewed", add("unbound-shared", Unbound),
               at=8, within=None)
    matrix.add("dnsmasq, shared SOA renewed",
               add("dnsmasq-shared", Dnsmasq, backends=[Bind]), at=8,
               within=None)
    # The entry is younger than the SOA it shares: too little is shown, and
    # that is when it ends, unless the SOA is renewed before.
    matrix.add("unbound, older shared SOA", add("unbound-older", Unbound),
               at=9)
    matrix.add("unbound, older shared SOA renewed",
               add("unbound-older-renewed", Unbound), at=9, within=None)
    for network in ("unbound-older", "unbound-older-renewed"):
        matrix.asks.append((4, network, OTHER))
    matrix.asks.append((RESTORE_S + 1.5, "unbound-older-renewed",
                        f"another.{zones.ZONE}"))
    for network in ("unbound-shared", "dnsmasq-shared"):
        matrix.asks.append((RESTORE_S + 1.5, network, OTHER))
    matrix.add("unbound REFUSED", add("refusing", Refusing), ("refused",),
               within=None, todo=REFUSED_WRONG)
    matrix.add("named REFUSED", add("named-refusing", BindRefusing),
               ("refused",), within=None)
    if Resolved.there():
        matrix.add("systemd-resolved over named", add(
            "resolved", Resolved, backends=[Bind]), at=8.2)
    # Nobody has asked the front; what its backend shows has started again.
    matrix.add("dnsmasq over a renewed unbound", add(
        "dnsmasq-late", Dnsmasq, backends=[Unbound]), within=None)
    matrix.asks += [(5, "dnsmasq-late/back", NAME),
                    (RESTORE_S + 1.5, "dnsmasq-late/back", OTHER)]
    matrix.add("resolver dies", add("dying", Unbound), ("unreachable",), at=8,
               **blocked)
    matrix.dies.append("dying")


def stale(matrix):
    add = matrix.networks.add
    loose = {"within": None, "also": ("servfail-other", "unreachable")}
    served = ("cached-nxdomain", "stale-served", "clear")
    matrix.add("unbound serve-expired, EDE 3", add(
        "unbound-stale", Unbound, "serve-expired: yes", "ede: yes",
        "ede-serve-expired: yes"), served, at=8.3, **loose)
    matrix.add("pdns serve-stale", add(
        "pdns-stale", PowerDns, "serve-stale-extensions=10",
        "packetcache-ttl=0"), served, at=8.5,
        todo=STALE_WRONG, **loose)
    matrix.add("named stale NODATA", add(
        "named-stale", Bind, "stale-answer-enable yes;",
        "stale-cache-enable yes;", "stale-answer-client-timeout 0;"),
        ("cached-nodata", "stale-served", "clear"),
        at=8.7, name=MAIL, **loose)
    matrix.add("dnsmasq use-stale-cache", add(
        "dnsmasq-stale", Dnsmasq, "use-stale-cache", backends=[Bind]),
        served, at=8.9, **loose)
    matrix.cut += ["unbound-stale", "pdns-stale", "named-stale",
                   "dnsmasq-stale"]


class Cut:
    """No packet from what a resolver asks arrives at it."""

    def __init__(self, networks):
        self._rules = [
            f"from {source} to {network.address} blackhole"
            for network in networks
            for source in ([b.address for b in network.backends] or
                           [zones.NS1_ADDRESS, zones.NS2_ADDRESS])]

    @staticmethod
    def prepare():
        """Ours must come before the table of local addresses."""
        for line in ("rule add pref 100 lookup local", "rule del pref 0"):
            subprocess.run(["ip", *line.split()], check=True)

    def on(self):
        self._each("add")

    def off(self):
        self._each("del")

    def _each(self, what):
        for number, rule in enumerate(self._rules):
            subprocess.run(["ip", "rule", what, "pref", str(10 + number),
                            *rule.split()], check=True)


def outage(lab):
    gone = {record(), record(name=MAIL), record(OLD_ADDRESS, MOVED, ttl=40)}
    change(lab, lambda lines: tuple(x for x in lines if x not in gone), ())


def restoration(lab):
    back = (record(), record(name=MAIL), record(name=MOVED))
    change(lab, lambda lines: lines + back, (record(name=TARGET),))


def change(lab, leaf_change, net_records):
    """All servers at once."""
    net = lab.others[0]
    kept = tuple(x for x in net.zone.records if not x.startswith(TARGET))
    versions = [(s, replace(s.zone, serial=s.zone.serial + 1,
                            records=leaf_change(s.zone.records)))
                for s in lab.servers]
    versions.append((net, replace(net.zone, serial=net.zone.serial + 1,
                                  records=kept + net_records)))
    for server, zone in versions:
        server.publish(zone, wait=False)
    for server, _zone in versions:
        server.wait_published()


def test_resolvers():
    support.BIN = support.PLAIN_BIN  # it measures
    matrix = Matrix()
    for group in (plain, chains, limits, others, stale):
        group(matrix)
    with Lab(matrix.networks.makers, negative_ttl=W, root=root(), leaf=leaf(),
             others=[lambda folder: Nsd("net-nsd", f"{folder}/net",
                                        NET_ADDRESS, net_zone())]) as lab, \
            site_in(lab, settle_s=2) as site:
        Cut.prepare()
        return cases(*run(matrix, lab, site))


def run(matrix, lab, site):
    made = matrix.resolve
    scenarios = matrix.scenarios()
    asks = Asks([(at, made(n), name) for at, n, name in matrix.asks])
    for network, name in matrix.before:
        wait_until(lambda n=network, q=name: ask(made(n).address, q,
                                                 source=made(n).user_address),
                   5, f"{network} to know {name}")
    outage(lab)
    began = time.monotonic()
    logs = open_logs(site, {s.name for s in scenarios})
    asks.until(began, RESTORE_S)
    restoration(lab)
    restored = time.time()
    for scenario in scenarios:
        scenario.begin(logs)
    for network in matrix.dies:
        made(network).resolver.daemon.kill()
    cut = Cut([made(n) for n in matrix.cut])
    cut.on()
    asks.until(began, RESTORE_S + 3)
    sleep_until(began + RESTORE_S + CUT_S)
    cut.off()
    finish(scenarios, logs, DEADLINE_S - CUT_S)
    return scenarios, restored
