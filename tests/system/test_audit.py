"""The audit of the name servers: a fault is planted in real ones (NSD, Knot
DNS), and each is told by its tag. A table of them, with the time it took and
what of ours could have planted a denial (nothing)."""
import datetime
import subprocess
import time
from dataclasses import replace

import dns.rcode
import dns.rdatatype

from deploy.lab import networks, zones
from deploy.lab.ask import PATIENCE_S, ask, wait_until
from deploy.lab.authority import Knot, Nsd
from deploy.lab.lab import Lab
from deploy.lab.namespace import add_addresses, rules_before_local
from deploy.lab.signing import Signer, with_soa_ttl
from tests.lib.capture import Capture
from tests.lib.guard import WATCH_S, caches_of, planting
from tests.lib.support import (AUDITOR, QUICK_AUDITOR, Skip, open_incident,
                               post_incident, site_in, wait_status)
from tests.system.matrix.servers import Odd

FOUND_S = 90
SILENT_S = 5
LOWERED_S = 7
V6_ADDRESS = "2001:db8::14"
V6_SERVER = (f"{zones.ZONE}. 3600 IN NS ns3.{zones.ZONE}.",
             f"ns3.{zones.ZONE}. 3600 IN AAAA {V6_ADDRESS}")
FIRST_ADDRESS, SECOND_ADDRESS = "192.0.2.21", "192.0.2.22"
NARROW_ADDRESS = "192.0.2.23"  # large answers do not come from there over UDP
SIZES = ("512", "1232", "4096")
NARROW = {  # how the keys come
    f"{FIRST_ADDRESS}@53": dict(zip(SIZES, ("tcp", "whole", "whole"))),
    f"{NARROW_ADDRESS}@53": dict(zip(SIZES, ("tcp", "lost", "lost")))}
DEEP = f"a.b.{zones.ZONE}"
ORPHAN_ADDRESS = "192.0.2.14"  # serves com, and knows nothing of the zone


def nft(rules):
    subprocess.run(["nft", rules], check=True)


def tags(document):
    return {f["tag"] for f in document["authority"]["audit"]}


def audited(document):
    """Every server has been asked everything, and what it said judged."""
    authority = document["authority"]
    return authority["total"] > 0 and \
        authority["audited"] == authority["total"] and \
        "pending" not in {s["state"] for s in authority["servers"]}


class Plant:
    """The zone of one fault, on two servers of it."""

    def __init__(self, label):
        self.zone = f"{label.replace('_', '-')}.com"
        self.name = f"www.{self.zone}"
        self.second = SECOND_ADDRESS
        self.signer = Signer(f"{self.zone}.")

    def delegation(self):
        return (f"{self.zone}. 3600 IN NS ns1.{self.zone}.",
                f"{self.zone}. 3600 IN NS ns2.{self.zone}.",
                f"ns1.{self.zone}. 3600 IN A {FIRST_ADDRESS}",
                f"ns2.{self.zone}. 3600 IN A {self.second}")

    def there(self, *lines, serial=1, **times):
        """With the record; and these."""
        return self.without(
            f"{self.name}. 5 IN A {zones.RECORD_ADDRESS}", *lines,
            serial=serial, **times)

    def without(self, *lines, serial=1, negative_ttl=zones.NEGATIVE_TTL_S):
        return zones.Zone(
            f"{self.zone}.", serial, (*self.delegation(), *lines),
            soa_ttl=negative_ttl, minimum=negative_ttl,
            primary=f"ns1.{self.zone}.")

    def signed(self, **times):
        return self.signer.sign(self.there(), **times)

    def twice(self, zone, *parent_lines):
        """The same on both servers."""
        return (zone, zone, *parent_lines)


# fault -> (what is served, the tags it must show). It gives the zone of the
# first server, of the second, and what the parent has beside the delegation.
FAULTS = {}


def fault(*expected):
    def register(function):
        FAULTS[function.__name__] = (function, set(expected))
        return function
    return register


