"""The collector is killed outright in the middle of a run: what it has
acknowledged is there, what it has not comes again, the status is back."""
import os
import signal
import sqlite3
import time

from deploy.lab import networks, zones
from deploy.lab.ask import ask, wait_until
from deploy.lab.lab import Lab
from tests.lib.capture import Capture
from tests.lib.support import (authority_state, network_state, open_incident,
                               site_in, wait_status)

KILLS = 5
STATE_S = 60   # until the status shows what has happened
WHOLE_S = 60   # until what waited is stored
ASKED_N = 10   # questions while the collector is away


def streams(site):
    """(agent, epoch) -> [(first sequence, results)], from the batch log."""
    path = os.path.join(site.collector_program.folder, "nxclear.db")
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as store:
        found = {}
        for agent, epoch, first, count in store.execute(
                "SELECT agent_id, epoch, first_seq + skip, results_n - skip"
                " FROM batch ORDER BY agent_id, epoch, first_seq"):
            found.setdefault((agent, epoch), []).append((first, count))
        return found


def results(site):
    return sum(n for rows in streams(site).values() for _first, n in rows)


def holes(site):
    """(stream, rows) with a number missing, from the first on; fails when one
    is there twice."""
    found = []
    for stream, rows in streams(site).items():
        due, hole = 1, False
        for first, count in rows:
            assert first >= due, (stream, rows)
            hole = hole or first > due
            due = first + count
        if hole:
            found.append((stream, rows))
    return found


def wait_whole(site):
    """Until no result is missing: what waited comes between what is fresh."""
    try:
        wait_until(lambda: not holes(site), WHOLE_S, "the holes to close")
    except TimeoutError as error:
        raise AssertionError(f"{error}: {holes(site)}") from error


def kill_and_restart(site):
    daemon = site.collector_program.daemon
    os.kill(daemon.pid, signal.SIGKILL)
    daemon.process.wait()
    site.collector_program.start().wait_ready()


def test_killed_collector_loses_nothing():
    # The entry outlives the restarts.
    with Lab([networks.unbound], negative_ttl=900) as lab, \
            site_in(lab) as site:
        office = lab.networks[0]
        lab.remove_record()
        incident = open_incident(site)
        wait_status(site, incident, authority_state("negative"), STATE_S,
                    "the outage to be seen")
        assert ask(office.address, zones.NAME).rcode == "NXDOMAIN"
        lab.restore_record()

        def denied(document):
            return network_state(document, office.name) == "cached-nxdomain"
        before = wait_status(site, incident, denied, STATE_S, "the cached entry")
        for _round in range(KILLS):
            stored = streams(site)
            kill_and_restart(site)
            for stream, rows in stored.items():
                now = streams(site)[stream]
                assert set(rows) <= set(now), (stream, rows, now)
            # The status is there at once, from the store alone.
            document = site.api.status(incident)
            assert denied(document), document
            for key in ("outage_from", "restored_lo", "restored_hi", "serial"):
                assert document["authority"][key] == \
                    before["authority"][key], (key, before, document)
            wait_status(site, incident, lambda d: d["authority"]["verified"],
                        STATE_S, "what the name servers say to be fresh")
            count = results(site)
            wait_until(lambda c=count: results(site) > c, STATE_S,
                       "new results after the restart")
        wait_whole(site)


def test_results_wait_while_the_collector_is_away():
    with Lab([networks.unbound]) as lab, site_in(lab) as site, \
            Capture() as capture:
        office = lab.networks[0]
        incident = open_incident(site, restored="now")
        wait_status(site, incident,
                    lambda d: network_state(d, office.name) == "clear",
                    STATE_S, "the network to be clear")
        daemon = site.collector_program.daemon
        os.kill(daemon.pid, signal.SIGKILL)
        daemon.process.wait()
        gone, stored = time.time(), results(site)

        def asked():
            return len(capture.select(gone, name=zones.NAME, rd=False,
                                      destination={s.address
                                                   for s in lab.servers}))
        wait_until(lambda: asked() >= ASKED_N, STATE_S,
                   "the auditor to go on by its plan")
        waiting = asked()
        site.collector_program.start().wait_ready()
        wait_until(lambda: results(site) >= stored + waiting, STATE_S,
                   f"the results since {gone}")
        wait_whole(site)
