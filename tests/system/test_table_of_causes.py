"""Every cause beside the others in one outage, on real daemons, each at an
address of its own that one agent asks: what is said of it, how soon, and that
nothing of ours could have planted a denial."""
import os
import time
from dataclasses import replace

import dns.rdatatype

from deploy.lab import zones
from deploy.lab.ask import ask, wait_until
from deploy.lab.authority import Nsd
from deploy.lab.lab import Lab
from deploy.lab.signing import Signer
from tests.lib.capture import Capture
from tests.lib.guard import caches_of, could_plant
from tests.lib.support import (authority_state, network_row, open_incident,
                               site_in, wait_status)
from tests.system.matrix.variants import (REWRITTEN_ADDRESS, Bind, Networks,
                                          PowerDns, PowerDnsRewriting,
                                          Refusing, Unbound, UnboundPolicy,
                                          UnboundValidating)

NEAR = f"near.{zones.ZONE}"     # an alias of the name
ABOVE = f"b.{zones.ZONE}"       # there while there is something below it
DEEP = f"a.{ABOVE}"
LAME_SERVER = "192.0.2.13"      # refuses what it does not serve
LAME_NAME = f"ns3.{zones.ZONE}"  # in the NS set of parent and zone
OLD_PARENT = "192.0.2.14"       # knows nothing of the delegation
OLD_ADDRESS = "192.0.2.99"
OLD_TTL_S = 900     # it outlives the test, and so do denials
FOUND_S = 40


class OwnView(Bind):
    """Serves the zone itself, as inside a company."""
    records = ()

    def _config(self):
        zone = replace(zones.leaf_zone(), serial=7)
        zone = zone.without(f"{zones.NAME}.").with_(*self.records)
        path = os.path.join(self.folder, "view.zone")
        with open(path, "w", encoding="ascii") as out:
            out.write(zone.file_text)
        return super()._config() + \
            f'zone "{zones.ZONE}" {{ type primary; file "{path}"; }};\n'


class OtherView(OwnView):
    records = (zones.record(OLD_ADDRESS, ttl=60),)


OTHER_KEY = Signer(f"{zones.ZONE}.").ds()


def validating(*arguments):
    """Trusts a key that the zone is not signed with, as the parent does."""
    return UnboundValidating(*arguments, ds=OTHER_KEY)


class Misled(Unbound):
    """Has the servers of a zone from its configuration."""
    zone, server = zones.ZONE, LAME_SERVER

    def _config(self):
        return super()._config() + (f"stub-zone:\n  name: {self.zone}\n"
                                    f"  stub-addr: {self.server}\n")


class MisledTelling(PowerDns):
    """The same, and says so (RFC 8914): no resolver of Debian 12 does it of a
    lame server by itself."""

    def _config(self):
        self._write("telling.lua", """function postresolve(dq)
  if dq.rcode == pdns.SERVFAIL then
    dq.extendedErrorCode = 22
  end
  return true
end
""")
        return super()._config() + (
            f"forward-zones={zones.ZONE}={LAME_SERVER}\n"
            f"lua-dns-script={self.folder}/telling.lua\n"
            "extended-resolution-errors=yes\n")


class Orphaned(Misled):
    zone, server = "com", OLD_PARENT


class Office:
    """The network of the agent that asks them all."""
    name = "office"
    address = zones.TLD_ADDRESS


