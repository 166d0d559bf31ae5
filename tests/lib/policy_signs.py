"""By what a policy's denial is told from a cached one: daemons with one sign
each, and what must be said of them and how soon (tests/system/test_causes.py).
"""
import time

from deploy.lab import networks, zones
from deploy.lab.ask import ask, wait_until
from deploy.lab.resolvers import Bind, Dnsmasq
from tests.lib.support import network_row
from tests.system.matrix.variants import (BindPolicy, PowerDnsSigns,
                                          UnboundPolicy)

# PowerDNS has an address for each sign, and one without any.
SIGNS_ADDRESS = "198.51.100.50"
ADDRESSES = [f"198.51.100.{50 + i}"
             for i in range(1 + len(PowerDnsSigns.SIGNS))]
EDE, FOREIGN, CONSTANT = ADDRESSES[1:]
MAIL = f"mail.{zones.ZONE}"  # denied as NAME is, and by no policy


def signs(folder):
    resolver = PowerDnsSigns("signs-pdns", f"{folder}/signs", SIGNS_ADDRESS)
    return networks.Network("signs", resolver, [], "203.0.113.15")


def unbound_rpz(folder):
    resolver = UnboundPolicy("rpz-unbound", f"{folder}/rpz-unbound",
                             "198.51.100.60")
    return networks.Network("rpz-unbound", resolver, [], "203.0.113.16")


def bind_rpz(folder):
    resolver = BindPolicy("rpz-named", f"{folder}/rpz-named", "198.51.100.62", [
        'response-policy { zone "policy.example"; };'])
    return networks.Network("rpz-named", resolver, [], "203.0.113.17")


def dnsmasq(folder):
    behind = Bind("dnsmasq-back", f"{folder}/dnsmasq-back", "198.51.100.65")
    resolver = Dnsmasq("dnsmasq", f"{folder}/dnsmasq", "198.51.100.64",
                       [f"address=/{zones.NAME}/"], [behind])
    return networks.Network("dnsmasq", resolver, [behind], "203.0.113.18")


MAKERS = [unbound_rpz, bind_rpz, dnsmasq]
SIGN = "policy: "

# Daemon, sign, address, state, sentence of the evidence, words of why.
ROWS = (
    ("PowerDNS Lua", "EDE 15", EDE, "policy-blocked",
     "the denial says so itself", "by policy; waiting does not help; EDE 15 "
     "(Blocked)"),
    ("PowerDNS Lua", "foreign SOA", FOREIGN, "policy-blocked",
     "the SOA is of a zone that the name does not lie in", "by policy"),
    ("BIND RPZ", "SOA in the additional section", "198.51.100.62",
     "policy-blocked", "the SOA stands in the additional section",
     "by policy"),
    ("Unbound RPZ", "AA without SOA", "198.51.100.60", "policy-blocked",
     "made from local data", "by policy"),
    # What has no sign, or one that stale data has as well, is a cached one's
    # until its bound is over (tests/system/matrix/test_policy.py).
    ("PowerDNS Lua", "constant TTL", CONSTANT, "cached-nxdomain", None,
     "whose TTL stands still"),
    ("dnsmasq address=/name/", "no SOA", "198.51.100.64", "cached-nxdomain",
     None, "without a countdown"),
)


def evidence(site, incident, network):
    """Its targets by address, with their evidence."""
    document = site.api.must_get(f"/v1/incidents/{incident}/networks/{network}")
    return {t["resolver"].split("@")[0]: t for t in document["targets"]}


def _remark(target):
    return next((r[len(SIGN):] for r in target["evidence"]["remarks"]
                 if r.startswith(SIGN)), None)


def _fits(target, state, remark, words):
    said = _remark(target)
    return target["state"] == state and words in target["why"] and (
        said is None if remark is None else remark in (said or ""))


def _line(daemon, sign, target, began):
    return (f"# | {daemon} | {sign} | {target['state']}: {target['why']} | "
            f"{time.monotonic() - began:.1f} |")


