"""Commands that need no collector, and a recording of a real incident: replayed,
it says what the collector said."""
import json
import subprocess
import time

from deploy.lab import networks
from deploy.lab.ask import wait_until
from deploy.lab.lab import Lab
from tests.lib.guard import watched_outage
from tests.lib.support import (BIN, ROOT, network_row, network_state, site_in,
                               wait_status, work_folder)

QUIET_S = 3


def nxclear(*arguments, text_in=""):
    return subprocess.run([f"{BIN}/nxclear", *arguments], input=text_in,
                          capture_output=True, text=True, timeout=60,
                          check=False)


def said(result, code, *parts):
    assert result.returncode == code, result
    for part in parts:
        assert part in result.stderr, result


def test_estimate_takes_one_vector_or_many():
    path = f"{ROOT}/tests/tables/estimator.json"
    many = nxclear("estimate", path)
    assert many.returncode == 0, many
    with open(path, encoding="utf-8") as file:
        vectors = json.load(file)
    answers = json.loads(many.stdout)
    assert len(answers) == len(vectors)
    one = nxclear("estimate", text_in=json.dumps(vectors[0]))
    assert json.loads(one.stdout) == answers[0]
    assert answers[0]["hard"] == {"at": 4200, "reason": "auth-window"}


def test_bad_input_is_told_with_its_place():
    said(nxclear("estimate", text_in='{"auth":{},\n"obs":,'), 65,
         "standard input:2:")
    said(nxclear("estimate", text_in='[{"auth":{},"now":1,"obs":[{"rx":1,'
                                     '"kind":"NODATA","r":"x"}]}]'), 65,
         "nxclear: [0].obs[0].r: not a number: \"x\"\n")
    said(nxclear("estimate", "/nonexistent/of/nxclear"), 66,
         "/nonexistent/of/nxclear: No such file")
    said(nxclear("replay", text_in=""), 65, "standard input: empty")
    said(nxclear("replay", text_in="{}\n"), 65,
         "standard input:1: not the header of a recording")


def deny_and_restore(lab, site):
    """An incident with a cached denial in the lab's only network."""
    office = lab.networks[0]
    incident = watched_outage(lab, site, [office])
    wait_status(site, incident,
                lambda d: network_state(d, office.name) == "cached-nxdomain",
                10, "the cached NXDOMAIN")
    return incident


def nothing_under_way(site, incident):
    """The network's agent stands still, and what it had sent is taken in: what
    has been received and is not yet stored, a recording has and a status has
    not."""
    site.agents[0].daemon.pause()
    seen, since = None, time.monotonic()
    while time.monotonic() < since + QUIET_S:
        now = site.api.status(incident)["networks"][0]["seen"]
        if now != seen:
            seen, since = now, time.monotonic()
        time.sleep(0.1)


def same_words(site, incident):
    """What was seen may change between the two."""
    why = site.api.status(incident)["networks"][0]["why"]
    return why in site.cli("status", str(incident), check=False).stdout


def compare(shown, replayed):
    """The replay has no more than the times at which things were told."""
    assert replayed["outlook"] == shown["outlook"]
    for key in ("state", "verified", "good", "total", "serial"):
        assert replayed["authority"][key] == shown["authority"][key], key
    for row in shown["networks"]:
        other = network_row(replayed, row["network"])
        for key in ("state", "clears", "hard", "basis", "why", "advice"):
            assert other[key] == row[key], (key, other, row)


def test_a_recording_says_what_the_collector_said():
    with (Lab([networks.unbound], negative_ttl=120) as lab,
          site_in(lab) as site, work_folder() as folder):
        incident = deny_and_restore(lab, site)
        nothing_under_way(site, incident)
        shown = json.loads(site.cli("status", str(incident), "--json",
                                    check=False).stdout)
        assert "wait until" in shown["networks"][0]["advice"], shown
        wait_until(lambda: same_words(site, incident), 20,
                   "table and document to say the same")
        site.agents[0].daemon.resume()
        site.cli("incident", "close", str(incident))
        recording = site.cli("incident", "export", str(incident)).stdout
        path = f"{folder}/incident.jsonl"
        with open(path, "w", encoding="utf-8") as file:
            file.write(recording)
        kinds = [json.loads(line).get("kind")
                 for line in recording.splitlines()]
        assert kinds[0] is None and kinds[-2:] == ["close", "end"], kinds
        assert {"agent", "hello", "open", "batch"} <= set(kinds), kinds
        replay = nxclear("replay", path, "--at", shown["as_of"], "--json")
        assert replay.returncode == 0, replay
        compare(shown, json.loads(replay.stdout))
        cut = recording[:recording.rindex("\n", 0, -1) + 1]
        said(nxclear("replay", text_in=cut), 65, "breaks off after line")
