"""One of two name servers denies again: nobody is clear any more, and when it
is good that the zone flaps is told."""
import re

from deploy.lab import networks, zones
from deploy.lab.ask import ask
from deploy.lab.lab import Lab
from tests.lib.guard import watched_outage
from tests.lib.support import network_state, site_in, wait_status


def test_server_turning_bad_again_withdraws_clear():
    with Lab([networks.bind], negative_ttl=6) as lab, site_in(lab) as site:
        network = lab.networks[0]
        incident = watched_outage(lab, site)
        wait_status(site, incident,
                    lambda d: network_state(d, network.name) == "clear", 20,
                    "the network to be clear")
        lab.remove_record([lab.ns2])
        wait_status(site, incident,
                    lambda d: d["authority"]["state"] == "partly"
                    and network_state(d, network.name) != "clear", 10,
                    "the lapse to be seen")
        assert ask(lab.ns2.address, zones.NAME, rd=False).negative
        assert site.cli("status", str(incident), check=False).returncode != 0
        lab.restore_record([lab.ns2])
        document = wait_status(
            site, incident, lambda d: d["authority"]["verified"] and
            network_state(d, network.name) == "clear", 40,
            "the network to be clear again")
        finding, = [f for f in document["authority"]["audit"]
                    if f["tag"] == "FLAPPING"]
        assert re.search("were bad [2-9] times", finding["detail"]), finding
