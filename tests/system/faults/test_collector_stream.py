"""Numbers that a broken, restored or hostile agent might send: what was taken
has its effect once, what is missing is asked for or reported, and no number
makes the collector acknowledge what it does not have."""
import os
import shutil
import time

from deploy.lab.ask import wait_until
from tests.lib import faults
from tests.lib.support import BIN

NO_LUCK = "a result that is lost is wrong, however seldom it is"

SEQ_MAX = 2**63 - 1
OTHER_EPOCH = faults.EPOCH + 1


def acks(client, acked, *batch):
    """Sends one batch; so much is acknowledged then."""
    client.batch(*batch)
    found = client.wait(acked)
    assert found[1:] == (batch[0], acked), (batch, found)


def test_replayed_batches():
    """The same bytes again, the same numbers again, an old session again."""
    rounds_n = faults.rounds(30, 500)
    draw = faults.seeded("replay")
    with faults.collector(BIN) as site, faults.client(site) as client:
        acked = 0
        for _round in range(rounds_n):
            client.batch(faults.EPOCH, acked + 1, 10)
            acked += 10
            first = draw.randrange(1, acked + 1)
            for _again in range(draw.randrange(1, 4)):
                most = min(acked - first + 1, 500)
                client.batch(faults.EPOCH, first,
                             draw.randrange(1, most + 1))
        assert client.wait(acked)[1:] == (faults.EPOCH, acked)
        ledger = faults.Ledger(faults.store_path(site))
        assert faults.engine_results(site) == acked
        health = site.api.must_get("/healthz")
        assert health["duplicates"] > rounds_n, health
    faults.row("replayed batches", rounds_n, ledger.lost(acked),
               ledger.double())


def test_restored_backup():
    """The store is put back to an earlier copy: what is missing is asked for,
    not skipped, and what comes again counts once."""
    with faults.collector(BIN) as site, faults.client(site) as client:
        path = faults.store_path(site)
        acks(client, 50, faults.EPOCH, 1, 50)
        assert site.collector_program.daemon.stop(timeout=60) == 0
        shutil.copy(path, path + ".backup")
        faults.restart(site)
        acks(client, 100, faults.EPOCH, 51, 50)
        assert site.collector_program.daemon.stop(timeout=60) == 0
        for suffix in ("-wal", "-shm"):
            if os.path.exists(path + suffix):
                os.unlink(path + suffix)
        os.replace(path + ".backup", path)
        faults.restart(site)
        # It goes on where it was; the collector says where it is itself.
        acks(client, 50, faults.EPOCH, 101, 10)
        acks(client, 110, faults.EPOCH, 41, 60)
        ledger = faults.Ledger(path)
    faults.row("store restored from a backup", 1, ledger.lost(110),
               ledger.double())


def test_numbers():
    with faults.collector(BIN) as site, faults.client(site) as client:
        epoch = faults.EPOCH
        acks(client, 20, epoch, 1, 20)
        acks(client, 34, epoch, 15, 20)             # overlaps
        acks(client, 34, epoch, 45, 10)             # a hole: 35..44
        acks(client, 54, epoch, 35, 10)             # which is filled
        acks(client, 54, epoch, 45, 10)
        acks(client, 84, epoch, 75, 10, 55)         # gap reported
        before = site.api.must_get("/healthz")["rejected"]
        for first, count, gap in ((SEQ_MAX, 1, 85), (SEQ_MAX - 5, 10, 0),
                                  (2**64 - 1, 1, 85), (2**63, 1, 0),
                                  (0, 5, 0), (2**40, 1, 85)):
            client.batch(epoch, first, count, gap)
        wait_until(lambda: site.api.must_get("/healthz")["rejected"] > before,
                   20, "what cannot be to be rejected")
        assert client.wait(84)[2] == 84
        acks(client, 89, epoch, 85, 5)
        # Another epoch begins at 1 and leaves the first one alone.
        acks(client, 7, OTHER_EPOCH, 1, 7)
        acks(client, 90, epoch, 90, 1)
        ledger = faults.Ledger(faults.store_path(site))
        other = faults.Ledger(faults.store_path(site), OTHER_EPOCH)
        assert (ledger.received, ledger.dropped) == (70, 20), vars(ledger)
        # Its hello says that it has produced nothing: that cannot be.
        client.tell(f"hello {epoch}")
        wait_until(lambda: "  90        70        0    20  DOES NOT BALANCE"
                   in site.cli("agents", "ledger").stdout, 20,
                   "the ledger to say so")
        said = site.cli("agents", "ledger").stdout
        assert "lyon: it says that it produced fewer results" in said, said
        assert other.received == 7
        lost = ledger.lost(90) + other.lost(7)
        double = ledger.double() + other.double()
    faults.row("overlap, hole, gap, 2^63, epoch", 1, lost, double)


def test_paused_collector():
    """SIGSTOP: nothing is acknowledged meanwhile, nothing is lost."""
    pause_s = 60 if faults.NIGHTLY else 2
    with faults.collector() as site, faults.client(site) as client:
        client.stream()
        client.wait_acked(1000)
        site.collector_program.daemon.pause()
        acked = client.wait_no_ack(pause_s)
        site.collector_program.daemon.resume()
        began = time.monotonic()
        client.wait_acked(acked)
        took = client.acked_at - began
        client.stop_stream()
        wait_until(lambda: faults.Ledger(faults.store_path(site)).acked
                   >= client.acked, 20, "the last acks")
        ledger = faults.Ledger(faults.store_path(site))
        lost, double = ledger.lost(client.acked), ledger.double()
    faults.row(f"collector paused for {pause_s} s", 1, lost, double, took)


def test_agent_over_quota():
    """One that sends as if to fill the disk is not acknowledged, and loses
    nothing by it; others do not notice."""
    with faults.collector(BIN, retention={"agent_mib_per_hour": 1}) as site, \
            faults.client(site) as hostile, \
            faults.client(site, "oslo") as other:
        hostile.stream(count=200)
        wait_until(lambda: site.api.must_get("/healthz")["over_quota"] > 0,
                   30, "the quota to be used up")
        other.stream(OTHER_EPOCH)
        other.wait_acked(500)
        other.stop_stream()
        stored = faults.ask_store(faults.store_path(site),
                                  "SELECT sum(length(payload)) FROM batch "
                                  "WHERE agent_id = 1")[0][0]
        hostile.stop_stream()
        assert stored <= 1 << 20, stored
        ledger = faults.Ledger(faults.store_path(site))
        lost = ledger.lost(hostile.acked)
        log = site.collector_program.daemon.log_text()
        assert "sends more than may be stored of one agent" in log, log
    faults.row("agent over its quota", 1, lost, ledger.double())
