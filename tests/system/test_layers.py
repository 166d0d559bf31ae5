"""In which layer a denial lives. Three networks with a router (dnsmasq) before
their provider's resolver (Unbound), and a resolver elsewhere for comparison
(BIND): the denial is in the router alone; in the provider's resolver; nowhere
but at the zone's own name servers. Nobody is asked before the restoration, in
any layer; users are sent only where the owner lets them be sent. And a device
whose own stub holds the denial, as its applications see it."""
import time

from deploy.lab import zones
from deploy.lab.ask import ask
from deploy.lab.lab import COLLECTOR_ADDRESS, Lab
from deploy.lab.networks import Network
from deploy.lab.programs import Site
from deploy.lab.resolvers import Bind, Dnsmasq, Unbound
from tests.lib.capture import Capture
from tests.lib.device import Device, application
from tests.lib.openapi import Description
from tests.lib.support import (AUDITOR, BIN, ESTIMATE, authority_state,
                               network_row, open_incident, stop_well,
                               wait_status)
from tests.system.matrix.variants import UnboundPolicy

W_S = 900  # a denial outlives the test
SURE = {"clear_share": 0.3}  # good after a few answers
EXPECTED = (
    ("router-holds", "forwarder", {
        "network": "cached-nxdomain", "upstream": "clear",
        "control": "clear"}),
    ("provider-holds", "recursive", {
        "network": "cached-nxdomain", "upstream": "cached-nxdomain",
        "control": "clear"}),
    ("provider-blocks", "recursive", {
        "network": "policy-blocked", "upstream": "policy-blocked",
        "control": "clear"}))
SEEN_S = 10
TOLD_S = 20
STUB_ADDRESS = "127.0.0.53"


def routed(name, number, *options, kind=Unbound):
    """dnsmasq before an Unbound of its own."""
    def made(folder):
        provider = kind(f"{name}-unbound", f"{folder}/{name}-unbound",
                           f"198.51.100.{10 * number + 1}")
        router = Dnsmasq(f"{name}-dnsmasq", f"{folder}/{name}",
                         f"198.51.100.{10 * number}", options, [provider])
        return Network(name, router, [provider], f"203.0.113.{10 + number}")
    return made


def elsewhere(folder):
    return Network("elsewhere", Bind("control-named", f"{folder}/control",
                                     "198.51.100.90"),
                   user_address="203.0.113.90")


def agent_of(site, network, control, may_suggest):
    return site.agent(network.name, resolvers={"discover": False, "named": [
        {"at": network.address},
        {"at": network.backends[0].address, "layer": "upstream"},
        {"at": control.address, "layer": "control",
         "may_suggest": may_suggest}]})


def lives_in(document, network):
    return (network_row(document, network).get("lives_in") or {}).get("layer")


def states(document, network):
    return {t["layer"]: t["state"]
            for t in network_row(document, network)["targets"]}


def test_each_layer_is_told_apart():
    makes = [routed("router-holds", 1),
             routed("provider-holds", 2, "cache-size=0"),
             routed("provider-blocks", 3, kind=UnboundPolicy), elsewhere]
    with Capture() as capture, Lab(makes, negative_ttl=W_S) as lab:
        router, provider, blocking, control = lab.networks
        site = Site(BIN, f"{lab.folder}/nxclear", listen=COLLECTOR_ADDRESS)
        lab.own(site.collector(estimate={**ESTIMATE, **SURE}))
        lab.own(agent_of(site, router, control, may_suggest=True))
        lab.own(agent_of(site, provider, control, may_suggest=False))
        lab.own(agent_of(site, blocking, control, may_suggest=True))
        lab.own(site.agent("operations", "auditor", "authority",
                           resolvers={"discover": False},
                           authority={"root_hints": lab.root_hints,
                                      **AUDITOR}))
        site.start()
        lab.remove_record()
        began = time.time()
        incident = open_incident(site)
        document = wait_status(site, incident, authority_state("negative"),
                               SEEN_S, "the outage to be seen")
        assert lives_in(document, "router-holds") == "authority", document
        asked = capture.select(began, name=zones.NAME, source={
            n.address for n in lab.networks})
        assert not asked, asked
        for network in (router, provider, blocking):
            reply = ask(network.address, zones.NAME,
                        source=network.user_address)
            assert reply is not None and not reply.positive, reply
        # The provider of the first network loses its copy, the router's stays.
        upstream = router.backends[0]
        upstream.stop()
        upstream.start().wait_ready()
        lab.restore_record()
        restored = time.monotonic()
        document = wait_status(
            site, incident, lambda d: all(
                lives_in(d, name) == layer and states(d, name) == found
                for name, layer, found in EXPECTED), TOLD_S,
            "the layers to be told apart")
        took = time.monotonic() - restored
        print("# | the denial is in | layer | states by layer | seconds |\n"
              "# |---|---|---|---|---|")
        for title, network in (("the router", router),
                               ("the provider's resolver", provider),
                               ("the provider's policy", blocking)):
            print(f"# | {title} | {lives_in(document, network.name)} | "
                  f"{states(document, network.name)} | {took:.1f} |",
                  flush=True)
        check_words(site, incident, router, provider, control)
        check_policy(site, incident, blocking, control)
        stop_well(site)


