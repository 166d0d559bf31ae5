"""One outage and the networks that live through it.

A theme makes a Play, adds resolvers with what each must show, and runs it.
Moments are seconds after the removal of the records. Four names fail at once:
one is denied, one loses its type, one is an alias of a denied name in another
zone, one comes back with another address.
"""
import time
from dataclasses import replace

from deploy.lab import zones
from deploy.lab.ask import ask, wait_until
from deploy.lab.authority import Nsd
from deploy.lab.lab import Lab
from deploy.lab.networks import Network
from deploy.lab.zones import NAME, Zone, record
from tests.lib import support
from tests.lib.capture import Capture
from tests.lib.guard import check_planted
from tests.lib.matrix import Asks, Scenario, cases, finish, open_logs
from tests.lib.support import site_in
from tests.system.matrix.variants import Networks

MAIL = f"mail.{zones.ZONE}"
ALIAS = f"alias.{zones.ZONE}"      # of a name in another zone
NEAR_ALIAS = f"near.{zones.ZONE}"  # of NAME
MOVED = f"moved.{zones.ZONE}"
OTHER = f"other.{zones.ZONE}"      # never there
TARGET = "target.example.net"
OLD_ADDRESS = "192.0.2.99"
NET_ADDRESS = "192.0.2.21"

NXDOMAIN = ("cached-nxdomain", "clear")
NODATA = ("cached-nodata", "clear")
BLOCKED = {"clears": False, "within": None}


def delegated(zone, server, address, ttl=3600):
    """Lines of the root zone for a zone with one name server."""
    return (f"{zone}. {ttl} IN NS {server}.{zone}.",
            f"{server}.{zone}. {ttl} IN A {address}")


def root_with(*lines):
    base = zones.root_zone()
    return replace(base, records=base.records + lines)


class Play:
    """w: negative TTL of the zones, in seconds."""
    settle_s = 2
    old_ttl_s = 40         # of the address that MOVED had
    watched_after_s = 0    # the measurement asks from then on: the
                           # restoration = 0

    def __init__(self, w=30, restore_s=12, deadline_s=150):
        support.BIN = support.PLAIN_BIN  # it measures
        self.w = w
        self.restore_s = restore_s
        self.deadline_s = deadline_s  # after the restoration
        self.networks = Networks()
        self.before = []   # (network, name): asked before the outage
        self.asks = []     # (moment, network, name)
        self.expect = []   # what Scenario takes, the network by name
        self.events = []   # (moment, function of the lab)

    # --- what a theme adds

    def network(self, name, kind, *options, backends=()):
        return self.networks.add(name, kind, *options, backends=backends)

    def add(self, title, network, states=NXDOMAIN, at=None, name=NAME,
            **more):
        """at: when a user of the network asks for the name."""
        if at is not None:
            self.asks.append((at, network, name))
        self.expect.append((title, network, states, {"name": name, **more}))

    def asked(self, at, network, name):
        self.asks.append((at, network, name))

    # --- what a theme may change

    def lab_options(self):
        return {"root": root_with(*delegated("example.net", "ns1",
                                             NET_ADDRESS)),
                "leaf": self.leaf(),
                "others": [lambda folder: Nsd("net-nsd", f"{folder}/net",
                                              NET_ADDRESS, self.net_zone())]}

    def outage(self, lab):
        gone = {record(), record(name=MAIL),
                record(OLD_ADDRESS, MOVED, ttl=self.old_ttl_s)}
        self._change(lab, lambda lines: tuple(
            x for x in lines if x not in gone), ())

    def restoration(self, lab):
        back = (record(), record(name=MAIL), record(name=MOVED))
        self._change(lab, lambda lines: lines + back, (record(name=TARGET),))

    def incident_options(self):
        """More arguments of `incident open`, by name."""
        return {}

    # --- zones

    def leaf(self):
        base = zones.leaf_zone(self.w)
        return replace(base, records=base.records + (
            f"{MAIL}. 5 IN TXT \"stays\"", record(name=MAIL),
            f"{ALIAS}. 5 IN CNAME {TARGET}.",
            f"{NEAR_ALIAS}. 5 IN CNAME {NAME}.",
            record(OLD_ADDRESS, MOVED, ttl=self.old_ttl_s)))

    def net_zone(self):
        return Zone("example.net.", 1, (
            *delegated("example.net", "ns1", NET_ADDRESS),
            record(name=TARGET)), soa_ttl=self.w, minimum=self.w,
            primary="ns1.example.net.")

    @staticmethod
    def _change(lab, leaf_change, net_records):
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

    # --- the play

    def resolve(self, network):
        """"NAME/back": what stands behind NAME, for its own users."""
        name, _, back = network.partition("/")
        made = self.networks.made[name]
        return Network(network, made.backends[int(back or 1) - 1],
                       user_address=made.user_address) if "/" in network \
            else made

    def run(self):
        with Lab(self.networks.makers, negative_ttl=self.w,
                 **self.lab_options()) as lab, \
                site_in(lab, settle_s=self.settle_s) as site:
            return cases(*self._run(lab, site))

    def _run(self, lab, site):
        scenarios = [Scenario(t, self.networks.made[n], s, **m)
                     for t, n, s, m in self.expect]
        asks = Asks([(at, self.resolve(n), q) for at, n, q in self.asks])
        for network, name in self.before:
            self._warm(self.resolve(network), name)
        self.outage(lab)
        began = time.monotonic()
        with Capture() as capture:
            logs = open_logs(
                site, sorted({(s.name, s.record) for s in scenarios}),
                self.incident_options())
            asks.until(began, self.restore_s)
        check_planted(capture, self.networks.made.values(),
                      {s.name for s in scenarios})
        self.restoration(lab)
        restored = time.time()
        asks.until(began, self.restore_s + self.watched_after_s)
        for scenario in scenarios:
            scenario.begin(logs)
        for at, event in sorted(self.events, key=lambda e: e[0]):
            asks.until(began, at)
            event(lab)
        asks.until(began, 0.01 + max([self.restore_s, *(
            at for at, _network, _name in self.asks)]))
        finish(scenarios, logs,
               began + self.restore_s + self.deadline_s - time.monotonic())
        return scenarios, restored

    @staticmethod
    def _warm(network, name):
        wait_until(lambda: ask(network.address, name,
                               source=network.user_address),
                   5, f"{network.name} to know {name}")


class SimplePlay(Play):
    """Only NAME fails, in the zone as the lab has it."""

    def lab_options(self):
        return {}

    def outage(self, lab):
        lab.remove_record([*lab.servers, *lab.others])

    def restoration(self, lab):
        lab.restore_record([*lab.servers, *lab.others])
