"""The machine gets other resolvers (a new network, a new lease): the agent
notices and asks those."""
from deploy.lab import networks
from deploy.lab.lab import Lab
from deploy.lab.programs import write_resolv_conf
from tests.lib.support import (network_row, network_state, open_incident,
                               site_in, wait_status)

NOTICE_S = 20


def resolvers(document, network):
    return {t["resolver"].split("@")[0]
            for t in network_row(document, network).get("targets", [])
            if t["state"] == "clear"}


def test_changed_resolv_conf_is_followed():
    with Lab([networks.unbound, networks.bind]) as lab, \
            site_in(lab, [lab.networks[0]]) as site:
        first, second = lab.networks
        incident = open_incident(site, restored="now")
        wait_status(site, incident,
                    lambda d: network_state(d, first.name) == "clear", NOTICE_S,
                    "the first resolver to be clear")
        path = site.agents[0].config["resolvers"]["resolv_conf"]
        write_resolv_conf(path, [first.address, second.address])
        wait_status(site, incident,
                    lambda d: resolvers(d, first.name)
                    >= {first.address, second.address}, NOTICE_S,
                    "both resolvers to be asked")
        write_resolv_conf(path, [second.address])
        asked = wait_status(
            site, incident, lambda d: second.address in resolvers(
                d, first.name), NOTICE_S, "the new resolver to stay")
        assert asked
