"""One of two name servers still denies: not restored, and nobody is asked."""
import time

from deploy.lab import networks, zones
from deploy.lab.ask import ask
from deploy.lab.lab import Lab
from tests.lib.capture import Capture
from tests.lib.support import (authority_state, network_state, open_incident,
                               site_in, wait_status)

WATCH_S = 4


def test_one_bad_server_holds_everything():
    with Capture() as capture, Lab([networks.bind], negative_ttl=6) as lab, \
            site_in(lab) as site:
        network = lab.networks[0]
        lab.remove_record()
        incident = open_incident(site)
        wait_status(site, incident, authority_state("negative"), 10,
                    "the outage to be seen")
        lab.restore_record([lab.ns1])
        half = time.time()
        document = wait_status(site, incident, authority_state("partly"), 10,
                               "one good server to be seen")
        authority = document["authority"]
        assert (authority["good"], authority["total"]) == (1, 2), authority
        assert not authority["verified"], authority
        bad = [s["address"] for s in authority["servers"]
               if s["rcode"] == "NXDOMAIN"]
        assert len(bad) == 1 and bad[0].startswith(lab.ns2.address), authority
        time.sleep(WATCH_S)  # the time in which a wrong program would ask
        assert not capture.select(half, name=zones.NAME,
                                  destination=network.address)
        assert site.cli("status", str(incident), check=False).returncode == 2
        lab.restore_record([lab.ns2])
        wait_status(site, incident,
                    lambda d: network_state(d, network.name) == "clear", 20,
                    "the network to be clear")


def test_server_turning_bad_again_withdraws_clear():
    with Lab([networks.bind], negative_ttl=6) as lab, site_in(lab) as site:
        network = lab.networks[0]
        lab.remove_record()
        incident = open_incident(site)
        wait_status(site, incident, authority_state("negative"), 10,
                    "the outage to be seen")
        lab.restore_record()
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
