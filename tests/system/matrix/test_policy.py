"""Answers that no cache made: local policy, refusals, silence."""
from deploy.lab.zones import NAME
from tests.system.matrix.play import BLOCKED, Play, SimplePlay
from tests.system.matrix.variants import (
    Bind, BindPolicy, BindRefusing, Dnsdist, Dnsmasq, KresdPlain,
    PowerDnsConstant, PowerDnsPolicy, Refusing, Unbound, UnboundPolicy)

POLICY = ("policy-blocked",)
# Neither AA nor SOA nor EDE.
BARE = {**BLOCKED, "flag": "no-soa", "because": "a cached denial whose SOA a "
        "forwarder has stripped looks the same; past the bound of a chain of "
        "caches it is none"}
SOA = ('SetNegativeAndSOAAction(true, "policy.example.", 77, '
       '"localhost.", "hostmaster.example.", 7, 60, 60, 600, 60)')


def told(play):
    add = play.network
    play.add("unbound RPZ", add("unbound-rpz", UnboundPolicy), POLICY,
             **BLOCKED)
    play.add("unbound always_nxdomain", add(
        "unbound-always", Unbound, f'local-zone: "{NAME}." always_nxdomain'),
        POLICY, **BLOCKED)
    play.add("unbound static with SOA", add(
        "unbound-static", Unbound, f'local-zone: "{NAME}." static',
        f'local-data: "{NAME}. 900 IN SOA localhost. hostmaster.example. 7 '
        f'60 60 600 60"'), POLICY, **BLOCKED)
    play.add("named RPZ", add(
        "named-rpz", BindPolicy, 'response-policy { zone "policy.example"; };'
        ), POLICY, **BLOCKED)
    play.add("kresd policy.DENY", add(
        "kresd-deny", KresdPlain, "policy.add(policy.suffix(policy.DENY, "
        f"{{todname('{NAME}.')}}))"), POLICY, look="ede-policy", **BLOCKED)
    play.add("dnsdist SetNegativeAndSOAAction", add(
        "dnsdist-soa", Dnsdist, f"addAction('{NAME}.', {SOA})",
        backends=[Bind]), POLICY, **BLOCKED)


def bare(play):
    add = play.network
    states = ("cached-nxdomain", *POLICY)
    play.add("pdns RPZ", add("pdns-rpz", PowerDnsPolicy), states, **BARE)
    play.add("pdns constant TTL", add("pdns-constant", PowerDnsConstant),
             states, **BLOCKED, flag="non-decrementing", because="stale data "
             "and a cap look the same before that bound")
    play.add("dnsmasq address=/name/", add(
        "dnsmasq-address", Dnsmasq, f"address=/{NAME}/", backends=[Bind]),
        states, **BARE)
    play.add("dnsdist RCodeAction", add(
        "dnsdist-rcode", Dnsdist, f"addAction('{NAME}.', "
        "RCodeAction(DNSRCode.NXDOMAIN))", backends=[Bind]), states, **BARE)


def no_use(play):
    add = play.network
    play.add("unbound REFUSED", add("refusing", Refusing), ("refused",),
             within=None)
    play.add("named REFUSED", add("named-refusing", BindRefusing),
             ("refused",), within=None)
    play.add("resolver dies", add("dying", Unbound), ("unreachable",), at=8,
             **BLOCKED)
    play.events.append((play.restore_s, lambda lab: lab.network(
        "dying").resolver.daemon.kill()))


def test_policy():
    play = Play(w=20)
    told(play)
    no_use(play)
    return play.run()


def test_bare_policy():
    # The bound of a chain, and three looks past it at most 38 s apart.
    play = SimplePlay(w=10, restore_s=5, deadline_s=150)
    bare(play)
    return play.run()
