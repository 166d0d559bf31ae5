"""A signed zone: a denial that was fetched for one name holds for all in the
same NSEC gap (RFC 8198), and for all below a name that is not there."""
from dataclasses import replace

from deploy.lab.authority import Nsd
from deploy.lab.signing import Signer, with_soa_ttl
from deploy.lab.zones import Zone, record
from tests.system.matrix.play import Play, delegated, root_with
from tests.system.matrix.servers import KnotSigned
from tests.system.matrix.variants import (BindValidating,
                                          KresdPlainValidating,
                                          PowerDnsValidating,
                                          UnboundValidating)

ZONE, BELOW = "signed.example", "sub.signed.example"
NAME, NEAR = f"www.{ZONE}", f"wwv.{ZONE}"
LOST, OTHER = f"www.{BELOW}", f"other.{BELOW}"
ADDRESS, BELOW_ADDRESS = "192.0.2.51", "192.0.2.52"
LONG, LONG_ADDRESS = "long.example", "192.0.2.53"
LONG_NAME, OTHER_GAP = f"www.{LONG}", f"c.{LONG}"
LONG_W, NSEC_S = 16, 30  # TTL of its SOA, and of its NSEC records
W = 24
NEVER_ASKED = ("the name itself was never asked for, and nothing in the "
               "answer says that it was made from an NSEC record")


class Signed(Play):
    """The keys are made with the server; the resolvers after it."""
    ds = ""

    def lab_options(self):
        return {"root": root_with(*delegated(ZONE, "ns1", ADDRESS)),
                "others": [self._signing, self._below]}

    def _signing(self, folder):
        server = KnotSigned("signed-knot", f"{folder}/signed", ADDRESS,
                            Zone(f"{ZONE}.", 1, (
                                *delegated(ZONE, "ns1", ADDRESS),
                                *delegated(BELOW, "ns1", BELOW_ADDRESS),
                                record(name=NAME)), soa_ttl=self.w,
                                minimum=self.w, primary=f"ns1.{ZONE}."))
        Signed.ds = server.ds
        return server

    def _below(self, folder):
        return Nsd("below-nsd", f"{folder}/below", BELOW_ADDRESS,
                   Zone(f"{BELOW}.", 1, (
                       *delegated(BELOW, "ns1", BELOW_ADDRESS),
                       record(name=LOST)), soa_ttl=self.w, minimum=self.w,
                       primary=f"ns1.{BELOW}."))

    def outage(self, lab):
        server = lab.others[0]
        server.publish(server.zone.without(f"{NAME}.", f"{BELOW}.",
                                           f"ns1.{BELOW}."))

    def restoration(self, lab):
        server = lab.others[0]
        server.publish(replace(server.zone.with_(
            record(name=NAME), *delegated(BELOW, "ns1", BELOW_ADDRESS)),
            serial=server.zone.serial + 5))


def trusting(kind):
    """... the key of the zone, once it is there."""
    return lambda *arguments: kind(*arguments, ds=Signed.ds)


def test_signed():
    play = Signed(w=W)
    for number, (title, kind) in enumerate((
            ("unbound", UnboundValidating), ("named", BindValidating),
            ("kresd", KresdPlainValidating), ("pdns", PowerDnsValidating))):
        play.network(title, trusting(kind))
        play.asked(5 + 0.2 * number, title, NEAR)
        play.add(f"{title}: NSEC gap, name never asked", title,
                 ("cached-nxdomain", "clear"), name=NAME, because=NEVER_ASKED)
        play.asked(6 + 0.2 * number, title, OTHER)
        play.add(f"{title}: delegation lost, name never asked", title,
                 ("ancestor-nxdomain", "clear"), name=LOST,
                 advice={"ancestor-nxdomain": f"or flush {BELOW} in"})
    return play.run()


class LongNsec(Play):
    """A signer from before RFC 9077: NSEC records live longer than the SOA,
    which says how long a denial is kept. A validator goes on making denials
    from them while it has a SOA, and other users' denials bring one."""
    signer = None

    def lab_options(self):
        return {"root": root_with(*delegated(LONG, "ns1", LONG_ADDRESS)),
                "others": [self._server]}

    def _server(self, folder):
        self.signer = Signer(f"{LONG}.")
        Signed.ds = self.signer.ds()
        return Nsd("long-nsd", f"{folder}/long", LONG_ADDRESS, self._signed(
            Zone(f"{LONG}.", 1, (
                *delegated(LONG, "ns1", LONG_ADDRESS),
                record(name=f"b.{LONG}"), record(name=LONG_NAME)),
                soa_ttl=NSEC_S, minimum=NSEC_S, primary=f"ns1.{LONG}.")))

    def _signed(self, zone):
        return with_soa_ttl(self.signer.sign(zone), self.w)

    def outage(self, lab):
        server = lab.others[0]
        server.publish(self._signed(
            server.zone.plain.without(f"{LONG_NAME}.")))

    def restoration(self, lab):
        server = lab.others[0]
        server.publish(self._signed(
            server.zone.plain.with_(record(name=LONG_NAME))))


def test_nsec_outlives_the_soa():
    play = LongNsec(w=LONG_W, restore_s=8, deadline_s=90)
    for number, (title, kind, *options) in enumerate((
            ("unbound", UnboundValidating, "aggressive-nsec: yes"),
            ("named", BindValidating, "synth-from-dnssec yes;"),
            ("kresd", KresdPlainValidating), ("pdns", PowerDnsValidating))):
        play.network(title, trusting(kind), *options)
        play.add(f"{title}: NSEC outlives the SOA", title,
                 at=3 + 0.2 * number, name=LONG_NAME, within=None,
                 reason="nsec-window", denied_s=LONG_W, because="nothing in "
                 "the answer says that it was made from an NSEC record")
        # In another gap, after the restoration, while the old SOA lives.
        play.asked(14 + 0.2 * number, title, OTHER_GAP)
    for number, (title, kind, *options) in enumerate((
            ("unbound-again", UnboundValidating, "aggressive-nsec: yes"),
            ("kresd-again", KresdPlainValidating))):
        play.network(title, trusting(kind), *options)
        play.add(f"{title}: answers, and denies from its NSEC again", title,
                 at=3 + 0.2 * number, name=LONG_NAME, within=None, again=True,
                 reason="nsec-window", denied_s=LONG_W, flag="nsec-alive",
                 because="nobody else's denial can be foreseen")
        # ... once it has ended, so that the name is answered for its TTL.
        play.asked(21 + 0.2 * number, title, OTHER_GAP)
    return play.run()
