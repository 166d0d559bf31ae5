"""Real resolvers measured through the canary zones of deploy/canary, as NSD,
Knot DNS, BIND and PowerDNS serve them: what each daemon's profile says is what
was found of it (nxclear-estimator(7) 10 and 12), bogus zone and answers that
differ for each query included."""
from deploy.lab import canary, networks, zones
from deploy.lab.ask import ask, wait_until
from deploy.lab.canary import (CanaryNamed, CanaryNsd, CanaryPowerDns,
                               CanaryServer)
from deploy.lab.lab import COLLECTOR_ADDRESS, Lab
from deploy.lab.programs import COLLECTOR_PORT, Site
from deploy.lab.resolvers import Bind, Dnsdist, Dnsmasq, Unbound
from deploy.lab.signing import Signer
from tests.lib.openapi import Description
from tests.lib.support import ESTIMATE, PLAIN_BIN, stop_well
from tests.system.matrix.variants import (BindValidating, KresdValidating,
                                          PowerDnsValidating,
                                          UnboundValidating)

MEASURE_S = 180
AGAIN_S = 300
SERVERS = {  # parent of the canary zone -> its server
    "knot.example": (CanaryServer, "192.0.2.53"),
    "nsd.example": (CanaryNsd, "192.0.2.54"),
    "named.example": (CanaryNamed, "192.0.2.55"),
    "pdns.example": (CanaryPowerDns, "192.0.2.56"),
}


def make(kind, name, number, options=(), backends=(), **more):
    """backends: (kind, ...) of what it asks instead of the root."""
    def made(folder):
        behind = [of(f"{name}-{i}", f"{folder}/{name}-{i}",
                     f"198.51.100.{10 * number + i}")
                  for i, of in enumerate(backends, 1)]
        resolver = kind(name, f"{folder}/{name}",
                        f"198.51.100.{10 * number}", options, behind, **more)
        return networks.Network(name, resolver, behind,
                                f"203.0.113.{number + 10}")
    return made


def resolvers(ds):
    return [
        make(UnboundValidating, "unbound", 1, ("ede: yes",), ds=ds),
        make(Unbound, "unbound-prefetch", 2, ("prefetch: yes",)),
        make(Unbound, "unbound-serve-expired", 3, (
            "serve-expired: yes", "ede: yes", "ede-serve-expired: yes")),
        make(UnboundValidating, "unbound-without-ede", 4, ds=ds),
        make(BindValidating, "named", 5, ds=ds),
        make(PowerDnsValidating, "pdns_recursor", 6,
             ("extended-resolution-errors=yes",), ds=ds),
        make(KresdValidating, "kresd", 7, ds=ds),
        make(Dnsmasq, "dnsmasq", 8, ("stop-dns-rebind",),  # as OpenWrt does
             backends=(Bind,)),
        make(Dnsmasq, "dnsmasq-max-ttl", 9, ("max-ttl=60",), backends=(Bind,)),
        make(Dnsdist, "dnsdist", 10, backends=(Unbound, Unbound)),
        # Validates for those who ask for it.
        make(PowerDnsValidating, "pdns_recursor-process", 11,
             ("dnssec=process",), ds=ds),
    ]


ALL = {"floor_s": 1, "soa_shown": True, "counts_down": True, "rounding": "F",
       "past_ttl": "never", "refreshed_by_looking": False, "caches": 1,
       "chain": "own-address"}
VALIDATES = {"validates": "said", "bogus_answer": "servfail",
             "extended_errors": "yes"}
NOT = {"validates": "not-said", "bogus_answer": "answered",
       "extended_errors": "unknown"}
UNBOUND = {**ALL, "nxdomain_cap_s": 3600, "nodata_cap_s": 3600,
           "soa_clock": "shared-until-change", "rounding": "F0",
           "rd0": "refused"}
BIND = {**ALL, "nxdomain_cap_s": 10800, "nodata_cap_s": 10800,
        "soa_clock": "own", "rd0": "honoured"}
# What each daemon was found to do (nxclear-estimator(7) 10 and 12). RD=0 of
# dnsmasq is what its backend says, as caps are. It keeps back who asked, an
# address of these examples, and says so.
FOUND = {
    "unbound": {**UNBOUND, **VALIDATES},
    "unbound-prefetch": {**UNBOUND, **NOT, "refreshed_by_looking": True},
    "unbound-serve-expired": {**UNBOUND, **NOT, "past_ttl": "served",
                              "extended_errors": "yes"},
    "unbound-without-ede": {**UNBOUND, **VALIDATES, "extended_errors": "no"},
    "named": {**BIND, **VALIDATES, "extended_errors": "no"},
    "pdns_recursor": {**BIND, **VALIDATES, "nxdomain_cap_s": 3600,
                      "nodata_cap_s": 3600},
    "pdns_recursor-process": {**BIND, "nxdomain_cap_s": 3600,
                              "nodata_cap_s": 3600, "validates": "said",
                              "bogus_answer": "answered",
                              "extended_errors": "unknown"},
    "kresd": {**ALL, **VALIDATES, "nxdomain_cap_s": 86400,
              "nodata_cap_s": 86400, "floor_s": 5, "soa_clock": "own",
              "rd0": "refused", "rounding": "unknown", "past_ttl": "unknown",
              "refreshed_by_looking": True},
    "dnsmasq": {**BIND, **NOT, "soa_clock": "shared-renewed",
                "chain": "unknown", "extended_errors": "yes"},
    # Its TTL stands still: ends of it say nothing, only answers do.
    "dnsmasq-max-ttl": {**NOT, "caches": 1, "chain": "other-address",
                        "soa_shown": True, "soa_clock": "shared-renewed",
                        "rd0": "honoured"},
    # Two caches: what single looks show of them is left to chance, and in one
    # of 64 runs all look at one.
    "dnsdist": {**NOT, "nxdomain_cap_s": 3600,
                "nodata_cap_s": 3600, "floor_s": 1, "soa_shown": True,
                "counts_down": True, "rd0": "refused",
                "chain": "other-address"},
}
# Codes of RFC 8914 that fit (4.6 to 4.13).
CODES = (None, *range(5, 13))
# A look that a busy machine lost leaves its fields unknown, and never wrong.
# It is measured again then, a minute after the last time.
UNKNOWN = (None, "unknown")
FIELDS = tuple(FOUND["unbound"])


