"""The store cannot be written, or not even read, when the collector starts: it
starts all the same, shows what is there, acknowledges and changes nothing, says
what is wrong, and goes on without a restart once the cause is gone."""
import contextlib
import os
import sqlite3
import time

from deploy.lab.ask import PATIENCE_S, wait_until
from tests.lib import faults
from tests.lib.support import open_incident, work_folder

NO_LUCK = "a result that is lost is wrong, however seldom it is"

DISK_BYTES = 8 << 20
STORE = "%41 b?c#.db"   # it may have to be named in a URI
QUIET_S = 0.3   # its first try comes a second after the start


@contextlib.contextmanager
def on_small_disk():
    """A collector whose store has a disk of its own, an incident, an agent with
    acknowledged results."""
    with work_folder() as folder, faults.small_disk(DISK_BYTES) as place, \
            faults.collector(folder=os.path.join(folder, "site"),
                             store=os.path.join(place, STORE),
                             **faults.PACED) as site, \
            faults.client(site) as client:
        incident = open_incident(site)
        client.stream()
        client.wait_acked(100)
        client.stop_stream()
        yield site, client, incident, os.path.join(place, STORE)


def end(site, well):
    """Well: nothing is left beside the store; else all of it may be in the
    write-ahead log."""
    if well:
        assert site.collector_program.daemon.stop(timeout=60) == 0
    else:
        faults.kill(site)


def health(site):
    with contextlib.suppress(OSError):
        return site.api.get("/healthz")[1]
    return {}


def start_degraded(site):
    """Its process, which serves though not all is well."""
    daemon = site.collector_program.daemon
    site.collector_program.start()

    def serves():
        daemon.must_run()
        return health(site).get("status") == "degraded"
    wait_until(serves, PATIENCE_S, "the collector's API")
    return daemon.pid


def acked_stay(site, incident, client, pid, path):
    """It goes on by itself, in the same process."""
    found = faults.assert_resumes(site, incident, client, path)
    assert site.collector_program.daemon.pid == pid
    site.collector_program.daemon.must_run()
    assert site.api.get("/healthz")[0] == 200
    return found


def assert_unread(site, words):
    """Nothing is shown that could be taken for all there is."""
    status, document = site.api.get("/healthz")
    assert status == 503 and words in document["problem"], document
    assert document["readable"] is False, document
    assert document["storing"] is False, document
    for target in ("/v1/incidents", "/v1/agents", "/v1/networks"):
        status, problem = site.api.get(target)
        assert status == 503 and words in problem["detail"], problem
        assert problem["detail"].startswith("what is stored cannot be read")
    status, problem = site.api.request("POST", "/v1/incidents", {
        "name": "www.example.com", "types": ["A"]})
    assert status == 503, problem
    done = site.cli("status", check=False)
    assert done.returncode != 0 and words in done.stdout + done.stderr, done
    text = faults.metrics(site)
    assert "\nnxclear_store_readable 0\n" in text, text
    assert "\nnxclear_storing 0\n" in text, text


class Total:
    """A row of the table."""

    def __init__(self):
        self.rounds = self.lost = self.double = 0
        self.longest = 0.0

    def add(self, lost, double, seconds):
        self.rounds += 1
        self.lost += lost
        self.double += double
        self.longest = max(self.longest, seconds)

    def show(self, fault):
        faults.row(fault, self.rounds, self.lost, self.double, self.longest)


def test_full_and_read_only():
    """After a clean stop and after a hard one: what was committed last is shown,
    also where it stands in the write-ahead log only."""
    def full(well):
        end(site, well)
        filler = faults.fill(place)
        pid = start_degraded(site)
        client.stream()
        faults.assert_degraded(site, incident, "no space left")
        client.wait_no_ack(QUIET_S)
        os.unlink(filler)
        return acked_stay(site, incident, client, pid, path)

    def read_only(well):
        last = f"before-{well}"
        site.cli("agents", "label", "lyon", f"site={last}")
        end(site, well)
        faults.remount(place, "ro")
        pid = start_degraded(site)
        client.stream()
        faults.assert_degraded(site, incident, "mounted read-only")
        assert last in str(site.api.must_get("/v1/agents")), last
        client.wait_no_ack(QUIET_S)
        faults.remount(place, "rw")
        return acked_stay(site, incident, client, pid, path)

    totals = {full: Total(), read_only: Total()}
    with on_small_disk() as (site, client, incident, path):
        place = os.path.dirname(path)
        for fault, well in ((full, True), (read_only, False),
                            (read_only, True), (full, False)):
            if faults.NIGHTLY or (fault, well) != (full, False):
                totals[fault].add(*fault(well))
    totals[full].show("started on a full disk")
    totals[read_only].show("started on a read-only disk")


def test_nothing_to_be_read():
    """Or not safely: nothing is shown, no agent is listened to."""
    locked, newer = Total(), Total()
    with on_small_disk() as (site, client, incident, path):
        end(site, True)
        with contextlib.closing(sqlite3.connect(
                path, isolation_level=None)) as other:
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
            other.execute("UPDATE agent SET reason = reason")
            pid = start_degraded(site)
            client.stream()
            assert_unread(site, "locked by another program")
            client.wait_no_ack(QUIET_S)
        locked.add(*acked_stay(site, incident, client, pid, path))
        end(site, True)
        with contextlib.closing(sqlite3.connect(path)) as other:
            [(version,)] = other.execute("PRAGMA user_version").fetchall()
            other.execute(f"PRAGMA user_version = {version + 1}")
        pid = start_degraded(site)
        client.stream()
        assert_unread(site, "written by a newer")
        client.wait_no_ack(QUIET_S)
        with contextlib.closing(sqlite3.connect(path)) as other:
            other.execute(f"PRAGMA user_version = {version}")
        newer.add(*acked_stay(site, incident, client, pid, path))
        # The first start: there is none, and none can be made.
        end(site, True)
        os.unlink(path)
        filler = faults.fill(os.path.dirname(path))
        pid = start_degraded(site)
        assert_unread(site, "no space left")
        began = time.monotonic()
        os.unlink(filler)
        wait_until(lambda: health(site).get("status") == "ok", PATIENCE_S,
                   "the store to be made")
        took = time.monotonic() - began
        assert site.collector_program.daemon.pid == pid
        assert site.api.must_get("/v1/incidents")["incidents"] == []
    locked.show("started on a store that is locked")
    newer.show("started on a store of a newer version")
    faults.row("first start, on a full disk", 1, None, None, took)