def check_words(site, incident, router, provider, control):
    said = site.cli("explain", str(incident), router.name, check=False).stdout
    assert "lives in" in said and "forwarder" in said, said
    assert f"restart the forwarder {router.address}@53" in said, said
    assert f"{control.address}@53 (not this network's own)" in said, said
    said = site.cli("explain", str(incident), provider.name,
                    check=False).stdout
    assert f"flush {zones.NAME} in {provider.backends[0].address}@53" in said
    assert "meanwhile" not in said, said  # the owner does not allow it
    table = site.cli("status", str(incident), check=False).stdout
    assert "LIVES IN" in table, table
    described = Description(site.api.must_get("/v1/openapi.json"))
    for network, count in ((router, 1), (provider, 0)):
        row = site.api.must_get(
            f"/v1/incidents/{incident}/networks/{network.name}")
        described.check(row, described.named("ExplainedNetwork"), network.name)
        assert len(row["meanwhile"]) == count, row["meanwhile"]


def check_policy(site, incident, network, control):
    """A response policy zone is no cache: nothing is to be flushed, restarted
    or waited for."""
    row = site.api.must_get(
        f"/v1/incidents/{incident}/networks/{network.name}")
    provider = network.backends[0]
    why, advice = row["lives_in"]["why"], row["lives_in"]["advice"]
    print(f"# {network.name}: {why}: {advice}", flush=True)
    assert (f"{provider.address}@53, behind {network.address}@53, blocks "
            f"{zones.NAME} by policy") in why, row["lives_in"]
    said = site.cli("explain", str(incident), network.name, check=False).stdout
    told = [advice, row["advice"],
            *(t["advice"] for t in row["targets"]
              if t["state"] == "policy-blocked")]
    assert len(told) == 4 and all("block" in text for text in told), told
    for text in told:
        assert not any(words in text for words in (
            "restart the", f"flush {zones.NAME}", "wait until")), text
    assert f"{control.address}@53 (not this network's own)" in said, said


def test_what_applications_on_the_device_see():
    with Capture() as capture, Lab([routed("device-holds", 3)],
                                   negative_ttl=W_S) as lab:
        network = lab.networks[0]
        router, provider = network.resolver, network.backends[0]
        stub = Dnsmasq("device-stub", f"{lab.folder}/stub", STUB_ADDRESS, (),
                       [router])
        lab.own(stub.start()).wait_ready()
        site = Site(BIN, f"{lab.folder}/nxclear", listen=COLLECTOR_ADDRESS)
        lab.own(site.collector(estimate={**ESTIMATE, **SURE}))
        for name, hosts in ((network.name, []),
                            ("overridden", [f"192.0.2.77 {zones.NAME}"])):
            device = Device(f"{lab.folder}/{name}.etc", stub.address, hosts)
            lab.own(device.has(site.agent(name, resolvers={
                "discover": False, "getaddrinfo": True, "named": [
                    {"at": network.address},
                    {"at": stub.address, "layer": "host"}]})))
        lab.own(site.agent("operations", "auditor", "authority",
                           resolvers={"discover": False},
                           authority={"root_hints": lab.root_hints,
                                      **AUDITOR}))
        site.start()
        lab.remove_record()
        began = time.time()
        incident = open_incident(site)
        wait_status(site, incident, authority_state("negative"), SEEN_S,
                    "the outage to be seen")
        asked = capture.select(began, name=zones.NAME, source={
            stub.address, router.address, provider.address})
        assert not asked, asked  # the guard holds for getaddrinfo, too
        reply = ask(stub.address, zones.NAME)
        assert reply is not None and not reply.positive, reply
        for member in (provider, router):  # they lose their copies
            member.stop()
            member.start().wait_ready()
        lab.restore_record()
        restored = time.monotonic()
        document = wait_status(
            site, incident,
            lambda d: lives_in(d, network.name) == "device"
            and application(d, network.name)["state"] == "cached-nxdomain"
            and application(d, "overridden")["state"] == "old-positive",
            TOLD_S, "the device to be told")
        told = network_row(document, network.name)["lives_in"]["why"]
        print(f"# told after {time.monotonic() - restored:.1f} s: {told}",
              flush=True)
        assert (f"getaddrinfo says EAI_NONAME while {network.address}@53 "
                "answers as restored") in told, told
        check_application(site, incident, network, document)
        stop_well(site)


def check_application(site, incident, network, document):
    """A line in hosts(5) is no cache, and is named."""
    target = application(document, "overridden")
    assert "hosts-file" in target["flags"], target
    assert "/etc/hosts" in target["why"] and "remove the line" in (
        target["advice"]), target
    described = Description(site.api.must_get("/v1/openapi.json"))
    for name in (network.name, "overridden"):
        row = site.api.must_get(f"/v1/incidents/{incident}/networks/{name}")
        described.check(row, described.named("ExplainedNetwork"), name)
    said = site.cli("explain", str(incident), network.name, check=False).stdout
    assert f"getent ahostsv4 {zones.NAME}" in said, said
    assert "getaddrinfo says EAI_NONAME" in said, said
