"""A network's second resolver is dead and never answers. The network is not
clear as long as that one might come back with a denial from the outage; then it
is, and the dead one is named."""
from deploy.lab import networks
from deploy.lab.lab import Lab
from deploy.lab.namespace import add_addresses
from tests.lib.guard import watched_outage
from tests.lib.support import (network_row, network_state, site_in,
                               wait_status)

W_S = 6
DEAD = "198.51.100.15"


def states(document, network):
    return {t["resolver"].split("@")[0]: t["state"]
            for t in network_row(document, network)["targets"]}


def test_second_resolver_is_dead():
    add_addresses([DEAD])
    with Lab([networks.bind], negative_ttl=W_S) as lab:
        network = lab.networks[0]
        named = [{"at": network.address}, {"at": DEAD}]
        with site_in(lab, agents={"resolvers": {
                "discover": False, "named": named}}) as site:
            incident = watched_outage(lab, site, [network])
            seen = wait_status(
                site, incident, lambda d: network_state(d, network.name)
                == "unreachable", 40, "the dead resolver to be found dead")
            assert seen["outlook"] == "unknown", seen
            document = wait_status(
                site, incident, lambda d: d["outlook"] == "clear", 120,
                "the network to be clear")
            assert states(document, network.name) == {
                network.address: "clear", DEAD: "unreachable"}, document
            row = network_row(document, network.name)
            print(f"# {row['why']}; {row['advice']}", flush=True)
            assert DEAD in row["why"] and DEAD in row["advice"], row
            dead = next(t for t in row["targets"]
                        if t["resolver"].startswith(DEAD))
            assert dead["hard_stack"]["at"] <= document["now"], dead
            done = site.cli("wait", str(incident), "--timeout", "10s",
                            check=False)
            assert done.returncode == 0, done
            assert DEAD in site.cli("explain", str(incident), network.name,
                                    check=False).stdout
