"""DNS over TLS: a real unbound with a certificate, trusted and not."""
import contextlib
import select
import socket
import socketserver
import threading

from deploy.lab import zones
from deploy.lab.ask import ask
from deploy.lab.lab import Lab
from deploy.lab.namespace import add_addresses
from deploy.lab.networks import Network
from deploy.lab.resolvers import Unbound
from tests.lib.certificates import make_ca, make_certificate
from tests.lib.support import (network_row, network_state, open_incident,
                               site_in, wait_status)

ADDRESS = "198.51.100.90"
FRONT = "198.51.100.91"
TLS_NAME = "dot.example.net"


def dot_network(folder):
    make_ca(f"{folder}/certificates")
    make_certificate(f"{folder}/certificates", f"DNS:{TLS_NAME}")
    resolver = Unbound("dot-unbound", f"{folder}/dot", ADDRESS, (
        f"interface: {ADDRESS}@853", "tls-port: 853",
        f'tls-service-key: "{folder}/certificates/tls.key"',
        f'tls-service-pem: "{folder}/certificates/tls.pem"'))
    return Network("dot", resolver, [], "203.0.113.90")


class Relay(socketserver.BaseRequestHandler):
    """Of one connection to FRONT."""

    def handle(self):
        self.server.seen.append(self.client_address)
        with contextlib.suppress(OSError), \
                socket.create_connection((ADDRESS, 853)) as inner:
            other = {self.request: inner, inner: self.request}
            while True:
                for ready in select.select(list(other), [], [])[0]:
                    data = ready.recv(4096)
                    if not data:
                        return
                    other[ready].sendall(data)


@contextlib.contextmanager
def relayed():
    """Yields a list that grows by an item for each connection."""
    add_addresses([FRONT])
    with socketserver.ThreadingTCPServer((FRONT, 853), Relay) as server:
        server.daemon_threads = True
        server.block_on_close = False
        server.seen = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.seen
        server.shutdown()


def add_agent(lab, site, name, tls_name, address=ADDRESS):
    agent = lab.own(site.agent(name, nameservers=[], resolvers={
        "discover": False, "named": [{
            "at": f"{address}@853/tls", "tls_name": tls_name,
            "tls_ca_file": f"{lab.folder}/certificates/ca.pem"}]}))
    agent.accept()
    agent.start()
    site.wait_connected([agent])


def test_cached_denial_is_seen_over_tls():
    with Lab([dot_network], negative_ttl=30) as lab, \
            site_in(lab, networks=[], auditor=False) as site, \
            relayed() as connections:
        add_agent(lab, site, "tls", TLS_NAME, FRONT)
        lab.remove_record()
        assert ask(ADDRESS, zones.NAME).rcode == "NXDOMAIN"
        lab.restore_record()
        incident = open_incident(site, restored="now")
        document = wait_status(
            site, incident,
            lambda d: network_state(d, "tls") == "cached-nxdomain", 10,
            "the cached NXDOMAIN")
        target = network_row(document, "tls")["targets"][0]
        assert target["resolver"] == f"{FRONT}@853/tls", target
        wait_status(site, incident,
                    lambda d: network_state(d, "tls") == "clear", 20,
                    "the network to be clear")
        # Who stands in front may give each connection to another cache.
        seen = site.api.must_get(f"/v1/incidents/{incident}/networks/tls")
        looks = seen["targets"][0]["evidence"]["looks"]
        assert len(looks) > 1 and len(connections) >= len(looks), seen


def test_wrong_certificate_name_is_not_trusted():
    with Lab([dot_network]) as lab, \
            site_in(lab, networks=[], auditor=False) as site:
        add_agent(lab, site, "tls", "other.example.net")
        incident = open_incident(site, restored="now")
        wait_status(site, incident,
                    lambda d: network_state(d, "tls") == "unreachable", 30,
                    "the endpoint to be unreachable")
