"""When entries end, in whole seconds of the resolver's clock, for each make:
eight phases of a second, W of 10, 20 and 60 s; what `nxclear estimate` makes
of looks at them; and what a question without RD finds.

No agent asks here: the looks are the measurement's own, so that their times
are known to a tenth of a second.
"""
import heapq
import json
import math
import threading
import time

from deploy.lab.ask import ask
from deploy.lab.lab import MEASURE_ADDRESS, Lab
from deploy.lab.programs import Site
from deploy.lab.zones import NAME, RECORD_ADDRESS, ZONE
from tests.lib import support
from tests.lib.matrix import PAYLOAD, Case, sleep_until
from tests.system.matrix.play import delegated, root_with
from tests.system.matrix.servers import Odd
from tests.system.matrix.test_odd_zones import (
    ADDRESS, DnsdistToOdd, DnsmasqToOdd, ResolvedToOdd, facts)
from tests.system.matrix.test_plain import PACKET_CACHE
from tests.system.matrix.variants import (
    Bind, Dnscache, Dnsmasq, Kresd, KresdPlain, Networks, PowerDns, Unbound)

WS = (10, 20, 60)
PHASES = 8
SPACING_S = 1.125      # of the first questions: each at another phase
RESTORE_S = 8.5        # after the last first question, before the first end
STEP_S = 0.1           # of the polls around the end
DENSE_S = 1.6          # so long before the end they begin
GRACE_S = 0.1
EXCLUSIVE, INCLUSIVE, EXACT = 0, 1, None  # what floor(t) + W is added to
MAKES = (("unbound", Unbound, (), INCLUSIVE), ("named", Bind, (), EXCLUSIVE),
         ("pdns", PowerDns, (), EXCLUSIVE),
         ("kresd", KresdPlain, (), INCLUSIVE),
         ("dnsmasq", DnsmasqToOdd, (), EXCLUSIVE),
         ("dnsdist", DnsdistToOdd, PACKET_CACHE, EXCLUSIVE),
         ("resolved", ResolvedToOdd, (), EXACT),
         ("dnscache", Dnscache, (), INCLUSIVE))
INSIDE_90 = 0.85       # of all series; the phases of one make are alike


def zone(w, phase):
    return f"w{w}p{phase}.example"


class Series:
    """One name at one resolver, from its first question to the record."""

    def __init__(self, address, w, phase):
        self.address = address
        self.w = w
        self.zone = zone(w, phase)
        self.first = None      # Answer
        self.looks = []        # after the restoration
        self.denied = self.right = None  # moments
        self.at = SPACING_S * phase

    def step(self, began):
        """Asks once; the moment of the next question, None at the end."""
        reply = ask(self.address, f"www.{self.zone}", source=MEASURE_ADDRESS,
                    timeout=0.5, payload=PAYLOAD)
        now = time.time() - began
        if reply is None:
            return now + STEP_S
        if self.first is None:
            self.first = reply
            return max(RESTORE_S + 0.2, now + 1)
        if RECORD_ADDRESS in reply.rdata:
            self.right = reply.received
            return None
        self.denied = reply.sent
        dense = self.first.sent - began + self.w - DENSE_S
        if now < dense:
            self.looks.append(reply)
            return min(now + self.w / 10 + 0.13, dense)
        return now + STEP_S

    def law(self, family):
        """Is the end where the family's law puts it?"""
        ends = [self.first.sent + self.w, self.first.received + self.w]
        if family is not EXACT:
            ends = [math.floor(t) + family for t in ends]
        return (self.denied <= max(ends) + GRACE_S
                and self.right >= min(ends) - GRACE_S)

    def vector(self, began):
        return {
            "name": f"www.{self.zone}.", "type": "A",
            "now": self.looks[-1].received - began,
            "auth": {"apex": f"{self.zone}.", "outage_lo": -1,
                     "restored_lo": RESTORE_S - 0.5,
                     "restored_hi": RESTORE_S + 0.5, "w_auth": self.w,
                     "all_ns_good": True, "serial_restored": 2},
            "obs": [look(reply, began) for reply in self.looks]}


