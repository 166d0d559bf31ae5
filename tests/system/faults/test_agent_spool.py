"""The agent's spool at work: no space, no collector, a collector that does not
move, an end in the middle of it all."""
import os
import re
import shutil
import signal
import time

from deploy.lab.ask import wait_until
from tests.lib import agent_faults, faults
from tests.lib.support import rss_kib

NO_LUCK = "a result that is lost is wrong, however seldom it is"

DRAIN_PER_S = 50


def restart_collector(one):
    one.site.collector_program.start().wait_ready()


def test_no_space():
    """The spool's disk is full: the oldest results go, with a gap record, and
    asking goes on."""
    with faults.small_disk() as folder, agent_faults.busy(
            batch=5, qps=1000,
            spool={"path": os.path.join(folder, "spool")}) as one:
        one.collector.kill()
        before = one.ledger()
        wait_until(lambda: one.ledger()["dropped"] > before["dropped"] + 150,
                   60, "results to be dropped")
        produced = one.ledger()["produced"]
        wait_until(lambda: one.ledger()["produced"] > produced + 100, 30,
                   "new results")
        stored = one.stored()
        restart_collector(one)
        took = one.wait_stored(stored)
        wait_until(lambda: one.dropped() > 100, 60, "the loss to be reported")
        lost, double = one.settle()
    faults.row("agent's disk full", 1, lost, double, took)


def hold(one, results):
    """The ledger of the agent, stopped while so many more are held; the
    collector is back."""
    one.collector.kill()
    held = one.ledger()["held"]
    wait_until(lambda: one.ledger()["held"] > held + results, 60,
               "results to be held")
    one.stop_agent()
    before = one.ledger()
    restart_collector(one)
    return before


def disk_fails_to_read(one):
    """The agent starts all the same, and what is held arrives once it can be
    read again."""
    daemon = one.agent.daemon
    before = hold(one, 50)
    plain, daemon.command = daemon.command, [
        "fiu-run", "-x", "-f", "", "-c",
        "enable name=posix/io/rw/pread,failinfo=5", *daemon.command]
    took = one.recover()
    daemon.command = plain
    assert ("the disk cannot be used: what is there stays there"
            in daemon.log_text())
    one.stop_agent()
    after = one.ledger()
    assert after["epoch"] == before["epoch"], (before, after)
    assert after["held"] >= before["held"], (before, after)
    one.recover()
    return took


WORKS = "the disk works: beginning anew with it"
WAITS = "results are not delivered yet: beginning anew waits for them"


def wait_anew(one, mark, streams):
    """With the disk, tried at once; so many streams are in the store then: the
    numbers of one are given once."""
    one.agent.daemon.signal(signal.SIGHUP)
    wait_until(lambda: WORKS in one.agent.daemon.log_text()[mark:], 120,
               "the disk to be tried again")
    wait_until(lambda: len(set(faults.ask_store(
        faults.store_path(one.site), "SELECT epoch FROM batch"))) == streams,
               60, "its results")
    log = one.agent.daemon.log_text()[mark:]
    assert "results were dropped" not in log
    assert log.count(WORKS) == 1, log


def start_on_a_disk_mounted_read_only(one, folder):
    """The agent works without it; what is held arrives once it is writable, and
    nothing is lost on the way."""
    before = hold(one, 20)
    faults.remount(folder, "ro")
    mark = len(one.agent.daemon.log_text())
    took = one.recover()
    log = one.agent.daemon.log_text()[mark:]
    assert "Read-only file system: mount it writable again" in log, log
    assert one.ledger()["held"] == before["held"]
    faults.remount(folder, "rw")
    wait_anew(one, mark, streams=2)
    assert one.ledger()["epoch"] == before["epoch"]
    return took


def try_while_nothing_is_acknowledged(one, mark):
    """What is in memory would be lost: it waits. Once: what waits for an end of
    the pause has to arrive before another try, which would go well."""
    daemon = one.agent.daemon
    one.wait_stored(one.stored())
    one.collector.pause()    # the link lasts for seconds only
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: WAITS in daemon.log_text()[mark:], 60,
               "the try to end")
    one.collector.resume()


def start_on_a_full_disk(one, folder):
    one.stop_agent()
    shutil.rmtree(os.path.join(folder, "spool"))
    other = faults.fill(folder)
    mark = len(one.agent.daemon.log_text())
    took = one.recover()
    log = one.agent.daemon.log_text()[mark:]
    assert "free some space" in log, log
    one.agent.daemon.signal(signal.SIGHUP)
    wait_until(lambda: one.agent.daemon.log_text()[mark:].count(
        "free some space") > 1, 60, "the disk to be tried, in vain")
    os.unlink(other)
    try_while_nothing_is_acknowledged(one, mark)
    wait_anew(one, mark, streams=4)    # and of memory, and the new spool
    return took


