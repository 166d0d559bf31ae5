"""Resolvers measured without a canary zone: by names that do not exist in a
zone that is in use, in quiet times and while it is not signed. What is seen is
what a canary zone shows; nothing more is asked once an incident is open."""
import os
import re
import time

import dns.rdatatype

from deploy.lab import canary, networks, zones
from deploy.lab.ask import ask, wait_until
from deploy.lab.lab import COLLECTOR_ADDRESS, Lab
from deploy.lab.namespace import add_addresses
from deploy.lab.programs import Site
from deploy.lab.signing import Signer
from tests.lib.capture import Capture
from tests.lib.support import (AUDITOR, BIN, ESTIMATE, Skip, open_incident,
                               stop_well)
from tests.system.test_resolvers import configured, rows_of

NO_LUCK = "a query that could plant a denial is wrong, however seldom it is"

OTHER_ADDRESS = "203.0.113.3"
LONG_S = 7200       # negative TTL of the zone, above all caps
MEASURE_S = 180
ON_THE_WAY_S = 8    # until an agent knows of it, on a busy machine
WATCH_S = 14        # more looks would come in that time
SIBLING = re.compile(rf"[a-z][0-9a-f]{{8}}\.{re.escape(zones.ZONE)}$")

# (resolver, cap set, what either way must show)
RESOLVERS = (
    (networks.unbound, ("cache-max-negative-ttl: 900",), {"rd0": "refused"}),
    (networks.bind, ("max-ncache-ttl 1200;",),
     {"nxdomain_cap_s": 1200, "nodata_cap_s": 1200, "rd0": "honoured"}),
    (networks.power_dns, ("max-negative-ttl=700",),
     {"nxdomain_cap_s": 700, "nodata_cap_s": 700, "rd0": "honoured"}),
)
ALWAYS = ("soa_clock", "soa_shown", "counts_down", "caches", "nsid",
          "server_id_answer", "validates", "rewrites_nxdomain", "rd0",
          "extended_errors_seen")
FACTS = (*ALWAYS, "nxdomain_cap_s", "nxdomain_uncapped", "nodata_cap_s",
         "floor_s", "rounding", "chain", "server_id", "past_ttl")
SAYS_NOTHING = (None, "unknown", False)


def site_of(lab, folder, address, canary_conf, policy, auditor=False):
    site = Site(BIN, f"{lab.folder}/{folder}", listen=address)
    lab.own(site.collector(estimate=ESTIMATE, canary={
        "count": 7, **canary_conf}))
    for network in lab.networks:
        lab.own(site.agent(network.name, policy=policy,
                           resolvers={"discover": False, "named": [
                               {"at": network.address}]}))
    if auditor:
        lab.own(site.agent("operations", "auditor", "authority",
                           resolvers={"discover": False}, authority={
                               "root_hints": lab.root_hints, **AUDITOR}))
    site.start()
    return site


def wait_measured(site, names):
    def done():
        rows = rows_of(site)
        return all(rows.get(n, {}).get("state") == "measured" for n in names)
    try:
        wait_until(done, MEASURE_S, "all resolvers to be measured")
    except TimeoutError as error:
        raise AssertionError(f"{error}: {rows_of(site)}") from error


def compare(lab, by_canary, by_sibling):
    print("# | resolver | fact | by canary names | by sibling labels |\n"
          "# |---|---|---|---|")
    for network, (_make, _options, must) in zip(lab.networks, RESOLVERS):
        one, other = by_canary[network.name], by_sibling[network.name]
        for fact in FACTS:
            print(f"# | {network.resolver.title} | {fact} | {one[fact]} | "
                  f"{other[fact]} |", flush=True)
        assert other["sibling_w_s"] == LONG_S and one["sibling_w_s"] is None
        for fact in FACTS:
            stated = fact in ALWAYS or fact in must
            same = (abs(one[fact] - other[fact]) <= 3
                    if fact.endswith("_s") and None not in (
                        one[fact], other[fact]) else one[fact] == other[fact])
            assert same or (not stated and other[fact] in SAYS_NOTHING), (
                network.name, fact, one[fact], other[fact])
            if fact in must:
                assert other[fact] == must[fact], (network.name, fact,
                                                   other[fact])


def siblings(capture, since, until=float("inf")):
    return [q for q in capture.select(since, until)
            if SIBLING.match(q.name)]