# Cause, kind of resolver (None: the TLD's server), state, flag, words.
ROWS = (
    ("own view denies", OwnView, "recached", "own-zone",
     "a zone of its own, which denies"),
    ("own view differs", OtherView, "old-positive", "own-zone",
     "a zone of its own, which has something else"),
    ("lame delegation", Misled, "servfail-other", "cd-fails",
     f"the name server {LAME_NAME} ({LAME_SERVER}@53) does not serve the zone"),
    ("lame, and told so", MisledTelling, "servfail-other", "cd-fails",
     f"({LAME_SERVER}@53) does not serve the zone; EDE 22 (No Reachable "
     "Authority)"),
    ("validation fails", validating, "servfail-dnssec", "cd-answered",
     "with CD=1 it answers"),
    ("ancestor denied", Orphaned, "ancestor-nxdomain", None,
     "zone com denies example.com"),
    ("cached denial", Bind, "cached-nxdomain", None, "cached NXDOMAIN"),
    ("old answer", PowerDns, "old-positive", None,
     "another answer than the expected one"),
    ("address in place of a denial", PowerDnsRewriting, "old-positive", None,
     "another answer than the expected one"),
    ("policy", UnboundPolicy, "policy-blocked", None, "by policy"),
    ("refuses", Refusing, "refused", None, "refuses to answer"),
    ("dead", Unbound, "unreachable", None, "does not answer"),
    ("does not recurse", None, "unknown", "referral", "with a referral"),
    ("sound", Unbound, "clear", None, "answers as restored"),
)
ASKED = ("cached denial", "ancestor denied")  # by users during the outage


def lame_delegation():
    return (f"{zones.ZONE}. {zones.DELEGATION_TTL_S} IN NS {LAME_NAME}.",
            f"{LAME_NAME}. {zones.DELEGATION_TTL_S} IN A {LAME_SERVER}")


def leaf():
    base = zones.leaf_zone(OLD_TTL_S).without(f"{zones.NAME}.")
    return replace(base, records=base.records + (
        *lame_delegation(),
        f"{NEAR}. 5 IN CNAME {zones.NAME}.",
        zones.record(name=DEEP),
        zones.record(OLD_ADDRESS, ttl=OLD_TTL_S)))


def other_servers():
    parent = zones.tld_zone(OLD_TTL_S)
    return (
        lambda folder: Nsd("lame-nsd", f"{folder}/lame", LAME_SERVER,
                           replace(zones.leaf_zone(), origin="example.net.",
                                   records=("example.net. 60 IN NS "
                                            "ns1.example.net.",))),
        lambda folder: Nsd("orphan-nsd", f"{folder}/orphan", OLD_PARENT,
                           replace(parent, records=parent.records[:1])))


def target_of(document, address):
    return next((t for t in network_row(document, Office.name)["targets"]
                 if t["resolver"] == f"{address}@53"), {})


def fits(document, address, row):
    target = target_of(document, address)
    _cause, _kind, state, flag, words = row
    return (target.get("state") == state and words in target["why"]
            and (flag is None or flag in target["flags"]))


def tell_all(site, wanted):
    """All in one loop: when each was told first. wanted: (title, incident,
    address, row). The row stands for what is shown at that moment."""
    began = time.monotonic()
    left = list(wanted)

    def look():
        documents = {i: site.api.status(i) for i in {w[1] for w in left}}
        for title, incident, address, row in list(left):
            if fits(documents[incident], address, row):
                target = target_of(documents[incident], address)
                print(f"# | {title} | {target['state']}: {target['why']} | "
                      f"{time.monotonic() - began:.1f} |", flush=True)
                left.remove((title, incident, address, row))
        return not left
    try:
        wait_until(look, FOUND_S, "the causes")
    except TimeoutError as error:
        raise AssertionError((str(error), [
            (title, target_of(site.api.status(incident), address))
            for title, incident, address, _row in left])) from error


def users_ask(lab, cause, *names):
    """The reply must be the denial: it is in that cache then."""
    network = lab.network(cause)
    for name in names:
        wait_until(lambda n=name: getattr(ask(
            network.address, n, source=network.user_address), "negative",
            False), 5, f"the cache of \"{cause}\" to hold {name}")


def addresses(lab):
    found = {n.name: n.address for n in lab.networks}
    return {row[0]: found.get(row[0], zones.TLD_ADDRESS) for row in ROWS}


def open_unexpecting(site):
    """Nobody said what the answer should be."""
    said = site.cli("incident", "open", zones.NAME, "A", "--restored",
                    "auto").stdout
    return int(said.split("incident ")[1].split(" ")[0])


