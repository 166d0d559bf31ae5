"""What tests of faults of the collector share: rounds and seeds, a client whose
every ack is known (fault_client.c), the ledger as the store has it, the row of
the table.

    with faults.collector() as site, faults.client(site) as client:
        client.stream(epoch)           # goes on until something else is asked
        ...
        faults.row("kill -9", rounds, lost, double, longest)
"""
import contextlib
import datetime
import errno
import fcntl
import os
import queue
import random
import socket
import sqlite3
import struct
import subprocess
import threading
import time

from deploy.lab.ask import PATIENCE_S, wait_until
from deploy.lab.lab import COLLECTOR_ADDRESS
from deploy.lab.namespace import add_addresses
from deploy.lab.programs import Site
from tests.lib.support import (BIN, ESTIMATE, PLAIN_BIN, Skip, open_incident,
                               stop_well, work_folder)

NIGHTLY = os.environ.get("NX_NIGHTLY") == "1"
# Of a program that is asked to end. By day the machine may be busy: else it
# waits for something.
END_MAX_S = 5.0 if NIGHTLY else 45.0
EPOCH = 0xdead0000beef
# The client sends faster than any agent.
NO_LIMITS = {"agent_messages_per_s": 100000, "agent_kib_per_s": 1048576}
SMALL_BYTES = 160 * 1024
# Linux: stop a mounted ext4 as a power cut would; 2: without flushing the log.
EXT4_IOC_SHUTDOWN = 0x8004587D
SHUTDOWN_NO_LOG_FLUSH = 2
NAME = "www.example.com"     # what the client sees denied


# In hours of it the store would grow so that a start takes long.
PACED = {"limits": {**NO_LIMITS, "agent_messages_per_s": 500}} if NIGHTLY \
    else {}


def nightly(why):
    """Skips what only a night has the time for."""
    if not NIGHTLY:
        raise Skip(f"{why}: nightly")


def rounds(ordinary, nightly):
    """NX_ROUNDS: so many times as many at night."""
    times = float(os.environ.get("NX_ROUNDS") or 1)
    return max(1, round(nightly * times)) if NIGHTLY else ordinary


def seeded(what):
    """A random source whose seed is printed; NX_SEED gives it back."""
    seed = int(os.environ.get("NX_SEED") or random.SystemRandom()
               .getrandbits(32))
    print(f"# {what}: NX_SEED={seed}", flush=True)
    return random.Random(seed)


def row(fault, rounds_n, lost, double, recovery_s=None):
    """A row of the table; fails when something was lost or counted twice. None:
    not counted, of a fault that touches no results."""
    took = "-" if recovery_s is None else f"{recovery_s:.2f} s"
    counts = ("-" if n is None else n for n in (lost, double))
    print("# fault |", fault, "|", rounds_n, *(f"| {n}" for n in counts), "|",
          took, flush=True)
    assert not lost and not double, (fault, lost, double)


