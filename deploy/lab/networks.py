"""The seven networks: what their users ask, and when they ask during the
outage of the demonstration."""
from dataclasses import dataclass, field

from .resolvers import Bind, Dnsdist, Dnsmasq, Kresd, PowerDns, Unbound

CLAMP_S = 20  # cache-max-negative-ttl of the clamped one


@dataclass
class Network:
    name: str
    resolver: object           # what its users and its agent ask
    backends: list = field(default_factory=list)
    user_address: str = ""     # its users' queries come from here
    asks_s: tuple = ()         # moments of users' queries, outage start = 0

    @property
    def address(self):
        return self.resolver.address

    @property
    def endpoints(self):
        return self.resolver.endpoints

    def daemons(self):
        return [r.daemon for r in [*self.backends, self.resolver]]


def _user(number):
    return f"203.0.113.{10 + number}"


def _simple(kind, name, number, folder, asks_s, options=()):
    resolver = kind(f"{name}-{kind.program}", f"{folder}/{name}",
                    f"198.51.100.{10 * number}", options)
    return Network(name, resolver, [], _user(number), asks_s)


def _chained(kind, name, number, folder, asks_s, backend_n):
    backends = [Unbound(f"{name}-unbound{i}", f"{folder}/{name}-unbound{i}",
                        f"198.51.100.{10 * number + i}")
                for i in range(1, backend_n + 1)]
    front = kind(f"{name}-{kind.program}", f"{folder}/{name}",
                 f"198.51.100.{10 * number}", backends=backends)
    return Network(name, front, backends, _user(number), asks_s)


def unbound(folder, asks_s=(8, 15)):
    return _simple(Unbound, "lyon-office", 1, folder, asks_s)


def bind(folder, asks_s=(12, 20)):
    return _simple(Bind, "oslo-branch", 2, folder, asks_s)


def power_dns(folder, asks_s=(16,)):
    return _simple(PowerDns, "isp-north", 3, folder, asks_s)


def kresd(folder, asks_s=(26,)):
    return _simple(Kresd, "isp-south", 4, folder, asks_s)


def dnsmasq(folder, asks_s=(20, 25)):
    return _chained(Dnsmasq, "home-router", 5, folder, asks_s, 1)


def dnsdist(folder, asks_s=(10, 22)):
    """Two asks far apart: the balancer hands them to different backends,
    whose caches then end at different times."""
    return _chained(Dnsdist, "mobile", 6, folder, asks_s, 2)


def clamped(folder, asks_s=(30,)):
    """Asked late: its entry lives CLAMP_S only."""
    return _simple(Unbound, "campus", 7, folder, asks_s,
                   (f"cache-max-negative-ttl: {CLAMP_S}",))


SEVEN = (unbound, bind, power_dns, kresd, dnsmasq, dnsdist, clamped)
