"""The line between agent and collector carries nothing for a while, and nobody
is told: packets of both directions are dropped."""
import contextlib
import subprocess
import time

from deploy.lab.ask import PATIENCE_S, wait_until
from deploy.lab.programs import COLLECTOR_PORT
from tests.lib import agent_faults, faults
from tests.lib.support import Skip, network_row

NO_LUCK = "a result that is lost is wrong, however seldom it is"

DEAD_S = 45     # a connection is, after so long without a sign (io_ingest)
LOAD_S = 15     # what a busy machine may add to it
SILENT_S = 5    # nothing is known of a network then
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


def told(one):
    """(state, all that is said) of the network."""
    row = network_row(one.site.api.status(1), "branch")
    return row.get("state"), str(row)


def denies(one):
    """The resolver has no MX of these names, ever: the state says so."""
    state = told(one)[0]
    return state not in (None, "unknown", "clear") and state


def cut_off(one, seconds):
    """Nothing comes for so long, and the status says that nothing is known;
    seconds from the end of it to new results. Then it is as true as before."""
    with partition():
        stored = one.wait_quiet(seconds)  # after what was on its way
        wait_until(lambda: told(one)[0] == "unknown", PATIENCE_S,
                   "the state to be unknown")
        assert "silent" in told(one)[1], told(one)
    began = time.monotonic()
    one.wait_stored(stored, "results after the partition")
    took = time.monotonic() - began
    state = wait_until(lambda: denies(one), PATIENCE_S,
                       "the state to be what it is")
    print(f"# cut off for {seconds} s: unknown, results {took:.1f} s and "
          f"{state} {time.monotonic() - began:.1f} s after its end")
    return took


def test_partition():
    """Shorter than what either side takes for a dead connection, and, nightly,
    longer. Nobody is told to be well by silence."""
    with agent_faults.busy(estimate={"silent_after_s": SILENT_S}) as one:
        wait_until(lambda: denies(one), PATIENCE_S, "a state")
        longest = cut_off(one, 5)
        for seconds in (20, 70) if faults.NIGHTLY else ():
            longest = max(longest, cut_off(one, seconds))
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
