"""The machine gets other resolvers (a new network, a new lease): the agent
notices and asks those, by IPv6 as well."""
from deploy.lab import networks
from deploy.lab.ask import ask, wait_until
from deploy.lab.lab import Lab
from deploy.lab.namespace import add_addresses
from deploy.lab.programs import write_resolv_conf
from deploy.lab.resolvers import Bind
from deploy.lab.zones import NAME
from tests.lib.support import (network_row, network_state, open_incident,
                               site_in, wait_status)

NOTICE_S = 20
V6_ADDRESS = "2001:db8::53"
LINK_LOCAL = "fe80::53"


class BindOfBoth(Bind):
    """Listens on IPv6, too; asks name servers by IPv4."""

    def _config(self):
        return super()._config().replace(
            "listen-on-v6 { none; }",
            f"listen-on-v6 {{ {V6_ADDRESS}; {LINK_LOCAL}; }}")

    def _command(self):
        return [word for word in super()._command() if word != "-4"]


def bind_of_both(folder):
    add_addresses([V6_ADDRESS, LINK_LOCAL])
    return networks.Network("oslo-branch", BindOfBoth(
        "oslo-branch-named", f"{folder}/oslo-branch", "198.51.100.20"),
        [], "203.0.113.12")


def resolvers(document, network, state="clear"):
    return {t["resolver"].removesuffix("@53").strip("[]")
            for t in network_row(document, network).get("targets", [])
            if t["state"] == state}


def denied(reply):
    return reply is not None and reply.rcode == "NXDOMAIN"


def test_changed_resolv_conf_is_followed():
    with Lab([networks.unbound, bind_of_both], negative_ttl=600) as lab, \
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
        lab.remove_record()
        wait_until(lambda: denied(ask(V6_ADDRESS, NAME)), NOTICE_S,
                   "the record to leave the cache")
        lab.restore_record()
        for address, scope in ((V6_ADDRESS, ""), (LINK_LOCAL, "%lo")):
            write_resolv_conf(path, [address + scope])
            wait_status(site, incident,
                        lambda d, a=address: a in resolvers(
                            d, first.name, "cached-nxdomain"), NOTICE_S,
                        f"the denial to be seen at {address}")
