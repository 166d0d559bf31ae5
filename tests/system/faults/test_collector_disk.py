"""Disks that fail now and then, are slow, or lose the process while a store is
brought up to date. System calls are made to fail, wait or kill by strace."""
import os
import shutil
import statistics
import subprocess
import time

from deploy.lab.ask import wait_until
from tests.lib import agent_faults, faults
from tests.lib.support import BIN, Skip, rss_kib

SERVE_S = 60
SYNC_S, SLOW_BATCHES = 2, 12
WRITES_MAX = 400        # more than bringing a store up takes


def strace(*inject):
    if shutil.which("strace") is None:
        raise Skip("no strace here")
    options = [option for one in inject for option in ("-e", f"inject={one}")]
    return ["strace", "-f", "-qq", "-o", "/dev/null", *options]


def under(site, command):
    """Starts the collector below another program."""
    daemon = site.collector_program.daemon
    plain = daemon.command
    daemon.command = [*command, *plain]
    daemon.start()
    daemon.command = plain


def kill(site):
    """All of its session: strace and what it traces."""
    faults.kill(site)
    subprocess.run(["pkill", "-KILL", "-s", str(site.collector_program.daemon
                                                .pid)], check=False)


def serves(site):
    """False: it has ended instead."""
    end = time.monotonic() + SERVE_S
    daemon = site.collector_program.daemon
    while time.monotonic() < end and daemon.running():
        try:
            if site.api.get("/healthz")[0] == 200:
                return True
        except OSError:
            pass
        time.sleep(0.01)
    assert not daemon.running(), "neither serves nor ends"
    return False


def version(path):
    return faults.ask_store(path, "PRAGMA user_version")[0][0]


def test_upgrade_killed():
    """At any write: the store is the old one or a later one, whole, and the
    next start finishes."""
    some = faults.rounds(2, WRITES_MAX)
    draw = faults.seeded("killed while brought up")
    lost = 0
    with faults.collector() as site:
        path = faults.store_path(site)
        newest = version(path)
        assert site.collector_program.daemon.stop(timeout=60) == 0
        rounds_n = 0
        for number in range(1, some + 1):
            write = number if faults.NIGHTLY else draw.randrange(1, 60)
            for suffix in ("", "-wal", "-shm"):
                if os.path.exists(path + suffix):
                    os.unlink(path + suffix)
            subprocess.run([os.path.join(BIN, "old_store"), path], check=True)
            under(site, strace(f"pwrite64:signal=KILL:when={write}"))
            whole = serves(site)
            kill(site)
            assert 1 <= version(path) <= newest
            lost += faults.ask_store(path, "SELECT count(*) FROM stream WHERE "
                                     "acked_seq = 100")[0][0] != 1
            faults.restart(site)
            assert version(path) == newest
            assert site.collector_program.daemon.stop(timeout=60) == 0
            rounds_n += 1
            if whole and faults.NIGHTLY:
                break       # it came through: there are no more writes
        faults.restart(site)
    faults.row("killed while brought up to date", rounds_n, lost, None)


def test_failing_calls():
    """Now and then a write or a sync fails: nothing is acknowledged that is
    not there, and it goes on."""
    rounds_n = faults.rounds(1, 6)
    draw = faults.seeded("failing writes")
    lost = double = 0
    longest = 0.0
    with faults.collector() as site, faults.client(site) as client:
        path = faults.store_path(site)
        for _round in range(rounds_n):
            assert site.collector_program.daemon.stop(timeout=60) == 0
            error = draw.choice(("EIO", "ENOSPC", "EDQUOT", "EINTR"))
            call = draw.choice(("pwrite64", "fdatasync"))
            first, step = draw.randrange(40, 80), draw.randrange(30, 90)
            under(site, strace(f"{call}:error={error}:when={first}+{step}"))
            assert serves(site)
            client.stream()
            began = time.monotonic()
            seconds = 12 if faults.NIGHTLY else 4
            first = last = client.acked
            while time.monotonic() < began + seconds or (
                    client.acked == first
                    and time.monotonic() < began + SERVE_S):
                time.sleep(0.05)
                if client.acked != last:
                    last = client.acked
                longest = max(longest, time.monotonic() - client.acked_at
                              if client.acked_at > began else 0)
            client.stop_stream()
            acked = client.acked
            kill(site)
            ledger = faults.Ledger(path)
            lost += ledger.lost(acked)
            double += ledger.double()
            assert acked > 0
            faults.restart(site)
    faults.row("failing writes and syncs", rounds_n, lost, double, longest)


def test_slow_disk():
    """Each sync takes 2 s: acks are late, nothing grows, nothing is lost."""
    faults.nightly("takes a minute")
    with faults.collector() as site, faults.client(site) as client:
        path = faults.store_path(site)
        assert site.collector_program.daemon.stop(timeout=60) == 0
        under(site, strace("fdatasync:delay_enter=2000000"))
        wait_until(lambda: serves(site), 60, "the collector")
        pid = int(subprocess.run(    # below strace
            ["pgrep", "-n", "-x", "nxclear-collect"], capture_output=True,
            text=True, check=True).stdout)
        client.stream()
        client.wait_acked(0, 60)
        before = rss_kib(pid)
        waits = []
        for _ack in range(8):
            began = time.monotonic()
            client.wait_acked(client.acked, 60)
            waits.append(client.acked_at - began)
        grown = rss_kib(pid) - before
        client.stop_stream()
        acked = client.acked
        kill(site)
        ledger = faults.Ledger(path)
        faults.restart(site)
    assert grown < 32 << 10, f"{grown} KiB more"
    faults.row("syncs of 2 s", 1, ledger.lost(acked), ledger.double(),
               max(waits))


def test_slow_disk_agent():
    """... and an agent sends fewer and larger batches meanwhile, none twice."""
    faults.nightly("takes two minutes")
    with agent_faults.busy(batch=1000) as one:
        good = statistics.mean(one.sizes())
        before = rss_kib(one.agent.daemon.pid)
        assert one.collector.stop(timeout=60) == 0
        under(one.site, strace(f"fdatasync:delay_enter={SYNC_S}000000"))
        assert serves(one.site)
        # What was kept meanwhile has come.
        produced = one.produced()
        wait_until(lambda: one.ledger()["acked"] >= produced,
                   agent_faults.PATIENCE_S, "what was kept to be acknowledged")
        batches, again, began = len(one.batches()), one.again(), one.produced()
        wait_until(lambda: len(one.batches()) >= batches + SLOW_BATCHES,
                   agent_faults.PATIENCE_S, "batches")
        sizes, again = one.sizes(batches), one.again() - again
        results = one.produced() - began
        grown = rss_kib(one.agent.daemon.pid) - before
        kill(one.site)
        one.site.collector_program.start().wait_ready()
        took = one.wait_stored(one.stored(), "results once the disk is fast")
        lost, double = one.settle()
    print(f"# {len(sizes)} batches of {statistics.mean(sizes):.0f} results "
          f"({good:.0f} before), {again} results again, {grown} KiB more")
    assert sum(sizes) > 0.5 * results, (sizes, results)
    assert statistics.mean(sizes) >= 2 * good, (sizes, good)
    assert again == 0, again
    assert grown <= 1024, grown
    faults.row("syncs of 2 s, the agent", 1, lost, double, took)
