"""Records of all types are lost and restored, on real name servers and through
a real resolver: A, AAAA, CNAME, MX, TXT, CAA, HTTPS, SVCB, NS, SRV, PTR, DS, SOA
and a type for private use, and an internationalised name. What the resolver
cached is told per type, where the DS is asked for at the parent's servers and
the PTR in the zone of the addresses; and that another one, which keeps denials
for a short time, is clear then. A table of them."""
import time
from dataclasses import replace

import dns.rdatatype

from deploy.lab import networks, zones
from deploy.lab.ask import ask, wait_until
from deploy.lab.authority import Nsd
from deploy.lab.lab import Lab
from deploy.lab.resolvers import Bind
from tests.lib.capture import Capture
from tests.lib.guard import caches_of
from tests.lib.support import (QUICK_AUDITOR, network_row, post_incident,
                               site_in)

W_S = 900  # denials outlive the test
FOUND_S = 120
CHILD, SIGNED = f"child.{zones.ZONE}", f"signed.{zones.ZONE}"
CHILD_ADDRESS, SIGNED_ADDRESS = "192.0.2.13", "192.0.2.14"
REVERSE_ADDRESS = "192.0.2.15"
REVERSE = "2.0.192.in-addr.arpa"
PRIVATE = "TYPE65280"
NXDOMAIN, NODATA = "cached-nxdomain", "cached-nodata"
ABOVE = "ancestor-nxdomain"  # a name above is gone, too, or the delegation
IDN = (f"b\u00fccher.{zones.ZONE}", f"xn--bcher-kva.{zones.ZONE}")
FAST = {"policy": {"resolver_qps": 100, "resolver_burst": 100,
                   "total_qps": 500}}
BRIEF_S = 15  # in one of the two caches


def cut(zone, address):
    return (f"{zone}. 3600 IN NS ns1.{zone}.",
            f"ns1.{zone}. 3600 IN A {address}")


# Name, type, what is lost of it, what stays at the name: state.
ROWS = (
    (f"four.{zones.ZONE}", "A", "192.0.2.80", None, NXDOMAIN),
    (f"six.{zones.ZONE}", "AAAA", "2001:db8::80", "A 192.0.2.80", NODATA),
    (IDN[1], "A", "192.0.2.80", None, NXDOMAIN),
    (f"text.{zones.ZONE}", "TXT", '"v=spf1 -all"', "A 192.0.2.80", NODATA),
    (f"web.{zones.ZONE}", "HTTPS", "1 . alpn=h2,h3", "A 192.0.2.80", NODATA),
    (f"_dns.ns1.{zones.ZONE}", "SVCB", f"1 ns1.{zones.ZONE}. alpn=dot", None,
     NXDOMAIN),
    (f"alias.{zones.ZONE}", "CNAME", f"ns1.{zones.ZONE}.", None, NXDOMAIN),
    (f"mail.{zones.ZONE}", "MX", f"10 ns1.{zones.ZONE}.", "TXT kept", NODATA),
    (f"caa.{zones.ZONE}", "CAA", '0 issue "ca.example.net"', None, NXDOMAIN),
    (f"_sip._tcp.{zones.ZONE}", "SRV", f"0 5 5060 ns1.{zones.ZONE}.", None,
     ABOVE),
    (f"odd.{zones.ZONE}", PRIVATE, r"\# 4 0a000001", "TXT kept", NODATA),
    (SIGNED, "DS", "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118", "cut",
     NODATA),
    (CHILD, "NS", "cut", None, ABOVE),
    (CHILD, "SOA", "cut", None, ABOVE),
    (f"80.{REVERSE}", "PTR", f"{zones.NAME}.", None, NXDOMAIN),
)
ZONES = (zones.ZONE, REVERSE)


def lines(there):
    """Of the zone; there: with what is to be lost."""
    found = list(cut(SIGNED, SIGNED_ADDRESS))
    if there:
        found += cut(CHILD, CHILD_ADDRESS)
    for name, rdtype, rdata, stays, _state in ROWS:
        if there and rdata != "cut" and name.endswith(zones.ZONE):
            found.append(f"{name}. 60 IN {rdtype} {rdata}")
        if stays and stays != "cut":
            found.append(f"{name}. 60 IN {stays}")
    return tuple(found)


def leaf():
    base = zones.leaf_zone(W_S)
    return replace(base, records=base.records + lines(True))


def below(zone, address, *more):
    return lambda folder: Nsd(
        f"{zone.split('.')[0]}-nsd", f"{folder}/{zone}", address, zones.Zone(
            f"{zone}.", 1, (*cut(zone, address), *more), soa_ttl=W_S,
            minimum=W_S, primary=f"ns1.{zone}."))