def look(reply, began, rd=True):
    """An observation as `nxclear estimate` takes it; None: no reply."""
    if reply is None:
        return {"tx": 0, "rx": 1, "kind": "TIMEOUT", "rd": rd}
    empty = "NODATA" if rd or reply.soa_ttl >= 0 else "MISS"
    kind = "POS" if reply.rdata else \
        empty if reply.rcode == "NOERROR" else reply.rcode
    seen = {"tx": reply.sent - began, "rx": reply.received - began,
            "kind": kind, "rd": rd, "aa": reply.aa}
    if reply.soa_ttl >= 0:
        seen |= {"r": reply.soa_ttl, "soa_owner": reply.soa_owner,
                 "soa_serial": reply.soa_serial,
                 "soa_minimum": reply.soa_minimum}
    return seen


def poll(series, began):
    """All series of one resolver, in the order of their moments."""
    due = [(s.at, i) for i, s in enumerate(series)]
    while due:
        at, i = heapq.heappop(due)
        time.sleep(max(0.0, began + at - time.time()))
        following = series[i].step(began)
        if following is not None and following < max(WS) * 2:
            heapq.heappush(due, (following, i))


def estimate(folder, vectors):
    site = Site(support.PLAIN_BIN, folder)
    return json.loads(site.run([site.path("nxclear"), "estimate"],
                               text_in=json.dumps(vectors)).stdout)


def measure(lab, networks):
    odd = lab.others[0]
    series = {n.name: [Series(n.address, w, p) for w in WS
                       for p in range(PHASES)] for n in networks}
    # Not at a whole second: the phases are those of the clock.
    began = math.floor(time.time()) + 1.03
    threads = [threading.Thread(target=poll, args=(s, began))
               for s in series.values()]
    for thread in threads:
        thread.start()
    time.sleep(max(0.0, began + RESTORE_S - time.time()))
    for name, said in odd.zones.items():
        if name.startswith("w"):
            said["serial"] = 2
            said["names"] = {f"www.{name}": RECORD_ADDRESS}
    odd.publish()
    for thread in threads:
        thread.join()
    return began, series


def trouble(series, verdict, began, family, shows):
    """What is wrong with one series, or nothing."""
    if series.right is None:
        return "never cleared"
    denied, right = series.denied - began, series.right - began
    if not series.law(family):
        first = series.first.sent
        return (f"{series.denied - first:.2f}..{series.right - first:.2f} s "
                f"after a first question at {first % 1:.2f}")
    if verdict["state"] != "cached-nxdomain" or verdict["eta"] is None:
        return f"{verdict['state']}, {verdict['eta']}"
    if (verdict["hard_stack"] or verdict["hard"])["at"] < denied:
        return f"{denied:.2f} outlives the bound"
    line = (verdict["lines"] or [None])[-1]
    if shows and (line is None or line["b"] < denied - GRACE_S
                  or line["a"] > right + GRACE_S):
        return f"{denied:.2f}..{right:.2f}, line {line}"
    return ""


def score(series, verdict, began):
    """(error, inside 50 %, inside 90 %) of one forecast."""
    denied, right = series.denied - began, series.right - began
    point = verdict["eta"]["point"]
    inside = [denied <= hi and right >= lo for lo, hi in (
        verdict["eta"]["i50"], verdict["eta"]["i90"])]
    return (min(0.0, right - point) or max(0.0, denied - point), *inside)


def test_laws():
    support.BIN = support.PLAIN_BIN
    networks = Networks()
    makes = [m for m in MAKES if getattr(m[1], "there", lambda: True)()]
    for name, kind, options, _family in makes:
        networks.add(name, kind, *options)
    zones = [zone(w, p) for w in WS for p in range(PHASES)]
    root = root_with(*(line for z in zones
                       for line in delegated(z, "ns1", ADDRESS)))
    served = {f"{zone(w, p)}.": facts(soa_ttl=w, minimum=w) for w in WS
              for p in range(PHASES)}
    with Lab(networks.makers, root=root, others=[
            lambda folder: Odd("odd", f"{folder}/odd", ADDRESS, {
                f"{ZONE}.": facts(), **served})]) as lab:
        began, series = measure(lab, lab.networks)
        return [*tabled(lab.folder, makes, began, series)]


