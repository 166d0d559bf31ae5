"""Keys in the wrong hands: used twice, of one that floods, of another network."""
import os
import shutil
import signal
import time

from deploy.lab.ask import wait_until
from tests.lib import agent_faults, faults
from tests.lib.support import BIN

OTHER_EPOCH = faults.EPOCH + 1
TOLD_AGAIN_S = 60


def state_of(one):
    return one.site.agent_record(one.agent)["state"]


def copy_of(one):
    """Another machine with the same key."""
    copy = one.site.agent(one.agent.network, name="copy",
                          **{key: value for key, value in
                             one.agent.config.items()
                             if key not in ("key", "network", "role",
                                            "collectors")})
    shutil.copyfile(one.agent.key_path, copy.key_path)
    os.chmod(copy.key_path, 0o600)
    return copy


def speaks(copy):
    """The plan may go to the other one; then it says hello each 30 s. Asked to
    read its configuration again it does so at once."""
    copy.daemon.signal(signal.SIGHUP)
    time.sleep(0.5)
    return True


def pause_agent(one, pause_s):
    before = one.stored()
    one.agent.daemon.signal(signal.SIGSTOP)
    time.sleep(pause_s)
    one.agent.daemon.signal(signal.SIGCONT)
    one.wait_stored(before + agent_faults.BATCH)


def test_key_used_twice():
    """Row 20: a copied key. What one agent alone goes through is no sign."""
    with agent_faults.busy() as one:
        for _round in range(2):
            one.kill_agent()
            one.recover()
        one.stop_agent()
        one.recover()
        pause_agent(one, 3)
        assert state_of(one) == "accepted"
        copy = copy_of(one)
        began = time.monotonic()
        copy.start()
        wait_until(lambda: ": connected" in copy.daemon.log_text(), 15,
                   "the copy to be connected")
        wait_until(lambda: speaks(copy) and state_of(one) == "quarantined", 60,
                   "the copy to be found")
        took = time.monotonic() - began
        stored = one.stored()
        assert stored > 0
        for agent in (one.agent, copy):
            wait_until(lambda a=agent: "refused our key"
                       in a.daemon.log_text(), 30, "both to be shut out")
        assert one.wait_quiet(2) >= stored  # stays, and nothing comes to it
        said = one.site.cli("agents", "list").stdout
        assert "quarantined" in said, said
        log = one.site.cli("agents", "log").stdout
        assert "agent quarantined" in log and "used twice" in log, log
        assert "key is used twice" in one.collector.log_text()
        assert ('nxclear_agent_quarantined{agent="branch",network="branch"} 1'
                in faults.metrics(one.site))
        copy.daemon.stop()
        one.agent.accept()
        one.agent.daemon.stop()
        one.recover()
        assert state_of(one) == "accepted"
        lost, double = one.settle()
    faults.row("key used twice: found", 1, lost, double, took)


def test_flood():
    """One that sends more than may be is listened to that fast and no faster,
    and loses nothing; others do not notice."""
    limits = {"agent_messages_per_s": 20}
    with faults.collector(BIN, limits=limits) as site, \
            faults.client(site) as hostile, \
            faults.client(site, "oslo") as other:
        began = time.monotonic()
        hostile.stream(count=1)
        other.stream(OTHER_EPOCH, count=1, goal=40)
        assert other.answer()[0] == "streamed"
        took = time.monotonic() - began
        wait_until(lambda: site.api.must_get("/healthz")["too_fast"] > 100,
                   20, "the rate to be exceeded")
        hostile.wait_acked(100)
        hostile.stop_stream()
        passed = time.monotonic() - began
        assert hostile.acked <= 20 * (passed + 4) + 1, (hostile.acked, passed)
        hostile.stream(count=1, goal=hostile.acked + 60)
        assert hostile.answer()[0] == "streamed"
        ledger = faults.Ledger(faults.store_path(site))
        lost = ledger.lost(hostile.acked)
        assert "nxclear_too_fast_messages_total" in faults.metrics(site)
        log = site.collector_program.daemon.log_text()
        told = log.count("sends faster than it is listened to")
        assert 1 <= told <= 1 + (time.monotonic() - began) / TOLD_AGAIN_S, log
    faults.row("agent that floods; the other one", 1, lost, ledger.double(),
               took)


def test_key_that_crowds():
    """An agent whose key is tried again and again by somebody else is put off.
    It is not told that its key is not accepted, and comes in afterwards."""
    with faults.collector(BIN) as site:
        agent = site.agent("oslo", nameservers=["192.0.2.53"])
        agent.accept()
        crowd = faults.Client(site, agent.key_path)
        try:
            crowd.tell("crowd 128")
            wait_until(lambda: site.api.must_get("/healthz")
                       ["surplus_connections"] > 64, 60, "the crowd")
            agent.start()
            # Seldom its turn comes among theirs.
            wait_until(lambda: "puts this key off" in agent.daemon.log_text()
                       or ": connected" in agent.daemon.log_text(), 60,
                       "it to be put off")
        finally:
            crowd.close()
        wait_until(lambda: ": connected" in agent.daemon.log_text(), 120,
                   "it to be let in")
        assert "accept it there" not in agent.daemon.log_text()
        assert ("connects again and again"
                in site.collector_program.daemon.log_text())
        agent.daemon.stop()


def test_wrong_network():
    """Row 20: what a key was accepted for counts, not what its owner says."""
    with faults.collector(BIN) as site:
        agent = site.agent("oslo", nameservers=["192.0.2.53"])
        site.cli("agents", "accept", "--network", "lyon", "--",
                 agent.public_key)
        agent.start()
        try:
            site.wait_connected([agent])
            record = site.agent_record(agent)
            assert (record["network"], record["name"]) == ("lyon", "lyon")
            networks = site.api.must_get("/v1/networks")["networks"]
            assert [n["network"] for n in networks] == ["lyon"], networks
        finally:
            agent.daemon.stop()
    faults.row("key of another network than its owner says", 1, None, None)
