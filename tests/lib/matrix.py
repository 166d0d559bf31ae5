"""The matrix: many behaviours of real daemons, each judged against a clear
time that was measured without nxclear."""
import time
from dataclasses import dataclass, field

from deploy.lab import zones
from deploy.lab.ask import ask
from deploy.lab.forecast import StatusLog, parse_time
from deploy.lab.lab import MEASURE_ADDRESS
from deploy.lab.measure import ClearWatch, NetworkWatch
from tests.lib.support import look_flags

SHOWN_AFTER_S = 6      # the forecast that is judged: after the verification
# Before the first look at a resolver; before enough looks to be sure.
NOT_JUDGED = ("unknown", "partly-clear")
HISTORY = 25           # lines of it printed
EXACT_S = 1.5          # promised where a countdown is seen
PAYLOAD = 1232         # users ask as agents do: some caches keep entries apart
                       # by the shape of the question

# What the operator must be told to do, by state; part of the line.
ADVICE = {
    "clear": "nothing to do",
    "cached-nxdomain": "wait until",
    "cached-nodata": "wait until",
    "ancestor-nxdomain": "flush the zone above",
    "old-positive": "the old answer is cached",
    "stale-served": "reaches them",
    "recached": "find the name server",
    "still-negative-at-authority": "fix name server",
    "policy-blocked": "lift the block",
    "servfail-other": "reaches every name server",
    "refused": "allow this network",
    "unreachable": "the way to it",
}