@fault("STILL_NEGATIVE", "SERIAL_MISMATCH")
def secondary_still_denies(p):
    return p.there(serial=2), p.without()


@fault("NSEC3_ITERATIONS")
def denies_with_iterations(p):
    """Though the name itself is there."""
    return p.twice(p.signer.sign(p.there(), nsec3=True), p.signer.ds())


@fault("DENIAL_TTL_LONG")
def denial_outlives_the_negative_ttl(p):
    """The SOA's TTL is lower than that of the NSEC records."""
    zone = with_soa_ttl(p.signer.sign(p.there()), 10)
    return p.twice(zone, p.signer.ds())


@fault("STILL_NEGATIVE", "NEGATIVE_TTL_LONG")
def negative_ttl_of_two_days(p):
    return p.twice(p.without(negative_ttl=172800))


@fault()
def sound_and_signed(p):
    return p.twice(p.signed(), p.signer.ds().replace(" IN DS ",
                                                     " 7200 IN DS "))


@fault("SERIAL_MISMATCH")
def secondary_lags(p):
    return p.there(serial=2), p.there()


@fault("OTHER_ANSWER", "SERIAL_MISMATCH")
def secondary_has_another_record(p):
    return p.there(serial=2), p.without(f"{p.name}. 5 IN A 192.0.2.81")


@fault("NS_SET_DIFFERS")
def zone_names_another_server(p):
    return p.twice(p.there(f"{p.zone}. 3600 IN NS ns3.{p.zone}.",
                           f"ns3.{p.zone}. 3600 IN A {SECOND_ADDRESS}"))


@fault("GLUE_DIFFERS")
def parent_has_an_address_too_many(p):
    return p.twice(p.there(), f"ns2.{p.zone}. 3600 IN A {FIRST_ADDRESS}")


@fault("NS_SET_DIFFERS", "NS_NO_ADDRESS", "GLUE_MISSING")
def parent_names_one_without_address(p):
    return p.twice(p.there(), f"{p.zone}. 3600 IN NS gone.{p.zone}.")


@fault("DS_WITHOUT_KEY")
def ds_of_another_key(p):
    return p.twice(p.signed(), Signer(f"{p.zone}.").ds())


@fault("KEY_WITHOUT_DS")
def signed_without_a_ds(p):
    return p.twice(p.signed())


@fault("DS_WITHOUT_KEY", "NOT_SIGNED")
def unsigned_below_a_ds(p):
    return p.twice(p.there(), p.signer.ds())


@fault("DS_WITHOUT_KEY", "NOT_SIGNED", "DNSKEY_DIFFERS")
def one_server_unsigned(p):
    return p.signed(), p.there(), p.signer.ds()


@fault("LARGE_ANSWERS_LOST")
def large_answers_do_not_arrive(p):
    """Keys of RSA take more than 512 octets."""
    p.second = NARROW_ADDRESS
    p.signer = Signer(f"{p.zone}.", ("-a", "8", "-b", "2048"))
    return p.twice(p.signed(), p.signer.ds())


@fault("SIGNATURE_EXPIRED")
def signatures_ended(p):
    return p.twice(p.signed(start="20200101000000", end="20200201000000"),
                   p.signer.ds())


@fault("SIGNATURE_ENDS_SOON")
def signatures_end_soon(p):
    return p.twice(p.signed(end="now+3600"), p.signer.ds())


@fault("SIGNATURE_NOT_YET")
def signatures_of_tomorrow(p):
    return p.twice(p.signed(start="now+86400", end="now+2592000"),
                   p.signer.ds())


@fault("WILDCARD")
def a_wildcard_beside_the_name(p):
    return p.twice(p.there(f"*.{p.zone}. 60 IN A 192.0.2.99"))


@fault("WILDCARD")
def a_wildcard_alias_out_of_the_zone(p):
    return p.twice(p.there(f"*.{p.zone}. 60 IN CNAME www.example.net."))


