"""Answers that are too large for the way: above some size they are lost over
UDP, with TCP open or closed. After a loss the agent asks again with three EDNS
sizes, as often as its rates allow, and what came tells which size it is."""
import subprocess
import time
from dataclasses import replace

from deploy.lab import networks, zones
from deploy.lab.lab import Lab
from deploy.lab.resolvers import Unbound
from tests.lib.capture import Capture
from tests.lib.support import network_row, site_in, wait_status

MIDDLE = f"middle.{zones.ZONE}"  # its TXT records need about 850 octets
LARGE = f"large.{zones.ZONE}"    # ... about 1,700
FOUND_S = 30
QUICK = {"probe": {"timeout_ms": 2000}}
SENDS_4096 = ("edns-buffer-size: 4096", "max-udp-size: 4096")


def pipe(name, number):
    address = f"198.51.100.{number}"

    def make(folder):
        resolver = Unbound(f"{name}-unbound", f"{folder}/{name}", address,
                           SENDS_4096)
        return networks.Network(name, resolver, [], f"203.0.113.{number}")
    return make


# Network, name, what does not come through: the largest UDP packet, TCP.
ROWS = (("narrow", MIDDLE, 700, False),
        ("narrow-no-tcp", MIDDLE, 700, True),
        ("no-fragments", LARGE, 1400, True),
        ("no-tcp", LARGE, None, True),
        ("sound", LARGE, None, False))
EXPECTED = {
    "narrow": ("unreachable", "size-limited", "above 512 octets"),
    "narrow-no-tcp": ("unreachable", "size-blocked", "above 512 octets"),
    "no-fragments": ("unknown", "size-blocked", "above 1232 octets"),
    "no-tcp": ("unknown", "truncated", "it gives none over TCP"),
    "sound": ("clear", None, "answers as restored"),
}


def leaf():
    base = zones.leaf_zone()
    return replace(base, records=base.records + tuple(
        f'{name}. 60 IN TXT "{number:03}{"x" * 180}"'
        for name, count in ((MIDDLE, 4), (LARGE, 8))
        for number in range(count)))


def close_ways(lab):
    rules = ["table ip sizes {", "chain out {",
             "type filter hook output priority 0; policy accept;"]
    for name, _asked, largest, no_tcp in ROWS:
        at = lab.network(name).address
        if largest is not None:
            rules.append(f"ip saddr {at} udp sport 53 meta length > {largest} "
                         "drop")
        if no_tcp:
            rules.append(f"ip daddr {at} tcp dport 53 drop")
    subprocess.run(["nft", "-f", "-"], input="\n".join([*rules, "}", "}"]),
                   text=True, check=True)


def told(document, name):
    row = network_row(document, name)
    target = (row.get("targets") or [{}])[0]
    return row.get("state"), target.get("flags", []), row.get("why", "")


def fits(document, name):
    state, flag, words = EXPECTED[name]
    has, flags, why = told(document, name)
    return has == state and words in why and (flag is None or flag in flags)


def sizes_seen(site, incident, name):
    row = site.api.must_get(f"/v1/incidents/{incident}/networks/{name}")
    looks = row["targets"][0]["evidence"]["looks"]
    return [look["sizes"] for look in looks if look["sizes"]]


def test_answer_sizes():
    makers = [pipe(name, 10 * (i + 1))
              for i, (name, *_rest) in enumerate(ROWS)]
    with Capture() as capture, Lab(makers, leaf=leaf(), warm=False) as lab, \
            site_in(lab, agents=QUICK) as site:
        close_ways(lab)
        began, wall = time.monotonic(), time.time()
        incidents = {
            asked: int(site.cli(
                "incident", "open", asked, "TXT", "--restored", "auto"
            ).stdout.split("incident ")[1].split(" ")[0])
            for asked in (MIDDLE, LARGE)}
        print("# | fault | verdict | flags | seconds |\n# |---|---|---|---|")
        for name, asked, *_rest in ROWS:
            document = wait_status(site, incidents[asked],
                                   lambda d, n=name: fits(d, n), FOUND_S,
                                   f"{name} to be told")
            state, flags, why = told(document, name)
            print(f"# | {name} | {state}: {why} | {','.join(flags)} | "
                  f"{time.monotonic() - began:.1f} |", flush=True)
        for name, asked, *_rest in ROWS[:3]:
            seen = sizes_seen(site, incidents[asked], name)
            assert seen and seen[-1].get("4096") == "lost", (name, seen)
        # Each size once a minute at most, and what is cut over TCP as well.
        most = 2 * (1 + (time.time() - wall) // 60)
        for name, asked, *_rest in ROWS:
            sizes = offered(capture, wall, asked, lab.network(name).address)
            assert max(sizes.count(512), sizes.count(4096)) <= most, sizes
            if name != "sound":
                assert 4096 in sizes, (name, sizes)


def offered(capture, since, name, address):
    """EDNS sizes of the questions for this name."""
    return [q.payload for q in capture.select(since, name=name,
                                              destination={address})]
