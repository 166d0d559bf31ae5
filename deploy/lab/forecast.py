"""What nxclear forecast, held against what the measurement saw."""
import datetime
import statistics
import threading
import time

SHOWN_AFTER_S = 10   # the forecast that counts: so long after verification
POLL_S = 0.2


def parse_time(text):
    """RFC 3339 -> seconds, wall clock."""
    return datetime.datetime.fromisoformat(
        text.replace("Z", "+00:00")).timestamp()


def format_time(seconds):
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class StatusLog:
    """Polls the status document of one incident and keeps what the last table
    needs: each network's path of states, and the forecast as it stood
    shown_after seconds after the verified restoration."""

    def __init__(self, api, incident, shown_after=SHOWN_AFTER_S):
        self._shown_after = shown_after
        self._api = api
        self._incident = incident
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.paths = {}        # network -> [state, ...]
        self.last = None       # newest document
        self.shown = None      # the document whose forecast counts
        self.first_verified = None
        self.error = None

    def start(self):
        self._thread.start()
        return self

    def stop(self):
        self._stop.set()
        self._thread.join()

    def states(self):
        return {n["network"]: n["state"]
                for n in (self.last or {}).get("networks", [])}

    def all_clear(self, networks):
        states = self.states()
        return all(states.get(n) == "clear" for n in networks)

    def shown_forecast(self, network):
        """{"point", "lo50", ...} or None when none was shown."""
        for row in (self.shown or {}).get("networks", []):
            if row["network"] == network:
                return row.get("clears")
        return None

    def _run(self):
        while not self._stop.wait(POLL_S):
            try:
                self._take(self._api.status(self._incident))
            except Exception as error:  # shown by the main thread
                self.error = error

    def _take(self, document):
        for row in document.get("networks", []):
            path = self.paths.setdefault(row["network"], [])
            if not path or path[-1] != row["state"]:
                path.append(row["state"])
        verified = document["authority"].get("verified_at")
        if verified and self.first_verified is None:
            self.first_verified = parse_time(verified)
        if (self.shown is None and self.first_verified is not None
                and parse_time(document["now"])
                >= self.first_verified + self._shown_after):
            self.shown = document
        self.last = document
        self.error = None


PROFILE = ("state", "nxdomain_cap_s", "nxdomain_uncapped", "floor_s",
           "soa_clock", "rounding", "chain")


def is_verified(profile):
    """Did the forecast rest on what was measured of the resolver?"""
    return profile is not None and profile["state"] == "measured"


def verified_n(profiles):
    return sum(is_verified(profile) for profile in profiles.values())


def result_row(watch, resolver, log, profile=None):
    """One network of the last table, as in --json. profile: as it stood before
    anything was forecast."""
    name = watch.network.name
    shown = log.shown_forecast(name)
    denied, actual = watch.between or (None, None)
    predicted = error = None
    if shown and shown.get("point"):
        predicted = {k: shown.get(k) for k in ("point", "lo90", "hi90")}
        if actual is not None:
            error = round(actual - parse_time(shown["point"]), 3)
    return {"network": name, "resolver": resolver,
            "profile_verified": is_verified(profile),
            "profile": profile and {k: profile.get(k) for k in PROFILE},
            "predicted": predicted,
            "denied": None if denied is None else format_time(denied),
            "actual": None if actual is None else format_time(actual),
            "error_s": error, "state_path": log.paths.get(name, [])}


def inside_90(row):
    """The truth lies between two looks of the measurement: does that interval
    meet the one that was shown?"""
    predicted = row["predicted"]
    if not predicted or not row["actual"] or not predicted["lo90"] \
            or not predicted["hi90"]:
        return False
    return (parse_time(predicted["lo90"]) <= parse_time(row["actual"])
            and parse_time(row["denied"]) <= parse_time(predicted["hi90"]))


def result(rows):
    """The document of --json."""
    errors = [abs(r["error_s"]) for r in rows if r["error_s"] is not None]
    return {"networks": rows,
            "median_abs_error_s":
                round(statistics.median(errors), 3) if errors else None,
            "inside_90": sum(inside_90(r) for r in rows), "of": len(rows)}


def _clock(text):
    return text[11:21] if text else "-"


def _interval(predicted):
    if not predicted:
        return "-"
    return f"{_clock(predicted['lo90'])}..{_clock(predicted['hi90'])}"


def _profile(row):
    """What was measured, in few words."""
    profile = row["profile"]
    if not row["profile_verified"]:
        return "assumed"
    cap_s = profile["nxdomain_cap_s"]
    cap = "no cap" if cap_s is None else f"cap {cap_s} s"
    return f"verified: {cap}, SOA {profile['soa_clock']}"


def table(document):
    """The last table, for people."""
    head = ("NETWORK", "RESOLVER", "PROFILE", "PREDICTED", "90 %", "ACTUAL",
            "ERROR", "STATES")
    rows = [(r["network"], r["resolver"], _profile(r),
             _clock((r["predicted"] or {}).get("point")),
             _interval(r["predicted"]), _clock(r["actual"]),
             "-" if r["error_s"] is None else f"{r['error_s']:+.1f} s",
             " > ".join(r["state_path"])) for r in document["networks"]]
    widths = [max(len(row[i]) for row in [head, *rows])
              for i in range(len(head))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip()
             for row in [head, *rows]]
    median = document["median_abs_error_s"]
    lines.append("")
    lines.append(
        f"{sum(r['profile_verified'] for r in document['networks'])} of "
        f"{document['of']} profiles verified, "
        f"median error {'?' if median is None else median} s, "
        f"{document['inside_90']} of {document['of']} cleared inside their "
        f"90 % interval")
    overall = document.get("score", {}).get("targets", {}).get("overall")
    if overall:
        lines.append(
            f"nxclear score, from what the agents saw alone: "
            f"{overall['clearings']:.0f} resolvers cleared, median error "
            f"{overall['median_error_s']:.1f} s; {100 * overall['met90']:.0f} "
            f"% of the 90 % intervals shown meet the looks between which each "
            f"cleared (90 % or more is right)")
    return "\n".join(lines)


def wait_for(condition, deadline_mono, tick):
    """Call tick() until condition() or the deadline; was it in time?"""
    while not condition():
        if time.monotonic() > deadline_mono:
            return False
        tick()
    return True
