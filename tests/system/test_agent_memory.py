"""The agent's memory: small with five resolvers, and flat. The programs are
those without sanitizers."""
import time

from deploy.lab import zones
from deploy.lab.ask import ask, wait_until
from deploy.lab.authority import Nsd
from deploy.lab.namespace import add_addresses
from tests.lib.support import (ESTIMATE, PLAIN_BIN, network_row,
                               open_incident, rss_kib, site_alone,
                               wait_status)

RESOLVERS = [f"198.51.100.{n}" for n in (81, 82, 83, 84, 85)]
RSS_MAX_KIB = 9 * 1024
PROBES = 100_000
WARM_UP = 10_000     # probes until all buffers have their size
STRETCHES = 3        # a leak grows in each; a backlog, of results that a busy
                     # collector has not taken yet, does not
GROWTH_MAX_KIB = 256
LIMIT_S = 600
NAMES = 20
TYPES = ["A", "AAAA", "TXT", "MX"]


class FastResolvers:
    """An authoritative server that poses as five resolvers: it answers as
    fast as anything can."""

    def __init__(self, folder):
        add_addresses(RESOLVERS)
        zone = zones.leaf_zone().with_(*(
            zones.record(name=f"n{i}.{zones.ZONE}") for i in range(NAMES)))
        self._servers = [Nsd(f"fast-{a}", f"{folder}/fast-{a}", a, zone)
                         for a in RESOLVERS]

    def __enter__(self):
        for server in self._servers:
            server.start()
        for server in self._servers:
            server.wait_ready()
        assert ask(RESOLVERS[0], f"n0.{zones.ZONE}").positive

    def __exit__(self, *_error):
        for server in self._servers:
            server.daemon.kill()


def start_agent(site, **policy):
    agent = site.agent("busy", nameservers=RESOLVERS, resolvers={
        "named": [{"at": f"{a}@53"} for a in RESOLVERS]}, policy=policy)
    agent.accept()
    agent.start()
    site.wait_connected()
    return agent


def results(site, agent):
    return site.agent_record(agent)["results"] or 0


def test_five_resolvers_fit_into_9_mib():
    with site_alone(PLAIN_BIN) as site, FastResolvers(site.folder):
        agent = start_agent(site)
        incident = open_incident(site, restored="now")
        wait_status(site, incident,
                    lambda d: len(network_row(d, "busy").get(
                        "targets", [])) == 5, 15, "all five to be asked")
        wait_until(lambda: results(site, agent) >= 50, 60, "50 results")
        used = rss_kib(agent.daemon.pid)
        print(f"# agent with 5 UDP resolvers: {used} KiB resident")
        assert used <= RSS_MAX_KIB, used


def growth(site, agent):
    """KiB, over so many probes."""
    before, began = rss_kib(agent.daemon.pid), time.monotonic()
    count = results(site, agent)
    wait_until(lambda: results(site, agent) >= count + PROBES, LIMIT_S,
               f"{PROBES} results more")
    after, took = rss_kib(agent.daemon.pid), time.monotonic() - began
    print(f"# agent: {before} KiB, {after} KiB {PROBES} probes later "
          f"({PROBES / took:.0f} probes/s)", flush=True)
    return after - before


def test_memory_is_flat_over_100000_probes():
    fast = {**ESTIMATE, "first_visit": 1, "probe_floor_ms": 100,
            "probe_ceiling_ms": 100}
    with site_alone(PLAIN_BIN, estimate=fast) as site, \
            FastResolvers(site.folder):
        agent = start_agent(site, resolver_qps=1000, resolver_burst=1000,
                            total_qps=5000, min_interval_ms=100)
        for i in range(NAMES):
            site.cli("incident", "open", f"n{i}.{zones.ZONE}", *TYPES,
                     "--restored", "now")
        wait_until(lambda: results(site, agent) >= WARM_UP, LIMIT_S,
                   f"the first {WARM_UP} results")
        grown = GROWTH_MAX_KIB + 1
        for _stretch in range(STRETCHES):
            if grown > GROWTH_MAX_KIB:
                grown = growth(site, agent)
        assert grown <= GROWTH_MAX_KIB, grown