@fault("ALIAS_OUT_OF_ZONE")
def an_alias_out_of_the_zone(p):
    return p.twice(p.without(f"{p.name}. 5 IN CNAME www.example.net."))


class Many:
    """Serves all these zones; the first is asked whether it runs."""
    again = "zone:\n"  # before each

    def __init__(self, name, folder, address, many):
        self.many = many
        super().__init__(name, folder, address, many[0])

    def _config(self):
        head, one = super()._config().split("zone:\n")
        return head + "zone:\n" + self.again.join(
            one.replace(f'"{self.zone.origin}"', f'"{z.origin}"')
            .replace('"zone"', f'"{self._file(z)}"') for z in self.many)

    def _file(self, zone):
        path = f"{zone.origin}zone"
        self._write(path, zone.file_text)
        return path


class ManyNsd(Many, Nsd):
    pass


class ManyKnot(Many, Knot):
    """... at one more address, to which the way is narrow."""
    again = ""

    def _config(self):
        listen = f"  listen: {self.address}@53\n"
        return super()._config().replace(
            listen, listen + f"  listen: {NARROW_ADDRESS}@53\n")


def told_whole(name, document):
    """One query that was lost is not taken for a server's way."""
    servers = document["authority"]["servers"]
    if name == "large_answers_do_not_arrive":
        return {s["address"]: s["sizes"] for s in servers} == NARROW
    return name != "sound_and_signed" or all(
        s["tcp"] is not None and s["edns"] is not None
        and set(s["sizes"].values()) == {"whole"} for s in servers)


def check_ttls(authority):
    """What caches may hold, of a delegation that is signed."""
    times = {key: authority[key] for key in (
        "ns_ttl_s", "zone_ns_ttl_s", "ds_ttl_s", "dnskey_ttl_s",
        "record_ttl_s")}
    assert all(isinstance(s, int) and s > 0 for s in times.values()), times
    assert authority["signatures_end"] > authority["seen"], authority


def check_servers(authority):
    """What was found out about each server itself."""
    for server in authority["servers"]:
        facts = {k: server[k] for k in ("aa", "tcp", "edns", "sizes",
                                        "negative_ttl_s", "ns")}
        zone = "sound-and-signed.com."
        assert facts == {
            "aa": True, "tcp": True, "edns": True,
            "sizes": dict.fromkeys(SIZES, "whole"),
            "negative_ttl_s": zones.NEGATIVE_TTL_S,
            "ns": [f"ns1.{zone}", f"ns2.{zone}"]}, server


def preflight(site, name, wanted):
    """Has it all of that? A busy name server may be silent for once."""
    said = site.cli("preflight", name, check=False, timeout=90).stdout
    return all(line in said for line in wanted)


def traps_of_a_signed_zone(site, plant):
    """Preflight: what caches may hold of the delegation and of its keys."""
    lines = ("delegation  NS TTL at the parent 1 h: so long",
             "            and in the zone 1 h; keep them",
             "dnssec      DS TTL 2 h: a new DS must be out so long before",
             "dnssec      DNSKEY TTL 5 s: a new key must be published so long",
             "dnssec      the first signature ends ", "(in 13 d")
    wait_until(lambda: preflight(site, plant.name, lines), PATIENCE_S,
               "the traps of a signed zone")
    print("# | preflight of a signed zone | NS, DS, DNSKEY TTL, signatures |",
          flush=True)


def tell_all(site, incidents):
    """The documents, once each has the tags that it must have."""
    began = time.monotonic()
    documents = {}

    def look():
        for name in incidents.keys() - documents.keys():
            document = site.api.status(incidents[name])
            expected = FAULTS[name][1]
            if audited(document) and tags(document) == expected and \
                    told_whole(name, document):
                documents[name] = document
                print(f"# | {name} | {' '.join(sorted(expected)) or '-'} | "
                      f"{time.monotonic() - began:.1f} |", flush=True)
        return len(documents) == len(incidents)
    try:
        wait_until(look, FOUND_S, "the faults to be told")
    except TimeoutError as error:
        raise AssertionError((str(error), [
            (name, sorted(FAULTS[name][1]), site.api.status(i)["authority"])
            for name, i in incidents.items() if name not in documents])
            ) from error
    return documents