class Through(Site):
    """A collector with one of the canary zones, and an agent per network."""

    def __init__(self, lab, parent, number, names):
        super().__init__(PLAIN_BIN, f"{lab.folder}/nxclear-{parent}",
                         listen=COLLECTOR_ADDRESS,
                         port=COLLECTOR_PORT + number)
        self.parent = parent
        self.server = SERVERS[parent][0]
        zone, bogus_zone = f"canary.{parent}", f"bogus.{parent}"
        lab.own(self.collector(estimate=ESTIMATE, canary={
            "zone": zone, "bogus_zone": bogus_zone, "count": 7}))
        for name in names:
            lab.own(self.agent(name, policy={
                "canary_zones": [zone, bogus_zone]}, resolvers={
                    "discover": False,
                    "named": [{"at": lab.network(name).address}]}))

    def rows(self):
        listing = self.api.must_get("/v1/resolvers")
        assert listing["bogus_zone"] == f"bogus.{self.parent}.", listing
        return {row["network"]: row for row in listing["resolvers"]}

    def check_description(self):
        described = Description(self.api.must_get("/v1/openapi.json"))
        for network, row in self.rows().items():
            described.check(row, described.named("Resolver"), network)

    def measured(self):
        rows = self.rows()
        return len(rows) == len(self.agents) and all(
            row["state"] == "measured" for row in rows.values())

    def cells(self):
        """[(name, row, a cell for each field)]"""
        told = []
        for name, row in sorted(self.rows().items()):
            found = dict(FOUND[name])
            if not self.server.whoami:
                found["chain"] = "unknown"
            told.append((name, row, [cell(field, found, row)
                                     for field in FIELDS]))
        return told

    def known(self):
        """Is nothing unknown? Else it is measured again."""
        lost = [(name, row["state"]) for name, row, cells in self.cells()
                if any(unknown for *_, unknown in cells)]
        for name, state in lost:
            if state == "measured":
                status, said = self.api.request(
                    "POST", "/v1/resolvers/measure", {"network": name})
                assert status in (202, 429), (status, said)  # 429: just tried
        return not lost and self.measured()


def agrees(field, found, row):
    """Caps may be some seconds old: names share a SOA in some. A lost answer to
    what is floored is one of a second later."""
    got = row[field]
    if field == "floor_s":
        return got is not None and found - 1 <= got <= found
    if field.endswith("_cap_s"):
        return got is not None and found - 5 <= got <= found
    return got == found


def cell(field, found, row):
    """(text, is it wrong?, is it unknown?)"""
    got = row[field]
    if field not in found:
        return f"({got})", False, False
    if agrees(field, found[field], row):
        return str(got), False, False
    return f"{got}, not {found[field]}", got not in UNKNOWN, got in UNKNOWN


def check(through):
    """The table; in brackets what is left to chance."""
    print("# measured, as found before but where it says not\n"
          f"# | daemon | canary zone by | {' | '.join(FIELDS)} |\n"
          f"# |{'---|' * (len(FIELDS) + 2)}")
    wrong, behind_dnsdist = [], []
    for site in through:
        site.check_description()
        for name, row, cells in site.cells():
            texts = " | ".join(text for text, _wrong, _unknown in cells)
            print(f"# | {name} | {site.server.software} | {texts} |",
                  flush=True)
            wrong += [name for _text, bad, _unknown in cells if bad]
            assert row["extended_error_code"] in CODES, row
            if name == "dnsdist":
                behind_dnsdist.append(row["caches_at_least"] or 0)
    assert not wrong, wrong
    assert max(behind_dnsdist) == 2, behind_dnsdist


def check_unique():
    """What README.md has the operator try."""
    address = SERVERS["pdns.example"][1]
    replies = [ask(address, "x.many.canary.pdns.example", rd=False)
               for _ in range(8)]
    answers = {reply.rdata[0] for reply in replies if reply}
    assert len(answers) >= 5, replies


def test_each_server_shows_what_daemons_do():
    signer = Signer(".")
    root = signer.sign(canary.delegated(zones.root_zone(), *(
        (parent, address) for parent, (_kind, address) in SERVERS.items())))
    others = [kind.at(parent, address)
              for parent, (kind, address) in SERVERS.items()]
    with Lab(resolvers(signer.ds()), root=root, others=others) as lab:
        check_unique()
        still = "dnsmasq-max-ttl"
        names = {parent: ["unbound", "dnsdist"] for parent in SERVERS}
        names["knot.example"] = [n for n in FOUND if n != still]
        names["pdns.example"].append(still)
        through = [Through(lab, parent, number, names[parent])
                   for number, parent in enumerate(SERVERS)]
        for site in through:
            site.start()
        wait_until(lambda: all(site.measured() for site in through), MEASURE_S,
                   "all resolvers to be measured")
        try:
            wait_until(lambda: all([site.known() for site in through]),
                       AGAIN_S, "what was lost to be measured")
        finally:
            check(through)
        for site in through:
            stop_well(site)
