"""What stays of an incident: explanation and report, from a real outage. The
files are in build/records afterwards."""
import datetime
import json
import os
import re
import shutil
import tarfile

from deploy.lab import networks, zones
from deploy.lab.ask import ask, wait_until
from deploy.lab.lab import Lab
from tests.lib.capture import Capture
from tests.lib.guard import check_planted
from tests.lib.support import (ROOT, authority_state, network_state,
                               open_incident, site_in, wait_status)

OUT = f"{ROOT}/build/records"
DENIED_S = 40  # until then it is explained, on a busy machine too


def keep(name, text):
    with open(f"{OUT}/{name}", "w", encoding="utf-8") as out:
        out.write(text)


def outage(lab, site):
    """An outage in which two of three networks cache the denial."""
    with Capture() as capture:
        lab.remove_record()
        incident = open_incident(site, "--note", "a bad <deploy>")
        wait_status(site, incident, authority_state("negative"), 10,
                    "the outage to be seen")
        for network in lab.networks[:2]:
            assert ask(network.address, zones.NAME,
                       source=network.user_address).rcode == "NXDOMAIN"
    check_planted(capture, lab.networks, {zones.NAME})
    lab.restore_record()
    wait_status(site, incident,
                lambda d: network_state(d, lab.networks[0].name)
                == "cached-nxdomain", 10, "the cached NXDOMAIN")
    return incident


def check_explain(site, incident, network):
    text = site.cli("explain", str(incident), network.name).stdout
    keep("explain.txt", text)
    assert f"network {network.name}\n" in text, text
    assert "cached-nxdomain, 100 % of queries denied" in text, text
    assert re.search(r"entry 1 +ends .*\d look", text), text
    assert re.search(r"looks +\d\d:\d\d:\d\d +NXDOMAIN +TTL +\d+ +ends", text)
    assert f"dig @{network.address} {zones.NAME}. A +nsid" in text, text
    assert text.count("+norecurse") == 2, text  # both name servers
    document = json.loads(
        site.cli("explain", str(incident), network.name, "--json").stdout)
    looks = document["targets"][0]["evidence"]["looks"]
    ends = {l["ends"][:17] for l in looks if l["answer"] == "NXDOMAIN"}
    assert looks and len(ends) <= 2, looks
    bad = site.cli("explain", str(incident), "no such", check=False)
    assert bad.returncode == 64 and "no network no such" in bad.stderr, bad


def scored_n(site, incident):
    document = json.loads(
        site.cli("report", str(incident), "--format", "json").stdout)
    return document["predictions"]["scored"] \
        if document["milestones"]["all_clear"] else 0


def check_report(site, incident, names):
    document = json.loads(
        site.cli("report", str(incident), "--format", "json").stdout)
    assert [n["network"] for n in document["networks"]] == sorted(names), \
        document
    for row in document["resolvers"]:
        assert row["state"] == "cached-nxdomain", row
        assert row["cleared"] and row["predicted"], row
        assert abs(row["error_s"]) <= 5, row
    assert document["predictions"]["scored"] == len(names), document
    assert document["milestones"]["all_clear"], document
    text = site.cli("report", str(incident)).stdout
    page = site.cli("report", str(incident), "--format", "html").stdout
    keep("report.json", json.dumps(document, indent=1))
    keep("report.md", text)
    keep("report.html", page)
    assert "a bad \\<deploy\\>" in text, text
    assert "a bad &lt;deploy&gt;" in page and "<deploy>" not in page
    assert "src=" not in page and "http" not in page.split("</style>")[1]
    for name in names:
        assert f"| {name} |".replace("_", "\\_") in text, text
        assert page.count(name) >= 3, name  # chart and both tables
    return document