def planted(capture, lab, plant, denied):
    """Where a server denies, any question; else those of ours for names
    beside. And every denial of the name that a cache was given."""
    caches = caches_of(lab)
    apex = (plant.zone, dns.rdatatype.NS)
    asked = [q for q in capture.select() if q.name.endswith(plant.zone)
             and (q.name, q.rdtype) != apex
             and (q.destination in caches and (denied or q.name != plant.name)
                  or q.source in caches and denied)]
    return asked + capture.select(
        answers=True, rcode=dns.rcode.NXDOMAIN, name=plant.name,
        destination=caches)


def test_faults_are_told_by_their_tags():
    plants = {name: Plant(name) for name in FAULTS}
    served = [plant(plants[name]) for name, (plant, _tags) in FAULTS.items()]
    first, second = ([s[i] for s in served] for i in (0, 1))
    at_parent = [line for p in plants.values() for line in p.delegation()] + \
        [line for s in served for line in s[2:]]
    add_addresses([NARROW_ADDRESS])
    # What is dropped on its way out takes others of Knot's batch with it.
    nft("table ip sizes { chain in { type filter hook input priority 0; "
        f"ip saddr {NARROW_ADDRESS} udp sport 53 meta length > 560 drop; "
        "}; }")
    with Capture() as capture, Lab([networks.bind], others=[
            lambda f: ManyNsd("first-nsd", f"{f}/first", FIRST_ADDRESS, first),
            lambda f: ManyKnot("second-knot", f"{f}/second", SECOND_ADDRESS,
                               second)]) as lab, \
            site_in(lab, auditor=QUICK_AUDITOR) as site:
        lab.tld.publish(lab.tld.zone.with_(*at_parent))
        incidents = {name: post_incident(site, p.name, "A",
                                         zones.RECORD_ADDRESS)
                     for name, p in plants.items()}
        print("# | fault | findings | seconds |\n# |---|---|---|")
        documents = tell_all(site, incidents)
        check_ttls(documents["sound_and_signed"]["authority"])
        check_servers(documents["sound_and_signed"]["authority"])
        # A wrong program would ask the cache now. Where all is well it is asked
        # (the control: such questions happen, the capture sees them).
        time.sleep(WATCH_S)
        sound = plants["sound_and_signed"]
        wait_until(lambda: capture.select(
            name=sound.name, destination=lab.networks[0].address),
            PATIENCE_S, "the cache to be asked")
        found = [q for name, p in plants.items() for q in planted(
            capture, lab, p, "STILL_NEGATIVE" in FAULTS[name][1])]
        print(f"# planted denials: {len(found)}", flush=True)
        assert not found, found
        traps_of_a_signed_zone(site, sound)


def told(site, incident, tag, advice, server=None, detail=""):
    """Until that is found (at that address); with what to do."""
    def there(document):
        return [f for f in document["authority"]["audit"]
                if f["tag"] == tag and detail in f["detail"] and
                (server is None or f["server"] == f"{server}@53")]
    document = wait_status(site, incident, there, FOUND_S, f"{tag} to be told")
    finding = there(document)[0]
    assert advice in finding["advice"], finding
    print(f"# | {tag} | {finding['detail']} |", flush=True)
    return document


def stops_at_an_alias(site, incident, address):
    """Neither the record nor a denial: it proves nothing, and is told."""
    document = wait_status(
        site, incident, lambda d: "ALIAS_UNFOLLOWED" in tags(d), FOUND_S,
        "the alias to be told")
    finding, = [f for f in document["authority"]["audit"]
                if f["tag"] == "ALIAS_UNFOLLOWED"]
    assert finding["server"].startswith(address), finding
    assert "an alias to a name of its own zone" in finding["detail"], finding
    assert "open the incident for the alias" in finding["advice"], finding