class Client:
    """fault_client as a process; its lines are read as they come."""

    def __init__(self, site, key_path):
        collector = site.collector_program
        self._process = subprocess.Popen(
            [os.path.join(BIN, "fault_client"), key_path, collector.endpoint,
             collector.public_key], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, bufsize=1)
        self._answers = queue.Queue()
        self.acked = 0
        self.acked_at = 0.0    # time.monotonic()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._process.stdout:
            words = line.split()
            if words[0] == "acked":
                self.acked = int(words[1])
                self.acked_at = time.monotonic()
            else:
                self._answers.put(words)

    def tell(self, line):
        self._process.stdin.write(line + "\n")

    def stream(self, epoch=EPOCH, count=20, goal=1 << 62):
        """Goes on beside the test. From what is acknowledged on."""
        self.tell(f"stream {epoch} {count} {self.acked} {goal}")

    def stop_stream(self):
        self.tell("wait 100")
        assert self.answer()[0] == "streamed"
        assert self.answer()[0] == "waited"

    def batch(self, epoch, first, count, gap_from=0):
        self.tell(f"batch {epoch} {first} {count} {gap_from}")

    def answer(self, timeout=PATIENCE_S):
        return self._answers.get(timeout=timeout)

    def wait(self, acked=None, quiet_ms=300):
        """(acks that came, epoch, acknowledged), once so many results are
        acknowledged and then nothing comes for a while; the last one, when they
        never are."""
        end = time.monotonic() + PATIENCE_S
        while True:
            self.tell(f"wait {quiet_ms}")
            words = self.answer()
            assert words[0] == "waited", words
            found = tuple(int(w) for w in words[1:])
            if acked in (None, found[2]) or time.monotonic() > end:
                return found

    def wait_acked(self, more_than, timeout=PATIENCE_S, what="an ack"):
        wait_until(lambda: self.acked > more_than, timeout, what)
        return self.acked

    def wait_no_ack(self, seconds=1):
        """Of a collector that acknowledges nothing: until the acks that were on
        their way are here. The last one."""
        end = time.monotonic() + PATIENCE_S + seconds
        acked, since = self.acked, time.monotonic()
        while time.monotonic() < since + seconds:
            assert time.monotonic() < end, "acks go on coming"
            time.sleep(0.02)
            if self.acked != acked:
                acked, since = self.acked, time.monotonic()
        return acked

    def close(self):
        self._process.stdin.close()
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def collector(bin_dir=PLAIN_BIN, folder=None, **config):
    """A collector alone; ends well, or the test fails."""
    add_addresses([COLLECTOR_ADDRESS])
    with contextlib.ExitStack() as stack:
        folder = folder or stack.enter_context(work_folder())
        site = Site(bin_dir, folder, listen=COLLECTOR_ADDRESS)
        site.collector(**{"estimate": ESTIMATE, "limits": NO_LIMITS, **config})
        site.collector_program.start().wait_ready()
        try:
            yield site
            stop_well(site)
        except BaseException:
            print("\n".join(f"# {line}" for line in site.collector_program
                            .daemon.log_tail().splitlines()), flush=True)
            raise
        finally:
            site.kill()


@contextlib.contextmanager
def client(site, name="lyon", accept=True):
    """An agent that is a fault_client; accepted, or a stranger."""
    key_path = os.path.join(site.folder, f"{name}.key")
    key = site.run([site.path("nxclear-agent"), "keygen",
                    key_path]).stdout.strip()
    if accept:
        site.cli("agents", "accept", "--network", name, "--name", name, "--",
                 key)
    one = Client(site, key_path)
    try:
        yield one
    finally:
        one.close()


def open_restored(site):
    """An incident of the name that the client sees denied, over for a minute."""
    now = datetime.datetime.now(datetime.timezone.utc)
    start, end = ((now - datetime.timedelta(minutes=m)).strftime(
        "%Y-%m-%dT%H:%M:%SZ") for m in (5, 1))
    return open_incident(site, "--outage", f"{start}..{end}", name=NAME,
                         restored=end)


def store_path(site):
    return os.path.join(site.collector_program.folder, "nxclear.db")


def ask_store(path, sql):
    """All rows; the store may be in use, or left by a process that died."""
    with contextlib.closing(sqlite3.connect(path, timeout=PATIENCE_S)) as store:
        return store.execute(sql).fetchall()


class Ledger:
    """What the store says of one agent's only stream."""

    def __init__(self, path, epoch=EPOCH):
        streams = ask_store(path, "SELECT acked_seq, received_n, dropped_n FROM"
                                  f" stream WHERE epoch = {epoch}")
        self.acked, self.received, self.dropped = streams[0] if streams \
            else (0, 0, 0)
        self.batches = ask_store(
            path, "SELECT first_seq, results_n FROM batch WHERE epoch = "
                  f"{epoch} ORDER BY first_seq")

    def lost(self, acked):
        """Results that were acknowledged and are not there."""
        there = self.dropped + sum(min(n, acked - first + 1)
                                   for first, n in self.batches
                                   if first <= acked)
        return max(acked - self.acked, acked - there, 0)

    def double(self):
        """Results that are there more than once, or counted so."""
        twice = sum(max(before[0] + before[1] - after[0], 0)
                    for before, after in zip(self.batches, self.batches[1:]))
        return twice + abs(self.received - sum(n for _, n in self.batches))


