"""Causes that are no cache: validation that fails, a resolver that fails, and
one whose answers are cut while TCP is closed. After a SERVFAIL the agent asks
once more with CD=1, and never without the guard's leave. Denials by policy,
with one sign each. And a cache that gives addresses in place of its denials,
which canary names have shown; an agent that is revoked meanwhile; and a DS at
the parent that names no key."""
import dataclasses
import datetime
import os
import time

import dns.edns
import dns.flags
import dns.rcode
import dns.rrset

from deploy.lab import canary, networks, zones
from deploy.lab.ask import ask, wait_until
from deploy.lab.lab import Lab
from deploy.lab.namespace import add_addresses
from deploy.lab.resolvers import Unbound
from deploy.lab.signing import Signer
from tests.lib import policy_signs
from tests.lib.capture import Capture
from tests.lib.guard import asked_by_agents, caches_of, could_plant
from tests.lib.support import (Responder, authority_state, look_flags,
                               network_row, network_state, open_incident,
                               reply_to, site_in, wait_status)
from tests.system.matrix.variants import (REWRITTEN_ADDRESS,
                                          REWRITTEN_ADDRESS_6,
                                          PowerDnsRewriting)

FAILING_ADDRESS = "198.51.100.77"
CUTTING_ADDRESS = "198.51.100.78"
COVERING_ADDRESS = "198.51.100.79"
W_S = 300  # nothing that is cached ends meanwhile
FOUND_S = 40
MEASURED_S = 60
AUDITED_S = 120  # of which the agent waits 30; the whole audit takes 300
DS_TTL_S = 10
CLEAR_S = 240  # unbound: the DS, then a minute that the keys are bad; 64-83 s
MADE_UP = {"A": REWRITTEN_ADDRESS, "AAAA": REWRITTEN_ADDRESS_6}
RECORDS = (zones.record(), zones.record(name=policy_signs.MAIL),
           f"{zones.NAME}. {zones.POSITIVE_TTL_S} IN AAAA "
           "2001:db8::80")


def validating(folder, name="validating", address="198.51.100.10", more=()):
    """Unbound that trusts another key than the zone is signed with, and
    does not say why it fails (ede is off, its default)."""
    anchor = Signer(f"{zones.ZONE}.").ds()
    resolver = Unbound(f"{name}-unbound", f"{folder}/{name}", address, [
        'module-config: "validator iterator"', f'trust-anchor: "{anchor}"',
        *more])
    return networks.Network(name, resolver, [], "203.0.113.11")


def telling(folder):
    """... and one that says why (RFC 8914)."""
    return validating(folder, "telling", "198.51.100.40", ["ede: yes"])


def rewriting(folder):
    resolver = PowerDnsRewriting("rewriting-pdns", f"{folder}/rewriting",
                                 "198.51.100.20")
    return networks.Network("rewriting", resolver, [], "203.0.113.12")


class Office:
    """The network of the agent that asks whoever blocks by policy."""
    name = "office"


def office_agent(lab, site):
    agent = lab.own(site.agent(Office.name, resolvers={
        "discover": False,
        "named": [{"at": row[2]} for row in policy_signs.ROWS]}))
    agent.accept()
    agent.start()
    return agent


def measured_agent(lab, site, network):
    """Named by its owner, who lets it be measured by canary names; that goes on
    beside the rest."""
    agent = lab.own(site.agent(
        network.name, policy={"canary_zones": [canary.ZONE]},
        resolvers={"discover": False, "named": [{"at": network.address}]}))
    agent.accept()
    agent.start()
    site.wait_connected([agent])


def fails(query):
    reply = reply_to(query)
    reply.set_rcode(dns.rcode.SERVFAIL)
    return [reply.to_wire()]


def cuts(query):
    reply = reply_to(query)
    reply.flags |= dns.flags.TC
    return [reply.to_wire()]


class Cutting:
    """A resolver behind something that drops TCP."""
    name = "cutting"
    address = CUTTING_ADDRESS


