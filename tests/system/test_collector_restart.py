"""The collector is killed outright in the middle of a run: what it has
acknowledged is there, what it has not comes again, the status is back."""
import os
import signal
import sqlite3
import time

from deploy.lab import networks, zones
from deploy.lab.ask import ask, wait_until
from deploy.lab.lab import Lab
from tests.lib.support import (authority_state, network_state, open_incident,
                               site_in, wait_status)

KILLS = 5


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


def assert_whole(site):
    """No result is missing and none is there twice."""
    for stream, rows in streams(site).items():
        due = rows[0][0]
        for first, count in rows:
            assert first == due, (stream, rows)
            due = first + count


def kill_and_restart(site):
    daemon = site.collector_program.daemon
    os.kill(daemon.pid, signal.SIGKILL)
    daemon.process.wait()
    site.collector_program.start().wait_ready()


def test_killed_collector_loses_nothing():
    with Lab([networks.unbound]) as lab, site_in(lab) as site:
        office = lab.networks[0]
        lab.remove_record()
        incident = open_incident(site)
        wait_status(site, incident, authority_state("negative"), 10,
                    "the outage to be seen")
        assert ask(office.address, zones.NAME).rcode == "NXDOMAIN"
        lab.restore_record()

        def denied(document):
            return network_state(document, office.name) == "cached-nxdomain"
        before = wait_status(site, incident, denied, 10, "the cached entry")
        for _round in range(KILLS):
            stored = streams(site)
            kill_and_restart(site)
            for stream, rows in stored.items():
                now = streams(site)[stream]
                assert now[:len(rows)] == rows, (stream, rows, now)
            # The status is there at once, from the store alone.
            document = site.api.status(incident)
            assert denied(document), document
            for key in ("verified", "outage_from", "restored_lo",
                        "restored_hi", "serial"):
                assert document["authority"][key] == \
                    before["authority"][key], (key, before, document)
            count = results(site)
            wait_until(lambda c=count: results(site) > c, 15,
                       "new results after the restart")
        assert_whole(site)


def test_results_wait_while_the_collector_is_away():
    with Lab([networks.unbound]) as lab, site_in(lab) as site:
        office = lab.networks[0]
        incident = open_incident(site, restored="now")
        wait_status(site, incident,
                    lambda d: network_state(d, office.name) == "clear", 15,
                    "the network to be clear")
        daemon = site.collector_program.daemon
        os.kill(daemon.pid, signal.SIGKILL)
        daemon.process.wait()
        gone = time.time()
        time.sleep(4)  # agents go on by their plan
        site.collector_program.start().wait_ready()
        back = time.time()

        def asked_meanwhile():
            path = os.path.join(site.collector_program.folder, "nxclear.db")
            with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as store:
                return store.execute(
                    "SELECT count(*) FROM batch WHERE received_us >= ?",
                    (int(back * 1e6),)).fetchone()[0]
        wait_until(asked_meanwhile, 15, f"results of the time since {gone}")
        assert_whole(site)
