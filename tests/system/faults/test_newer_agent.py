"""An agent that is newer than its collector: what that cannot read waits for
its upgrade, and what is damaged does not."""
import os
import time

from deploy.lab.ask import wait_until
from tests.lib import agent_faults, faults
from tests.lib.support import BIN

RESULTS = 10    # of newer_spool


def put_batch(one, version):
    """A batch that the collector cannot read; its first number."""
    folder = os.path.join(one.agent.folder, "spool")
    return int(one.site.run([os.path.join(BIN, "newer_spool"), folder,
                             str(version)]).stdout)


def said(daemon, words, what):
    wait_until(lambda: words in daemon.log_text(), 20, what)


def test_newer_agent():
    with agent_faults.busy(spool={"path": "spool"}) as one:
        one.wait_stored(0)
        one.stop_agent()
        first = put_batch(one, 1)
        put_batch(one, 0)
        began = time.monotonic()
        one.recover()   # what came later is stored
        took = time.monotonic() - began
        said(one.agent.daemon, "the collector is older than this agent",
             "the agent to keep the one")
        said(one.agent.daemon, "which are reported as lost",
             "the agent to give up the other")
        wait_until(lambda: one.dropped() == RESULTS, 20, "a gap of them")
        log = one.collector.log_text()
        assert "of a newer version" in log and "unknown flag" in log, log
        assert one.site.api.must_get("/healthz")["too_new"] >= 1
        assert "nxclear_too_new_messages_total" in faults.metrics(one.site)

        # A collector that begins anew may be a newer one: it is asked again.
        faults.kill(one.site)
        faults.restart(one.site)
        wait_until(lambda: one.site.api.must_get("/healthz")["too_new"] >= 1,
                   30, "the batch to be sent again")
        one.wait_stored(one.stored())
        one.stop_agent()
        mine, theirs = one.both_ledgers()
        end = time.monotonic() + agent_faults.PATIENCE_S
        # What it had no time to send waits for the next start.
        while theirs.received < mine["produced"] - 2 * RESULTS and \
                time.monotonic() < end:
            one.recover()
            one.stop_agent()
            mine, theirs = one.both_ledgers()
        assert theirs.acked == first - 1, (first, vars(theirs))
        assert theirs.dropped == RESULTS, vars(theirs)
        assert theirs.received == mine["produced"] - 2 * RESULTS, \
            (mine, vars(theirs))
        lost, double = theirs.lost(first - 1), theirs.double()
    faults.row("agent newer than its collector", 2, lost, double, took)
