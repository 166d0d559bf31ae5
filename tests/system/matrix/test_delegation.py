"""The parent loses the delegation, so that everything below is denied in its
name; or points to new servers while caches go on asking the old ones."""
from deploy.lab.authority import Nsd
from deploy.lab.zones import Zone, record
from tests.system.matrix.play import Play, SimplePlay, delegated, root_with
from tests.system.matrix.variants import Bind, KresdPlain, PowerDns, Unbound

KINDS = (("unbound", Unbound), ("named", Bind), ("pdns", PowerDns),
         ("kresd", KresdPlain))


class Lost(SimplePlay):
    def lab_options(self):
        return {"warm": False}

    def outage(self, lab):
        lab.lose_delegation()

    def restoration(self, lab):
        lab.restore_delegation()


def test_lost_delegation():
    play = Lost(w=24, restore_s=8, deadline_s=60)
    for number, (title, kind) in enumerate(KINDS):
        play.add(f"{title}: delegation lost at the TLD",
                 play.network(title, kind), ("ancestor-nxdomain", "clear"),
                 at=3 + 0.2 * number,
                 advice={"ancestor-nxdomain": "or flush example.com in"})
    return play.run()


MOVED = "moved.example"
NAME = f"www.{MOVED}"
OLD, NEW = "192.0.2.41", "192.0.2.42"
NS_TTL_S = 40
W = 14
HELD = ("rule 1: no cache is asked while the old name servers deny and their NS "
        "set may be cached; an entry that was filled last may be seen then")


class Moved(Play):
    """The old server forgets the name for good; the zone is at the new one."""

    def lab_options(self):
        return {"root": root_with(*delegated(MOVED, "ns1", OLD, NS_TTL_S)),
                "others": [lambda folder: self._server(folder, "ns1", OLD),
                           lambda folder: self._server(folder, "ns2", NEW)]}

    def _server(self, folder, label, address):
        return Nsd(f"{label}-nsd", f"{folder}/{label}-moved", address, Zone(
            f"{MOVED}.", 1 if address == OLD else 7,
            (*delegated(MOVED, label, address, NS_TTL_S), record(name=NAME)),
            soa_ttl=self.w, minimum=self.w, primary=f"{label}.{MOVED}."))

    def outage(self, lab):
        old = lab.others[0]
        old.publish(old.zone.without(f"{NAME}."))

    def restoration(self, lab):
        lab.root.publish(lab.root.zone.without(
            f"{MOVED}.", f"ns1.{MOVED}.").with_(
                *delegated(MOVED, "ns2", NEW, NS_TTL_S)))


def test_moved_delegation():
    play = Moved(w=W, restore_s=9)
    for number, (title, kind) in enumerate(KINDS):
        network = play.network(title, kind)
        play.before.append((network, NAME))
        play.add(f"{title}: moved, old servers deny", network, name=NAME,
                 at=6 + 0.2 * number, states=("clear",),
                 also=("cached-nxdomain",), within=None, because=HELD,
                 advice={"cached-nxdomain": "let the old name servers answer"})
    return play.run()
