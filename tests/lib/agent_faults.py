"""What tests of faults of the agent share: an agent that asks fast and all the
time, the ledger of its spool, and the collector's beside it.

    with busy(spool={"path": "spool"}) as lab:
        ...
        lab.kill_agent()
        took = lab.recover()
        ...
        lost, double = lab.settle()
"""
import contextlib
import os
import signal
import time

from deploy.lab import zones
from deploy.lab.ask import wait_until
from deploy.lab.authority import Nsd
from deploy.lab.namespace import add_addresses
from tests.lib import faults
from tests.lib.support import ESTIMATE, PLAIN_BIN, site_alone

RESOLVER = "198.51.100.71"
NAMES = 10
TYPES = ["A", "AAAA", "TXT", "MX"]
FAST = {**ESTIMATE, "first_visit": 1, "probe_floor_ms": 100,
        "probe_ceiling_ms": 100}
BATCH = 20
RESERVED = 4 * BATCH   # numbers that an unclean end may skip
PATIENCE_S = 180
CALM_QPS = 20


class Busy:
    def __init__(self, site, agent):
        self.site = site
        self.agent = agent

    # --- the agent ---

    def recover(self):
        """Starts the agent; seconds until a result of it is stored."""
        mark, began = len(self.agent.daemon.log_text()), time.monotonic()
        self.agent.start()
        wait_until(lambda: ": connected" in
                   self.agent.daemon.log_text()[mark:], PATIENCE_S,
                   "the agent to be connected")
        self.wait_stored(self.stored())
        return time.monotonic() - began

    def kill_agent(self):
        self.agent.daemon.signal(signal.SIGKILL)
        self.agent.daemon.process.wait()

    def stop_agent(self):
        """Seconds that it took."""
        began = time.monotonic()
        code = self.agent.daemon.stop(timeout=60)
        assert code == 0, (code, self.agent.daemon.log_tail())
        return time.monotonic() - began

    def ledger(self):
        """Of the spool on the disk, as a start now would find it."""
        said = self.site.run([self.site.path("nxclear-agent"), "--ledger",
                              "-c", self.agent.config_path]).stdout
        found = dict(line.split() for line in said.splitlines())
        return {key: value if key in ("epoch", "clean") else int(value)
                for key, value in found.items()}

    def produced(self):
        return self.ledger()["produced"]

    # --- the collector ---

    @property
    def collector(self):
        return self.site.collector_program.daemon

    def _rows(self, sql):
        return faults.ask_store(faults.store_path(self.site), sql)

    def stored(self):
        """Results in the store."""
        return self._rows("SELECT coalesce(sum(results_n), 0) FROM batch")[0][0]

    def dropped(self):
        return self._rows("SELECT coalesce(sum(dropped_n), 0) FROM stream"
                          )[0][0]

    def batches(self):
        """(first number, results) in the order of arrival."""
        return self._rows("SELECT first_seq, results_n FROM batch"
                          " ORDER BY batch_id")

    def sizes(self, after=0):
        """Results per batch that came behind the first so many."""
        return [n for _first, n in self.batches()[after:]]

    def again(self):
        """Results that came again, since the collector's start."""
        return self.site.api.must_get("/healthz")["duplicates"]

    def wait_stored(self, more_than, what="more results"):
        """Seconds until there are."""
        began = time.monotonic()
        wait_until(lambda: self.stored() > more_than, PATIENCE_S, what)
        return time.monotonic() - began

    def wait_quiet(self, seconds):
        """Until nothing has been stored for so long; what is stored then."""
        end = time.monotonic() + PATIENCE_S
        stored, since = self.stored(), time.monotonic()
        while time.monotonic() < since + seconds:
            assert time.monotonic() < end, "results go on coming"
            time.sleep(0.05)
            now = self.stored()
            if now != stored:
                stored, since = now, time.monotonic()
        return stored

    # --- the end ---

    def both_ledgers(self):
        """The agent's and the collector's of the same stream."""
        mine = self.ledger()
        epoch = int(mine["epoch"], 16)
        epoch -= (1 << 64) if epoch >= 1 << 63 else 0
        return mine, faults.Ledger(faults.store_path(self.site), epoch)

    def wait_drained(self, number, end):
        """Until what had this number, and all before it, is acknowledged."""
        wait_until(lambda: self.both_ledgers()[1].acked >= number,
                   max(end - time.monotonic(), 1), "what is held to drain")

    def calm(self):
        """From its next start on it asks less: what is held drains, on a busy
        machine, too."""
        self.agent.config["policy"].update(
            resolver_qps=CALM_QPS, resolver_burst=CALM_QPS, total_qps=CALM_QPS)
        self.agent.write_config()

    def settle(self):
        """Stops the agent well and compares both ledgers. Returns (acknowledged
        results that are missing, results that are there twice)."""
        end = time.monotonic() + PATIENCE_S
        self.stop_agent()
        self.calm()
        mine, theirs = self.both_ledgers()
        # Held results wait for a start; numbers that an unclean end skipped
        # are reported with the first result after them.
        while (mine["held"] > 0 or theirs.acked < mine["produced"]) \
                and time.monotonic() < end:
            self.recover()
            self.wait_drained(mine["produced"], end)
            self.stop_agent()
            mine, theirs = self.both_ledgers()
        assert mine["produced"] == \
            mine["acked"] + mine["held"] + mine["dropped"], mine
        assert mine["clean"] == "yes" and mine["held"] == 0, mine
        assert theirs.acked == mine["produced"], (vars(theirs), mine)
        assert theirs.received + theirs.dropped == mine["produced"]
        assert theirs.dropped <= mine["dropped"], (theirs.dropped, mine)
        return theirs.lost(mine["produced"]), theirs.double()


