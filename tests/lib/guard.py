"""Was anything asked that could have planted a denial? Judged from a capture of
every question, and from the times at which the name servers were bad."""
import contextlib
import time
from dataclasses import dataclass

import dns.rdatatype

from deploy.lab import zones
from deploy.lab.ask import ask, wait_until
from tests.lib.capture import Capture
from tests.lib.support import authority_state, open_incident, wait_status

WATCH_S = 2  # the time in which a wrong program would ask
SEEN_S = 60
OPEN_S = 10
QUIET_S = 5  # longer than between two questions while a guard is open


def caches_of(lab):
    """Addresses of every cache."""
    found = set()
    for network in lab.networks:
        found.add(network.address)
        found.update(network.endpoints)
        found.update(b.address for b in network.backends)
    return found


def could_plant(question):
    """Anything in the zone but what surely exists, whoever recurses for it:
    the name, its siblings, names between it and the apex."""
    return (question.name.endswith(zones.ZONE)
            and (question.name, question.rdtype)
            != (zones.ZONE, dns.rdatatype.NS))


def planting(capture, lab, since, until=float("inf")):
    """Asked of a cache, or by one."""
    caches = caches_of(lab)
    return [q for q in capture.select(since, until)
            if could_plant(q) and (q.destination in caches
                                   or q.source in caches)]


def asked_by_agents(capture, networks, names, since, until):
    """Questions in the zones of these names to what users and agents of the
    networks ask, but those of users."""
    zones_of = tuple(n.split(".", 1)[1] for n in names)
    users = {n.user_address for n in networks}
    return [q for q in capture.select(
        since, until, destination={n.address for n in networks})
        if q.source not in users and q.name.endswith(zones_of)]


def check_planted(capture, networks, names):
    """Rule 1, of a capture of an outage: name servers are asked (the control),
    caches only by users."""
    assert any(q.source == q.destination for q in capture.select(
        name=names, rd=False)), "no name server was asked"
    planted = asked_by_agents(capture, networks, names, 0.0, float("inf"))
    print(f"# planted denials: {len(planted)}", flush=True)
    assert not planted, planted


def watched_outage(lab, site, asked=()):
    """An incident, after an outage in which users of these networks asked: that
    alone was cached."""
    with Capture() as capture:
        lab.remove_record()
        incident = open_incident(site)
        wait_status(site, incident, authority_state("negative"), SEEN_S,
                    "the outage to be seen")
        for network in asked:
            said = ask(network.address, zones.NAME,
                       source=network.user_address)
            assert said.rcode == "NXDOMAIN", (network.name, said)
    check_planted(capture, lab.networks, {zones.NAME})
    lab.restore_record()
    return incident


@dataclass
class Row:
    fault: str
    verdict: str
    seconds: float
    questions: int  # of whomever, to whomever
    asked: int    # questions to name servers among them: it did look
    planted: int

    def __str__(self):
        return (f"# | {self.fault} | {self.verdict} | {self.seconds:.1f} | "
                f"{self.questions} | {self.asked} | {self.planted} |")


class Bench:
    """What the scenarios of a lab share; rows is the table."""

    def __init__(self, lab, site, capture):
        self.lab = lab
        self.site = site
        self.capture = capture
        self.rows = []
        self.incident = None
        self.opened = None
        print("# | fault | verdict | seconds | questions | to name servers | "
              "planted |")
        print("# |---|---|---|---|---|---|")

    def open(self):
        self.opened = time.time()
        self.incident = open_incident(self.site)

    def wait(self, condition, timeout, what):
        return wait_status(self.site, self.incident, condition, timeout, what)

    def wait_state(self, state):
        return self.wait(authority_state(state), SEEN_S, f"\"{state}\"")

    def wait_asked(self):
        """All name servers are good again: now the caches are asked (the
        control: such questions happen, and the capture sees them)."""
        since = time.time()
        document = self.wait(lambda d: d["authority"]["verified"], OPEN_S,
                             "the guard to open")
        opened = time.time() - since
        for network in self.lab.networks:
            wait_until(lambda n=network: self.capture.select(
                since, name=zones.NAME, destination=n.address), OPEN_S,
                f"{network.name} to be asked")
        self.row(Row("... and is over", "guard open", opened,
                     len(self.capture.select(since)),
                     len(self.asked_servers(since)),
                     len(self.siblings(since))))
        assert not self.siblings(since), self.siblings(since)
        return document

    def siblings(self, since):
        """Asked of caches: anything in the zone but the name itself. Denials
        of such names renew what unbound and dnsmasq show for all."""
        return [q for q in self.capture.select(since)
                if could_plant(q) and q.name != zones.NAME
                and q.destination in caches_of(self.lab)]

    def asked_servers(self, since, until=float("inf")):
        return self.capture.select(
            since, until, rd=False, destination=self.server_addresses())

    def server_addresses(self):
        return {s.address for s in (*self.lab.servers, *self.lab.others,
                                    self.lab.tld)}

    def close(self):
        self.site.cli("incident", "close", str(self.incident))
        self.incident = None

    def quiet(self):
        """The incident is closed: what was planned is asked no more."""
        self.close()

        def silent():
            asked = self.planted(0.0, float("inf"))
            return not asked or time.time() - asked[-1].at > QUIET_S
        wait_until(silent, OPEN_S, "the caches not to be asked any more")

    def planted(self, since, until):
        return planting(self.capture, self.lab, since, until)

    @contextlib.contextmanager
    def outage(self, fault):
        """Inside, some name server is bad; the body calls seen(verdict) when
        that is told. Nothing may be planted until the end of the body."""
        began = time.time()
        said = {}

        def seen(verdict):
            said.setdefault("verdict", verdict)
            said.setdefault("after", time.time() - (self.opened or began))
        yield seen
        ended = time.time()
        planted = self.planted(began, ended)
        self.row(Row(fault, said["verdict"], said["after"],
                     len(self.capture.select(began, ended)),
                     len(self.asked_servers(began, ended)), len(planted)))
        assert not planted, (fault, planted)

    def row(self, row):
        self.rows.append(row)
        print(row, flush=True)
