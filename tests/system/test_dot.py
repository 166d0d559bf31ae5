"""DNS over TLS: a real unbound with a certificate, trusted and not."""
import os
import subprocess

from deploy.lab import zones
from deploy.lab.ask import ask
from deploy.lab.lab import Lab
from deploy.lab.networks import Network
from deploy.lab.resolvers import Unbound
from tests.lib.support import (network_row, network_state, open_incident,
                               site_in, wait_status)

ADDRESS = "198.51.100.90"
TLS_NAME = "dot.example.net"


def openssl(folder, *command):
    subprocess.run(["openssl", *command], cwd=folder, check=True,
                   capture_output=True)


def make_certificates(folder):
    """A CA and a certificate for TLS_NAME signed by it."""
    os.makedirs(folder, exist_ok=True)
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl(folder, "req", "-x509", *key, "-days", "2", "-subj", "/CN=lab CA",
            "-keyout", "ca.key", "-out", "ca.pem")
    openssl(folder, "req", *key, "-subj", f"/CN={TLS_NAME}",
            "-keyout", "tls.key", "-out", "tls.csr")
    with open(f"{folder}/ext", "w", encoding="ascii") as out:
        out.write(f"subjectAltName=DNS:{TLS_NAME}\n")
    openssl(folder, "x509", "-req", "-in", "tls.csr", "-CA", "ca.pem",
            "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "ext", "-out", "tls.pem")


def dot_network(folder):
    make_certificates(f"{folder}/certificates")
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
