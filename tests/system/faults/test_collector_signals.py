"""The collector is told to read its configuration again, or to end, while agents
stream: a bad configuration leaves the old one, twice in a row too; the end is
quick and complete."""
import signal
import time

from deploy.lab.ask import wait_until
from tests.lib import faults


def test_bad_configuration():
    with faults.collector() as site, faults.client(site) as client:
        program = site.collector_program
        client.stream()
        client.wait_acked(0)
        with open(program.config_path, encoding="utf-8") as file:
            good = file.read()
        for bad in (good + "nonsense: 1\n", "key: [", ""):
            mark = len(program.daemon.log_text())
            with open(program.config_path, "w", encoding="utf-8") as file:
                file.write(bad)
            program.daemon.signal(signal.SIGHUP)
            program.daemon.signal(signal.SIGHUP)
            wait_until(lambda m=mark: "the old configuration stays" in
                       program.daemon.log_text()[m:], 10, "the complaint")
            client.wait_acked(client.acked)
        with open(program.config_path, "w", encoding="utf-8") as file:
            file.write(good)
        mark, began = len(program.daemon.log_text()), time.monotonic()
        program.daemon.signal(signal.SIGHUP)
        wait_until(lambda: "configuration read again" in
                   program.daemon.log_text()[mark:], 10, "the good one")
        client.wait_acked(client.acked)
        took = time.monotonic() - began
        client.stop_stream()
        assert site.api.get("/healthz")[0] == 200
        ledger = faults.Ledger(faults.store_path(site))
    faults.row("collector: SIGHUP, bad configuration", 3,
               ledger.lost(client.acked), ledger.double(), took)


def test_term_while_agents_stream():
    rounds_n = faults.rounds(5, 100)
    draw = faults.seeded("collector ends")
    lost = double = 0
    longest = slowest = 0.0
    with faults.collector(**faults.PACED) as site, \
            faults.client(site) as client:
        daemon = site.collector_program.daemon
        client.stream()
        for _round in range(rounds_n):
            client.wait_acked(client.acked)
            time.sleep(draw.uniform(0, 0.2))
            began = time.monotonic()
            assert daemon.stop(timeout=60) == 0
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.02)    # acks on their way count
            acked, began = client.acked, time.monotonic()
            ledger = faults.Ledger(faults.store_path(site))
            lost += ledger.lost(acked)
            double += ledger.double()
            faults.restart(site)
            client.wait_acked(acked)
            longest = max(longest, client.acked_at - began)
        client.stop_stream()
    print(f"# {slowest:.2f} s to end at most")
    assert slowest <= faults.END_MAX_S, slowest
    faults.row("collector: SIGTERM", rounds_n, lost, double, longest)
