"""What programs under ThreadSanitizer do for check-races: an outage from its
beginning to its end, the status asked meanwhile, every configuration read
again, with another door of the collector's, a clean end."""
import signal

from deploy.lab import networks
from deploy.lab.ask import wait_until
from deploy.lab.lab import COLLECTOR_ADDRESS, Lab
from deploy.lab.programs import COLLECTOR_PORT
from tests.lib import faults
from tests.lib.support import (authority_state, network_state, open_incident,
                               site_in, wait_status)

WAIT_S = 120


def results(site, agent):
    """In the store."""
    return site.agent_record(agent)["results"]


def wait_results(site, agent):
    before = results(site, agent)
    wait_until(lambda: results(site, agent) > before, WAIT_S,
               f"more results of {agent.name}")


def read_again(program, *signs):
    program.write_config()
    mark = len(program.daemon.log_text())
    program.daemon.signal(signal.SIGHUP)
    for sign in ("configuration read again", *signs):
        wait_until(lambda s=sign: s in program.daemon.log_text()[mark:],
                   WAIT_S, f"{program.name}: {sign}")


def move(site, door):
    """Everyone to another door of the collector's, under way."""
    collector = site.collector_program
    collector.config["listen"] = [collector.endpoint, door]
    read_again(collector)
    for agent in site.agents:
        agent.config["collectors"][0]["endpoint"] = door
        read_again(agent, f"{door}: connected")


def look(site, incident):
    site.cli("status", str(incident), check=False)
    site.cli("agents", "list")
    assert "\nnxclear_storing 1\n" in faults.metrics(site)


def test_short_day():
    with Lab([networks.unbound], negative_ttl=20) as lab, site_in(lab) as site:
        lab.remove_record()
        incident = open_incident(site)
        wait_status(site, incident, authority_state("negative"), WAIT_S,
                    "the outage to be seen")
        network, auditor = site.agents    # the first one asks nothing now
        wait_results(site, auditor)
        look(site, incident)
        move(site, f"tcp://{COLLECTOR_ADDRESS}:{COLLECTOR_PORT + 1}")
        wait_results(site, auditor)
        lab.restore_record()
        wait_status(site, incident, lambda d: network_state(
            d, lab.networks[0].name) == "clear", WAIT_S,
                    "the network to be clear")
        look(site, incident)
        print(f"# results in the store: {results(site, network)} of the "
              f"network's agent, {results(site, auditor)} of the authority's")
