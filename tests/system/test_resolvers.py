"""Resolvers with known limits, measured by canary names: the profile has the
limits that were configured. The canary zone is that of deploy/canary."""
import dataclasses
import json
import os
import signal
import sqlite3
import subprocess
import tempfile

from deploy.lab import canary, networks, zones
from deploy.lab.ask import wait_until
from deploy.lab.canary import SHIPPED, ZONE, CanaryServer
from deploy.lab.lab import COLLECTOR_ADDRESS, Lab
from deploy.lab.programs import Site
from deploy.lab.signing import Signer
from tests.lib.openapi import Description
from tests.lib.support import AUDITOR, BIN, ESTIMATE, stop_well

MEASURE_S = 180
LONG_S = 7200  # negative TTL, longer than any cap

# (network, options, what the profile must say)
RESOLVERS = (
    (networks.unbound, ("cache-max-negative-ttl: 900", "cache-min-ttl: 3",
                         "ede: yes", "nsid: ascii_unbound-1", "hide-identity: yes"),
     {"nxdomain_cap_s": 900, "nodata_cap_s": 900, "floor_s": 3,
      "soa_clock": "shared-until-change", "rounding": "F0", "rd0": "refused",
      "extended_errors_seen": True, "nsid": "unbound-1",
      "server_id": None, "server_id_answer": "refused",
      "validates": "said"}),
    (networks.bind, ("max-ncache-ttl 1200;", "min-ncache-ttl 4;",
                     "server-id \"bind-1\";"),
     {"nxdomain_cap_s": 1200, "nodata_cap_s": 1200, "floor_s": 4,
      "soa_clock": "own", "rounding": "F", "rd0": "honoured",
      "nsid": "bind-1", "server_id": "bind-1",
      "server_id_answer": "told"}),
    (networks.power_dns, ("max-negative-ttl=700", "minimum-ttl-override=6",
                          "server-id=pdns-1"),
     {"nxdomain_cap_s": 700, "nodata_cap_s": 700, "floor_s": 6,
      "soa_clock": "own", "rounding": "F", "rd0": "honoured",
      "nsid": "pdns-1", "server_id": "pdns-1",
      "server_id_answer": "told"}),
)
ALL = {"state": "measured", "caches": 1, "chain": "own-address", "soa_shown": True,
       "counts_down": True, "refreshed_by_looking": False,
       "nxdomain_uncapped": False, "nodata_uncapped": False,
       "rewrites_nxdomain": False, "validates": "not-said",
       "trouble": None}


def configured(make, options):
    def made(folder):
        network = make(folder)
        kind = type(network.resolver)
        network.resolver = kind(network.resolver.name, network.resolver.folder,
                                network.address, options)
        return network
    return made


def rows_of(site):
    listing = site.api.must_get("/v1/resolvers")
    described = Description(site.api.must_get("/v1/openapi.json"))
    for row in listing["resolvers"]:
        described.check(row, described.named("Resolver"), row["network"])
    return {row["network"]: row for row in listing["resolvers"]}


def print_table(rows):
    print(f"# {'resolver':<18}{'cap set':>8}{'seen':>6}"
          f"{'floor set':>10}{'seen':>5}  clock, rounding, RD=0, EDE, NSID")
    for (network, _options, want), row in rows:
        print(f"# {network.resolver.title:<18}{want['nxdomain_cap_s']:>8}"
              f"{row['nxdomain_cap_s']!s:>6}{want['floor_s']:>10}"
              f"{row['floor_s']!s:>5}  {row['soa_clock']}, {row['rounding']}, "
              f"{row['rd0']}, EDE {row['extended_errors_seen']}, {row['nsid']}")


def measured(site, lab):
    rows = rows_of(site)
    return all(rows.get(n.name, {}).get("state") == "measured"
               for n in lab.networks)


def measure(site, lab):
    """They are measured for the first time; whoever asks for it waits for it,
    and asks again too soon."""
    wait_until(lambda: all(row["state"] == "measuring"
                           for row in rows_of(site).values())
               and len(rows_of(site)) == len(lab.networks), MEASURE_S,
               "all resolvers to be begun with")
    one = lab.networks[1].name
    nobody = site.cli("resolvers", "--measure", "nowhere", check=False)
    assert nobody.returncode != 0 and "nowhere" in nobody.stderr, nobody
    said = site.cli("resolvers", "--measure", "--timeout", f"{MEASURE_S}s",
                    timeout=MEASURE_S + 10)
    assert f"of {len(lab.networks)} measured" in said.stderr, said
    assert said.stdout.count("measured") == len(lab.networks), said
    assert measured(site, lab), rows_of(site)
    again = site.cli("resolvers", "--measure", one, check=False)
    assert again.returncode != 0 and "again in" in again.stderr, again


CAPS = ("nxdomain_cap_s", "nodata_cap_s")


def close(row):
    """Without the caps: names of a zone may share a SOA (unbound), which on a
    busy machine is a second old when the next name is asked for."""
    return {key: value for key, value in row.items() if key not in CAPS}


def stored_n(site):
    """A kill loses what is not committed yet; that is measured anew."""
    path = os.path.join(site.collector_program.folder, "nxclear.db")
    store = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        (n,), = store.execute("SELECT count(*) FROM resolver_profile")
        return n
    finally:
        store.close()


def preflight(site):
    return json.loads(site.cli("preflight", zones.NAME, "--accident", "5m",
                               "--json", check=False).stdout)