class MatrixLog(StatusLog):
    """Also remembers when each network was said to be what, why, and what the
    operator was advised."""

    def __init__(self, api, incident):
        super().__init__(api, incident, SHOWN_AFTER_S)
        self.history = {}      # network -> [(time, text)]
        self.advised = {}      # (network, state) -> {advice}
        self.bounds = {}       # network -> hard bound, as last shown while it
                               # was denied
        self.hard = {}         # network -> {reason: earliest such bound}, shown
                               # then
        self.authorities = set()  # states seen

    def looks_said(self, network):
        return look_flags(self._api, self._incident, network)

    def _take(self, document):
        super()._take(document)
        now = parse_time(document["now"])
        authority = document["authority"]["state"]
        self.authorities.add(authority)
        for row in document.get("networks", []):
            self._take_row(row, now, authority)

    def _take_row(self, row, now, authority):
        target = (row.get("targets") or [{}])[0]
        self.advised.setdefault((row["network"], row["state"]), set()).add(
            row.get("advice") or "")
        bounds = [parse_time(target[k]["at"]) for k in ("hard", "hard_stack")
                  if (target.get(k) or {}).get("at")]
        if bounds and row["state"] not in NOT_JUDGED:
            self.bounds[row["network"]] = max(bounds)
            self._take_hard(row["network"], target["hard"])
        text = (f"{row['state']} ({row.get('reason')}; flags "
                f"{','.join(target.get('flags') or ['none'])}; "
                f"basis {row.get('basis')}; authority {authority}): "
                f"{row.get('why')}")
        told = self.history.setdefault(row["network"], [])
        if not told or told[-1][1] != text:
            told.append((now, text))

    def _take_hard(self, network, hard):
        at = parse_time(hard["at"])
        earliest = self.hard.setdefault(network, {})
        earliest[hard["reason"]] = min(at, earliest.get(hard["reason"], at))


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
    record: str = zones.RECORD_ADDRESS  # that makes it clear
    also: tuple = ()       # states that may come in between
    within: float = EXACT_S  # |error| asserted; None: nothing is promised
    clears: bool = True    # whether waiting is enough
    bound: bool = True     # the hard bound that was shown holds
    reason: str = ""       # the only one that it must have had: then every such
                           # bound holds, without that of a stack
    denied_s: float = 0    # it must be denied as long after the restoration
    again: bool = False    # it must be denied once more after it was answered
    authority: str = ""    # a state that the authority must be seen in
    flag: str = ""         # one that must have been shown
    look: str = ""         # a flag that some look must have
    advice: dict = field(default_factory=dict)  # state -> text, over ADVICE
    because: str = ""      # why no more can be said from outside
    todo: str = ""         # why the verdict is known to be wrong
    log: object = None
    watch: object = None
    restored: float = 0
    shown: dict = None     # the forecast that is judged, in seconds

    def begin(self, logs):
        """At the restoration."""
        self.restored = time.time()
        self.log = logs[self.name]
        self.watch = RecordWatch(self.network, self.name, self.record).start()

    def done(self):
        now = self.log.states().get(self.network.name)
        return now == self.states[-1] and (
            not self.clears or self.watch.actual is not None)

    def end(self):
        self.watch.stop()
        said = self.log.shown_forecast(self.network.name) or {}
        self.shown = {k: parse_time(v) for k, v in said.items()
                      if k in ("point", "lo50", "hi50", "lo90", "hi90") and v}
        return self

    @property
    def path(self):
        return self.log.paths.get(self.network.name, [])

    def error(self):
        """Forecast against the measured interval; None without either."""
        point = self.shown.get("point")
        if point is None or self.watch.actual is None:
            return None
        denied, right = self.watch.between
        return min(0.0, right - point) or max(0.0, denied - point)

    def inside(self, share):
        """Does the measured interval meet the one that was shown?"""
        lo, hi = self.shown.get(f"lo{share}"), self.shown.get(f"hi{share}")
        if None in (lo, hi) or self.watch.actual is None:
            return None
        denied, right = self.watch.between
        return denied <= hi and right >= lo

    def case(self):
        return Case(self.title, "; ".join(self._problems()), self.todo)

    def judged(self):
        """The path without what is not judged, and without repetitions.
        Whoever was told that it is clear must not be told otherwise."""
        ended = self.path.index("clear") if "clear" in self.path else \
            len(self.path)
        judged = [s for s in self.path[:ended] if s in self.states or
                  s not in (*NOT_JUDGED, *self.also)] + self.path[ended:]
        return [s for i, s in enumerate(judged) if judged[:i][-1:] != [s]]

    def _problems(self):
        if tuple(self.judged()) != self.states:
            yield (f"states {' > '.join(self.path)}, expected "
                   f"{' > '.join(self.states)}")
        if self.authority and self.authority not in self.log.authorities:
            yield f"the authority was never seen {self.authority}"
        if self.flag and not any(self.flag in text for _at, text in
                                 self.log.history[self.network.name]):
            yield f"never the flag {self.flag}"
        if self.look and self.look not in self.log.looks_said(
                self.network.name):
            yield f"no look has the flag {self.look}"
        if self.clears != (self.watch.actual is not None):
            yield f"measured clear: {self.watch.actual}"
        if self.within is not None and self.clears:
            error = self.error()
            if error is None:
                yield "no forecast was shown"
            elif abs(error) > self.within:
                yield f"forecast is wrong by {error:+.1f} s"
        if self.again and not self.watch.denied_again:
            yield "not denied again: nothing is shown"
        yield from self._bound_problems()
        yield from self._advice_problems()

    def _bound_problems(self):
        bound = self.log.bounds.get(self.network.name)
        if self.bound and self.watch.actual is not None and bound and \
                self.watch.between[0] > bound:
            yield (f"clear {self.watch.between[0] - bound:.1f} s after the "
                   f"hard bound")
        if self.reason:
            yield from self._reason_problems()

    def _reason_problems(self):
        hard = self.log.hard.get(self.network.name, {})
        if set(hard) != {self.reason}:
            yield f"reasons of the bound {sorted(hard)}, not {self.reason}"
        elif self.watch.actual is not None and \
                self.watch.between[0] > hard[self.reason]:
            yield (f"clear {self.watch.between[0] - hard[self.reason]:.1f} s "
                   f"after {self.reason}")
        if self.watch.actual is not None and \
                self.watch.between[0] - self.restored < self.denied_s:
            yield (f"denied only {self.watch.between[0] - self.restored:.1f} s "
                   f"after the restoration: nothing is shown")

    def _advice_problems(self):
        for state in dict.fromkeys(self.path):
            told = self.log.advised[self.network.name, state]
            expected = {**ADVICE, **self.advice}.get(state, "")
            if "" in told or not any(expected in text for text in told):
                yield (f"advice for {state}: {sorted(told)}, expected "
                       f"'{expected}'")