def covers():
    """NXDOMAIN made from an NSEC (RFC 8198) whose time is half over when the
    name is asked for first."""
    ends = []

    def answer(query):
        reply = reply_to(query)
        if reply.question[0].name.to_text().lower() != f"{zones.NAME}.":
            return fails(query)
        ends.append(time.monotonic() + W_S / 2)
        left_s = max(1, int(ends[0] - time.monotonic()))
        reply.use_edns(0, options=[dns.edns.EDEOption(29)])
        reply.set_rcode(dns.rcode.NXDOMAIN)
        reply.authority.append(dns.rrset.from_text(
            f"{zones.ZONE}.", left_s, "IN", "SOA", f"ns1.{zones.ZONE}. "
            f"hostmaster.{zones.ZONE}. 7 3600 600 86400 {W_S}"))
        return [reply.to_wire()]
    return answer


class Covering:
    """As a network: a resolver that answers so."""
    name = "covering"
    address = COVERING_ADDRESS


class Failing:
    """As a network: a resolver that always fails."""
    name = "failing"
    address = FAILING_ADDRESS


def at_s(text):
    return datetime.datetime.fromisoformat(text).timestamp()


def why(document, name):
    row = network_row(document, name)
    target = (row.get("targets") or [{}])[0]
    return row.get("why", ""), target.get("flags", [])


def open_unexpecting(site):
    """Nobody said what the answers should be."""
    said = site.cli("incident", "open", zones.NAME, *MADE_UP, "--restored",
                    "auto").stdout
    return int(said.split("incident ")[1].split(" ")[0])


def users_are_lied_to(network):
    """Its cache holds the denial then."""
    for rdtype, address in MADE_UP.items():
        wait_until(lambda t=rdtype, a=address: a in getattr(ask(
            network.address, zones.NAME, t, source=network.user_address),
            "rdata", ()), 5, f"{network.name} to make up an {rdtype}")


def check_rewriting(site, incident, network):
    """For AAAA too, though canary names are asked for with type A alone."""
    def told(document):
        return {t["type"]: (t["state"], "rewritten" in t["flags"])
                for t in network_row(document, network.name).get("targets", [])}
    document = wait_status(
        site, incident, lambda d: told(d) == dict.fromkeys(
            MADE_UP, ("old-positive", True)), MEASURED_S,
        "the addresses to be told as made up")
    for target in network_row(document, network.name)["targets"]:
        print(f"# | {network.name} {target['type']} | {target['why']} "
              f"{target['flags']} | |", flush=True)
        assert "gives an address for names that do not exist" in \
            target["why"], target
    rows = site.api.must_get("/v1/resolvers")["resolvers"]
    row = next(r for r in rows if r["network"] == network.name)
    assert row["state"] == "measured" and row["rewrites_nxdomain"], row
    assert row["rewrites_to"] == REWRITTEN_ADDRESS, row


def check_revoked(site, incident):
    """Nobody looks from there any more: the network stays, and is not clear."""
    began = site.api.status(incident)["summary"]["networks"]
    site.cli("agents", "revoke", Failing.name)
    document = wait_status(
        site, incident,
        lambda d: network_row(d, Failing.name).get("reason") ==
        "agent-revoked", FOUND_S, "the revoked agent to be told")
    row = network_row(document, Failing.name)
    assert row["state"] == "unknown", row
    # What was not clear when the agent was asked last stays, until no cache can
    # hold it any more.
    assert all(t["reason"] == "agent-revoked" for t in row["targets"]), row
    assert "was revoked " in row["why"], row
    assert document["summary"]["networks"] == began, document["summary"]
    assert document["summary"]["states"]["unknown"] >= 1, document["summary"]
    assert document["outlook"] != "clear", document["outlook"]


def chained(anchor):
    """Unbound that trusts com's key."""
    def make(folder):
        resolver = Unbound("chained-unbound", f"{folder}/chained",
                           "198.51.100.30", [
                               'module-config: "validator iterator"',
                               f'trust-anchor: "{anchor}"'])
        return networks.Network("chained", resolver, [], "203.0.113.13")
    return make


