"""Causes that are no cache: validation that fails, a resolver that fails, and
one whose answers are cut while TCP is closed. After a SERVFAIL the agent asks
once more with CD=1, and never without the guard's leave."""
import time

import dns.flags
import dns.rcode

from deploy.lab import networks, zones
from deploy.lab.lab import Lab
from deploy.lab.namespace import add_addresses
from deploy.lab.resolvers import Unbound
from deploy.lab.signing import Signer
from tests.lib.capture import Capture
from tests.lib.support import (Responder, authority_state, network_row,
                               network_state, open_incident, reply_to,
                               site_in, wait_status)

FAILING_ADDRESS = "198.51.100.77"
CUTTING_ADDRESS = "198.51.100.78"
FOUND_S = 15


def validating(folder):
    """Unbound that trusts another key than the zone is signed with, and
    does not say why it fails (ede is off, its default)."""
    anchor = Signer(f"{zones.ZONE}.").ds()
    resolver = Unbound("validating-unbound", f"{folder}/validating",
                       "198.51.100.10", [
                           'module-config: "validator iterator"',
                           f'trust-anchor: "{anchor}"'])
    return networks.Network("validating", resolver, [], "203.0.113.11")


def fails(query):
    reply = reply_to(query)
    reply.set_rcode(dns.rcode.SERVFAIL)
    return [reply.to_wire()]


def cuts(query):
    reply = reply_to(query)
    reply.flags |= dns.flags.TC
    return [reply.to_wire()]


class Cutting:
    """A resolver behind something that drops TCP."""
    name = "cutting"
    address = CUTTING_ADDRESS


class Failing:
    """As a network: a resolver that always fails."""
    name = "failing"
    address = FAILING_ADDRESS


def why(document, name):
    row = network_row(document, name)
    return row.get("why", ""), row["targets"][0]["flags"]


def test_causes_are_told_apart():
    add_addresses([FAILING_ADDRESS, CUTTING_ADDRESS])
    with Capture() as capture, Lab([validating], warm=False) as lab, \
            Responder(FAILING_ADDRESS, fails), \
            Responder(CUTTING_ADDRESS, cuts), \
            site_in(lab, [*lab.networks, Failing, Cutting]) as site:
        signer = Signer(f"{zones.ZONE}.")
        without = lab.ns1.zone.without(f"{zones.NAME}.")
        for server in lab.servers:
            server.publish(signer.sign(without))
        began = time.time()
        incident = open_incident(site)
        wait_status(site, incident, authority_state("negative"), 10,
                    "the outage to be seen")
        assert not capture.select(
            began, name=zones.NAME,
            destination={lab.networks[0].address, FAILING_ADDRESS,
                         CUTTING_ADDRESS})
        back = signer.sign(without.with_(zones.record()))
        for server in lab.servers:
            server.publish(back)
        began = time.monotonic()
        document = wait_status(
            site, incident,
            lambda d: network_state(d, "validating") == "servfail-dnssec"
            and "cd-fails" in why(d, "failing")[1]
            and "truncated" in why(d, "cutting")[1], FOUND_S,
            "the causes to be told apart")
        took = time.monotonic() - began
        assert network_state(document, "failing") == "servfail-other", document
        print("# | fault | verdict | seconds |\n# |---|---|---|")
        for name in ("validating", "failing", "cutting"):
            text, flags = why(document, name)
            print(f"# | {name} | {text} {flags} | {took:.1f} |", flush=True)
        text, flags = why(document, "validating")
        assert flags == ["cd-answered"] and "with CD=1 it answers" in text
        text, _flags = why(document, "failing")
        assert "with CD=1 too: it is not DNSSEC" in text, text
        text, _flags = why(document, "cutting")
        assert "gives none over TCP" in text, text
        said = site.cli("explain", str(incident), "validating",
                        check=False).stdout
        assert "DS, DNSKEY and RRSIG" in said, said
