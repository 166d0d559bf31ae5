"""What programs that have nothing to do with a benchmark took of the processors
meanwhile: when that is much, a missed goal is not judged."""
import os

OTHERS_MAX = 0.1    # of the processors
NOT_JUDGED = 77     # exit status
TICK = os.sysconf("SC_CLK_TCK")


def all_s():
    """Seconds of a processor that all programs took since the start."""
    with open("/proc/stat", encoding="ascii") as stat:
        ticks = [int(n) for n in stat.readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / TICK


def share(all_of_them_s, ours_s, seconds):
    """What others took of the processors."""
    return max(0.0, (all_of_them_s - ours_s) / seconds / os.cpu_count())


def ours_s():
    """Seconds of a processor of this program, and of those it waited for."""
    return sum(os.times()[:4])
