"""What programs that have nothing to do with a measurement took of the processors
meanwhile: when that is much, a missed goal is not judged. And what the collector
finds around it where it is installed."""
import os
import time

OTHERS_MAX = 0.1    # of the processors
NOT_JUDGED = 77     # exit status
TICK = os.sysconf("SC_CLK_TCK")
UNIT = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))),
    "deploy/systemd/nxclear-collector.service.in")


def all_s():
    """Seconds of a processor that all programs took since the start."""
    with open("/proc/stat", encoding="ascii") as stat:
        ticks = [int(n) for n in stat.readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / TICK


def ours_s():
    """Those of this program and of all that it started, by whatever way."""
    parents, ticks = {}, {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8",
                      errors="replace") as stat:
                fields = stat.read().rpartition(")")[2].split()
        except OSError:
            continue    # it has ended
        parents[int(pid)] = int(fields[1])
        ticks[int(pid)] = sum(map(int, fields[11:15]))

    def is_ours(pid):
        while pid in parents and pid != os.getpid():
            pid = parents[pid]
        return pid == os.getpid()
    return sum(n for pid, n in ticks.items() if is_ours(pid)) / TICK


class Others:
    """From now on."""

    def __init__(self):
        self.since = time.monotonic(), all_s(), ours_s()

    def ours_s(self):
        return ours_s() - self.since[2]

    def share(self):
        """What they took of the processors."""
        seconds = time.monotonic() - self.since[0]
        others_s = all_s() - self.since[1] - self.ours_s()
        return max(0.0, others_s / seconds / os.cpu_count())


def unit_environment():
    """Of the collector's unit."""
    with open(UNIT, encoding="ascii") as unit:
        lines = [line.strip() for line in unit]
    return dict(line.removeprefix("Environment=").split("=", 1)
                for line in lines if line.startswith("Environment="))