def answers_with_nothing(lab, site, incident):
    """Resolvers take that for NODATA, with AA or without: it is a denial."""
    facts = {"serial": 1, "soa_ttl": 60, "minimum": 60,
             "names": {f"ns1.{zones.ZONE}.": lab.ns1.address},
             "aliases": {f"{zones.NAME}.": f"app.{zones.ZONE}."}}
    bare = lab.own(Odd("ns2-bare", f"{lab.folder}/bare", lab.ns2.address,
                       {f"{zones.ZONE}.": facts}))
    bare.start().wait_ready()
    stops_at_an_alias(site, incident, lab.ns2.address)
    del facts["aliases"]

    def seen_at(server):
        return datetime.datetime.fromisoformat(server["seen"]).timestamp()

    def told(document):
        return [f for f in document["authority"]["audit"]
                if f["tag"] == "STILL_NEGATIVE"]
    for empty in (True, "plain"):
        bare.zones[f"{zones.ZONE}."]["empty"] = empty
        bare.publish()
        since = time.time() + 0.1  # nothing older is under way
        document = wait_status(
            site, incident, lambda d, t=since: told(d) and any(
                s["address"].startswith(lab.ns2.address) and seen_at(s) > t
                for s in d["authority"]["servers"]),
            FOUND_S, f"the empty answer to be told ({empty})")
        finding, = told(document)
        assert finding["server"].startswith(lab.ns2.address), finding
        assert "an empty answer" in finding["detail"], finding
        assert "load the present zone" in finding["advice"], finding
        assert not document["authority"]["verified"], document["authority"]
    return bare


class Unloaded(Knot):
    """Has the zone in its configuration, and no file that it can load."""

    def _write(self, name, text):
        super()._write(name, "nothing\n" if name == "zone" else text)

    def _serves(self):
        self.daemon.must_run()
        reply = ask(self.address, self.zone.origin, "SOA", timeout=0.5,
                    rd=False)
        return reply is not None and reply.rcode == "SERVFAIL"


def serves_another_zone(lab):
    return Knot("lame-knot", f"{lab.folder}/lame", lab.ns2.address,
                zones.Zone("elsewhere.example.", 1, (
                    "elsewhere.example. 60 IN NS ns.elsewhere.example.",
                    "ns.elsewhere.example. 60 IN A 192.0.2.12")))


def cannot_load_it(lab):
    return Unloaded("unloaded-knot", f"{lab.folder}/unloaded",
                    lab.ns2.address, lab.ns2.zone)


def does_not_serve_the_zone(lab, site, incident):
    """Real servers at the address of one that parent and zone name."""
    for make, rcode in ((serves_another_zone, "REFUSED"),
                        (cannot_load_it, "SERVFAIL")):
        server = lab.own(make(lab))
        server.start().wait_ready()

        def told(document, rcode=rcode):
            return [f for f in document["authority"]["audit"]
                    if f["tag"] == "NS_LAME" and f["server"]
                    and f"({rcode})" in f["detail"]]
        document = wait_status(site, incident, told, FOUND_S,
                               f"the lame server to be told ({rcode})")
        finding, = told(document)
        assert finding["server"] == f"{lab.ns2.address}@53", finding
        assert "ns2.example.com" in finding["detail"], finding
        assert "make this server serve the zone" in finding["advice"], finding
        assert finding["severity"] == "error", finding
        print(f"# | lame ({rcode}) | NS_LAME | {finding['detail']} |",
              flush=True)
        server.stop()


