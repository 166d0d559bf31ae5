"""The resolvers of the matrix: the lab's makes with the options that make a
behaviour, and chains of them."""
import os

from deploy.lab import zones
from deploy.lab.ask import ask, wait_until
from deploy.lab.networks import Network
from deploy.lab.resolvers import (START_TIMEOUT_S, Bind, Dnsdist, Dnsmasq,
                                  Kresd, PowerDns, Unbound)


class KresdPlain(Kresd):
    """Without the module that renews an entry when asked near its end."""

    def _config(self):
        return super()._config().replace(", 'predict'", "")


class UnboundForwarder(Unbound):
    def _config(self):
        return super()._config() + f"""forward-zone:
  name: "."
  forward-addr: {self.backends[0].address}
"""


class Refusing(Unbound):
    """Refuses who asks from the address it talks to, as agents here do; users
    are answered."""

    def _config(self):
        return super()._config().replace(
            "  do-ip6", f"  access-control: {self.address}/32 refuse\n"
            "  do-ip6")

    def wait_ready(self, name=zones.ZONE, rdtype="NS"):
        wait_until(lambda: ask(self.address, name, rdtype, timeout=1.0),
                   START_TIMEOUT_S, f"{self.name} to refuse")


def _policy_zone(folder):
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "policy.zone")
    with open(path, "w", encoding="ascii") as out:
        out.write("$ORIGIN policy.example.\n"
                  "@ 60 IN SOA localhost. hostmaster.example. 7 60 60 600 60\n"
                  "@ 60 IN NS localhost.\n"
                  f"{zones.NAME} 60 IN CNAME .\n")
    return path


class UnboundPolicy(Unbound):
    def _config(self):
        path = _policy_zone(self.folder)
        text = super()._config().replace('"iterator"', '"respip iterator"')
        return text + f"""rpz:
  name: policy.example.
  zonefile: "{path}"
"""


class BindPolicy(Bind):
    def _config(self):
        path = _policy_zone(self.folder)
        return super()._config() + f"""zone "policy.example" {{
  type primary;
  file "{path}";
}};
"""


class Networks:
    """Makes networks with addresses that nobody else has."""

    def __init__(self):
        self.makers = []       # for Lab(networks=...)
        self.made = {}         # name -> Network

    def add(self, name, kind, *options, backends=()):
        """backends: kinds of the resolvers behind it."""
        number = len(self.makers) + 1
        self.makers.append(
            lambda folder: self._make(folder, number, name, kind, options,
                                      backends))
        return name

    def _make(self, folder, number, name, kind, options, backends):
        base = 6 * number
        behind = [b(f"{name}-back{i}", f"{folder}/{name}-back{i}",
                    f"198.51.100.{base + i}")
                  for i, b in enumerate(backends, 1)]
        front = kind(name, f"{folder}/{name}", f"198.51.100.{base}", options,
                     behind)
        network = Network(name, front, behind, f"203.0.113.{10 + number}")
        self.made[name] = network
        return network


__all__ = ["Bind", "BindPolicy", "Dnsdist", "Dnsmasq", "KresdPlain", "Kresd",
           "Networks", "PowerDns", "Refusing", "Unbound", "UnboundForwarder",
           "UnboundPolicy"]
