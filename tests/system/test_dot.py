"""DNS over TLS: a real unbound with a certificate, trusted and not."""
from deploy.lab import zones
from deploy.lab.ask import ask
from deploy.lab.lab import Lab
from deploy.lab.networks import Network
from deploy.lab.resolvers import Unbound
from tests.lib.certificates import make_ca, make_certificate
from tests.lib.support import (network_row, network_state, open_incident,
                               site_in, wait_status)

ADDRESS = "198.51.100.90"
TLS_NAME = "dot.example.net"


def dot_network(folder):
    make_ca(f"{folder}/certificates")
    make_certificate(f"{folder}/certificates", f"DNS:{TLS_NAME}")
    resolver = Unbound("dot-unbound", f"{folder}/dot", ADDRESS, (
        f"interface: {ADDRESS}@853", "tls-port: 853",
        f'tls-service-key: "{folder}/certificates/tls.key"',
        f'tls-service-pem: "{folder}/certificates/tls.pem"'))
    return Network("dot", resolver, [], "203.0.113.90")


def add_agent(lab, site, name, tls_name):
    agent = lab.own(site.agent(name, nameservers=[], resolvers={
        "discover": False, "named": [{
            "at": f"{ADDRESS}@853/tls", "tls_name": tls_name,
            "tls_ca_file": f"{lab.folder}/certificates/ca.pem"}]}))
    agent.accept()
    agent.start()
    site.wait_connected([agent])


def test_cached_denial_is_seen_over_tls():
    with Lab([dot_network], negative_ttl=30) as lab, \
            site_in(lab, networks=[], auditor=False) as site:
        add_agent(lab, site, "tls", TLS_NAME)
        lab.remove_record()
        assert ask(ADDRESS, zones.NAME).rcode == "NXDOMAIN"
        lab.restore_record()
        incident = open_incident(site, restored="now")
        document = wait_status(
            site, incident,
            lambda d: network_state(d, "tls") == "cached-nxdomain", 10,
            "the cached NXDOMAIN")
        target = network_row(document, "tls")["targets"][0]
        assert target["resolver"] == f"{ADDRESS}@853/tls", target
        wait_status(site, incident,
                    lambda d: network_state(d, "tls") == "clear", 20,
                    "the network to be clear")


def test_wrong_certificate_name_is_not_trusted():
    with Lab([dot_network]) as lab, \
            site_in(lab, networks=[], auditor=False) as site:
        add_agent(lab, site, "tls", "other.example.net")
        incident = open_incident(site, restored="now")
        wait_status(site, incident,
                    lambda d: network_state(d, "tls") == "unreachable", 30,
                    "the endpoint to be unreachable")