class RecordWatch(NetworkWatch):
    """Every cache that users of the network can meet, plain questions from an
    address of their own; clear means the restored record, not just any."""

    def __init__(self, network, name, record):
        self.network = network
        self.watches = [_RightAnswer(a, name, record)
                        for a in network.endpoints]

    @property
    def denied_again(self):
        return any(w.again for w in self.watches)

    @property
    def between(self):
        """It cleared after the last wrong answer was asked for and before the
        first of the right ones came; None when it did not."""
        if any(w.clear_since is None for w in self.watches):
            return None
        last = max(self.watches, key=lambda w: w.clear_since)
        return min(last.wrong_sent or last.clear_since, last.clear_since), \
            last.clear_since


class _RightAnswer(ClearWatch):
    def __init__(self, address, name, record):
        super().__init__(address, name, MEASURE_ADDRESS, PAYLOAD)
        self._record = record
        self.wrong_sent = None
        self.again = False

    def _take(self, reply):
        right = reply and self._record in reply.rdata
        if reply and not right:
            self.wrong_sent = reply.sent
            self.again |= self.clear_since is not None
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
                        timeout=1.0, payload=PAYLOAD)
            print(f"# {at:5.1f} s {network.name} {name}: "
                  f"{reply.rcode if reply else 'no answer'} "
                  f"{reply.soa_ttl if reply and reply.negative else ''}")
        sleep_until(began + end_s)


def sleep_until(moment):
    time.sleep(max(0.0, moment - time.monotonic()))


def open_logs(site, wanted, options=None):
    """An incident and its log for each (name, expected address). options:
    more arguments by name."""
    logs = {}
    for name, address in wanted:
        more = (options or {}).get(name, ())
        said = site.cli("incident", "open", name, "A", "--expect",
                        f"A={address}", "--outage", "now-1s..", *(
                            more or ("--restored", "auto"))).stdout
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
        print(f"# {scenario.title}:")
        for at, text in scenario.log.history.get(
                scenario.network.name, [])[:HISTORY]:
            print(f"#   {at - restored:+6.1f} s {text}")
    return [s.case() for s in scenarios]


def _interval(scenario, share, restored):
    lo, hi = (scenario.shown.get(f"{end}{share}") for end in ("lo", "hi"))
    return "-" if None in (lo, hi) else \
        f"{lo - restored:+.1f}..{hi - restored:+.1f}"


def _measured(scenario, restored):
    if scenario.watch.actual is None:
        return "never"
    return f"{scenario.watch.actual - restored:+.1f}"


def _inside(scenario):
    said = [scenario.inside(share) for share in (50, 90)]
    return "-" if None in said else "/".join("yes" if s else "no"
                                             for s in said)


def _cells(scenario, restored):
    error = scenario.error()
    point = scenario.shown.get("point")
    return (scenario.title, " > ".join(scenario.states),
            "ok" if not scenario.case().problem else
            "known wrong" if scenario.todo else "WRONG",
            _measured(scenario, restored),
            "-" if point is None else f"{point - restored:+.1f}",
            _interval(scenario, 90, restored),
            "-" if error is None else f"{error:+.1f}",
            _inside(scenario), " > ".join(scenario.path))


def table(scenarios, restored):
    """Times are seconds after the restoration."""
    rows = [("SCENARIO", "EXPECTED", "VERDICT", "MEASURED", "FORECAST", "90 %",
             "ERROR", "IN 50/90", "STATES")]
    rows += [_cells(s, restored) for s in scenarios]
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(r, widths)).rstrip()
                     for r in rows)