class Signs:
    """Each sign alone makes the verdict that it can make alone; when each was
    told first."""

    def __init__(self, site, incident, network):
        self._site, self._at = site, (incident, network)
        self._began = time.monotonic()
        self._left = list(ROWS)
        self._lines = []

    def look(self):
        """Always true until all is told, for a loop that waits for more."""
        targets = evidence(self._site, *self._at) if self._left else {}
        for row in list(self._left):
            daemon, sign, address, state, remark, words = row
            target = targets.get(address)
            if target and _fits(target, state, remark, words):
                self._lines.append(_line(daemon, sign, target, self._began))
                self._left.remove(row)
        return True

    def wait(self, timeout):
        try:
            wait_until(lambda: self.look() and not self._left, timeout,
                       "the signs")
        except TimeoutError as error:
            targets = evidence(self._site, *self._at)
            raise AssertionError((str(error), [
                (r[:2], targets.get(r[2])) for r in self._left])) from error
        print("# | daemon | its only sign | verdict | seconds |\n"
              "# |---|---|---|---|", *self._lines, sep="\n", flush=True)


def users_of_signs(lab):
    """The name is blocked, and of the other one the denial is cached."""
    network = lab.network("signs")
    for name in (zones.NAME, MAIL):
        wait_until(lambda n=name: getattr(ask(
            network.address, n, source=network.user_address), "negative",
            False), 5, f"{network.name} to deny {name}")


# What a canary's word rests on; a busy machine may leave it unknown.
HABITS = {"chain": "own-address", "soa_clock": "own", "caches": 1}


def _measured_whole(site):
    """Else it is measured again, a minute after the last time."""
    rows = site.api.must_get("/v1/resolvers")["resolvers"]
    row = next((r for r in rows if r["network"] == "signs"), {})
    whole = row.get("state") == "measured" and all(
        row[k] == value for k, value in HABITS.items())
    if not whole and row.get("state") in ("measured", "failed"):
        site.api.request("POST", "/v1/resolvers/measure", {"network": "signs"})
    return whole


class Canary:
    """One resolver, measured meanwhile: what has no SOA is held to be made by
    policy, and not before; the cached denial beside it never."""

    def __init__(self, site, blocked, cached):
        self._site, self._blocked, self._cached = site, blocked, cached
        self._began = time.monotonic()
        self._seen = {blocked: [], cached: []}
        self._lines = []

    def look(self):
        """Always true, as that of Signs."""
        for incident, states in self._seen.items():
            row = network_row(self._site.api.status(incident), "signs")
            for target in row.get("targets", []):
                if target["state"] not in states:
                    states.append(target["state"])
                    self._lines.append(_line(
                        "PowerDNS Lua", "none, beside canary names"
                        if incident == self._blocked else
                        "a cached denial, beside canary names", target,
                        self._began))
        return True

    def wait(self, timeout):
        try:
            wait_until(lambda: _measured_whole(self._site), timeout,
                       "canary names to be resolved")
            wait_until(lambda: self.look() and "policy-blocked" in
                       self._seen[self._blocked], timeout,
                       "the canary names to count")
        except TimeoutError as error:
            raise AssertionError((str(error), self._seen, [
                evidence(self._site, i, "signs")
                for i in self._seen])) from error
        print(*self._lines, sep="\n", flush=True)
        self._check()

    def _check(self):
        blocked, cached = self._seen[self._blocked], self._seen[self._cached]
        assert "policy-blocked" not in cached, cached
        assert "cached-nxdomain" in cached, cached
        assert "clear" not in blocked, blocked
        target = evidence(self._site, self._blocked, "signs")[SIGNS_ADDRESS]
        assert "canary-resolves" in target["flags"], target
        assert "canary names resolve there meanwhile" in target["why"], target
        assert "which this resolver shows" in _remark(target), target
        looks = target["evidence"]["looks"]
        assert all(x["ttl_s"] is None and x["extended_error"] is None
                   for x in looks if x["answer"] == "NXDOMAIN"), looks