def check_evidence(site, incident, network, others):
    """The folder and the tar hold the same; nothing of other networks."""
    folder, tar = f"{OUT}/evidence", f"{OUT}/evidence.tar"
    site.cli("evidence", str(incident), network.name, "-o", folder)
    site.cli("evidence", str(incident), network.name, "-o", tar)
    twice = site.cli("evidence", str(incident), network.name, "-o", tar,
                     check=False)
    assert twice.returncode == 70 and "File exists" in twice.stderr, twice
    names = sorted(os.path.relpath(os.path.join(d, f), folder)
                   for d, _s, files in os.walk(folder) for f in files)
    with tarfile.open(tar) as archive:
        assert sorted(archive.getnames()) == names, names
        for member in archive:
            assert (member.uid, member.mode) == (0, 0o644), member
            with open(f"{folder}/{member.name}", "rb") as file:
                if member.name != "README.txt":  # says when it was made
                    assert archive.extractfile(member).read() == file.read(), \
                        member.name
    check_readme(site, read(f"{folder}/README.txt"), network)
    everything = "".join(read(f"{folder}/{n}") for n in names)
    for other in others:
        assert other.name not in everything, other.name
        assert other.address not in everything, other.address
    replies = read(f"{folder}/resolvers/{network.address}_53-A.txt")
    assert f";; ASKED: @{network.address} {zones.NAME}. A" in replies, replies
    assert "dig @" not in replies, replies
    assert "status: NXDOMAIN\n;; flags: qr rd ra\n" in replies, replies
    assert re.search(r"^example\.com\.\t\d+\tIN\tSOA\t; serial \d+, "
                     rf"minimum {DENIED_S};", replies, re.M), replies
    assert f"\tIN\tA\t{zones.RECORD_ADDRESS}\n" in replies, replies
    ends = {round(when + ttl) for when, ttl in denials(replies)}
    # One entry: one end; a reply may have been waited for.
    assert max(ends) - min(ends) <= DENIED_S / 4, ends
    check_wires(folder, names, network.address, replies)
    servers = [n for n in names if re.match("authority/.*_53-A.txt", n)]
    assert len(servers) == 2, names
    assert "flags: qr aa" in read(f"{folder}/{servers[0]}")
    trace = read(f"{folder}/trace.txt")
    assert trace.count("zone example.com.") == 1, trace  # it did not change
    again = site.cli("evidence", str(incident), network.name, "-o", folder,
                     check=False)
    assert again.returncode == 70 and "File exists" in again.stderr, again


def check_readme(site, text, network):
    """What it is of, when it was made, and by which version."""
    version = site.run([site.path("nxclear"), "--version"]).stdout.strip()
    assert re.fullmatch(r"nxclear \d+\.\d+\.\d+\S*", version), version
    head = (rf"Evidence of a DNS incident\n\nname      {zones.NAME}\.\n"
            rf"network   {network.name}\nopened    \S+Z\nclosed    \S+Z\n"
            rf"written   \S+Z\nby        {re.escape(version)}\n\n")
    assert re.match(head, text), (head, text)
    assert "Incomplete" not in text, text


def check_wires(folder, names, address, replies):
    """Replies as they came: the first and each that says another thing, not
    each look at one countdown."""
    stem = f"resolvers/{address}_53-A-"
    wires = [n for n in names if n.startswith(stem)]
    looks = replies.count(";; ASKED: ")
    assert 2 <= len(wires) <= 4 < looks, (wires, looks)
    rcodes = set()
    for name in wires:
        with open(f"{folder}/{name}", "rb") as file:
            message = file.read()
        assert 12 < len(message) <= 1232 and message[2] & 0x80, message
        assert zones.NAME.split(".", maxsplit=1)[0].encode() in message, message
        assert f"; as it came, {len(message)} octets: {name}\n" in replies, \
            replies
        rcodes.add(message[3] & 15)
    assert rcodes == {0, 3}, rcodes
    assert any(re.match("authority/.*-A-1.bin", n) for n in names), names


def read(path):
    with open(path, encoding="utf-8", errors="replace") as text:
        return text.read()


def denials(replies):
    """(when, TTL of the SOA) of each denial."""
    for reply in replies.split("\n$ "):
        ttl = re.search(r"^example\.com\.\t(\d+)\tIN\tSOA", reply, re.M)
        when = re.search(r"^;; WHEN: (\S+)", reply, re.M)
        if ttl:
            yield (datetime.datetime.fromisoformat(
                when.group(1).replace("Z", "+00:00")).timestamp(),
                int(ttl.group(1)))


def test_an_outage_is_explained_and_reported():
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    with Lab([networks.unbound, networks.bind, networks.power_dns],
             negative_ttl=DENIED_S) as lab, site_in(lab) as site:
        incident = outage(lab, site)
        check_explain(site, incident, lab.networks[0])
        wait_status(site, incident,
                    lambda d: all(network_state(d, n.name) == "clear"
                                  for n in lab.networks), 3 * DENIED_S,
                    "all networks to be clear")
        names = [n.name for n in lab.networks[:2]]
        wait_until(lambda: scored_n(site, incident) == len(names), 20,
                   "the store to learn of it")
        live = check_report(site, incident, names)
        site.cli("incident", "close", str(incident))
        check_evidence(site, incident, lab.networks[0], lab.networks[1:])
        closed = check_report(site, incident, names)
        assert closed["incident"]["closed"] and not live["incident"]["closed"]
        for part in ("networks", "resolvers", "milestones"):
            assert live[part] == closed[part], part
        keep("explain-closed.txt", site.cli("explain", str(incident),
                                            lab.networks[0].name).stdout)
