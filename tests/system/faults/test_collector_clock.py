"""The collector's wall clock jumps, a leap second's length or a year, forward
and back: what was acknowledged stays so, once, acks go on coming, no countdown
changes, and no age or wait becomes negative or endless."""
import os
import time

from deploy.lab.ask import wait_until
from deploy.lab.namespace import add_addresses
from tests.lib import agent_faults, faults
from tests.lib.support import (Responder, network_row, network_state,
                               wait_status)
from tests.system.faults.test_agent_clock import jump, library
from tests.system.faults.test_agent_suspended import (CACHED_S, NEAR_S, NETWORK,
                                                      counts_down, seconds_of)

FAR_AHEAD_S = 400 * 86400
JUMPS_S = (1, -1, 3600, -3600, 31536000, -86400, 0)
FILLED_S = 120      # ago: in the middle of faults.open_restored's outage
STARTS_S = (-7200, 31536000, 0)    # before and after what is stored


def faked(clock):
    """The environment of a program whose wall clock is the one in the file."""
    return {"LD_PRELOAD": library(), "FAKETIME_TIMESTAMP_FILE": clock,
            "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def judge_times(site, incident, when):
    """What is shown of the past is not in the future, and nothing is asked for
    that is far away."""
    for agent in site.api.must_get("/v1/agents")["agents"]:
        for key, value in agent.items():
            if key.endswith("_s") and isinstance(value, (int, float)) and \
                    "offset" not in key:
                assert value >= 0, (when, key, value)
    document = site.api.status(incident)
    assert "problem" not in document, (when, document["problem"])


class Counted:
    """A network whose resolver counts a denial down."""

    def __init__(self, site, incident, ends):
        self.site, self.incident, self.ends = site, incident, ends
        self.agent = agent_faults.slow_agent(site, NETWORK)
        self.agent.start()
        wait_status(site, incident, lambda d: network_state(d, NETWORK) ==
                    "cached-nxdomain", 60, "the verdict")

    def results(self):
        return self.site.agent_record(self.agent)["results"]

    def judge(self, when):
        """As far away as by a clock that does not jump, also once more is seen.
        """
        seen = self.results()
        wait_until(lambda: self.results() > seen, 60, "more looks")
        before = time.monotonic()
        document = self.site.api.status(self.incident)
        after = time.monotonic()
        left_s = seconds_of(network_row(document, NETWORK)["clears"]["point"]
                            ) - seconds_of(document["now"])
        print(f"# {when:+d} s: {left_s:.1f} s left, {self.ends - after:.1f} s "
              "in truth")
        assert self.ends - after - NEAR_S < left_s \
            < self.ends - before + NEAR_S, (when, left_s)


def kept(site):
    """What is stored, and the time by which retention went last."""
    path = faults.store_path(site)
    return (faults.ask_store(path, "SELECT count(*) FROM batch")[0][0],
            faults.ask_store(path, "SELECT by_us FROM retained")[0][0])


def newest_s(site):
    """When the newest batch was received, from now."""
    return faults.ask_store(
        faults.store_path(site),
        "SELECT received_us FROM batch ORDER BY batch_id DESC "
        "LIMIT 1")[0][0] / 1e6 - time.time()


def test_retention_of_a_wrong_clock():
    """A collector that starts with its clock more than a year ahead deletes
    nothing: by that clock all that it keeps would be too old."""
    clock = f"/tmp/nxclear-test-retention-clock.{os.getpid()}"
    jump(clock, "+0")
    try:
        with faults.collector(retention={"observations_days": 30}) as site, \
                faults.client(site) as client:
            daemon = site.collector_program.daemon
            client.stream(goal=200)
            assert client.answer()[0] == "streamed"
            assert daemon.stop(timeout=60) == 0
            stored, by_us = kept(site)
            assert stored > 0
            daemon.env = faked(clock)
            jump(clock, f"{FAR_AHEAD_S:+d}")
            faults.restart(site)
            said = site.api.must_get("/healthz")
            assert "nothing is deleted by retention: at the start the clock " \
                "was 400 days later" in said.get("problem", ""), said
            assert "nothing is deleted by retention" in daemon.log_text()
            _stored, begun_us = kept(site)
            wait_until(lambda: kept(site)[1] > begun_us, 10,
                       "a pass of retention to be over")
            now_stored, now_by_us = kept(site)
            assert now_stored == stored, (now_stored, stored)
            assert 0 <= now_by_us - by_us < 600 * 10**6, (now_by_us, by_us)
            assert site.api.must_get("/healthz")["deleted_batches"] == 0
            # Set right, and started again.
            assert daemon.stop(timeout=60) == 0
            jump(clock, "+0")
            faults.restart(site)
            said = site.api.must_get("/healthz")
            assert "problem" not in said, said
            ledger = faults.Ledger(faults.store_path(site))
            lost, double = ledger.lost(client.acked), ledger.double()
    finally:
        os.unlink(clock)
    faults.row("collector's clock far ahead: retention", 1, lost, double)


def test_wall_clock_jumps():
    longest = 0.0
    clock = f"/tmp/nxclear-test-collector-clock.{os.getpid()}"
    jump(clock, "+0")
    add_addresses([agent_faults.RESOLVER])
    ends = time.monotonic() + CACHED_S - FILLED_S
    try:
        with Responder(agent_faults.RESOLVER, counts_down(ends)), \
                faults.collector(estimate=agent_faults.FAST) as site, \
                faults.client(site) as client:
            daemon = site.collector_program.daemon
            assert daemon.stop(timeout=60) == 0
            daemon.env = faked(clock)
            faults.restart(site)
            incident = faults.open_restored(site)
            counted = Counted(site, incident, ends)
            client.stream()
            client.wait_acked(0)
            for skew_s in JUMPS_S:
                jump(clock, f"{skew_s:+d}")
                began = time.monotonic()
                client.wait_acked(client.acked, what=f"an ack at {skew_s:+d}")
                longest = max(longest, time.monotonic() - began)
                client.wait_acked(client.acked + 100,
                                  what=f"more acks at {skew_s:+d}")
                judge_times(site, incident, skew_s)
                counted.judge(skew_s)
            for skew_s in STARTS_S:
                jump(clock, f"{skew_s:+d}")
                faults.kill(site)
                time.sleep(0.02)    # acks on their way count
                acked, began = client.acked, time.monotonic()
                faults.restart(site)
                client.wait_acked(acked, what=f"an ack from {skew_s:+d}")
                longest = max(longest, time.monotonic() - began)
                judge_times(site, incident, skew_s)
                # The first ack may be of what was stored before the kill. With
                # the clock set back, an incident that is open goes on by the
                # old one.
                stored_s = max(skew_s, 0)
                wait_until(lambda stored_s=stored_s:
                           abs(newest_s(site) - stored_s) < 60, 10,
                           f"a batch of {stored_s:+d} s to be stored")
                print(f"# started at {skew_s:+d} s, stored at "
                      f"{newest_s(site):+.0f} s")
            client.stop_stream()
            wait_until(lambda: faults.Ledger(faults.store_path(site)).acked
                       >= client.acked, 5, "the last acks")
            ledger = faults.Ledger(faults.store_path(site))
            lost, double = ledger.lost(client.acked), ledger.double()
    finally:
        os.unlink(clock)
    faults.row("collector's wall clock jumps", len(JUMPS_S) + len(STARTS_S), lost, double,
               longest)
