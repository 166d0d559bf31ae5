"""The shortest whole path: one network, an outage of a few seconds, the status
from 'negative at the authority' to 'cached' to 'clear'."""
from deploy.lab import networks, zones
from deploy.lab.ask import ask, wait_until
from deploy.lab.lab import Lab
from tests.lib.capture import Capture
from tests.lib.guard import check_planted
from tests.lib.support import (authority_state, network_row, network_state,
                               open_incident, site_in, wait_status)

W_S = 30  # so that a busy machine has the time to see it


def test_one_network_from_outage_to_clear():
    with Lab([networks.unbound], negative_ttl=W_S) as lab, site_in(lab) as site:
        office = lab.networks[0]
        with Capture() as capture:
            lab.remove_record()
            incident = open_incident(site)
            wait_status(site, incident, authority_state("negative"), 10,
                        "the outage to be seen")
            planted = ask(office.address, zones.NAME,
                          source=office.user_address)
            assert planted.rcode == "NXDOMAIN", planted
            assert W_S - 5 <= planted.soa_ttl <= W_S, planted
        check_planted(capture, lab.networks, {zones.NAME})
        lab.restore_record()
        document = wait_status(
            site, incident,
            lambda d: network_state(d, office.name) == "cached-nxdomain"
            and d["authority"]["verified"], 10, "the cached NXDOMAIN")
        assert document["negative"]["ttl_s"] == W_S, document["negative"]
        row = network_row(document, office.name)
        assert row["clears"]["point"], row
        assert site.cli("status", str(incident), check=False).returncode == 1
        wait_status(site, incident,
                    lambda d: network_state(d, office.name) == "clear", 20,
                    "the network to be clear")
        assert ask(office.address, zones.NAME).positive
        wait_until(lambda: site.cli("status", str(incident),
                                    check=False).returncode == 0, 10,
                   "the status to say so")