def denies_a_name_above(lab, site, bare):
    """It has a name two labels down, and not the one between; and no EDNS.
    Returns the incident, which goes on."""
    facts = bare.zones[f"{zones.ZONE}."]
    facts.update(edns=False, empty=False)
    facts["names"].update({
        f"{n}.": zones.RECORD_ADDRESS for n in (zones.NAME, DEEP)})
    bare.publish()
    lab.ns1.publish(lab.ns1.zone.with_(zones.record(name=DEEP)))
    incident = open_incident(site, name=DEEP)
    told(site, incident, "NO_EDNS", "let this server answer EDNS",
         bare.address)
    document = told(site, incident, "NAME_ABOVE_DENIED",
                    "resolvers may ask for it first", bare.address,
                    f"that b.{zones.ZONE}. does not exist")
    assert not document["authority"]["verified"], document["authority"]
    return incident


def zone_is_not_reached(lab, site, incident):
    lab.tld.stop()
    told(site, incident, "ZONE_NOT_REACHED",
         "check the delegation from the parent down")
    lab.tld.start().wait_ready()


def parent_denies(lab, site):
    """The TLD gets a second server, to which nobody told the delegation."""
    lab.root.publish(lab.root.zone.with_(
        "com. 3600 IN NS b.tld.example.",
        f"b.tld.example. 3600 IN A {ORPHAN_ADDRESS}"))
    incident = open_incident(site)  # a walk that does not know it yet
    document = told(site, incident, "PARENT_DENIES",
                    "have this server of the parent serve the delegation",
                    ORPHAN_ADDRESS, f"that {zones.ZONE}. does not exist")
    assert not document["authority"]["verified"], document["authority"]
    site.cli("incident", "close", str(incident))


def server_leaves_the_set(lab, site, incident, bare):
    for server in (lab.tld, lab.ns1):
        zone = server.zone
        server.publish(type(zone)(**{
            **zone.__dict__, "serial": zone.serial + 1, "records": tuple(
                r for r in zone.records if f"ns2.{zones.ZONE}" not in r)}))
    document = told(site, incident, "NS_SET_CHANGED",
                    "keep them answering with the present zone")
    assert [s["address"] for s in document["authority"]["old_servers"]] == \
        [f"{bare.address}@53"], document["authority"]


def auditor_falls_silent(site, incident, left):
    """Nobody asks the server that left any more, either."""
    next(a for a in site.agents if a.role == "authority").daemon.kill()
    document = told(site, incident, "AUDITOR_SILENT",
                    "look after the authority agent")
    assert document["authority"]["silent"], document["authority"]
    told(site, incident, "OLD_SERVER_UNSEEN",
         "check that an authority agent can ask this old server", left.address)


def orphan(folder):
    base = zones.tld_zone()
    return Nsd("orphan-nsd", f"{folder}/orphan", ORPHAN_ADDRESS,
               replace(base, records=base.records[:1]))


def no_tcp(lab, site):
    """It answers by UDP, and its SYN/ACKs are lost: no more than that is told.
    """
    cut = f"pref 10 from {lab.ns2.address} ipproto tcp sport 53 blackhole"
    rules_before_local()
    subprocess.run(["ip", "rule", "add", *cut.split()], check=True)
    incident = open_incident(site)
    document = wait_status(
        site, incident, lambda d: audited(d) and tags(d) == {"NO_TCP"},
        FOUND_S, "the server without TCP to be told")
    finding, = document["authority"]["audit"]
    assert finding["server"].startswith(f"{lab.ns2.address}@53"), finding
    site.cli("incident", "close", str(incident))
    subprocess.run(["ip", "rule", "del", *cut.split()], check=True)


