"""The agent's wall clock jumps: the pace of asking and the age of what was
seen do not change, and the skew is shown."""
import glob
import os
import subprocess
import time

from deploy.lab.ask import wait_until
from tests.lib import agent_faults, faults
from tests.lib.support import Skip

JUMPS = (("+1 year", "+31536000", 31536000), ("-1 day", "-86400", -86400),
         ("1970", "1970-01-01 00:00:10", None), ("none", "+0", 0))
FORWARD = ("+1 year", "none")
STOOD = "the clock of day was set forward"
GOES_ON_N = 100         # results: two seconds of asking
FRESH_S = 60            # far below any jump
UPTIME_S = 20 * 365 * 86400


def library():
    found = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    if not found:
        raise Skip("libfaketime is missing (package faketime)")
    return found[0]


def goes_on(one):
    """Results per second."""
    return GOES_ON_N / one.wait_stored(one.stored() + GOES_ON_N)


def record(one):
    return one.site.agent_record(one.agent)


def jump(path, text):
    with open(path + ".new", "w", encoding="ascii") as out:
        out.write(text + "\n")
    os.replace(path + ".new", path)


def ages(one):
    """How long ago, by the collector, was the newest of what was seen?"""
    seen = faults.ask_store(faults.store_path(one.site),
                            "SELECT max(seen_us) FROM target")[0][0]
    return time.time() - seen / 1e6


def test_wall_clock_jumps():
    longest = 0.0
    clock = f"/tmp/nxclear-test-clock.{os.getpid()}"
    jump(clock, "+0")
    env = {"LD_PRELOAD": library(), "FAKETIME_TIMESTAMP_FILE": clock,
           "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    try:
        with agent_faults.busy(qps=50, env=env) as one:
            usual = goes_on(one)
            for name, text, skew_s in JUMPS:
                mark = len(one.agent.daemon.log_text())
                jump(clock, text)
                began = time.monotonic()

                def shown(skew=skew_s):
                    offset = record(one)["clock_offset_s"]
                    return offset is not None and (
                        offset < -1e9 if skew is None
                        else abs(offset - skew) < 60)
                wait_until(shown, 20, f"the skew of {name} to be shown")
                longest = max(longest, time.monotonic() - began)
                now = goes_on(one)
                print(f"# {name}: {now:.0f} results/s, {usual:.0f} before")
                assert now > usual / 10, (name, now, usual)
                # It may have been paused: it asks again with a new plan only.
                assert (STOOD in one.agent.daemon.log_text()[mark:]) == \
                    (name in FORWARD), name
                assert -1 < ages(one) < FRESH_S, (name, ages(one))
            lost, double = one.settle()
            assert one.dropped() == 0
    finally:
        os.unlink(clock)
    faults.row("agent's wall clock jumps", len(JUMPS), lost, double, longest)


def lives(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def kill_forked(one):
    """The agent is unshare's child, and dies after it."""
    pid = one.agent.daemon.pid
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
        forked = children.read().split()
    assert forked, pid
    one.kill_agent()
    wait_until(lambda: not any(lives(p) for p in forked), 10,
               "the agent to be gone")


def test_long_uptime():
    """The machine has been up for twenty years: its monotonic clock says so."""
    command = ["unshare", "--time", "--monotonic", str(UPTIME_S), "--boottime",
               str(UPTIME_S), "--fork", "--kill-child"]
    if subprocess.run([*command, "true"], capture_output=True,
                      check=False).returncode != 0:
        raise Skip("no time namespace here")
    with agent_faults.busy() as one:
        one.stop_agent()
        plain = one.agent.daemon.command
        one.agent.daemon.command = [*command, *plain]
        took = one.recover()
        goes_on(one)
        assert -1 < ages(one) < FRESH_S, ages(one)
        kill_forked(one)            # what it kept is of that clock, too
        took = max(took, one.recover())
        assert -1 < ages(one) < FRESH_S, ages(one)
        kill_forked(one)
        one.agent.daemon.command = plain
        took = max(took, one.recover())
        lost, double = one.settle()
    faults.row("agent on a machine up for 20 years", 1, lost, double, took)
