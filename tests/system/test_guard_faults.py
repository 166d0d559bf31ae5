"""Rule 1 under faults: whatever breaks, no question of ours could have planted
a denial. Every question in the namespace is captured; a table says what was
broken, what was said of it, after how long, and what could have been planted.
"""
import datetime
import os
import re
import subprocess
import time
from functools import partial

import dns.rcode
import dns.rdatatype

from deploy.lab import networks, zones
from deploy.lab.ask import wait_until
from deploy.lab.lab import COLLECTOR_ADDRESS, Lab
from deploy.lab.programs import Site
from deploy.lab.signing import SignedZone, Signer
from tests.lib.capture import Capture
from tests.lib.guard import SEEN_S, WATCH_S, Bench, caches_of
from tests.lib.support import AUDITOR, BIN, ESTIMATE, Skip, stop_well

NO_LUCK = "a query that could plant a denial is wrong, however seldom it is"

PROOF_S = 3
LATE_S = 6  # an agent that was not given a turn reads late that it is proven
NEGATIVE_TTL_S = 6
ON_ITS_WAY_S = 8  # a cache asks a name server for what it was asked before
ASKED_S = 6  # a plan that is believed leads to a question within this time


class GuardSite:
    """Like support.site_in, with a short life of proofs."""

    def __init__(self, lab):
        site = Site(BIN, f"{lab.folder}/nxclear", listen=COLLECTOR_ADDRESS)
        lab.own(site.collector(estimate=ESTIMATE))
        for network in lab.networks:
            agent = lab.own(site.agent(
                network.name, nameservers=[network.address],
                policy={"proof_s": PROOF_S}))
            agent.daemon.command.append("-v")  # it says when a plan came
        lab.own(site.agent(
            "operations", "auditor", "authority",
            resolvers={"discover": False},
            authority={"root_hints": lab.root_hints, **AUDITOR}))
        self.site = site

    def __enter__(self):
        return self.site.start()

    def __exit__(self, kind, *_error):
        if kind is None:
            stop_well(self.site)


def nightly():
    if not os.environ.get("NX_NIGHTLY"):
        raise Skip("with NX_NIGHTLY=1")


# --- the name servers ---

def one_bad_secondary(b):
    with b.outage("one secondary still denies") as seen:
        b.lab.remove_record()
        b.open()
        b.wait_state("negative")
        b.lab.restore_record([b.lab.ns1])
        authority = b.wait(
            lambda d: d["authority"]["state"] == "partly" and
            [s["address"] for s in d["authority"]["servers"]
             if s["rcode"] == "NXDOMAIN"] == [f"{b.lab.ns2.address}@53"],
            SEEN_S, "one secondary to be seen to deny")["authority"]
        seen("partly")
        assert (authority["good"], authority["total"]) == (1, 2), authority
        assert not authority["verified"], authority
        time.sleep(WATCH_S)
        said = b.site.cli("status", str(b.incident), check=False)
        assert said.returncode == 2, said
    b.lab.restore_record([b.lab.ns2])
    b.wait_asked()


EMPTY_PLAN = re.compile(r"^(\S+Z) \S*\s*plan \d+: 0 tasks", re.M)
LOG_STEP_S = 0.001  # the log cuts its milliseconds off


def plan_came(b, since):
    """When the network's agent took the plan that takes all questions back."""
    agent = next(a for a in b.site.agents if a.role == "network")

    def times():
        found = [datetime.datetime.fromisoformat(t).timestamp() + LOG_STEP_S
                 for t in EMPTY_PLAN.findall(agent.daemon.log_text())]
        return [t for t in found if t > since]
    return wait_until(times, 5, f"{agent.name} to take an empty plan")[0]


def first_denial(b, since):
    """When a name server's denial reached the auditor."""
    caches = caches_of(b.lab)

    def seen():
        return [a for a in b.capture.select(
            since, answers=True, name=zones.NAME, source=b.lab.ns2.address,
            rcode=dns.rcode.NXDOMAIN) if a.destination not in caches]
    return wait_until(seen, 5, "the auditor to be told the denial")[0].at


def fed_caches(b, since, until):
    """Denials that name servers gave to caches."""
    return b.capture.select(
        since, until, answers=True, name=zones.NAME,
        rcode=dns.rcode.NXDOMAIN, source=b.server_addresses(),
        destination=caches_of(b.lab))