def test_servers_that_do_not_serve():
    with Lab([], others=[orphan]) as lab, \
            site_in(lab, silent_after_s=SILENT_S) as site:
        no_tcp(lab, site)
        lab.ns2.stop()
        incident = open_incident(site)
        document = wait_status(
            site, incident, lambda d: {"NS_SILENT", "NO_TCP"} <= tags(d),
            FOUND_S, "the silent server to be told")
        silent = [f for f in document["authority"]["audit"]
                  if f["tag"] == "NS_SILENT"]
        assert len(silent) == 1, silent
        assert silent[0]["server"].startswith(lab.ns2.address), silent
        assert "ns2.example.com" in silent[0]["detail"], silent
        assert "take it out of the NS sets" in silent[0]["advice"], silent
        said = site.cli("status", str(incident), check=False).stdout
        assert "ns2.example.com" in said, said
        assert lab.ns1.address not in silent[0]["detail"]
        does_not_serve_the_zone(lab, site, incident)
        bare = answers_with_nothing(lab, site, incident)
        site.cli("incident", "close", str(incident))
        incident = denies_a_name_above(lab, site, bare)
        zone_is_not_reached(lab, site, incident)
        server_leaves_the_set(lab, site, incident, bare)
        parent_denies(lab, site)
        auditor_falls_silent(site, incident, bare)


def on_ipv6(folder):
    """Named by the parent and the zone, with an address of IPv6 alone."""
    return Knot("ns3-knot", f"{folder}/ns3", V6_ADDRESS,
                zones.leaf_zone().with_(*V6_SERVER).without(f"{zones.NAME}."))


def has_ipv6():
    try:
        add_addresses([V6_ADDRESS])
    except subprocess.CalledProcessError:
        return False
    return True


def denied_by_ipv6(site, incident):
    document = wait_status(
        site, incident, lambda d: audited(d) and tags(d) >= {
            "STILL_NEGATIVE", "SERIAL_MISMATCH"} and "NO_TCP" not in tags(d)
        and [s["state"] for s in d["authority"]["servers"]].count("good") == 2,
        FOUND_S,
        "the server that IPv6 reaches to deny")
    finding, = [f for f in document["authority"]["audit"]
                if f["tag"] == "STILL_NEGATIVE"]
    assert finding["server"] == f"[{V6_ADDRESS}]@53", finding
    states = {s["address"]: s["state"]
              for s in document["authority"]["servers"]}
    assert states.pop(f"[{V6_ADDRESS}]@53") == "denies", states
    assert set(states.values()) == {"good"} and len(states) == 2, states
    print(f"# | denied by IPv6 | {finding['detail']} |", flush=True)


def one_place_is_not_enough(lab, site, incident, capture):
    """Two are wanted: the guard stays shut with the word of one."""
    began = time.time()
    document = wait_status(
        site, incident, lambda d: d["authority"]["state"] == "restored",
        FOUND_S, "all name servers to be good")
    time.sleep(WATCH_S)
    document = site.api.status(incident)
    assert not document["authority"]["verified"], document["authority"]
    planted = planting(capture, lab, began)
    assert not planted, planted
    second = lab.own(site.agent(
        "elsewhere", "auditor-2", "authority", resolvers={"discover": False},
        authority={"root_hints": lab.root_hints, **AUDITOR}))
    second.accept()
    second.start()
    document = wait_status(
        site, incident, lambda d: d["authority"]["verified"], FOUND_S,
        "the second place to verify it, too")
    assert document["authority"]["verified_from"] == 2, document["authority"]
    wait_until(lambda: capture.select(
        began, name=zones.NAME, destination=lab.networks[0].address),
        PATIENCE_S, "the cache to be asked")
    print("# | one place of two | guard shut, planted 0; opened by the second "
          "|", flush=True)


def negative_ttl_in_time(lab, site, incident):
    """What was lowered during the incident is told with its times."""
    before, = site.api.status(incident)["negative"]["history"]
    assert before["ttl_s"] == zones.NEGATIVE_TTL_S, before
    for server in (*lab.servers, *lab.others):
        zone = server.zone.with_()
        server.publish(type(zone)(**{**zone.__dict__, "minimum": LOWERED_S}))
    document = wait_status(
        site, incident, lambda d: [w["ttl_s"] for w in d["negative"]["history"]]
        == [zones.NEGATIVE_TTL_S, LOWERED_S], FOUND_S,
        "the lowered negative TTL to be told")
    first, last = document["negative"]["history"]
    assert first == before and first["from"] < last["from"], document
    said = site.cli("status", str(incident), check=False).stdout
    line = next(l for l in said.splitlines() if l.startswith("negative "))
    assert f"; sent: {LOWERED_S} s from " in line and \
        f", {zones.NEGATIVE_TTL_S} s from " in line, line
    print(f"# | {line} |", flush=True)