def check_asked(lab, capture, began):
    """Names that nobody has, with RD=1 at resolvers; and the zone's own."""
    asked = siblings(capture, began)
    assert asked, "no sibling label was asked"
    others = {q.name for q in capture.select(began)
              if q.name.endswith(f".{zones.ZONE}") and q.rd
              and not SIBLING.match(q.name)}
    assert not others - {zones.NAME}, others
    for network in lab.networks:  # before: is the zone signed?
        at = network.address
        first = min(q.at for q in asked if q.destination == at)
        assert capture.select(began, first, name=zones.ZONE, rd=True,
                              destination=at, rdtype=dns.rdatatype.NS), (
            network.name, first)


def rests(lab, site, capture):
    """The incident comes in the middle of a measurement."""
    network = lab.networks[1]
    late = site.agent("late", policy={"sibling_zones": [zones.ZONE]},
                      resolvers={"discover": False, "named": [
                          {"at": network.address}]})
    began = time.time()
    late.accept()
    lab.own(late.start())
    wait_until(lambda: len(siblings(capture, began)) >= 6, MEASURE_S,
               "the measuring of one more resolver")
    incident = open_incident(site)
    opened = time.time()
    time.sleep(WATCH_S)
    before, after = (siblings(capture, began, opened),
                     siblings(capture, opened + ON_THE_WAY_S))
    print(f"# sibling labels before the incident was open: {len(before)}, "
          f"after it: {len(after)}", flush=True)
    assert not after, after
    said = site.cli("resolvers", "--measure", check=False)
    assert said.returncode != 0 and "incident" in said.stderr, said
    return incident, opened


def rests_where_signed(lab, site, capture, incident, opened):
    """What an audit saw before the incident was closed does not count."""
    signer = Signer(f"{zones.ZONE}.")
    for server in lab.servers:
        server.publish(signer.sign(server.zone))
    site.cli("incident", "close", str(incident))
    site.cli("audit", zones.NAME, check=False)

    def refused():
        said = site.cli("resolvers", "--measure", "--timeout", "1s",
                        check=False)
        return said.returncode != 0 and "is signed" in said.stderr
    wait_until(refused, MEASURE_S, "sibling labels to be refused")
    after = siblings(capture, opened + ON_THE_WAY_S)
    assert not after, after


def test_siblings_show_what_canary_names_show():
    makes = [configured(make, options) for make, options, _must in RESOLVERS]
    add_addresses([OTHER_ADDRESS])
    with Capture() as capture, \
            Lab(makes, root=canary.delegated(zones.root_zone()),
                others=[canary.CanaryServer], negative_ttl=LONG_S) as lab:
        began = time.time()
        with_zone = site_of(lab, "with-zone", OTHER_ADDRESS,
                            {"zone": canary.ZONE},
                            {"canary_zones": [canary.ZONE]})
        site = site_of(lab, "without", COLLECTOR_ADDRESS,
                       {"siblings_of": zones.ZONE},
                       {"sibling_zones": [zones.ZONE]}, auditor=True)
        names = [n.name for n in lab.networks]
        wait_measured(with_zone, names)
        wait_measured(site, names)
        compare(lab, rows_of(with_zone), rows_of(site))
        shown = site.cli("resolvers").stdout
        assert "its cap is not known, as all denials" in shown, shown
        check_asked(lab, capture, began)
        rests_where_signed(lab, site, capture, *rests(lab, site, capture))
        stop_well(with_zone)
        stop_well(site)


def test_cap_behind_one_soa():
    """Unbound: a fresh name shows what is left of the zone's one SOA. The cap
    shows in the run that begins as that ends."""
    if not os.environ.get("NX_NIGHTLY"):
        raise Skip("with NX_NIGHTLY=1")
    cap_s = 70
    make = configured(networks.unbound, (f"cache-max-negative-ttl: {cap_s}",))
    with Lab([make], negative_ttl=LONG_S) as lab:
        name, address = lab.networks[0].name, lab.networks[0].address
        ask(address, f"user.{zones.ZONE}")  # its SOA is there already
        site = site_of(lab, "without", COLLECTOR_ADDRESS,
                       {"siblings_of": zones.ZONE},
                       {"sibling_zones": [zones.ZONE]}, auditor=True)
        wait_measured(site, [name])
        first = rows_of(site)[name]
        assert first["nxdomain_cap_s"] is None, first
        began = time.time()
        try:
            wait_until(lambda: rows_of(site)[name]["nxdomain_cap_s"],
                       2 * cap_s, "the cap to be measured")
        except TimeoutError as error:
            raise AssertionError(f"{error}: {rows_of(site)}") from error
        row = rows_of(site)[name]
        print(f"# cap set {cap_s}, seen {row['nxdomain_cap_s']} after "
              f"{time.time() - began:.0f} s more", flush=True)
        assert cap_s - 5 <= row["nxdomain_cap_s"] <= cap_s, row
        stop_well(site)