def turns_bad_again(b):
    """While the caches are asked. What is asked before the audit can have seen
    it is not ours to prevent; once the agent has the plan, nothing."""
    b.opened = began = time.time()
    b.lab.remove_record([b.lab.ns2])
    told = first_denial(b, began)
    came = plan_came(b, told)
    b.wait(lambda d: not d["authority"]["verified"], 5, "the lapse")
    time.sleep(max(0, came + ON_ITS_WAY_S - time.time()))
    with b.outage("one turns bad again") as seen:
        seen("partly")
        time.sleep(WATCH_S)
    ended = time.time()
    b.lab.restore_record([b.lab.ns2])
    asked = [q.at for q in asked_since(b, began) if q.at < ended]
    late = [at for at in asked if at > came]
    last = f"{(max(asked) - told) * 1000:+.0f} ms" if asked else "none"
    print(f"# guard closed: from the denial at the auditor to the plan at the "
          f"agent {(came - told) * 1000:.0f} ms, to the last question {last}; "
          f"{len([at for at in asked if at > told])} questions on the way, "
          f"{len(fed_caches(b, told, ended))} denials given to caches",
          flush=True)
    assert not late, (told, came, late)
    assert not fed_caches(b, came + ON_ITS_WAY_S, ended)
    b.wait_asked()


def lost_delegation(b, over=True):
    """over: the guard opens afterwards; else the incident is closed before."""
    with b.outage("the parent lost the delegation") as seen:
        b.lab.lose_delegation()
        b.open()
        b.wait_state("negative")
        seen("negative")
        time.sleep(WATCH_S)
    if not over:
        b.close()
    b.lab.restore_delegation()
    if over:
        b.wait_asked()


def dead_and_denying(b):
    with b.outage("one server is dead, one denies") as seen:
        b.lab.remove_record([b.lab.ns1])
        b.lab.ns2.stop()
        b.open()
        b.wait_state("negative")
        seen("negative")
        time.sleep(WATCH_S)
    b.lab.ns2.start().wait_ready()
    b.lab.restore_record([b.lab.ns1])
    b.wait_asked()


def signed_zone(b, over=True):
    """Denials with NSEC: one of them could stand for names beside it."""
    signer = Signer("example.com.")
    good = b.lab.ns1.zone
    without = good.without(f"{zones.NAME}.")
    denies = signer.sign(without)
    back = signer.sign(without.with_(zones.record()))

    def publish(zone, servers):
        for server in servers:
            server.publish(zone)
    with b.outage("a signed zone denies, one secondary longer") as seen:
        publish(denies, b.lab.servers)
        b.open()
        b.wait_state("negative")
        publish(back, [b.lab.ns1])
        b.wait_state("partly")
        seen("partly")
        time.sleep(WATCH_S)
    if over:
        publish(back, [b.lab.ns2])
        b.wait_asked()
    else:
        b.close()
        publish(back.plain.with_(), b.lab.servers)


# --- the collector ---

def restart(b):
    b.site.collector_program.start().wait_ready()
    b.site.wait_connected()


def dies_with_guard_closed(b):
    with b.outage("the collector dies, guard closed") as seen:
        b.lab.remove_record()
        b.open()
        b.wait_state("negative")
        seen("negative")
        b.site.collector_program.daemon.kill()
        time.sleep(WATCH_S)
        restart(b)
        b.wait_state("negative")
        time.sleep(1)
    b.lab.restore_record()
    b.wait_asked()


def asked_since(b, since):
    return [q for n in b.lab.networks for q in b.capture.select(
        since, name=zones.NAME, destination=n.address)]


def dies_with_guard_open(b):
    """The caches are being asked when the collector dies: the proof lapses, and
    a name server that turns bad afterwards does no harm."""
    b.open()
    b.wait_asked()
    b.site.collector_program.daemon.kill()
    b.opened = died = time.time()
    time.sleep(PROOF_S + LATE_S)
    lapsed = time.time()
    with b.outage("the collector dies, guard open; then denials") as seen:
        b.lab.remove_record()
        time.sleep(WATCH_S + 1)
        assert not asked_since(b, lapsed), asked_since(b, lapsed)
        restart(b)
        b.wait_state("negative")
        seen("negative")
        time.sleep(1)
    asked = [q.at for q in asked_since(b, died)]
    assert all(at <= died + PROOF_S + LATE_S for at in asked), (died, asked)
    b.lab.restore_record()
    b.wait_asked()  # a new plan proves it again


def run(*scenarios):
    with Capture() as capture, \
            Lab([networks.bind], negative_ttl=NEGATIVE_TTL_S) as lab, \
            GuardSite(lab) as site:
        bench = Bench(lab, site, capture)
        for scenario in scenarios:
            scenario(bench)


def test_name_servers_turn():
    # The first two never open the guard: nobody is asked when the next begins.
    run(partial(lost_delegation, over=False), partial(signed_zone, over=False),
        one_bad_secondary, turns_bad_again)


def test_collector_dies():
    run(dies_with_guard_open)


def test_more_faults():
    nightly()
    for scenario in (lost_delegation, dead_and_denying, signed_zone,
                     dies_with_guard_closed):
        run(scenario)  # each from quiet: nobody is asked when it begins


# --- a wrong plan ---

