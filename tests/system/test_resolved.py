"""A device with systemd-resolved, as Debian and Ubuntu desktops have it: the
real program with its bus and its NSS module, in front of the network's router
and the provider's resolver. Its cache alone holds the denial; applications
meet it through nss-resolve and through nss-dns; doing what the advice says
ends it."""
import os
import time

from deploy.lab import zones
from deploy.lab.ask import ask
from deploy.lab.lab import COLLECTOR_ADDRESS, Lab
from deploy.lab.networks import Network
from deploy.lab.programs import Site
from deploy.lab.resolvers import Dnsmasq, Unbound
from tests.lib.capture import Capture
from tests.lib.device import (NSS_MODULE, RUN, Device, ResolvedStub,
                              application)
from tests.lib.support import (AUDITOR, BIN, ESTIMATE, Skip, authority_state,
                               network_row, open_incident, stop_well,
                               wait_status)

NEEDS_UNPACKED = "systemd-resolved and its NSS module"
W_S = 900  # the denial outlives the test
SURE = {"clear_share": 0.3}  # good after a few answers
SEEN_S = 10
TOLD_S = 20
SOURCES = {"by-nss-resolve": "files resolve [!UNAVAIL=return] dns",
           "by-nss-dns": "files dns"}


def office(folder):
    provider = Unbound("provider", f"{folder}/provider", "198.51.100.31")
    router = Dnsmasq("router", f"{folder}/router", "198.51.100.30", (),
                     [provider])
    return Network("office", router, [provider], "203.0.113.13")


def state_of(document, network, resolver):
    return next((t["state"] for t in network_row(document, network)["targets"]
                 if t["resolver"] == resolver), None)


def home(document, network):
    return network_row(document, network).get("lives_in") or {}


def forget(*members):
    """They lose their caches."""
    for member in members:
        member.stop()
        member.start().wait_ready()


def test_the_device_holds_it():
    if not (ResolvedStub.there() and os.path.exists(NSS_MODULE)):
        raise Skip(f"without {NEEDS_UNPACKED}")
    with Capture() as capture, Lab([office], negative_ttl=W_S) as lab:
        router, provider = (lab.networks[0].resolver,
                            lab.networks[0].backends[0])
        stub = ResolvedStub("resolved", f"{lab.folder}/resolved", router)
        lab.own(stub.start()).wait_ready()
        devices = {name: Device(f"{lab.folder}/{name}.etc", stub.address,
                                sources=sources, run=f"{stub.folder}/run")
                   for name, sources in SOURCES.items()}
        site = Site(BIN, f"{lab.folder}/nxclear", listen=COLLECTOR_ADDRESS)
        lab.own(site.collector(estimate={**ESTIMATE, **SURE}))
        for name, device in devices.items():
            # As installed: what resolv.conf and systemd-resolved list.
            lab.own(device.has(site.agent(name, resolvers={
                "getaddrinfo": True, "resolved_conf": f"{RUN}/resolv.conf"})))
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
        asked = capture.select(began, name=zones.NAME, destination={
            stub.address, router.address, provider.address})
        assert not asked, asked  # the guard holds in every layer
        plant(devices)
        forget(provider, router)
        lab.restore_record()
        told_s = check_told(site, incident, devices, router)
        check_cure(devices, stub)
        print("# | applications ask by | denial in | told after | cured by "
              "|\n# |---|---|---|---|")
        for sources in SOURCES.values():
            print(f"# | {sources} | device | {told_s:.1f} s | resolvectl "
                  "flush-caches |", flush=True)
        stop_well(site)


def plant(devices):
    """A user's program on each device, while the name is gone."""
    for name, device in devices.items():
        status, said = device.run_program("getent", "ahostsv4", zones.NAME)
        assert status == 2, (name, status, said)  # not found


def check_told(site, incident, devices, router):
    """Seconds until every layer of both devices is told apart."""
    began = time.monotonic()
    at_router = f"{router.address}@53"
    document = wait_status(
        site, incident, lambda d: all(
            home(d, name).get("layer") == "device"
            and application(d, name).get("state") == "cached-nxdomain"
            and state_of(d, name, "127.0.0.53@53") == "cached-nxdomain"
            and state_of(d, name, at_router) == "clear"
            for name in devices), TOLD_S, "the devices to be told")
    took_s = time.monotonic() - began
    for name in devices:
        found = home(document, name)
        layers = {t["resolver"]: t["layer"]
                  for t in network_row(document, name)["targets"]}
        print(f"# {name}: {found['why']}: {found['advice']}", flush=True)
        assert layers["127.0.0.53@53"] == layers["getaddrinfo"] == "host", (
            layers)
        assert layers[at_router] == "network", layers
        assert (f"getaddrinfo says EAI_NONAME while {at_router} answers as "
                "restored") in found["why"], found
        assert "nsswitch.conf" not in found["why"], found  # the stub has it
        assert "resolvectl flush-caches" in found["advice"], found
    return took_s


def check_cure(devices, stub):
    """The advice, followed on one of them, ends it at once for both; the
    denial would have stayed much longer."""
    reply = ask(stub.address, zones.NAME)
    assert reply is not None and not reply.positive, reply
    status, said = devices["by-nss-resolve"].run_program(
        stub.RESOLVECTL, "flush-caches")
    assert status == 0, said
    reply = ask(stub.address, zones.NAME)
    assert reply is not None and reply.positive, reply
    for name, device in devices.items():
        status, said = device.run_program("getent", "ahostsv4", zones.NAME)
        assert status == 0 and zones.RECORD_ADDRESS in said, (name, said)
