"""The lab itself: what the other tests and the demonstration rest on."""
from deploy.lab import networks, zones
from deploy.lab.ask import ask, wait_until
from deploy.lab.lab import MEASURE_ADDRESS, Lab
from deploy.lab.measure import NetworkWatch
from deploy.lab.networks import SEVEN


def test_seven_networks_resolve_and_cache_the_denial():
    with Lab(SEVEN) as lab:
        for network in lab.networks:
            assert ask(network.address, zones.NAME).positive, network.name
            assert network.resolver.version() != "?", network.name
        lab.remove_record()
        lab.wait_authority(positive=False)
        other = f"other.{zones.ZONE}"
        for network in lab.networks:
            reply = ask(network.address, other)
            wanted = networks.CLAMP_S if network.name == "campus" \
                else zones.NEGATIVE_TTL_S
            assert reply.rcode == "NXDOMAIN", (network.name, reply)
            assert wanted - 5 <= reply.soa_ttl <= wanted, (network.name, reply)


def test_one_server_alone_can_deny():
    with Lab([]) as lab:
        lab.remove_record([lab.ns2])
        lab.wait_authority(True, [lab.ns1])
        lab.wait_authority(False, [lab.ns2])
        lab.restore_record([lab.ns2])
        lab.wait_authority(True)


def test_lost_delegation_is_denied_by_the_parent():
    with Lab([networks.unbound], warm=False) as lab:
        lab.lose_delegation()
        reply = ask(lab.networks[0].address, zones.NAME)
        assert (reply.rcode, reply.soa_owner) == ("NXDOMAIN", "com."), reply
        lab.restore_delegation()
        lab.tld.wait_published()


def test_paused_server_is_silent():
    with Lab([]) as lab:
        lab.ns1.daemon.pause()
        assert ask(lab.ns1.address, zones.NAME, timeout=0.3) is None
        lab.ns1.daemon.resume()
        lab.wait_authority(True)


def test_measured_clear_follows_the_cached_ttl():
    with Lab([networks.unbound, networks.bind], negative_ttl=5) as lab:
        lab.remove_record()
        planted = {}
        for network in lab.networks:
            reply = planted[network.name] = ask(network.address, zones.NAME)
            assert reply.rcode == "NXDOMAIN", (network.name, reply)
        lab.restore_record()
        watches = [NetworkWatch(n, source=MEASURE_ADDRESS).start()
                   for n in lab.networks]
        wait_until(lambda: all(w.actual for w in watches), 20, "them to clear")
        for watch in watches:
            watch.stop()
            denied, right = watch.between
            reply = planted[watch.network.name]
            # Whole seconds of the resolver's clock: 1 s either way.
            assert right - reply.sent > 3.9 and denied - reply.received < 6.3, (
                watch.network.name, reply, denied, right)
