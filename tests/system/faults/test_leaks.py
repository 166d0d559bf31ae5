"""Both programs as they are shipped, under valgrind: no wrong access, nothing
lost, while they do what they mostly do and where the spool works hardest."""
import contextlib
import shutil
import time

from tests.lib import agent_faults, faults
from tests.lib.support import ROOT, Skip

VALGRIND = ["valgrind", "-q", "--error-exitcode=99", "--leak-check=full",
            "--errors-for-leak-kinds=definite", "--child-silent-after-fork=yes",
            f"--suppressions={ROOT}/tests/lib/valgrind.supp"]
STOP_S = 60
TARGETS = ("/healthz", "/metrics", "/v1/agents", "/v1/incidents",
           "/v1/incidents/1/status", "/v1/incidents/1/networks/lyon",
           "/v1/incidents/1/report", "/v1/incidents/1/recording")


def nightly():
    faults.nightly("takes a minute")
    if shutil.which("valgrind") is None:
        raise Skip("no valgrind here")


@contextlib.contextmanager
def watched(daemon):
    """Started below valgrind, and ended well, in here."""
    plain, daemon.command = daemon.command, [*VALGRIND, *daemon.command]
    try:
        yield
        code = daemon.stop(timeout=STOP_S)
        assert code == 0, (code, daemon.log_tail(60))
    finally:
        daemon.command = plain


def test_agent():
    nightly()
    with agent_faults.busy() as one:
        one.stop_agent()
        with watched(one.agent.daemon):
            one.recover()
            one.collector.kill()        # the spool fills, the link is lost
            held = one.ledger()["held"]
            end = time.monotonic() + 30
            while one.ledger()["held"] < held + 300:
                assert time.monotonic() < end, one.ledger()
                time.sleep(0.1)
            stored = one.stored()
            one.site.collector_program.start().wait_ready()
            took = one.wait_stored(stored + 300)
            one.agent.daemon.signal(1)
            one.wait_stored(one.stored())
        lost, double = one.settle()
    faults.row("agent under valgrind", 1, lost, double, took)


def test_collector():
    nightly()
    with faults.collector() as site, faults.client(site) as client:
        daemon = site.collector_program.daemon
        faults.open_restored(site)
        client.stream(goal=2000)
        assert client.answer()[0] == "streamed"
        assert daemon.stop(timeout=60) == 0
        with watched(daemon):
            took = faults.restart(site)
            client.stream(goal=client.acked + 4000)
            assert client.answer(60)[0] == "streamed"
            for target in TARGETS:
                site.api.get(target)
            daemon.signal(1)
            site.cli("incident", "close", "1")
        faults.restart(site)
        ledger = faults.Ledger(faults.store_path(site))
        lost, double = ledger.lost(client.acked), ledger.double()
    faults.row("collector under valgrind", 1, lost, double, took)
