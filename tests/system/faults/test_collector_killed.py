"""The collector dies at any instant: killed outright, or with the power. What
it acknowledged is there, once, and it serves again at once."""
import os
import time

from tests.lib import faults
from tests.lib.support import work_folder

NO_LUCK = "a result that is lost is wrong, however seldom it is"

STORE_ROUNDS = 100      # then a new one: each start reads all that is stored
# By day the machine may be busy: else it hangs (tests/bench/restart measures).
RESTART_MAX_S = 2.0 if faults.NIGHTLY else 60.0


def kill_rounds(draw, rounds_n):
    """(lost, double, longest and slowest recovery) of one store."""
    lost = double = 0
    longest = slowest = 0.0
    with faults.collector(**faults.PACED) as site, \
            faults.client(site) as client:
        client.stream()
        for _round in range(rounds_n):
            client.wait_acked(client.acked, what="the first new ack")
            time.sleep(draw.uniform(0, 0.12))
            faults.kill(site)
            time.sleep(0.02)    # acks on their way count
            acked = client.acked
            ledger = faults.Ledger(faults.store_path(site))
            lost += ledger.lost(acked)
            double += ledger.double()
            began = time.monotonic()
            slowest = max(slowest, faults.restart(site))
            client.wait_acked(acked, what="an ack after the restart")
            longest = max(longest, client.acked_at - began)
        client.stop_stream()
        ledger = faults.Ledger(faults.store_path(site))
        assert ledger.acked == ledger.received > 0, vars(ledger)
    return lost, double, longest, slowest


def test_killed_at_random_instants():
    rounds_n = faults.rounds(20, 500)
    draw = faults.seeded("kill -9")
    stores = [kill_rounds(draw, min(STORE_ROUNDS, rounds_n - done))
              for done in range(0, rounds_n, STORE_ROUNDS)]
    lost, double, longest, slowest = zip(*stores)
    faults.row("collector killed (kill -9)", rounds_n, sum(lost), sum(double),
               max(longest))
    print(f"# {max(slowest):.2f} s until it served, at most")
    assert max(slowest) <= RESTART_MAX_S, slowest


def test_power_cut():
    """Modes in turn: power cut while it runs, killed and then cut, paused and
    then cut. What was acknowledged before the cut counts: after it the process
    lives on for a moment, as it would not without power, and a sync that the
    shutdown of the file system overtakes may return well."""
    rounds_n = faults.rounds(5, 200)
    draw = faults.seeded("power cut")
    lost = double = 0
    longest = 0.0
    with work_folder() as folder, faults.disk(folder) as (place, mount, unmount, cut):
        faults.control(place, mount, unmount, cut)
        with faults.collector(folder=os.path.join(folder, "site"),
                              store=os.path.join(place, "nxclear.db"),
                              **faults.PACED) as site:
            path = os.path.join(place, "nxclear.db")
            daemon = site.collector_program.daemon
            with faults.client(site) as client:
                client.stream()
                for number in range(rounds_n):
                    client.wait_acked(client.acked + draw.randrange(1000))
                    if number % 3 == 1:
                        faults.kill(site)
                        time.sleep(0.02)    # acks on their way count
                    elif number % 3 == 2:
                        daemon.pause()
                        time.sleep(0.02)
                    acked = client.acked
                    cut()
                    if number % 3 != 1:
                        daemon.resume()
                        faults.kill(site)
                        time.sleep(0.02)
                    unmount()
                    mount()
                    ledger = faults.Ledger(path)
                    lost += ledger.lost(acked)
                    double += ledger.double()
                    began = time.monotonic()
                    faults.restart(site)
                    client.wait_acked(acked)
                    longest = max(longest, client.acked_at - began)
                client.stop_stream()
    faults.row("power cut of the collector", rounds_n, lost, double, longest)