def tabled(folder, makes, began, series):
    print("# | RESOLVER  W   ERROR OF THE FORECAST  IN 50     IN 90")
    all_scores = []
    for name, _kind, _options, family in makes:
        for w in WS:
            mine = [s for s in series[name] if s.w == w and s.looks]
            verdicts = estimate(folder, [s.vector(began) for s in mine])
            wrong = [f"{s.zone}: {t}" for s, v in zip(mine, verdicts)
                     for t in [trouble(s, v, began, family,
                                       name != "dnscache")] if t]
            yield Case(f"{name}, W {w}: law of {len(mine)} phases",
                       "; ".join(wrong) if mine else "nothing was seen")
            if wrong or not mine:
                continue
            scores = [score(s, v, began) for s, v in zip(mine, verdicts)]
            errors, in_50, in_90 = zip(*scores)
            error = f"{min(errors):+.1f}..{max(errors):+.1f}"
            n = len(mine)
            print(f"# | {name:9} {w:2}  {error:21}  "
                  f"{f'{sum(in_50)} of {n}':8}  {sum(in_90)} of {n}")
            all_scores += scores
    n = sum(s[2] for s in all_scores)
    print(f"# | inside the 90 % interval: {n} of {len(all_scores)}")
    yield Case("laws: 90 % intervals", "" if n >= INSIDE_90 * len(all_scores)
               else f"only {n} of {len(all_scores)} ends are inside")


# What a question without RD is answered, and what that is called: for a name
# that is cached as denied, and for one that nobody asked for.
WITHOUT_RD = (
    ("unbound", Unbound, (), "refused", "refused"),
    ("named", Bind, (), "cached-nxdomain", "unknown"),
    ("kresd", Kresd, (), "refused", "refused"),
    ("pdns", PowerDns, (), "cached-nxdomain", "unknown"),
    # Its own cache is not asked: it is the backend that answers.
    ("dnsmasq", Dnsmasq, (Unbound,), "refused", "refused"),
    ("dnsmasq-named", Dnsmasq, (Bind,), "cached-nxdomain", "unknown"),
    ("dnscache", Dnscache, (), "unreachable", "unreachable"))
LOST_S = 1.5  # three of them are more than the 4 s of "unreachable"


def test_without_rd():
    networks = Networks()
    rows = [r for r in WITHOUT_RD if getattr(r[1], "there", lambda: True)()]
    for name, kind, behind, _cached, _not in rows:
        networks.add(name, kind, backends=behind)
    with Lab(networks.makers, negative_ttl=60) as lab:
        lab.remove_record()
        began = time.time()
        mono = time.monotonic()
        for network in lab.networks:
            ask(network.address, NAME, source=network.user_address)
        lab.restore_record()
        restored = time.time() - began
        sleep_until(mono + restored + 0.2)
        return [Case(f"{row[0]}, without RD: {what}", "" if said == expected
                     else f"{said}, expected {expected}")
                for row, network in zip(rows, lab.networks)
                for what, name, expected in (
                    ("denial cached", NAME, row[3]),
                    ("nothing cached", f"never.{ZONE}", row[4]))
                for said in [without_rd(lab, network, name, began, restored)]]


def without_rd(lab, network, name, began, restored):
    """The state that three looks without RD show."""
    seen = []
    for _ in range(3):
        reply = ask(network.address, name, source=network.user_address,
                    timeout=LOST_S, rd=False)
        seen.append(look(reply, began, rd=False))
        if reply is None:
            now = time.time() - began
            seen[-1] |= {"tx": now - LOST_S, "rx": now}
    vector = {"name": f"{name}.", "type": "A", "now": time.time() - began,
              "auth": {"apex": f"{ZONE}.", "outage_lo": -1, "restored_lo": 0,
                       "restored_hi": restored, "w_auth": 60,
                       "all_ns_good": True, "serial_restored": 2026112003},
              "obs": seen}
    return estimate(lab.folder, [vector])[0]["state"]
