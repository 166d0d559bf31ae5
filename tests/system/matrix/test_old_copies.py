"""A name server that keeps the old zone, or falls back to it: in the
delegation, where the audit finds it, and outside of it, where only some
resolvers ask."""
import time

from deploy.lab import zones
from deploy.lab.authority import Nsd
from deploy.lab.lab import Lab
from deploy.lab.zones import NAME
from tests.lib import support
from tests.lib.matrix import (Asks, Scenario, cases, finish, open_logs,
                              sleep_until)
from tests.lib.support import site_in
from tests.system.matrix.variants import Bind, Networks, Unbound

W = 12
RESTORE_S = 6
FIXED_S = 30           # when the bad copy is repaired
DEADLINE_S = 60
OLD_SERVER = "192.0.2.13"
KINDS = (("unbound", Unbound), ("named", Bind))
ROUND_WRONG = ("the first look of each further round is called "
               "cached-nxdomain again")


class UnboundOld(Unbound):
    def _config(self):
        return super()._config() + f"""stub-zone:
  name: "{zones.ZONE}"
  stub-addr: {OLD_SERVER}
"""


class BindOld(Bind):
    def _config(self):
        return super()._config() + f"""zone "{zones.ZONE}" {{
  type static-stub;
  server-addresses {{ {OLD_SERVER}; }};
}};
"""


def story(lab, site, scenarios, bad):
    """Removed everywhere, restored everywhere but at the bad servers, which
    follow at FIXED_S."""
    lab.remove_record([*lab.servers, *lab.others])
    began = time.monotonic()
    logs = open_logs(site, [NAME])
    Asks([(2.5, n, NAME) for n in lab.networks]).until(began, RESTORE_S)
    lab.restore_record([s for s in [*lab.servers, *lab.others]
                        if s not in bad])
    restored = time.time()
    for scenario in scenarios:
        scenario.begin(logs)
    sleep_until(began + FIXED_S)
    lab.restore_record(bad)
    finish(scenarios, logs, DEADLINE_S - FIXED_S)
    return cases(scenarios, restored)


def scenarios_of(networks, title, states, **more):
    return [Scenario(f"{name}: {title}", network, states, within=None, **more)
            for name, network in networks.made.items()]


def test_bad_secondary():
    support.BIN = support.PLAIN_BIN  # it measures
    networks = Networks()
    for name, kind in KINDS:
        networks.add(name, kind)
    with Lab(networks.makers, negative_ttl=W) as lab, \
            site_in(lab, settle_s=2) as site:
        # Nobody is asked before both servers are good; what is cached then
        # depends on which server each resolver happened to ask.
        return story(lab, site, scenarios_of(
            networks, "bad secondary", ("clear",), also=("cached-nxdomain",),
            authority="partly"), [lab.ns2])


def test_fallen_back():
    """Restored and verified; then one server loses the record again, before
    the caches have cleared."""
    support.BIN = support.PLAIN_BIN
    networks = Networks()
    for name, kind in KINDS:
        networks.add(name, kind)
    with Lab(networks.makers, negative_ttl=W) as lab, \
            site_in(lab, settle_s=2) as site:
        scenarios = scenarios_of(
            networks, "a server falls back",
            ("still-negative-at-authority", "clear"),
            also=("cached-nxdomain",), authority="partly")
        lab.remove_record()
        began = time.monotonic()
        logs = open_logs(site, [NAME])
        Asks([(5, n, NAME) for n in lab.networks]).until(began, RESTORE_S)
        lab.restore_record()
        restored = time.time()
        for scenario in scenarios:
            scenario.begin(logs)
        sleep_until(began + RESTORE_S + 6)
        lab.remove_record([lab.ns2])
        sleep_until(began + FIXED_S)
        lab.restore_record([lab.ns2])
        finish(scenarios, logs, DEADLINE_S - FIXED_S)
        return cases(scenarios, restored)


def test_old_server():
    support.BIN = support.PLAIN_BIN
    networks = Networks()
    for name, kind in (("unbound", UnboundOld), ("named", BindOld)):
        networks.add(name, kind)
    with Lab(networks.makers, negative_ttl=W, others=[
            lambda folder: Nsd("old-nsd", f"{folder}/old", OLD_SERVER,
                               zones.leaf_zone(W))]) as lab, \
            site_in(lab, settle_s=2) as site:
        return story(lab, site, scenarios_of(
            networks, "asks an old server", ("cached-nxdomain", "recached",
                                             "clear"), todo=ROUND_WRONG),
            lab.others)
