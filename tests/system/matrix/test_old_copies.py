"""A name server that keeps the old zone, or falls back to it: in the
delegation, where the audit finds it, and outside of it, where only some
resolvers ask."""
from deploy.lab import zones
from deploy.lab.authority import Nsd
from tests.system.matrix.play import SimplePlay
from tests.system.matrix.variants import Bind, Unbound

W = 12
OLD_SERVER = "192.0.2.13"
KINDS = (("unbound", Unbound), ("named", Bind))
NOT_SEEN = "when the server is repaired is not known before it is"
DENIES = "still-negative-at-authority"
FIX = {DENIES: "(192.0.2.12@53), serial 202611200",
       "unknown": "fix name server"}


class UnboundOld(Unbound):
    def _config(self):
        return super()._config() + f"""stub-zone:
  name: "{zones.ZONE}"
  stub-addr: {OLD_SERVER}
"""


class BindOld(Bind):
    def _config(self):
        return super()._config() + f"""zone "{zones.ZONE}" {{
  type static-stub;
  server-addresses {{ {OLD_SERVER}; }};
}};
"""


class BadSecondary(SimplePlay):
    """Nobody is asked before both servers are good; what is cached then
    depends on which server each resolver happened to ask."""
    repaired_s = 24        # after the restoration of the others

    def bad(self, lab):
        return [lab.ns2]

    def lab_options(self):
        self.events.append((self.restore_s + self.repaired_s, lambda lab:
                            lab.restore_record(self.bad(lab))))
        return {}

    def restoration(self, lab):
        bad = self.bad(lab)
        lab.restore_record([s for s in [*lab.servers, *lab.others]
                            if s not in bad])


def test_bad_secondary():
    play = BadSecondary(w=W, restore_s=6, deadline_s=80)
    for title, kind in KINDS:
        play.add(f"{title}: bad secondary", play.network(title, kind),
                 ("clear",), at=2.5, also=("cached-nxdomain",), within=None,
                 authority="partly", advice={"unknown": "(192.0.2.12@53), "
                                             "serial 202611200"},
                 because=NOT_SEEN)
    return play.run()


class FallenBack(SimplePlay):
    """Restored and verified; then one server loses the record again, before
    the caches have cleared."""

    def lab_options(self):
        self.events += [
            (self.restore_s + 6, lambda lab: lab.remove_record([lab.ns2])),
            (self.restore_s + 24, lambda lab: lab.restore_record([lab.ns2]))]
        return {}


def test_fallen_back():
    play = FallenBack(w=W, restore_s=6, deadline_s=80)
    for title, kind in KINDS:
        play.add(f"{title}: a server falls back", play.network(title, kind),
                 (DENIES, "clear"), at=5, also=("cached-nxdomain",),
                 within=None, authority="partly", advice=FIX,
                 because=NOT_SEEN)
    return play.run()


class OldServer(BadSecondary):
    def bad(self, lab):
        return lab.others

    def lab_options(self):
        super().lab_options()
        return {"others": [lambda folder: Nsd(
            "old-nsd", f"{folder}/old", OLD_SERVER, zones.leaf_zone(self.w))]}


def test_old_server():
    play = OldServer(w=W, restore_s=6, deadline_s=80)
    for title, kind in (("unbound", UnboundOld), ("named", BindOld)):
        play.add(f"{title}: asks an old server", play.network(title, kind),
                 ("cached-nxdomain", "recached", "clear"), at=2.5,
                 within=None, bound=False, because=NOT_SEEN,
                 advice={"recached": "serial 2026112002"})
    return play.run()
