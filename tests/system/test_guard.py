"""Rule 1: nothing of ours may plant the denial that we came to watch. Proven
from outside: a packet capture of everything, all seven networks."""
import time

from deploy.lab import zones
from deploy.lab.ask import wait_until
from deploy.lab.forecast import parse_time
from deploy.lab.lab import Lab
from tests.lib.capture import Capture
from tests.lib.guard import caches_of, could_plant
from tests.lib.support import (authority_state, network_state, open_incident,
                               site_in, wait_status)

NO_LUCK = "a query that could plant a denial is wrong, however seldom it is"

OUTAGE_S = 8
WORD_S = 3  # settle_s of the test's collector is 1


def test_nobody_is_asked_for_the_name_during_the_outage():
    with Capture() as capture, Lab() as lab, site_in(lab) as site:
        caches = caches_of(lab)
        servers = {s.address for s in lab.servers}
        lab.remove_record()
        began = time.time()
        # A word for the restoration, while whoever could deny it is slow.
        site.agents[-1].daemon.pause()
        open_incident(site, restored="now")
        time.sleep(WORD_S)
        site.agents[-1].daemon.resume()
        incident = open_incident(site)
        wait_status(site, incident, authority_state("negative"), 10,
                    "the outage to be seen")
        time.sleep(OUTAGE_S)  # the time in which a wrong program would ask

        def audits(address):
            return capture.select(began, name=zones.NAME, destination=address)
        for address in servers:
            wait_until(lambda a=address: len(audits(a)) >= 3, 20,
                       f"{address} to be audited")
        restored = time.time()
        lab.restore_record()
        published = time.time()
        during = capture.select(began, restored)
        # The capture and the audit work: both servers are asked, RD=0.
        for address in servers:
            assert not any(q.rd for q in audits(address)), audits(address)
        # No cache is asked for anything that could plant a denial ...
        planted = [q for q in during
                   if q.destination in caches and could_plant(q)]
        assert not planted, planted
        # ... and none went to the servers of the zone on its own.
        fetched = [q for q in during if q.source in caches
                   and q.destination in servers and could_plant(q)]
        assert not fetched, fetched
        # Positive control: verified, all caches are asked, and none before.
        authority = wait_status(
            site, incident, lambda d: d["authority"]["verified"] and all(
                network_state(d, n.name) == "clear" for n in lab.networks),
            25, "all networks to be clear, and verified")["authority"]
        # When it was restored, as far as can be seen, holds the real moment.
        assert parse_time(authority["restored_lo"]) <= published, authority
        assert parse_time(authority["restored_hi"]) >= restored, authority
        good = max(min(a.at for a in capture.select(
            restored, answers=True, name=zones.NAME, source=address, rcode=0))
            for address in servers)
        for network in lab.networks:
            asked = capture.select(restored, name=zones.NAME,
                                   destination=network.address)
            assert asked, network.name
            # settle_s of the test's collector is 1
            assert asked[0].at > good + 0.9, (asked[0], good)
