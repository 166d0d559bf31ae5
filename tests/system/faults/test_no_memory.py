"""Memory runs out: the kernel kills the process, or a single call gets none.
Each call that our programs make is a place of its own; each fails in turn."""
import contextlib
import os
import time

from deploy.lab.ask import wait_until
from tests.lib import agent_faults, faults, no_memory

GOES_ON_S = 30
RESULTS = 400
SIGHUP, SIGKILL = 1, 9
TARGETS = ("/healthz", "/metrics", "/v1/agents", "/v1/networks",
           "/v1/resolvers", "/v1/score", "/v1/alerts", "/v1/tokens",
           "/v1/agents/log", "/v1/incidents", "/v1/incidents/1/status",
           "/v1/incidents/1/networks/lyon", "/v1/incidents/1/report",
           "/v1/incidents/1/transitions", "/v1/incidents/1/recording")


def test_collector_killed_by_the_kernel():
    faults.nightly("takes minutes")
    rounds_n = faults.rounds(2, 40)
    draw = faults.seeded("collector out of memory")
    lost = double = 0
    longest = 0.0
    with no_memory.group() as group, \
            faults.collector(**faults.PACED) as site, \
            faults.client(site) as client:
        daemon = site.collector_program.daemon
        assert daemon.stop(timeout=60) == 0
        daemon.command = group.holds(daemon.command)
        faults.restart(site)
        client.stream()
        for _round in range(rounds_n):
            client.wait_acked(client.acked, what="the first new ack")
            time.sleep(draw.uniform(0, 0.2))
            group.squeeze()
            assert daemon.process.wait(5) == -SIGKILL
            time.sleep(0.02)    # acks on their way count
            acked = client.acked
            ledger = faults.Ledger(faults.store_path(site))
            lost += ledger.lost(acked)
            double += ledger.double()
            began = time.monotonic()
            faults.restart(site)
            client.wait_acked(acked, what="an ack after the restart")
            longest = max(longest, client.acked_at - began)
        client.stop_stream()
        assert daemon.stop(timeout=60) == 0
    faults.row("collector killed for memory (OOM)", rounds_n, lost, double,
               longest)


def test_agent_killed_by_the_kernel():
    faults.nightly("takes minutes")
    rounds_n = faults.rounds(2, 40)
    draw = faults.seeded("agent out of memory")
    longest = 0.0
    with no_memory.group() as group, agent_faults.busy() as one:
        daemon = one.agent.daemon
        one.stop_agent()
        daemon.command = group.holds(daemon.command)
        one.recover()
        for _round in range(rounds_n):
            time.sleep(draw.uniform(0, 0.4))
            group.squeeze()
            assert daemon.process.wait(5) == -SIGKILL
            longest = max(longest, one.recover())
        lost, double = one.settle()
    faults.row("agent killed for memory (OOM)", rounds_n, lost, double,
               longest)


def new_text(daemon, mark):
    return daemon.log_text()[mark:]


class Sweep:
    """Each place that asked for memory in a run that was watched, each at
    some of its calls."""

    def __init__(self, what, program, path):
        self._draw = faults.seeded(what)
        self._program = program
        self.found = sorted(no_memory.sites(path))
        assert self.found
        self.hit = self.ended = self.rounds_n = 0

    def calls(self):
        """(place, call) of all rounds."""
        chosen = []
        for site, calls_n in self.found:
            some = {1, self._draw.randint(1, calls_n), calls_n}
            chosen += [(site, call) for call in sorted(some)]
        self._draw.shuffle(chosen)
        return chosen[:faults.rounds(0, len(chosen))]

    @contextlib.contextmanager
    def round(self, daemon, site, call):
        """The daemon, when it starts in here, gets nothing there."""
        mark = len(daemon.log_text())
        plain, daemon.env = daemon.env, no_memory.failing(site, call)
        try:
            yield mark
        except BaseException:
            print(f"# no memory in call {call} at "
                  f"{no_memory.source_line(self._program, site)}", flush=True)
            raise
        finally:
            daemon.env = plain
        self.rounds_n += 1
        self.hit += "failing_malloc" in new_text(daemon, mark)

    def goes_on(self, daemon, mark):
        """Or it has ended with a word about it, and by no signal."""
        if daemon.running():
            return True
        self.ended += 1
        code = daemon.process.wait()
        said = new_text(daemon, mark)
        assert code > 0 and "memory" in said.replace(
            "failing_malloc: no memory", ""), (code, said[-2000:])
        return False

    def tell(self):
        print(f"# {len(self.found)} places, {self.rounds_n} calls chosen, "
              f"{self.hit} of them reached; {self.ended} times it ended")