class WrongCollector:
    """Has the key that the agent trusts, and sends plans of the test's own."""

    def __init__(self, site):
        program = site.collector_program
        self._process = subprocess.Popen(
            [f"{BIN}/plan_server", program.key_path, program.endpoint],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._revision = 0

    def __enter__(self):
        assert self._process.stdout.readline().startswith("hello")
        return self

    def __exit__(self, *_error):
        self._process.stdin.close()
        assert self._process.wait(60) == 0

    def siblings(self):
        self._revision += 1
        self._process.stdin.write(f"siblings {self._revision} {zones.ZONE}\n")
        self._process.stdin.flush()

    def plan(self, verified, epoch, rd0=False):
        self._revision += 1
        self._process.stdin.write(f"plan {self._revision} {zones.NAME} "
                                  f"{int(verified)} {epoch} {int(rd0)}\n")
        self._process.stdin.flush()
        return self._revision


def agent_under(site, lab, **policy):
    lab.own(site.collector(estimate=ESTIMATE))  # for its key alone
    network = lab.networks[0]
    agent = site.agent(network.name, nameservers=[network.address],
                       policy={"proof_s": PROOF_S, **policy},
                       authority={"root_hints": lab.root_hints, **AUDITOR})
    lab.own(agent)
    agent.start()
    return agent


def wait_log(agent, text):
    wait_until(lambda: text in agent.daemon.log_text(), 5,
               f"\"{text}\" in the log of {agent.name}")


def wrong_plans(b, collector, agent):
    with b.outage("a plan without proof") as seen:
        b.lab.remove_record()
        b.opened = time.time()
        collector.plan(False, 7)
        wait_log(agent, "not verified good")
        seen("refused")
    with b.outage("a plan with a proof, and RD=0") as seen:
        b.opened = time.time()
        collector.plan(True, 7, rd0=True)
        wait_log(agent, "no canary zone of the local policy has this name")
        seen("refused")
        time.sleep(1)
    with b.outage("a plan with half a proof") as seen:
        b.opened = time.time()
        collector.plan(True, 0)
        wait_log(agent, "names no epoch")
        seen("refused")
        time.sleep(1)


def test_plans_without_proof_are_refused():
    with Capture() as capture, Lab([networks.bind]) as lab:
        site = Site(BIN, f"{lab.folder}/nxclear", listen=COLLECTOR_ADDRESS)
        agent = agent_under(site, lab)
        bench = Bench(lab, site, capture)
        with WrongCollector(site) as collector:
            wrong_plans(bench, collector, agent)
            lab.restore_record()
            since = time.time()
            collector.plan(True, 8)  # the control: these plans do arrive
            wait_until(lambda: asked_since(bench, since), ASKED_S, "a question")


def test_a_forged_proof_opens_no_guard():
    with Capture() as capture, Lab([networks.bind]) as lab:
        site = Site(BIN, f"{lab.folder}/nxclear", listen=COLLECTOR_ADDRESS)
        agent_under(site, lab, own_proof=True)
        b = Bench(lab, site, capture)
        with WrongCollector(site) as collector:
            with b.outage("a plan with a forged proof") as seen:
                lab.remove_record([lab.ns2])
                b.opened = time.time()
                collector.plan(True, 7)
                wait_until(lambda: b.capture.select(
                    b.opened, name=zones.NAME, destination=lab.ns2.address),
                    ASKED_S, "the agent's own look")
                seen("own look denies")
                time.sleep(PROOF_S)
            lab.restore_record([lab.ns2])
            since = time.time()
            wait_until(lambda: asked_since(b, since), ASKED_S, "a question")


def sibling_labels(leaf):
    """What a plan with sibling labels leads to: the questions of the zone's
    NS set, and of names that do not exist, at the resolver."""
    with Capture() as capture, Lab([networks.bind], leaf=leaf) as lab:
        site = Site(BIN, f"{lab.folder}/nxclear", listen=COLLECTOR_ADDRESS)
        agent = agent_under(site, lab, sibling_zones=[zones.ZONE])
        resolver = lab.networks[0].address

        def asked(**what):
            return capture.select(destination=resolver, rd=True, **what)
        with WrongCollector(site) as collector:
            collector.siblings()
            if not isinstance(leaf, SignedZone):
                wait_until(lambda: asked(name=f"c01234567.{zones.ZONE}"),
                           ASKED_S, "a sibling label")
            else:
                wait_log(agent, "is signed: none is asked")
                time.sleep(WATCH_S)
        return (asked(name=zones.ZONE, rdtype=dns.rdatatype.NS),
                [q for q in asked() if q.name.endswith(f".{zones.ZONE}")])


def test_sibling_labels_of_a_wrong_plan():
    """A collector that takes a signed zone for one that is not."""
    zone = zones.leaf_zone(NEGATIVE_TTL_S)
    first, names = sibling_labels(zone)  # the control: such plans are followed
    assert first and names and first[0].at < names[0].at, (first, names)
    first, names = sibling_labels(Signer(f"{zones.ZONE}.").sign(zone))
    assert first and not names, (first, names)