def prepare(lab, site, capture):
    """The outage, and what users and daemons do in it."""
    old = lab.network("old answer")
    wait_until(lambda: ask(old.address, zones.NAME, source=old.user_address),
               5, "the old answer to be cached")
    lab.remove_record()
    lab.remove_record(name=DEEP)
    incidents = [open_incident(site), open_incident(site, name=NEAR),
                 open_incident(site, name=DEEP), open_unexpecting(site)]
    for incident in incidents:
        wait_status(site, incident, authority_state("negative"), 10,
                    "the outage to be seen")
    users_ask(lab, "cached denial", zones.NAME, NEAR, DEEP)
    users_ask(lab, "ancestor denied", zones.NAME)
    rewriter = lab.network("address in place of a denial")
    wait_until(lambda: REWRITTEN_ADDRESS in getattr(ask(
        rewriter.address, zones.NAME, source=rewriter.user_address),
        "rdata", ()), 5, "the rewriter's cache to hold the denial")
    lab.network("dead").resolver.daemon.kill()
    for server in lab.servers:
        wait_until(lambda s=server: capture.select(
            answers=True, name=ABOVE, rdtype=dns.rdatatype.NS,
            source=s.address), 10, f"{server.name} to deny {ABOVE}, too")
    return incidents


def names_lame(document):
    """The audit names the server that the verdict does."""
    findings = [f for f in document["authority"]["audit"]
                if f["tag"] == "NS_LAME" and f["server"]]
    return [f["server"] for f in findings] == [f"{LAME_SERVER}@53"] and \
        "REFUSED" in findings[0]["detail"] and \
        "make this server serve the zone" in findings[0]["advice"]


def everything(incidents, at):
    """Of all incidents: what is to be told."""
    held = "cached denial"
    return [
        *((row[0], incidents[0], at[row[0]], row) for row in ROWS),
        *((f"{cause}, none expected", incidents[3], at[cause],
           (cause, None, state, flag, words)) for cause, state, flag, words in (
               ("address in place of a denial", "old-positive",
                "unlike-servers", "in place of a cached denial"),
               ("own view differs", "old-positive", "own-zone",
                "something else"),
               ("sound", "clear", None, "answers as restored"))),
        ("alias of a denied name", incidents[1], at[held],
         (held, None, "cached-nxdomain", None,
          f"NXDOMAIN of {zones.NAME}, which {NEAR} is an alias of")),
        ("name above denied, same zone", incidents[2], at[held],
         (held, None, "ancestor-nxdomain", None,
          f"{ABOVE} was denied, and with it {DEEP}"))]


def test_table_of_causes():
    networks = Networks()
    for cause, kind, *_rest in ROWS:
        if kind is not None:
            networks.add(cause, kind)
    with Capture() as capture, \
            Lab(networks.makers, leaf=leaf(), others=other_servers(),
                warm=False) as lab:
        lab.tld.publish(lab.tld.zone.with_(*lame_delegation(), OTHER_KEY))
        at = addresses(lab)
        agents = {"probe": {"timeout_ms": 1000}, "resolvers": {
            "discover": False, "named": [{"at": a} for a in at.values()]}}
        with site_in(lab, [Office], agents=agents) as site:
            began = time.time()
            incidents = prepare(lab, site, capture)
            restored = time.time()
            lab.restore_record()
            lab.restore_record(line=zones.record(name=DEEP))
            users = {n.user_address for n in lab.networks}
            planted = [q for q in capture.select(began, restored)
                       if q.destination in caches_of(lab) and could_plant(q)
                       and q.source not in users]
            assert not planted, planted
            print(f"# planted denials: {len(planted)}\n"
                  "# | cause | verdict | seconds |\n# |---|---|---|")
            tell_all(site, everything(incidents, at))
            wait_status(site, incidents[0], names_lame, FOUND_S,
                        "the audit to name the lame server")
