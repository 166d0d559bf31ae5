"""A zone that validators refuse, as deploy/canary has it: real resolvers that
validate, with extended errors and without, and one that does not."""
from deploy.lab import canary, networks, zones
from deploy.lab.ask import wait_until
from deploy.lab.canary import BOGUS_ZONE, ZONE, CanaryServer
from deploy.lab.lab import COLLECTOR_ADDRESS, Lab
from deploy.lab.programs import Site
from deploy.lab.resolvers import Bind, Kresd, PowerDns, Unbound
from deploy.lab.signing import Signer
from tests.lib.openapi import Description
from tests.lib.support import BIN, ESTIMATE, stop_well

MEASURE_S = 180


class ValidatingUnbound(Unbound):
    def __init__(self, name, folder, address, ds, options=()):
        super().__init__(name, folder, address, (
            'module-config: "validator iterator"', f'trust-anchor: "{ds}"',
            *options))


class ValidatingBind(Bind):
    def __init__(self, name, folder, address, ds):
        self.ds = ds
        super().__init__(name, folder, address)

    def _config(self):
        tag, algorithm, digest_type, digest = self.ds.split(maxsplit=6)[3:]
        anchor = (f'trust-anchors {{ "." static-ds {tag} {algorithm} '
                  f'{digest_type} "{digest}"; }};\n')
        return super()._config().replace("dnssec-validation no",
                                         "dnssec-validation yes") + anchor


class ValidatingPowerDns(PowerDns):
    def __init__(self, name, folder, address, ds, options=()):
        self.ds = ds
        super().__init__(name, folder, address, options)

    def _config(self):
        self._write("anchors.lua", f'''addTA(".", "{
            self.ds.split(" DS ")[1]}")\n''')
        return super()._config().replace("dnssec=off", "dnssec=validate") + (
            f"lua-config-file={self.folder}/anchors.lua\n")


class ValidatingKresd(Kresd):
    def __init__(self, name, folder, address, ds):
        super().__init__(name, folder, address,
                         (f"trust_anchors.add('{ds}')",))


def make(kind, name, number, *arguments):
    def made(folder):
        resolver = kind(name, f"{folder}/{name}", f"198.51.100.{number}",
                        *arguments)
        return networks.Network(name, resolver, [], f"203.0.113.{number}")
    return made


def rows_of(site):
    listing = site.api.must_get("/v1/resolvers")
    assert listing["bogus_zone"] == f"{BOGUS_ZONE}.", listing
    described = Description(site.api.must_get("/v1/openapi.json"))
    for row in listing["resolvers"]:
        described.check(row, described.named("Resolver"), row["network"])
    return {row["network"]: row for row in listing["resolvers"]}


OF_DNSSEC = tuple(range(5, 13))  # RFC 8914 sections 4.6 to 4.13
WANTED = {  # network -> bogus_answer, extended_errors, codes that fit
    "unbound-ede": ("servfail", "yes", OF_DNSSEC),
    "unbound": ("servfail", "no", (None,)),
    "bind": ("servfail", "no", (None,)),
    "pdns-ede": ("servfail", "yes", OF_DNSSEC),
    "kresd": ("servfail", "yes", OF_DNSSEC),
    "plain": ("answered", "unknown", (None,)),
}


def test_validators_refuse_the_bogus_zone():
    signer = Signer(".")
    ds = signer.ds()
    makes = [
        make(ValidatingUnbound, "unbound-ede", 10, ds, ("ede: yes",)),
        make(ValidatingUnbound, "unbound", 11, ds),
        make(ValidatingBind, "bind", 12, ds),
        make(ValidatingPowerDns, "pdns-ede", 13, ds,
             ("extended-resolution-errors=yes",)),
        make(ValidatingKresd, "kresd", 14, ds),
        make(Unbound, "plain", 15)]
    root = signer.sign(canary.delegated(zones.root_zone()))
    with Lab(makes, root=root, others=[CanaryServer]) as lab:
        site = Site(BIN, f"{lab.folder}/nxclear", listen=COLLECTOR_ADDRESS)
        lab.own(site.collector(estimate=ESTIMATE, canary={
            "zone": ZONE, "bogus_zone": BOGUS_ZONE, "count": 7}))
        for network in lab.networks:
            lab.own(site.agent(
                network.name, policy={"canary_zones": [ZONE, BOGUS_ZONE]},
                resolvers={"discover": False, "named": [
                    {"at": network.address}]}))
        site.start()
        wait_until(lambda: [r["state"] for r in rows_of(site).values()] ==
                   ["measured"] * len(lab.networks), MEASURE_S,
                   "all resolvers to be measured")
        rows = rows_of(site)
        print("# | resolver | bogus | EDE | code | says |\n# |---|---|---|---|---|")
        for network in lab.networks:
            row = rows[network.name]
            print(f"# | {network.resolver.describe()} | {row['bogus_answer']} "
                  f"| {row['extended_errors']} | {row['extended_error_code']} "
                  f"| {row['validates']} |", flush=True)
        for name, (answer, ede, codes) in WANTED.items():
            row = rows[name]
            assert (row["bogus_answer"], row["extended_errors"]) == (
                answer, ede) and row["extended_error_code"] in codes, row
        table = {line.split()[0]: line for line in
                 site.cli("resolvers").stdout.splitlines()}
        assert " yes " in table["bind"] and " no " in table["plain"], table
        stop_well(site)
