"""A front end with a cache, dnsdist, and a recursor behind it that share one
address: that nobody stands before the recursor is not said, and the bound that
takes both for one cache holds."""
import time

from deploy.lab import canary, networks, zones
from deploy.lab.ask import ask, wait_until
from deploy.lab.canary import ZONE, CanaryServer
from deploy.lab.lab import COLLECTOR_ADDRESS, Lab
from deploy.lab.programs import Site
from deploy.lab.resolvers import Bind, Dnsdist
from tests.lib.capture import Capture
from tests.lib.guard import check_planted
from tests.lib.support import (AUDITOR, BIN, ESTIMATE, authority_state,
                               network_row, network_state, open_incident,
                               stop_well, wait_status)

ADDRESS = "198.51.100.10"
PORT = 5353
W = 20
MEASURE_S = 180
CLEAR_S = 120


class BindBehind(Bind):
    def _config(self):
        return super()._config().replace("listen-on {",
                                         f"listen-on port {PORT} {{")


    def wait_ready(self, **_probe):
        """The front end is asked whether it is."""


class DnsdistBefore(Dnsdist):
    def _config(self):
        return f"""setLocal('{self.address}:53')
setACL({{'0.0.0.0/0'}})
setSecurityPollSuffix('')
newServer({{address='{self.address}:{PORT}', source='{self.address}'}}):setUp()
pc = newPacketCache(1000, {{temporaryFailureTTL=0}})
getPool(''):setCache(pc)
"""


def shared(folder):
    behind = BindBehind("behind-bind", f"{folder}/behind", ADDRESS)
    front = DnsdistBefore("front-dnsdist", f"{folder}/front", ADDRESS)
    return networks.Network("shared", front, [behind], "203.0.113.11")


def user_asks(payload=1232):
    reply = ask(ADDRESS, zones.NAME, "A", source="203.0.113.11", timeout=5.0,
                payload=payload)
    assert reply is not None
    return reply


def test_front_end_at_the_same_address():
    with Lab([shared], root=canary.delegated(zones.root_zone()),
             others=[CanaryServer], negative_ttl=W) as lab:
        site = Site(BIN, f"{lab.folder}/nxclear", listen=COLLECTOR_ADDRESS)
        lab.own(site.collector(estimate=ESTIMATE,
                               canary={"zone": ZONE, "count": 7}))
        lab.own(site.agent("shared", policy={"canary_zones": [ZONE]},
                           resolvers={"discover": False,
                                      "named": [{"at": ADDRESS}]}))
        lab.own(site.agent("operations", "auditor", "authority",
                           resolvers={"discover": False},
                           authority={"root_hints": lab.root_hints, **AUDITOR}))
        site.start()

        def row():
            rows = site.api.must_get("/v1/resolvers")["resolvers"]
            return rows[0] if rows else {}
        wait_until(lambda: row().get("state") == "measured", MEASURE_S,
                   "the resolver to be measured")
        measured = row()
        assert measured["chain"] == "own-address", measured
        without = lab.ns1.zone.without(f"{zones.NAME}.")
        with Capture() as capture:
            for server in lab.servers:
                server.publish(without)
            incident = open_incident(site)
            wait_status(site, incident, authority_state("negative"), 10,
                        "the outage to be seen")
            user_asks(payload=0)  # another entry of the front end than the next
            time.sleep(W / 2)  # the recursor's entry grows old
            assert user_asks().negative
        check_planted(capture, lab.networks, {zones.NAME})
        for server in lab.servers:
            server.publish(without.with_(zones.record()))
        restored = time.time()
        document = wait_status(
            site, incident, lambda d: network_state(d, "shared") in (
                "cached-nxdomain", "clear"), CLEAR_S, "a verdict")
        hard = network_row(document, "shared")["hard"]
        print(f"# {measured['soa_clock']}, {hard}", flush=True)
        # Where it is clear by then, there is no bound any more.
        assert hard is None or hard["reason"] == "auth-window", hard
        time.sleep(max(0.0, restored + W + 1 - time.time()))
        wait_until(lambda: user_asks().positive, CLEAR_S, "the record")
        wait_status(site, incident,
                    lambda d: network_state(d, "shared") == "clear", CLEAR_S,
                    "the network to clear")
        stop_well(site)
