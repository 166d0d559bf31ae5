"""The store cannot be written, or is not what it was: the collector stops
acknowledging, keeps serving, says what is wrong and goes on without a restart;
what it cannot trust it refuses, and says what to do."""
import contextlib
import os
import sqlite3
import subprocess
import time

from deploy.lab.ask import wait_until
from tests.lib import faults
from tests.lib.support import BIN, Skip, open_incident, work_folder

DISK_BYTES = 2 << 20


@contextlib.contextmanager
def small_disk(folder):
    place = os.path.join(folder, "small")
    os.mkdir(place)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", place],
        capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Skip(f"no tmpfs: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=False)


def fill(place):
    """Beside the collector, which takes its part."""
    path = os.path.join(place, "filler")
    with open(path, "wb", buffering=0) as out, \
            contextlib.suppress(OSError):
        while out.write(b"x" * 4096):
            pass
    return path


def storing(site):
    return site.api.get("/healthz")[1]["storing"]


def assert_degraded(site, incident, words):
    """Everything says it; reading goes on."""
    status, health = site.api.get("/healthz")
    assert status == 503 and words in health["problem"], health
    document = site.api.status(incident)
    assert document["storing"] is False, document
    assert words in document["problem"], document
    said = site.cli("status", str(incident), check=False).stdout
    assert said.startswith("NOT STORING") and words in said, said
    metrics = site.run(
        ["curl", "-s", "--unix-socket", site.api.path,
         "http://localhost/metrics"]).stdout
    assert "\nnxclear_storing 0\n" in metrics
    assert site.api.request("POST", "/v1/agents/accept", {
        "key": "0" * 40, "network": "oslo"})[0] == 503


def assert_resumes(site, incident, client, path):
    """Without a restart; returns (lost, double, seconds)."""
    began = time.monotonic()
    acked = client.acked
    client.wait_acked(acked, timeout=40, what="an ack once it can be written")
    took = client.acked_at - began
    wait_until(lambda: storing(site), 5, "health to say so")
    assert "storing" not in site.api.status(incident)
    client.stop_stream()
    ledger = faults.Ledger(path)
    return ledger.lost(client.acked), ledger.double(), took


def test_no_space():
    rounds_n = faults.rounds(1, 20)
    lost = double = 0
    longest = 0.0
    with work_folder() as folder, small_disk(folder) as place, \
            faults.collector(folder=os.path.join(folder, "site"),
                             store=os.path.join(place, "nxclear.db")) as site, \
            faults.client(site) as client:
        path = os.path.join(place, "nxclear.db")
        incident = open_incident(site)
        for _round in range(rounds_n):
            client.stream()
            client.wait_acked(client.acked)
            filler = fill(place)
            wait_until(lambda: not storing(site), 20, "the disk to be full")
            time.sleep(0.1)
            acked = client.acked
            assert_degraded(site, incident, "no space left")
            time.sleep(1.5)     # its own tries fail, too
            assert client.acked == acked
            os.unlink(filler)
            one = assert_resumes(site, incident, client, path)
            lost, double = lost + one[0], double + one[1]
            longest = max(longest, one[2])
    faults.row("store on a full disk", rounds_n, lost, double, longest)


def test_locked():
    with faults.collector() as site, faults.client(site) as client:
        path = faults.store_path(site)
        incident = open_incident(site)
        client.stream()
        client.wait_acked(100)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        wait_until(lambda: not storing(site), 10, "the lock to be noticed")
        assert_degraded(site, incident, "locked by another program")
        other.execute("ROLLBACK")
        other.close()
        lost, double, took = assert_resumes(site, incident, client, path)
    faults.row("store locked by another program", 1, lost, double, took)