def lives(document):
    return {row["network"]: row["nxdomain_lives_s"]
            for row in document["networks"]}


def check_preflight(site, lab, rows):
    """What was measured is what an accident would cost there."""
    names = [n.name for n in lab.networks]
    caps = {n: max(rows[n][cap] for cap in CAPS) for n in names}
    site.cli("networks", "label", names[0], "weight=95")
    document = preflight(site)
    assert document["w_s"] == LONG_S, document["negative"]
    assert lives(document) == {n: rows[n]["nxdomain_cap_s"]
                               for n in names}, document
    (cost,) = document["accidents"]
    # 95 of 97 clients are behind the first: it decides about 90 %.
    first, longest = caps[names[0]], max(caps.values())
    assert first - 300 < cost["clear_90_s"] < first, cost
    assert first < cost["clear_99_s"] < cost["clear_all_s"] == longest, cost
    assert document["advice"][0] == {
        "lower": "SOA MINIMUM", "from_s": LONG_S, "to_s": 60,
        "everywhere_s": longest}, document["advice"]
    assert document["authority"]["zone_ns_ttl_s"] == 3600, document["authority"]
    assert document["authority"]["record_ttl_s"] > 0, document["authority"]
    for server in lab.servers:  # shorter than any floor
        server.publish(dataclasses.replace(
            server.zone, serial=server.zone.serial + 1, minimum=2))
    document = preflight(site)
    assert document["w_s"] == 2, document["negative"]
    assert lives(document) == {n: rows[n]["floor_s"] for n in names}, document
    assert document["advice"] == [], document["advice"]


def test_configured_limits_are_measured():
    signer = Signer(".")
    makes = [configured(make, options) for make, options, _want in RESOLVERS]
    makes[0] = configured(RESOLVERS[0][0], (
        *RESOLVERS[0][1], 'module-config: "validator iterator"',
        f'trust-anchor: "{signer.ds()}"'))
    with Lab(makes, root=signer.sign(canary.delegated(zones.root_zone())), others=[CanaryServer],
             negative_ttl=LONG_S) as lab:
        site = Site(BIN, f"{lab.folder}/nxclear", listen=COLLECTOR_ADDRESS)
        lab.own(site.collector(estimate=ESTIMATE,
                               canary={"zone": ZONE, "count": 7}))
        for network in lab.networks:
            # Named by the owner: asked at the rate of his own network.
            lab.own(site.agent(network.name, policy={"canary_zones": [ZONE]},
                               resolvers={"discover": False, "named": [
                                   {"at": network.address}]}))
        lab.own(site.agent(
            "operations", "auditor", "authority",
            resolvers={"discover": False},
            authority={"root_hints": lab.root_hints, **AUDITOR}))
        site.start()
        measure(site, lab)
        rows = rows_of(site)
        wanted = [(network, options, want) for network, (_make, options, want)
                  in zip(lab.networks, RESOLVERS)]
        print_table([(w, rows[w[0].name]) for w in wanted])
        for network, _options, want in wanted:
            row = rows[network.name]
            got = {key: row[key] for key in {**ALL, **want}}
            assert close(got) == close({**ALL, **want}), (network.name, row)
            assert all(want[cap] - 5 <= row[cap] <= want[cap] for cap in CAPS), \
                (network.name, row)
        wait_until(lambda: stored_n(site) == len(rows), MEASURE_S,
                   "what was measured to be committed")
        # Killed and started again it knows them, and does not measure anew.
        daemon = site.collector_program.daemon
        os.kill(daemon.pid, signal.SIGKILL)
        daemon.process.wait()
        site.collector_program.start().wait_ready()
        again = {name: {**row, "use": "serving"}  # told by agents, not stored
                 for name, row in rows_of(site).items()}
        assert again == rows, (again, rows)
        table = site.cli("resolvers").stdout
        assert table.splitlines()[0].startswith("NETWORK"), table
        assert len(table.splitlines()) == 4, table
        site.wait_connected()
        check_preflight(site, lab, rows)
        stop_well(site)


def test_shipped_configurations_are_right():
    with tempfile.TemporaryDirectory() as folder:
        for name in ("knot.conf", "nsd.conf", "named.conf"):
            with open(f"{folder}/{name}", "w", encoding="utf-8") as out:
                out.write(canary.shipped(name))
        checks = [["knotc", "-c", f"{folder}/knot.conf", "conf-check"],
                  ["nsd-checkconf", f"{folder}/nsd.conf"],
                  ["named-checkconf", "-z", f"{folder}/named.conf"]]
        for label in ("", "short", "end", "clock", "whoami", "prefetch"):
            origin = f"{label}.{ZONE}" if label else ZONE
            checks.append(["nsd-checkzone", origin,
                           f"{SHIPPED}/{label or 'canary'}.zone"])
        checks.append(["nsd-checkzone", canary.BOGUS_ZONE,
                       f"{SHIPPED}/bogus.zone"])
        for check in checks:
            done = subprocess.run(check, text=True, check=False,
                                  capture_output=True)
            assert done.returncode == 0, (check, done.stdout, done.stderr)
    # Those for PowerDNS differ by what it makes up, and by nothing else.
    assert [r for r in canary.records("canary-lua.zone") if " LUA " not in r] \
        == [r for r in canary.records("canary.zone") if "*.many" not in r]
    assert [r for r in canary.records("whoami-lua.zone") if " LUA " not in r] \
        == canary.records("whoami.zone")