def metrics(site):
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as link:
        link.settimeout(PATIENCE_S)
        link.connect(site.api.path)
        link.sendall(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")
        text = b""
        while part := link.recv(1 << 16):
            text += part
    return text.decode()


def kill(site):
    daemon = site.collector_program.daemon
    daemon.signal(9)
    daemon.process.wait()


def restart(site):
    """Seconds until it serves."""
    began = time.monotonic()
    site.collector_program.start().wait_ready()
    return time.monotonic() - began


def storing(site):
    return site.api.get("/healthz")[1]["storing"]


def assert_degraded(site, incident, words):
    """Everything says it; reading goes on, and nothing is changed."""
    status, health = site.api.get("/healthz")
    assert status == 503 and words in health["problem"], health
    assert health["readable"] is True, health
    document = site.api.status(incident)
    assert document["storing"] is False, document
    assert words in document["problem"], document
    said = site.cli("status", str(incident), check=False).stdout
    assert said.startswith("NOT STORING") and words in said, said
    assert "\nnxclear_storing 0\n" in metrics(site)
    status, problem = site.api.request("POST", "/v1/agents/accept", {
        "key": "0" * 40, "network": "oslo"})
    assert status == 503 and words in problem["detail"], problem


def assert_resumes(site, incident, one, path):
    """Without a restart; returns (lost, double, seconds)."""
    began = time.monotonic()
    acked = one.acked
    one.wait_acked(acked, what="an ack once it can be written")
    took = one.acked_at - began
    wait_until(lambda: storing(site), 20, "health to say so")
    wait_until(lambda: "storing" not in site.api.status(incident), 20,
               "the status to say so")
    one.stop_stream()
    ledger = Ledger(path)
    return ledger.lost(one.acked), ledger.double(), took


def engine_results(site):
    """Results that the status rests on, of all agents."""
    return sum(a["results"] for a in site.api.must_get("/v1/agents")["agents"])


@contextlib.contextmanager
def small_disk(size=SMALL_BYTES):
    """Of so many bytes, in memory."""
    with work_folder() as folder:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder],
            capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Skip(f"no tmpfs to mount: {done.stderr.strip()}")
        try:
            yield folder
        finally:
            subprocess.run(["umount", folder], check=False)


def remount(folder, how):
    subprocess.run(["mount", "-o", f"remount,{how}", folder], check=True)


def fill(folder):
    """The file that takes all the room there is left."""
    path = os.path.join(folder, "other")
    with open(path, "wb", buffering=0) as other:
        try:
            while True:
                other.write(bytes(4096))
        except OSError as full:
            assert full.errno == errno.ENOSPC, full
    return path


@contextlib.contextmanager
def disk(folder):
    """An ext4 of our own that writes back only when it must. Yields functions
    that mount it and cut its power."""
    image = os.path.join(folder, "disk")
    place = os.path.join(folder, "mounted")
    os.mkdir(place)
    with open(image, "wb") as out:
        out.truncate(256 << 20)

    def mount():
        done = subprocess.run(["mount", "-o", "loop,commit=300", image, place],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Skip(f"no loop device to mount: {done.stderr.strip()}")

    def unmount():
        subprocess.run(["umount", place], check=False, capture_output=True)

    def cut():
        fd = os.open(place, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN,
                        struct.pack("I", SHUTDOWN_NO_LOG_FLUSH))
        finally:
            os.close(fd)
    if os.geteuid() != 0:
        raise Skip("mounting a disk of our own wants root")
    if subprocess.run(["mkfs.ext4", "-q", image], check=False,
                      capture_output=True).returncode != 0:
        raise Skip("no mkfs.ext4 here")
    mount()
    try:
        yield place, mount, unmount, cut
    finally:
        unmount()


def control(place, mount, unmount, cut):
    """The disk does forget what was not synced, and keeps what was."""
    for name, sync in (("synced", True), ("not-synced", False)):
        with open(os.path.join(place, name), "w", encoding="ascii") as out:
            out.write("x" * 5000)
            out.flush()
            if sync:
                os.fsync(out.fileno())
    cut()
    unmount()
    mount()
    assert os.path.getsize(os.path.join(place, "synced")) == 5000
    path = os.path.join(place, "not-synced")
    assert not os.path.exists(path) or os.path.getsize(path) == 0
