"""HTTPS and SVCB records on real name servers (NSD and Knot) and through a real
resolver: what the operator writes in presentation format is compared with what
is on the wire, and shown as it was meant."""
from dataclasses import replace

from deploy.lab import networks, zones
from deploy.lab.lab import Lab
from tests.lib.support import (authority_state, network_row, site_in,
                               wait_status)

SERVICE = f"svc.{zones.ZONE}"
RECORDS = (
    # Type, as in the zone, as the operator writes it, as it is shown.
    ("HTTPS",
     "1 . mandatory=alpn alpn=h2,h3 port=8443 ipv4hint=192.0.2.80 "
     "ipv6hint=2001:db8::80 key667=\"a b\"",
     "1 . key667=\"a\\032b\" ipv6hint=2001:DB8::80 port=8443 "
     "ipv4hint=192.0.2.80 alpn=\"h2,h3\" mandatory=alpn",
     "1 . mandatory=alpn alpn=\"h2,h3\" port=8443 ipv4hint=192.0.2.80 "
     "ipv6hint=2001:db8::80 key667=\"a b\""),
    ("SVCB", "0 Pool.Example.NET.", "0 pool.EXAMPLE.net",
     "0 pool.example.net."))
SOON_S = 20


def leaf():
    base = zones.leaf_zone()
    return replace(base, records=base.records + tuple(
        f"{SERVICE}. 60 IN {rtype} {zone}"
        for rtype, zone, _written, _shown in RECORDS))


def opened(site, rtype, rdata):
    said = site.cli("incident", "open", SERVICE, rtype, "--restored", "auto",
                    "--expect", f"{rtype}={rdata}").stdout
    return int(said.split("incident ")[1].split(" ")[0])


def check_evidence(site, incident, network, folder):
    site.cli("evidence", str(incident), network.name, "-o", folder)
    with open(f"{folder}/resolvers/{network.address}_53-HTTPS.txt",
              encoding="ascii") as file:
        replies = file.read()
    assert f"\tIN\tHTTPS\t{RECORDS[0][3]}\n" in replies, replies


def test_service_records():
    with Lab([networks.unbound], leaf=leaf()) as lab, \
            site_in(lab, clear_share=0.3) as site:
        as_expected = {rtype: opened(site, rtype, written)
                       for rtype, _zone, written, _shown in RECORDS}
        unlike = opened(site, "HTTPS", "1 . alpn=\"h2,h3\"")
        bad = site.cli("incident", "open", SERVICE, "HTTPS", "--expect",
                       "HTTPS=1 . port=65536", check=False)
        assert bad.returncode == 64 and (
            "not a priority, a domain name and parameters") in bad.stderr, bad
        for rtype, _zone, _written, shown in RECORDS:
            document = wait_status(site, as_expected[rtype],
                                   authority_state("restored"), SOON_S,
                                   f"{rtype} to be as expected")
            assert document["authority"]["good"] == 2, document["authority"]
            assert document["incident"]["expect"] == {rtype: [shown]}, (
                document["incident"])
        wait_status(site, unlike, authority_state("negative"), SOON_S,
                    "another RRset to be seen")
        network = lab.networks[0]
        document = wait_status(
            site, as_expected["HTTPS"],
            lambda d: network_row(d, network.name)["targets"][0]["looks"],
            SOON_S, "the resolver to be asked")
        state = network_row(document, network.name)["targets"][0]["state"]
        assert state != "old-positive", document["networks"]
        check_evidence(site, as_expected["HTTPS"], network,
                       f"{lab.folder}/evidence")