def test_ipv6_and_two_places():
    v6 = has_ipv6()
    with Capture() as capture, Lab(
            [networks.bind], others=[on_ipv6] if v6 else []) as lab, \
            site_in(lab, vantages=2) as site:
        began = time.time()
        if v6:
            for server in lab.servers:
                server.publish(server.zone.with_(*V6_SERVER))
            lab.tld.publish(lab.tld.zone.with_(*V6_SERVER))
        incident = open_incident(site)
        if v6:
            denied_by_ipv6(site, incident)
            planted = planting(capture, lab, began)
            assert not planted, planted
            lab.others[0].publish(lab.ns1.zone)
        one_place_is_not_enough(lab, site, incident, capture)
        negative_ttl_in_time(lab, site, incident)
    if not v6:
        raise Skip("no IPv6 here: the server that it reaches was left out")


def test_audit_and_preflight_ask_no_resolver():
    """And waits for no settle time: a dead server is told before that."""
    with Capture() as capture, Lab([networks.bind]) as lab, \
            site_in(lab, settle_s=600) as site:
        lab.remove_record()
        began = time.time()
        audit = site.cli("audit", zones.NAME, "--timeout", "60s",
                         check=False, timeout=90)
        assert audit.returncode == 2, audit
        assert "STILL_NEGATIVE" in audit.stdout, audit
        assert "do: load the present zone" in audit.stdout, audit
        lab.restore_record()

        def good():
            """A busy name server may be silent for once."""
            said = site.cli("audit", zones.NAME, "A", "--timeout", "60s",
                            "--expect", f"A={zones.RECORD_ADDRESS}",
                            check=False, timeout=90).stdout
            return f"NS set of {lab.ns1.address}@53: ns1.example.com ns2" \
                in said and "yes  yes  yes" in said and "no findings" in said \
                and said.count(" good ") == 2
        wait_until(good, PATIENCE_S, "an audit without findings")
        cost = site.cli("preflight", zones.NAME)
        assert f"TTL {zones.NEGATIVE_TTL_S} s" in cost.stdout, cost
        assert "ACCIDENT" in cost.stdout and "short enough" in cost.stdout
        assert not capture.select(began, name=zones.NAME,
                                  destination=lab.networks[0].address)
        listed = site.cli("incident", "list").stdout
        assert listed.count("preflight") == 1, listed
        # All are over, and none is the one open incident.
        assert site.cli("status", check=False).returncode == 3
        lab.ns2.stop()
        audit = site.cli("audit", zones.NAME, "--timeout", "60s",
                         check=False, timeout=90)
        assert audit.returncode == 2, audit
        assert "NS_SILENT" in audit.stdout, audit
        assert f"{lab.ns2.address}@53 gives no answer of use" in \
            audit.stdout, audit
        assert "set aside" not in audit.stdout, audit


def test_audit_without_an_authority_agent():
    with Lab([]) as lab, site_in(lab, auditor=False) as site:
        audit = site.cli("audit", zones.NAME, "--timeout", "1s", check=False)
        assert audit.returncode == 3, audit
        assert "--role authority" in audit.stderr, audit
        incident = open_incident(site, restored="now")
        document = wait_status(site, incident, tags, FOUND_S,
                               "the declaration to be told")
        finding, = document["authority"]["audit"]
        assert finding["tag"] == "DECLARED_ONLY", finding
        assert "start an authority agent" in finding["advice"], finding