def ds_line(signer):
    return signer.ds().replace(" IN DS ", f" {DS_TTL_S} IN DS ")


def test_wrong_ds_at_the_parent():
    """The DS matches no key of the child: validators fail, until what they
    cached of it ends."""
    tld, leaf = Signer("com."), Signer(f"{zones.ZONE}.")
    with Lab([chained(tld.ds())], warm=False) as lab, \
            Capture() as capture, site_in(lab) as site:
        signed = leaf.sign(lab.ns1.zone.with_())
        for server in lab.servers:
            server.publish(signed)
        plain = lab.tld.zone
        wrong = plain.with_(ds_line(Signer(f"{zones.ZONE}.")))
        lab.tld.publish(tld.sign(wrong))
        incident = open_incident(site)
        document = wait_status(
            site, incident,
            lambda d: network_state(d, "chained") == "servfail-dnssec" and any(
                f["tag"] == "DS_WITHOUT_KEY" for f in d["authority"]["audit"]),
            MEASURED_S, "the DS without a key to be told")
        text, flags = why(document, "chained")
        assert "cd-answered" in flags and "cannot validate" in text, document
        said = site.cli("explain", str(incident), "chained",
                        check=False).stdout
        assert "DS, DNSKEY and RRSIG" in said, said
        right = plain.with_(ds_line(leaf))
        lab.tld.publish(tld.sign(dataclasses.replace(
            right, serial=wrong.serial + 1)))
        mended = time.time()
        # Whether the audit came to the keys in time decides its reason.
        hard = network_row(document, "chained")["hard"]
        assert hard["reason"] in ("bogus-cache", "dnssec-keys"), hard
        # No server denies the name; a denial of another one would be ours.
        ours = asked_by_agents(capture, lab.networks, {zones.NAME}, 0.0, mended)
        planted = [q for q in ours if q.name != zones.NAME] + [
            a for a in capture.select(answers=True, rcode=dns.rcode.NXDOMAIN,
                                      destination=caches_of(lab))
            if a.name.endswith(zones.ZONE)]
        print(f"# planted denials: {len(planted)}", flush=True)
        assert ours and not planted, planted
        # Both are asked for anew every 30 s; what was cached counts on.
        document = wait_status(
            site, incident,
            lambda d: d["authority"]["audited"] == len(lab.servers) and
            "DS_WITHOUT_KEY" not in {
                f["tag"] for f in d["authority"]["audit"]} and
            network_state(d, "chained") in ("servfail-dnssec", "clear"),
            AUDITED_S, "the audit to find nothing any more")
        assert document["authority"]["ds_ttl_s"] == DS_TTL_S, document
        print(f"# | DS mended | {network_row(document, 'chained')['why']} | "
              f"bound {hard['reason']} |", flush=True)
        if not os.environ.get("NX_NIGHTLY"):
            return
        wait_status(
            site, incident, lambda d: network_state(d, "chained") == "clear",
            CLEAR_S, "the network to clear")
        took = time.time() - mended
        print(f"# | DS mended | clear after {took:.1f} s |", flush=True)
        assert mended + took < at_s(hard["at"]), hard