@contextlib.contextmanager
def busy(bin_dir=PLAIN_BIN, qps=200, batch=BATCH, accept=True, env=None,
         estimate=None, **config):
    """A collector, an agent that gets results all the time, a resolver that
    answers as fast as anything can."""
    add_addresses([RESOLVER])
    with site_alone(bin_dir, estimate={**FAST, **(estimate or {})}) as site:
        zone = zones.leaf_zone().with_(*(
            zones.record(name=f"n{i}.{zones.ZONE}") for i in range(NAMES)))
        server = Nsd("fast", f"{site.folder}/fast", RESOLVER, zone)
        server.start()
        try:
            server.wait_ready()
            agent = site.agent(
                "branch", nameservers=[RESOLVER],
                resolvers={"named": [{"at": f"{RESOLVER}@53"}]},
                policy={"resolver_qps": qps, "resolver_burst": qps,
                        "total_qps": qps, "min_interval_ms": 100},
                batch={"max_results": batch, "max_age_ms": 100},
                **{"spool": {"path": "spool"}, **config})
            agent.daemon.env = env or agent.daemon.env
            agent.accept()
            agent.start()
            for i in range(NAMES):
                site.cli("incident", "open", f"n{i}.{zones.ZONE}", *TYPES,
                         "--restored", "now")
            one = Busy(site, agent)
            one.wait_stored(100, "the first results")
            yield one
        finally:
            server.daemon.kill()


def slow_agent(site, name, **config):
    """An agent of that resolver alone, accepted; it asks now and then."""
    agent = site.agent(
        name, nameservers=[RESOLVER],
        resolvers={"named": [{"at": f"{RESOLVER}@53"}]},
        policy={"resolver_qps": 20, "min_interval_ms": 100},
        batch={"max_results": 5, "max_age_ms": 200}, **config)
    agent.accept()
    return agent


def spool_files(one):
    folder = os.path.join(one.agent.folder, "spool")
    return sorted(os.path.join(folder, name) for name in os.listdir(folder)
                  if name.endswith(".seg"))