def use(site, name):
    """What operators do, whatever they are answered."""
    def ask(method, target, body=None):
        with contextlib.suppress(OSError):
            return site.api.request(method, target, body)
        return (0, None)
    status, opened = ask("POST", "/v1/incidents", {
        "name": name, "types": ["A"], "expect": {"A": ["192.0.2.10"]},
        "restored": "auto"})
    for target in TARGETS:
        ask("GET", target)
    if status == 201:
        ask("POST", f"/v1/incidents/{opened['id']}/close")
    ask("POST", "/v1/enrolments", {"network": "lyon"})
    ask("GET", "/v1/enrolments")
    return status


def starts(site):
    """True when it serves; False when it has ended instead."""
    daemon = site.collector_program.daemon
    daemon.start()

    def known():
        with contextlib.suppress(OSError):
            return site.api.get("/healthz")[0] in (200, 503)
        return not daemon.running()
    wait_until(known, GOES_ON_S, "the collector to serve or end")
    return daemon.running()


def some_results(client, daemon):
    """Until they are acknowledged, or the collector has ended."""
    goal = client.acked + RESULTS
    client.stream(goal=goal)
    wait_until(lambda: client.acked >= goal or not daemon.running(), GOES_ON_S,
               "acks")
    client.stop_stream()


def test_collector_gets_none():
    faults.nightly("takes minutes")
    lost = double = 0
    longest = 0.0
    with faults.collector() as site, faults.client(site) as client:
        program = site.collector_program
        daemon = program.daemon
        faults.open_restored(site)
        path = os.path.join(site.folder, "sites")
        assert daemon.stop(timeout=60) == 0
        daemon.env = no_memory.watched(path)
        faults.restart(site)
        some_results(client, daemon)
        assert use(site, "n0.example.com") == 201
        assert daemon.stop(timeout=60) == 0
        daemon.env = None
        sweep = Sweep("collector's calls without memory",
                      site.path(program.program), path)
        for number, (place, call) in enumerate(sweep.calls()):
            began = time.monotonic()
            with sweep.round(daemon, place, call) as mark:
                if starts(site):
                    some_results(client, daemon)
                    use(site, f"n{number + 1}.example.com")
                if sweep.goes_on(daemon, mark):
                    code = daemon.stop(timeout=60)
                    assert code == 0 or not sweep.goes_on(daemon, mark), code
            ledger = faults.Ledger(faults.store_path(site))
            lost += ledger.lost(client.acked)
            double += ledger.double()
            longest = max(longest, time.monotonic() - began)
        faults.restart(site)
        some_results(client, daemon)
        daemon.must_run()
    sweep.tell()
    faults.row("collector's calls without memory", sweep.rounds_n, lost,
               double, longest)


def test_agent_gets_none():
    faults.nightly("takes minutes")
    longest = 0.0
    with agent_faults.busy() as one:
        daemon = one.agent.daemon
        path = os.path.join(one.site.folder, "sites")
        one.stop_agent()
        daemon.env = no_memory.watched(path)
        one.recover()
        daemon.signal(SIGHUP)
        one.wait_stored(one.stored())
        one.stop_agent()
        daemon.env = None
        sweep = Sweep("agent's calls without memory",
                      one.site.path(one.agent.program), path)
        for place, call in sweep.calls():
            began = time.monotonic()
            with sweep.round(daemon, place, call) as mark:
                daemon.start()
                stored = one.stored()
                wait_until(lambda s=stored: one.stored() > s or
                           not daemon.running(), GOES_ON_S, "results")
                daemon.signal(SIGHUP)
                stored = one.stored()
                wait_until(lambda s=stored: one.stored() > s or
                           not daemon.running(), GOES_ON_S, "results")
                if sweep.goes_on(daemon, mark):
                    one.stop_agent()
            longest = max(longest, time.monotonic() - began)
        one.recover()
        lost, double = one.settle()
    sweep.tell()
    faults.row("agent's calls without memory", sweep.rounds_n, lost, double,
               longest)
