"""The matrix: many behaviours of real daemons, each judged against a clear
time that was measured without nxclear."""
import time
from dataclasses import dataclass
from datetime import datetime

from deploy.lab import zones
from deploy.lab.ask import ask
from deploy.lab.forecast import (StatusLog, inside_90, parse_time,
                                 result_row)
from deploy.lab.lab import MEASURE_ADDRESS
from deploy.lab.measure import ClearWatch

SHOWN_AFTER_S = 6      # the forecast that is judged: after the verification
# Before the first look at a resolver; before enough looks to be sure.
NOT_JUDGED = ("unknown", "partly-clear")
HISTORY = 25           # lines of it shown for a wrong verdict
EXACT_S = 1.5          # promised where a countdown is seen


class MatrixLog(StatusLog):
    """Also remembers when each network was said to be what, and why."""

    def __init__(self, api, incident):
        super().__init__(api, incident, SHOWN_AFTER_S)
        self.history = {}      # network -> [(time, text)]
        self.authorities = set()  # states seen

    def _take(self, document):
        super()._take(document)
        now = parse_time(document["now"])
        authority = document["authority"]["state"]
        for row in document.get("networks", []):
            target = (row.get("targets") or [{}])[0]
            text = (f"{row['state']} ({row.get('reason')}; flags "
                    f"{','.join(target.get('flags') or ['none'])}; "
                    f"basis {row.get('basis')}; authority {authority})")
            self.authorities.add(authority)
            self.authorities.add(authority)
            told = self.history.setdefault(row["network"], [])
            if not told or told[-1][1] != text:
                told.append((now, text))


@dataclass
class Case:
    name: str
    problem: str = ""      # empty: as expected
    todo: str = ""         # why it is known to fail


@dataclass
class Scenario:
    """What one network must show for one name."""
    title: str
    network: object
    states: tuple          # in this order, the last one stays
    name: str = zones.NAME
    also: tuple = ()       # states that may come in between
    within: float = EXACT_S  # |error| asserted; None: nothing is promised
    clears: bool = True    # whether waiting is enough
    authority: str = ""    # a state that the authority must be seen in
    todo: str = ""         # why the verdict is known to be wrong
    log: object = None
    watch: object = None
    row: dict = None

    def begin(self, logs):
        """At the restoration."""
        self.log = logs[self.name]
        self.watch = RecordWatch(self.network, self.name).start()

    def done(self):
        now = self.log.states().get(self.network.name)
        return now == self.states[-1] and (
            not self.clears or self.watch.actual is not None)

    def end(self):
        self.watch.stop()
        self.row = result_row(self.watch, self.title, self.log)
        return self

    def case(self):
        return Case(self.title, "; ".join(self._problems()), self.todo)

    def _problems(self):
        path = [s for s in self.row["state_path"] if s not in NOT_JUDGED]
        judged = [s for s in path if s not in self.also]
        judged = [s for i, s in enumerate(judged) if judged[:i][-1:] != [s]]
        if tuple(judged) != self.states:
            yield (f"states {' > '.join(path)}, expected "
                   f"{' > '.join(self.states)}")
        if self.authority and self.authority not in self.log.authorities:
            yield f"the authority was never seen {self.authority}"
        if self.clears != (self.row["actual"] is not None):
            yield f"measured clear: {self.row['actual']}"
        if self.within is not None and self.clears:
            error = self.row["error_s"]
            if error is None:
                yield "no forecast was shown"
            elif abs(error) > self.within:
                yield f"forecast is wrong by {error:+.1f} s"


class RecordWatch:
    """One resolver, plain questions from an address of their own; clear means
    the restored record, not just any."""

    def __init__(self, network, name):
        self.network = network
        self._watch = _RightAnswer(network.address, name, MEASURE_ADDRESS)

    def start(self):
        self._watch.start()
        return self

    def stop(self):
        self._watch.stop()

    @property
    def actual(self):
        return self._watch.clear_since


class _RightAnswer(ClearWatch):
    def _take(self, reply):
        right = reply and zones.RECORD_ADDRESS in reply.rdata
        super()._take(reply if right else None)


class Asks:
    """Users' questions at their moments; each (seconds, network, name)."""

    def __init__(self, asks):
        self._asks = sorted(asks, key=lambda a: a[0])

    def until(self, began, end_s):
        """Ask what is due before end_s seconds after began (monotonic)."""
        while self._asks and self._asks[0][0] < end_s:
            at, network, name = self._asks.pop(0)
            sleep_until(began + at)
            # It may take its time: the next users do not wait for it.
            reply = ask(network.address, name, source=network.user_address,
                        timeout=1.0)
            print(f"# {at:5.1f} s {network.name} {name}: "
                  f"{reply.rcode if reply else 'no answer'} "
                  f"{reply.soa_ttl if reply and reply.negative else ''}")
        sleep_until(began + end_s)


def sleep_until(moment):
    time.sleep(max(0.0, moment - time.monotonic()))


def open_logs(site, names):
    """An incident and its log for each name."""
    logs = {}
    for name in names:
        said = site.cli("incident", "open", name, "A", "--expect",
                        f"A={zones.RECORD_ADDRESS}", "--outage", "now-1s..",
                        "--restored", "auto").stdout
        number = int(said.split("incident ")[1].split(" ")[0])
        logs[name] = MatrixLog(site.api, number).start()
    return logs


def finish(scenarios, logs, deadline_s, tick=lambda: None):
    """Until every scenario is where it should end, or the deadline."""
    end = time.monotonic() + deadline_s
    while (time.monotonic() < end
           and not all(s.done() for s in scenarios)):
        tick()
        time.sleep(0.1)
    for scenario in scenarios:
        scenario.end()
    for log in logs.values():
        log.stop()


def cases(scenarios, restored):
    """Prints the table; returns a Case for each scenario."""
    for line in table(scenarios, restored).splitlines():
        print(f"# | {line}")
    for scenario in scenarios:
        if scenario.case().problem:
            print(f"# {scenario.title}:")
            for at, text in scenario.log.history.get(
                    scenario.network.name, [])[:HISTORY]:
                print(f"#   {at - restored:+6.1f} s {text}")
    return [s.case() for s in scenarios]


def _after(text, restored):
    if not text:
        return "-"
    moment = datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    return f"{moment - restored:+.1f}"


def _cells(scenario, restored):
    row = scenario.row
    shown = row["predicted"] or {}
    interval = "-"
    if shown.get("lo90") or shown.get("hi90"):
        interval = (f"{_after(shown.get('lo90'), restored)}.."
                    f"{_after(shown.get('hi90'), restored)}")
    error = row["error_s"]
    return (scenario.title, _after(shown.get("point"), restored), interval,
            _after(row["actual"], restored),
            "-" if error is None else f"{error:+.1f}",
            "yes" if inside_90(row) else "no" if error is not None else "-",
            "ok" if not scenario.case().problem else
            "known wrong" if scenario.todo else "WRONG",
            " > ".join(row["state_path"]))


def table(scenarios, restored):
    """Times are seconds after the restoration."""
    rows = [("SCENARIO", "FORECAST", "90 %", "MEASURED", "ERROR", "INSIDE",
             "VERDICT", "STATES")]
    rows += [_cells(s, restored) for s in scenarios]
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(r, widths)).rstrip()
                     for r in rows)