def test_start_on_a_disk_that_fails():
    with faults.small_disk() as folder, agent_faults.busy(
            spool={"path": os.path.join(folder, "spool")}) as one:
        one.agent.daemon.command.append("-v")
        read_only_s = start_on_a_disk_mounted_read_only(one, folder)
        full_s = start_on_a_full_disk(one, folder)
        lost, double = one.settle()
        assert one.dropped() == 0
    faults.row("agent's disk read-only at the start", 1, lost, double,
               read_only_s)
    faults.row("agent's disk full at the start", 1, lost, double, full_s)


def told_spool_bytes(one):
    told = re.search(r'nxclear_agent_spool_bytes{.*agent="branch".*} (\d+)',
                     faults.metrics(one.site))
    return int(told[1]) if told else 0


def wait_fresh(one):
    """Until results that were asked for from now on are stored: it has a plan.
    """
    next_seq = one.ledger()["next_seq"]
    wait_until(lambda: max(first for first, _n in one.batches()) > next_seq,
               60, "fresh results")


def assert_drain_is_slow(one, known, next_seq):
    """Of what waited, by when it was received: the window of what may be under
    way makes little of it."""
    at_us = [at_us for first, at_us in faults.ask_store(
        faults.store_path(one.site), "SELECT first_seq, received_us FROM batch "
        "ORDER BY batch_id")[known:] if first < next_seq]
    rate = len(at_us) / (max(at_us) - min(at_us)) * 1e6
    print(f"# {len(at_us)} old batches, {rate:.0f} in a second")
    assert rate <= 2 * DRAIN_PER_S, rate


def partition(one, away_s, drain_s):
    """(seconds until what waited is stored, old batches that came behind a
    fresh one)."""
    wait_fresh(one)
    one.collector.kill()
    known = len(one.batches())
    held = one.ledger()["held"]
    time.sleep(away_s)
    wait_until(lambda: one.ledger()["held"] > held + drain_s * DRAIN_PER_S,
               30, "what takes seconds to drain")
    waiting = one.ledger()
    restart_collector(one)
    began = time.monotonic()
    took = one.wait_stored(sum(n for _first, n in one.batches()[:known]))
    wait_until(lambda: told_spool_bytes(one) > 0, 20, "the spool's size")
    wait_until(lambda: max(f for f, _n in one.batches()) >
               waiting["next_seq"], 20, "fresh results")
    fresh_s = time.monotonic() - began
    wait_until(lambda: one.both_ledgers()[1].acked >= waiting["produced"], 60,
               "what waited to be acknowledged")
    assert_drain_is_slow(one, known, waiting["next_seq"])
    rows = [first for first, _n in one.batches()[known:]]
    fresh_at = next(i for i, first in enumerate(rows)
                    if first > waiting["next_seq"])
    old_after = [f for f in rows[fresh_at:] if f < waiting["next_seq"]]
    print(f"# {waiting['held']} results waited; the first fresh batch was no. "
          f"{fresh_at + 1} of {len(rows)}, {fresh_s:.2f} s after the restart; "
          f"{len(old_after)} old batches came behind it", flush=True)
    assert old_after == sorted(old_after), "not the oldest first"
    return took, old_after


def partition_drains_beside_the_present(one, away_s):
    """Where a plan takes longer than the drain there is nothing to see: again,
    with more that waits."""
    for drain_s in (4, 8, 16, 32):
        took, old_after = partition(one, away_s, drain_s)
        if old_after:
            return took
    raise AssertionError("what was kept came before what is new")


def paused_collector(one, pause_s):
    """SIGSTOP: the agent's memory is flat, and all arrives afterwards."""
    pid = one.agent.daemon.pid
    before = rss_kib(pid)
    one.collector.pause()
    time.sleep(pause_s)
    after = rss_kib(pid)
    stored = one.stored()
    one.collector.resume()
    took = one.wait_stored(stored)
    print(f"# agent: {before} KiB, {after} KiB after {pause_s} s")
    assert after - before <= 1024, (before, after)
    return took


def term_in_the_middle_of_a_drain(one):
    one.collector.kill()
    held = one.ledger()["held"]
    wait_until(lambda: one.ledger()["held"] > held + 12 * DRAIN_PER_S, 30,
               "more than can drain before it ends")
    restart_collector(one)
    one.wait_stored(one.stored())
    took = one.stop_agent()
    left = one.ledger()
    print(f"# {took:.2f} s to end, {left['held']} results stay")
    assert took <= faults.END_MAX_S, took
    assert left["held"] > 0 and left["clean"] == "yes", left
    one.recover()
    return took


