"""Hours of quiet work: memory, open files and answers stay what they were. At
night for five minutes; before a release for a day (it writes tens of gigabytes):

    NX_SOAK_S=86400 tests/run --nightly --filter soak
"""
import os
import time

from deploy.lab.ask import wait_until
from tests.lib import agent_faults, faults
from tests.lib.support import rss_kib

ALONE = "it measures memory and times of answers"
SOAK_S = int(os.environ.get("NX_SOAK_S") or 300)
SAMPLE_S = 1
GROWN_MAX = 0.01        # of what it was, over the second half
GRAIN_KIB = 512         # of what malloc takes and gives back
SLOWER_MAX, SLOW_S = 2, 0.05


def files_n(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def slope(values):
    """Least squares: how much it grew from the first to the last."""
    n = len(values)
    middle, mean = (n - 1) / 2, sum(values) / n
    return n * sum((i - middle) * (v - mean) for i, v in enumerate(values)) \
        / sum((i - middle) ** 2 for i in range(n))


def p99(took):
    return sorted(took)[len(took) * 99 // 100]


class Samples:
    def __init__(self, name, pid):
        self._name, self._pid = name, pid
        self.rss, self.files = [], []

    def take(self):
        self.rss.append(rss_kib(self._pid))
        self.files.append(files_n(self._pid))

    def judge(self):
        half = len(self.rss) // 2
        late = self.rss[half:]
        grown = slope(late)
        print(f"# {self._name}: {self.rss[0]} KiB at first, {late[0]} KiB "
              f"half way, {late[-1]} KiB at the end, trend of the second half "
              f"{grown:+.0f} KiB; files {self.files[0]}, {self.files[half]}, "
              f"{self.files[-1]}", flush=True)
        assert grown <= max(GROWN_MAX * late[0], GRAIN_KIB), (grown, late)
        assert self.files[-1] <= max(self.files[:half]), self.files


def test_soak():
    faults.nightly("takes five minutes")
    took = []
    with agent_faults.busy(qps=40) as one, \
            faults.client(one.site) as client:
        client.stream(count=4)
        client.wait_acked(0)
        watched = [Samples("collector", one.collector.pid),
                   Samples("agent", one.agent.daemon.pid)]
        end = time.monotonic() + SOAK_S
        while time.monotonic() < end:
            began = time.monotonic()
            for incident in (1, agent_faults.NAMES):
                one.site.api.status(incident)
                took.append(time.monotonic() - began)
                began = time.monotonic()
            for sample in watched:
                sample.take()
            time.sleep(SAMPLE_S)
        client.stop_stream()
        wait_until(lambda: faults.Ledger(faults.store_path(one.site)).acked
                   >= client.acked, 5, "the last acks")
        ledger = faults.Ledger(faults.store_path(one.site))
        early, late = took[:len(took) // 2], took[len(took) // 2:]
        print(f"# {client.acked} and {one.stored() - ledger.received} results; "
              f"status p99 {1000 * p99(early):.1f} ms, then "
              f"{1000 * p99(late):.1f} ms")
        lost, double = one.settle()
        lost += ledger.lost(client.acked)
        double += ledger.double()
    for sample in watched:
        sample.judge()
    assert p99(late) <= max(SLOWER_MAX * p99(early), SLOW_S)
    faults.row(f"{SOAK_S} s of work", 1, lost, double)