class Resolver(Bind):
    """Without BIND's own zones for addresses of documentation."""

    def _config(self):
        return super()._config().replace(
            "  recursion yes;", "  recursion yes;\n  empty-zones-enable no;")


def office(folder):
    return networks.Network("office", Resolver(
        "office-named", f"{folder}/office", "198.51.100.10"), [],
        "203.0.113.11")


def brief(folder):
    return networks.Network("brief", Resolver(
        "brief-named", f"{folder}/brief", "198.51.100.20",
        [f"max-ncache-ttl {BRIEF_S};"]), [], "203.0.113.12")


def publish(lab, there):
    base = zones.leaf_zone(W_S)
    for server in lab.servers:
        server.publish(replace(base, serial=server.zone.serial + 1,
                               records=base.records + lines(there)))
    reverse = lab.others[-1]
    pointer = f"80.{REVERSE}. 60 IN PTR {zones.NAME}."
    reverse.publish(reverse.zone.with_(pointer) if there else
                    reverse.zone.without(f"80.{REVERSE}."))


def opened(site, name, rdtype):
    if name == IDN[1]:  # as people write it
        said = site.cli("incident", "open", IDN[0], rdtype, "--restored",
                        "auto").stdout
        return int(said.split("incident ")[1].split(" ")[0])
    return post_incident(site, name, rdtype)


def tell_all(site, incidents, title, tell):
    """All in one loop; tell(document) is what is shown of one, once it is so.
    """
    began = time.monotonic()
    left = dict(incidents)

    def look():
        for row, incident in list(left.items()):
            told = tell(row, site.api.status(incident))
            if told:
                print(f"# | {row[1]} | {row[0]} | {told} | "
                      f"{time.monotonic() - began:.1f} |", flush=True)
                del left[row]
        return not left
    try:
        wait_until(look, FOUND_S, title)
    except TimeoutError as error:
        raise AssertionError((str(error), [
            (row[:2], site.api.status(i)) for row, i in left.items()])
            ) from error


def denied(row, document):
    """By all servers of the right zone, of the DS the parent's."""
    servers = {s["address"].split("@")[0]
               for s in document["authority"]["servers"]}
    ours = {zones.NS1_ADDRESS, zones.NS2_ADDRESS}
    wanted = {REVERSE_ADDRESS} if row[1] == "PTR" else ours
    states = {s["state"] for s in document["authority"]["servers"]}
    return servers == wanted and states == {"denies"} and "denied"


def cached(row, document):
    target = next(iter(network_row(document, "office").get("targets", [])), {})
    return target.get("state") == row[4] and \
        document["authority"]["verified"] and \
        f"{target['state']}: {target['why']}"


def clear(_row, document):
    row = network_row(document, "brief")
    return row.get("state") == "clear" and f"clear: {row['why']}"


def planted(capture, lab, since, until):
    caches = caches_of(lab)
    users = {n.user_address for n in lab.networks}
    return [q for q in capture.select(since, until, destination=caches)
            if q.source not in users and q.name.endswith(ZONES)
            and (q.name, q.rdtype) != (zones.ZONE, dns.rdatatype.NS)]


def users_ask(lab):
    for network in lab.networks:
        for name, rdtype, _rdata, _stays, state in ROWS:
            wait_until(lambda w=network, n=name, t=rdtype: getattr(ask(
                w.address, n, t, source=w.user_address), "negative", False), 5,
                f"{network.name} to hold {name} {rdtype}: {state}")


def test_types_lost_and_restored():
    others = [below(CHILD, CHILD_ADDRESS), below(SIGNED, SIGNED_ADDRESS),
              below(REVERSE, REVERSE_ADDRESS,
                    f"80.{REVERSE}. 60 IN PTR {zones.NAME}.")]
    root = zones.root_zone().with_(*cut(REVERSE, REVERSE_ADDRESS))
    with Capture() as capture, Lab([office, brief], leaf=leaf(), others=others,
                                   root=root, warm=False) as lab, \
            site_in(lab, auditor=QUICK_AUDITOR, agents=FAST,
                    clear_share=0.3) as site:
        publish(lab, False)
        began = time.time()
        incidents = {row: opened(site, *row[:2]) for row in ROWS}
        print("# | type | name | told | seconds |\n# |---|---|---|---|")
        tell_all(site, incidents, "all to be denied", denied)
        users_ask(lab)
        restored = time.time()
        ours = planted(capture, lab, began, restored)
        print(f"# planted denials: {len(ours)}", flush=True)
        assert not ours, ours
        publish(lab, True)
        tell_all(site, incidents, "the resolver's denials to be told", cached)
        tell_all(site, incidents, "the other resolver to be clear", clear)
        shown = site.cli("status", str(next(
            i for row, i in incidents.items() if row[0] == IDN[1])),
                         check=False).stdout
        assert all(form in shown for form in IDN), shown