def test_what_is_held_drains():
    away_s = 10 if faults.NIGHTLY else 3
    rows = []
    with agent_faults.busy(batch=1, qps=100) as one:
        if shutil.which("fiu-run") is None:
            print("# fault | agent's disk fails to read | - | - | - | no fiu-run "
                  "here (package fiu-utils)")
        else:
            rows.append(("agent's disk fails to read", disk_fails_to_read(one)))
        rows.append((f"collector away for {away_s} s",
                     partition_drains_beside_the_present(one, away_s)))
        rows.append(("SIGTERM in a drain", term_in_the_middle_of_a_drain(one)))
        lost, double = one.settle()
        assert one.dropped() == 0
    for fault, took in rows:
        faults.row(fault, 1, lost, double, took)


def reload_with_a_bad_configuration(one):
    config = one.agent.config_path
    with open(config, encoding="utf-8") as file:
        good = file.read()
    daemon = one.agent.daemon
    with open(config, "a", encoding="utf-8") as file:
        file.write("nonsense: 1\n")
    daemon.signal(signal.SIGHUP)
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: "the old configuration stays" in daemon.log_text(),
               10, "the complaint")
    took = one.wait_stored(one.stored())
    with open(config, "w", encoding="utf-8") as file:
        file.write(good.replace('path: "spool"', 'path: "elsewhere"'))
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: "spool.path: a change needs a restart"
               in daemon.log_text(), 10, "the warning")
    with open(config, "w", encoding="utf-8") as file:
        file.write(good)
    daemon.signal(signal.SIGHUP)
    one.wait_stored(one.stored())
    return took


def configuration_is_checked(one):
    config = one.agent.config_path
    command = [one.site.path("nxclear-agent"), "-n", "-c", config]
    assert one.site.run(command).returncode == 0    # while it runs
    with open(config, encoding="utf-8") as file:
        good = file.read()
    with open(config, "w", encoding="utf-8") as file:
        file.write(good.replace('path: "spool"', 'path: "no/spool"'))
    said = one.site.run(command, check=False)
    line = 1 + good[:good.index('path: "spool"')].count("\n")
    assert said.returncode == 78
    assert said.stderr.startswith(f"{config}:{line}: spool.path: ") and \
        "make the folder above it" in said.stderr, said.stderr
    with open(config, "w", encoding="utf-8") as file:
        file.write(good)


def crc32c(octets):
    crc = 0xffffffff
    for octet in octets:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def of_next_version(ledger):
    """Its two blocks of 1,024 octets, a page each, as agent/uplink/segment.h
    has them."""
    out = bytearray(ledger)
    for at in (0, 4096):
        if out[at:at + 5] == b"NXLED":
            out[at + 7] += 1
            out[at + 1020:at + 1024] = crc32c(
                out[at:at + 1020]).to_bytes(4, "little")
    return bytes(out)


def spool_of_a_newer_version(one):
    """After a downgrade: the agent says so and leaves the spool to the version
    that wrote it."""
    one.stop_agent()
    folder = os.path.join(one.agent.folder, "spool")
    path = os.path.join(folder, "ledger")
    with open(path, "rb") as file:
        good = file.read()
    with open(path, "r+b") as file:
        file.write(of_next_version(good))
    names = sorted(os.listdir(folder))
    said = one.site.run([one.site.path("nxclear-agent"), "-c",
                         one.agent.config_path], check=False)
    assert said.returncode == 78, said
    assert "written by a newer nxclear-agent" in said.stderr, said.stderr
    assert sorted(os.listdir(folder)) == names
    with open(path, "r+b") as file:
        file.write(good)
    return one.recover()


def spool_put_back(one):
    """To a copy: the collector has numbers that the agent would give again. It
    begins a new spool, and what is new arrives."""
    folder = os.path.join(one.agent.folder, "spool")
    one.stop_agent()
    before = one.ledger()
    shutil.copytree(folder, f"{folder}.copy")
    one.recover()
    one.stop_agent()
    shutil.rmtree(folder)
    os.rename(f"{folder}.copy", folder)
    mark = len(one.agent.daemon.log_text())
    took = one.recover()
    assert "the spool begins anew" in one.agent.daemon.log_text()[mark:]
    assert one.ledger()["epoch"] != before["epoch"]
    return took


def test_nothing_is_lost_by_what_is_refused():
    pause_s = 60 if faults.NIGHTLY else 3
    with agent_faults.busy() as one:
        paused_s = paused_collector(one, pause_s)
        reload_s = reload_with_a_bad_configuration(one)
        configuration_is_checked(one)
        newer_s = spool_of_a_newer_version(one)
        put_back_s = spool_put_back(one)
        lost, double = one.settle()
        assert one.dropped() == 0
    faults.row(f"collector paused for {pause_s} s (agent)", 1, lost, double,
               paused_s)
    faults.row("SIGHUP with a bad configuration", 1, lost, double, reload_s)
    faults.row("spool of a newer version", 1, lost, double, newer_s)
    faults.row("spool put back to an older copy", 1, lost, double, put_back_s)
