"""The agent dies at any instant: killed outright, with the power, or with its
disk damaged. What it kept arrives, once; what it lost is reported; no number
means two results."""
import os
import time

from deploy.lab.ask import wait_until
from tests.lib import agent_faults, faults
from tests.lib.agent_faults import BATCH, RESERVED
from tests.lib.support import work_folder

NO_LUCK = "a result that is lost is wrong, however seldom it is"

TRIES = 200
QPS = 200
SYNC_S = 1      # sync: interval
SLACK_S = 2     # a burst of the pace, and the loop's turn
LOSS_MAX = QPS * (SYNC_S + SLACK_S) + RESERVED + BATCH  # of one power cut


def test_killed_at_random_instants():
    rounds_n = faults.rounds(20, 500)
    draw = faults.seeded("agent kill -9")
    longest = 0.0
    with agent_faults.busy() as one:
        for number in range(rounds_n):
            if number % 3 == 2:     # with a backlog
                one.collector.pause()
            time.sleep(draw.uniform(0.02, 0.3))
            one.kill_agent()
            one.collector.resume()
            longest = max(longest, one.recover())
        lost, double = one.settle()
        dropped = one.dropped()
        assert dropped <= rounds_n * (RESERVED + BATCH), dropped
    faults.row("agent killed (kill -9)", rounds_n, lost, double, longest)


def wait_at_work(one):
    """It has a plan, and numbers beyond what its start skipped."""
    began = one.ledger()["produced"]
    wait_until(lambda: one.ledger()["produced"] > began + RESERVED + BATCH, 20,
               "the agent at work")


def wait_backlog(one, draw, always):
    """The collector does not move; where not all is synced it is gone, so that
    nothing of what waits arrives by another way than the disk."""
    if always:
        one.collector.pause()
        time.sleep(draw.uniform(0.3, 1.2))
        return
    wait_at_work(one)
    one.collector.kill()
    held = one.ledger()["held"]
    wait_until(lambda: one.ledger()["held"] > held + LOSS_MAX + 100, 60,
               "more than may be lost")
    time.sleep(draw.uniform(0, SYNC_S))


def power_cut_rounds(one, disk, rounds_n, draw, always):
    """Cuts the power under the spool while results wait there."""
    _place, mount, unmount, cut = disk
    longest = 0.0
    for _round in range(rounds_n):
        wait_backlog(one, draw, always)
        before = one.ledger()
        cut()
        one.kill_agent()
        unmount()
        mount()
        after = one.ledger()
        assert after["epoch"] == before["epoch"]
        # One record may have been written and not synced when we looked; an
        # ack may have come since.
        if always:
            assert after["acked"] + after["held"] >= \
                before["acked"] + before["held"] - BATCH, (before, after)
            one.collector.resume()
        else:
            one.site.collector_program.start().wait_ready()
        longest = max(longest, one.recover())
    return longest


def test_power_cut():
    """Where not all is synced, what is lost was seen since the last sync."""
    rounds_n = faults.rounds(2, 15)
    draw = faults.seeded("agent power cut")
    for sync in ({"sync": "always"}, {"sync": "interval",
                                      "sync_interval_s": SYNC_S}):
        always = sync["sync"] == "always"
        with work_folder() as folder, faults.disk(folder) as disk:
            faults.control(*disk)
            path = os.path.join(disk[0], "spool")
            with agent_faults.busy(qps=QPS,
                                   spool={"path": path, **sync}) as one:
                longest = power_cut_rounds(one, disk, rounds_n, draw, always)
                lost, double = one.settle()
                dropped = one.dropped()
                # What was sent before the cut may have arrived: then
                # nothing is lost. settle() compares both ledgers.
                print(f"# {dropped} results reported as lost; allowed are "
                      f"{rounds_n * LOSS_MAX}", flush=True)
                assert dropped <= rounds_n * LOSS_MAX, dropped
        faults.row(f"power cut of the agent ({sync['sync']})", rounds_n, lost,
                   double, longest)


def damaged(whole, kind, draw):
    """A flipped bit, an end cut off, or zeros."""
    at = draw.randrange(len(whole) // 4, len(whole))
    if kind == 1:
        return whole[:at]
    put = bytes([whole[at] ^ 1 << draw.randrange(8)]) if kind == 0 \
        else bytes(min(200, len(whole) - at))
    return whole[:at] + put + whole[at + len(put):]


def damage_held(one, kind, draw):
    """Damages the largest file where results lie that were not acknowledged
    (before them is what the collector has: its loss costs nothing). Returns
    how many of them are gone."""
    path = max(agent_faults.spool_files(one), key=os.path.getsize)
    with open(path, "rb") as file:
        whole = file.read()
    held = one.ledger()["held"]
    for _ in range(TRIES):
        with open(path, "wb") as file:
            file.write(damaged(whole, kind, draw))
        gone = held - one.ledger()["held"]
        if gone > 0:
            return gone
    raise AssertionError(f"no damage of {path} cost any of {held} results")


def test_damaged_segment():
    """A flipped bit, a cut, zeros in a file of a stopped agent: the rest of the
    spool arrives, what is gone is reported."""
    rounds_n = faults.rounds(2, 20)
    draw = faults.seeded("agent segment damaged")
    longest = 0.0
    with agent_faults.busy() as one:
        for number in range(rounds_n):
            wait_at_work(one)
            one.collector.kill()  # what is on the way is lost with it
            held = one.ledger()["held"]
            wait_until(lambda h=held: one.ledger()["held"] > h + 10 * BATCH,
                       20, "a backlog")
            one.kill_agent()
            gone = damage_held(one, number % 3, draw)
            dropped = one.dropped()
            one.site.collector_program.start().wait_ready()
            longest = max(longest, one.recover())
            wait_until(lambda d=dropped + gone: one.dropped() >= d, 20,
                       f"the loss of {gone} results to be reported")
        lost, double = one.settle()
    faults.row("damaged segment of the agent", rounds_n, lost, double, longest)
