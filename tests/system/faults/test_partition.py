"""The line between agent and collector carries nothing for a while, and nobody
is told: packets of both directions are dropped."""
import contextlib
import subprocess
import time

from deploy.lab.ask import wait_until
from deploy.lab.programs import COLLECTOR_PORT
from tests.lib import agent_faults, faults
from tests.lib.support import Skip

NO_LUCK = "a result that is lost is wrong, however seldom it is"

DEAD_S = 45     # a connection is, after so long without a sign (io_ingest)
LOAD_S = 15     # what a busy machine may add to it
LOST_SHARE, LOSSY_S = 30, 60


def nft(script):
    try:
        done = subprocess.run(["nft", "-f", "-"], input=script, text=True,
                              capture_output=True, check=False)
    except FileNotFoundError as error:
        raise Skip("no nft here (package nftables)") from error
    if done.returncode != 0:
        raise Skip(f"nft cannot drop packets here: {done.stderr.strip()}")


@contextlib.contextmanager
def partition(share=100):
    """Drops so many of 100 packets where they come in: a sender is not told.
    """
    which = "" if share == 100 else f"numgen random mod 100 < {share}"
    nft(f"""table inet cut {{
        chain input {{
            type filter hook input priority 0;
            tcp dport {COLLECTOR_PORT} {which} drop
            tcp sport {COLLECTOR_PORT} {which} drop
        }}
    }}""")
    try:
        yield
    finally:
        nft("delete table inet cut")


def gone_n(one):
    return one.collector.log_text().count(" is gone from ")


def cut_off(one, seconds):
    """Nothing comes for so long; seconds from the end of it to new results."""
    with partition():
        stored = one.wait_quiet(seconds)  # after what was on its way
    began = time.monotonic()
    one.wait_stored(stored, "results after the partition")
    return time.monotonic() - began


def test_partition():
    """Shorter than what either side takes for a dead connection, and, nightly,
    longer."""
    with agent_faults.busy() as one:
        longest = cut_off(one, 5)
        for seconds in (20, 70) if faults.NIGHTLY else ():
            took = cut_off(one, seconds)
            print(f"# cut off for {seconds} s: results after {took:.1f} s")
            longest = max(longest, took)
        lost, double = one.settle()
    faults.row("nothing passes, both directions",
               3 if faults.NIGHTLY else 1, lost, double, longest)


def test_half_open():
    """The agent is gone and its end of the connection was never told: the
    collector finds out by itself."""
    faults.nightly("takes a minute")
    with agent_faults.busy() as one:
        with partition():
            before, began = gone_n(one), time.monotonic()
            one.kill_agent()
            wait_until(lambda: gone_n(one) > before, DEAD_S + LOAD_S,
                       "the collector to find out")
            took = time.monotonic() - began
        one.recover()
        lost, double = one.settle()
    faults.row("half-open connection: found", 1, lost, double, took)


def test_a_third_is_lost():
    """30 % of the packets, in each direction."""
    faults.nightly("takes a minute")
    with agent_faults.busy() as one:
        with partition(LOST_SHARE):
            began, stored = time.monotonic(), one.stored()
            while time.monotonic() < began + LOSSY_S:
                one.wait_stored(one.stored(), "results in spite of it")
            print(f"# {one.stored() - stored} results in {LOSSY_S} s; the agent"
                  f" connected {one.agent.daemon.log_text().count(': connected')}"
                  " times")
        took = one.wait_stored(one.stored(), "results afterwards")
        lost, double = one.settle()
    faults.row(f"{LOST_SHARE} % of the packets lost", 1, lost, double, took)
