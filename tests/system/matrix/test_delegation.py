"""The parent loses the delegation: everything below is denied in its name."""
import time

from deploy.lab.lab import Lab
from deploy.lab.zones import NAME
from tests.lib import support
from tests.lib.matrix import Asks, Scenario, cases, finish, open_logs
from tests.lib.support import site_in
from tests.system.matrix.variants import (Bind, KresdPlain, Networks,
                                          PowerDns, Unbound)

W = 24                 # negative TTL of the parent
RESTORE_S = 8
KINDS = (("unbound", Unbound), ("named", Bind), ("pdns", PowerDns),
         ("kresd", KresdPlain))


def test_lost_delegation():
    support.BIN = support.PLAIN_BIN  # it measures
    networks = Networks()
    for name, kind in KINDS:
        networks.add(name, kind)
    with Lab(networks.makers, negative_ttl=W, warm=False) as lab, \
            site_in(lab, settle_s=2) as site:
        scenarios = [Scenario(f"{name}: delegation lost at the TLD",
                              networks.made[name],
                              ("ancestor-nxdomain", "clear"))
                     for name, _kind in KINDS]
        lab.lose_delegation()
        began = time.monotonic()
        logs = open_logs(site, [NAME])
        Asks([(3.3, n, NAME) for n in lab.networks]).until(began, RESTORE_S)
        lab.restore_delegation()
        restored = time.time()
        for scenario in scenarios:
            scenario.begin(logs)
        finish(scenarios, logs, 60)
        return cases(scenarios, restored)