def test_causes_are_told_apart():
    add_addresses([FAILING_ADDRESS, CUTTING_ADDRESS, COVERING_ADDRESS,
                   *policy_signs.ADDRESSES])
    with Capture() as capture, \
            Lab([validating, rewriting, telling, policy_signs.signs,
                 *policy_signs.MAKERS], warm=False, negative_ttl=W_S,
                root=canary.delegated(zones.root_zone()),
                others=[canary.CanaryServer]) as lab, \
            Responder(FAILING_ADDRESS, fails), \
            Responder(CUTTING_ADDRESS, cuts), \
            Responder(COVERING_ADDRESS, covers()), \
            site_in(lab, [lab.networks[0], lab.networks[2], Failing,
                          Cutting, Covering], collector={
                "canary": {"zone": canary.ZONE, "count": 7}}) as site:
        measured_agent(lab, site, lab.networks[1])
        site.wait_connected([office_agent(lab, site)])
        signer = Signer(f"{zones.ZONE}.")
        without = lab.ns1.zone.without(f"{zones.NAME}.")
        for server in lab.servers:
            server.publish(signer.sign(without))
        began = time.time()
        incident, unexpecting = open_incident(site), open_unexpecting(site)
        mail = open_incident(site, name=policy_signs.MAIL)
        for one in (incident, unexpecting, mail):
            wait_status(site, one, authority_state("negative"), 10,
                        "the outage to be seen")
        watched = {*(n.address for n in lab.networks), FAILING_ADDRESS,
                   CUTTING_ADDRESS, COVERING_ADDRESS}
        planted = [q for q in capture.select(began) if could_plant(q)
                   and (q.destination in watched or q.source in watched)]
        print(f"# planted denials: {len(planted)}", flush=True)
        assert not planted, planted
        users_are_lied_to(lab.networks[1])
        policy_signs.users_of_signs(lab)
        back = signer.sign(without.with_(*RECORDS))
        for server in lab.servers:
            server.publish(back)
        began = time.monotonic()
        signs = policy_signs.Signs(site, incident, Office.name)
        wait_status(site, incident,
                    lambda d: d["authority"]["verified"], FOUND_S,
                    "the restoration to be verified")
        document = wait_status(
            site, incident, lambda d: network_state(d, "covering") ==
            "synthesized-negative", FOUND_S, "an NSEC to be told")
        assert "NSEC record that covers" in why(document, "covering")[0]
        # Canary names count that are resolved beside denials, so not before.
        measured_agent(lab, site, lab.network("signs"))
        canaries = policy_signs.Canary(site, incident, mail)
        document = wait_status(
            site, incident,
            lambda d: signs.look() and canaries.look()
            and network_state(d, "validating") == "servfail-dnssec"
            and network_state(d, "telling") == "servfail-dnssec"
            and network_state(d, "failing") == "servfail-other"
            and "cd-fails" in why(d, "failing")[1]
            and "truncated" in why(d, "cutting")[1], FOUND_S,
            "the causes to be told apart")
        took = time.monotonic() - began
        print("# | fault | verdict | seconds |\n# |---|---|---|")
        for name in ("validating", "telling", "failing", "cutting"):
            text, flags = why(document, name)
            print(f"# | {name} | {text} {flags} | {took:.1f} |", flush=True)
        text, flags = why(document, "validating")
        assert flags == ["cd-answered"] and "with CD=1 it answers" in text
        said = {name: look_flags(site.api, incident, name)
                for name in ("validating", "telling")}
        assert "ede-dnssec" in said["telling"], said
        assert "ede-dnssec" not in said["validating"], said
        text, _flags = why(document, "telling")
        assert "; EDE " in text and "EDE" not in why(document, "validating")[0]
        text, _flags = why(document, "failing")
        assert "with CD=1 too: it is not DNSSEC" in text, text
        text, _flags = why(document, "cutting")
        assert "gives none over TCP" in text, text
        said = site.cli("explain", str(incident), "validating",
                        check=False).stdout
        assert "DS, DNSKEY and RRSIG" in said, said
        # The latter, when the audit had not come to the keys before the
        # restoration: test_authority_facts has both, one by one.
        row = network_row(document, "validating")
        assert row["hard"]["reason"] in ("bogus-cache", "dnssec-keys"), row
        signs.wait(MEASURED_S)
        said = site.cli("explain", str(incident), Office.name,
                        check=False).stdout
        assert "NXDOMAIN   EDE 15 (Blocked)" in said, said
        canaries.wait(AUDITED_S)
        check_rewriting(site, unexpecting, lab.networks[1])
        check_revoked(site, incident)
