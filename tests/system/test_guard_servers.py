"""Rule 1 where the set of name servers is what is wrong: NSD, Knot DNS and BIND
as authority, a delegation that moved, a server that only IPv6 reaches, one that
is lame, a signed zone. Every question in the namespace is captured; a table says
what could have been planted (nothing), and when the guard closed and opened.
"""
import os
import subprocess
import time

from deploy.lab import networks, zones
from deploy.lab.ask import ask
from deploy.lab.authority import Knot, Named
from deploy.lab.lab import Lab
from deploy.lab.signing import Signer
from tests.lib.capture import Capture
from tests.lib.guard import SEEN_S, WATCH_S, Bench
from tests.lib.support import Skip, site_in

NEW_ADDRESS = "192.0.2.13"
V6_ADDRESS = "2001:db8::14"
NEGATIVE_TTL_S = 6
TTL = zones.DELEGATION_TTL_S


def ns_set(**addresses):
    """Lines for both sides of the delegation."""
    lines = []
    for label, address in addresses.items():
        rdtype = "AAAA" if ":" in address else "A"
        lines += [f"{zones.ZONE}. {TTL} IN NS {label}.{zones.ZONE}.",
                  f"{label}.{zones.ZONE}. {TTL} IN {rdtype} {address}"]
    return tuple(lines)


def zone_of(serial, *lines):
    return zones.Zone(f"{zones.ZONE}.", serial, lines, soa_ttl=NEGATIVE_TTL_S,
                      minimum=NEGATIVE_TTL_S, primary=f"ns1.{zones.ZONE}.")


def new_bind(folder):
    """Where the zone moves to; it forgot the record."""
    return Named("ns3-named", f"{folder}/ns3", NEW_ADDRESS, zone_of(
        2026113001, *ns_set(ns3=NEW_ADDRESS)))


def knot_on_v6(folder):
    return Knot("ns4-knot", f"{folder}/ns4", V6_ADDRESS, zone_of(
        2026113001, *ns_set(ns1=zones.NS1_ADDRESS, ns4=V6_ADDRESS)))


def delegate(b, *lines):
    """The parent names these servers, and no others."""
    zone = b.lab.tld.zone
    kept = tuple(r for r in zone.records
                 if zones.ZONE not in r.split()[0])
    b.lab.tld.publish(type(zone)(**{**zone.__dict__, "records": kept + lines,
                                    "serial": zone.serial + 1}))


def moved_delegation(b):
    """Who has the old NS set cached still gets an answer; the rest is denied.
    """
    new = b.lab.others[0]
    with b.outage("moved to BIND, which lacks the record") as seen:
        delegate(b, *ns_set(ns3=NEW_ADDRESS))
        b.open()
        authority = b.wait_state("negative")["authority"]
        seen("negative")
        assert [s["address"].split("@")[0] for s in authority["servers"]] == \
            [NEW_ADDRESS], authority
        assert ask(zones.NS1_ADDRESS, zones.NAME, rd=False).positive
        time.sleep(WATCH_S)
    new.publish(new.zone.with_(zones.record()))
    b.wait_asked()


def denied_by_ipv6(b):
    """Only IPv6 leads to the server that denies."""
    bad = b.lab.others[1]
    servers = ns_set(ns1=zones.NS1_ADDRESS, ns4=V6_ADDRESS)
    b.lab.ns1.publish(zone_of(b.lab.ns1.zone.serial + 1, *servers,
                              zones.record()))
    with b.outage("a server that only IPv6 reaches denies") as seen:
        delegate(b, *servers)
        b.open()
        authority = b.wait_state("partly")["authority"]
        seen("partly")
        states = {s["address"]: s["rcode"] for s in authority["servers"]}
        assert states == {f"{zones.NS1_ADDRESS}@53": "NOERROR",
                          f"[{V6_ADDRESS}]@53": "NXDOMAIN"}, states
        time.sleep(WATCH_S)
    bad.publish(bad.zone.with_(zones.record()))
    b.wait_asked()


def lame_secondary(b):
    """One server does not know the zone (REFUSED) and one denies: the lame one
    is no witness for the record."""
    lame = Knot("lame-knot", f"{b.lab.folder}/lame", zones.NS2_ADDRESS,
                zones.Zone("elsewhere.example.", 1, (
                    "elsewhere.example. 60 IN NS ns.elsewhere.example.",
                    "ns.elsewhere.example. 60 IN A 192.0.2.12")))
    b.lab.ns2.stop()
    b.lab.own(lame).start().wait_ready()
    with b.outage("one is lame (REFUSED), one denies") as seen:
        b.lab.remove_record([b.lab.ns1])
        b.open()
        b.wait(lambda d: {"REFUSED", "NXDOMAIN"} == {
            s["rcode"] for s in d["authority"]["servers"]}, SEEN_S,
            "one to be lame, one to deny")
        seen("negative")
        time.sleep(WATCH_S)
    lame.stop()
    b.lab.ns2.start().wait_ready()
    b.lab.restore_record([b.lab.ns1])
    b.wait_asked()


def signed_on_bind(b):
    """NSEC records of a denial deny the names beside it, too: neither the name
    nor one of these is asked, also not when the guard is open again."""
    new = b.lab.others[0]
    signer = Signer(f"{zones.ZONE}.")
    without = zone_of(new.zone.serial + 1, *ns_set(ns3=NEW_ADDRESS),
                      f"wwv.{zones.ZONE}. 60 IN A 192.0.2.90",
                      f"wwx.{zones.ZONE}. 60 IN A 192.0.2.91")
    new.publish(signer.sign(without))
    with b.outage("a signed zone on BIND denies with NSEC") as seen:
        delegate(b, *ns_set(ns3=NEW_ADDRESS), signer.ds())
        b.open()
        b.wait_state("negative")
        seen("negative")
        time.sleep(WATCH_S)
    new.publish(signer.sign(without.with_(zones.record())))
    b.wait_asked()
    time.sleep(WATCH_S)
    assert not b.siblings(b.opened), b.siblings(b.opened)


def ipv6_here():
    return subprocess.run(
        ["ip", "addr", "replace", f"{V6_ADDRESS}/128", "dev", "lo"],
        capture_output=True, check=False).returncode == 0


def run(others, *scenarios):
    with Capture() as capture, \
            Lab([networks.bind], negative_ttl=NEGATIVE_TTL_S,
                others=others) as lab, site_in(lab) as site:
        bench = Bench(lab, site, capture)
        for scenario in scenarios:
            if bench.incident:
                bench.quiet()
            scenario(bench)


def test_set_of_name_servers():
    if ipv6_here():
        run([new_bind, knot_on_v6], moved_delegation, denied_by_ipv6)
    else:
        print("# no IPv6 here: the server that only IPv6 reaches is left out")
        run([new_bind], moved_delegation)


def test_lame_and_signed():
    if not os.environ.get("NX_NIGHTLY"):
        raise Skip("with NX_NIGHTLY=1")
    run([], lame_secondary)
    run([new_bind], signed_on_bind)
