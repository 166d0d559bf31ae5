"""The resolvers of the matrix: the lab's makes with the options that make a
behaviour, and chains of them."""
import os

from deploy.lab import zones
from deploy.lab.ask import ask, wait_until
from deploy.lab.networks import Network
from deploy.lab.resolvers import (START_TIMEOUT_S, Bind, Dnsdist, Dnsmasq,
                                  Kresd, PowerDns, Resolver, Unbound)


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


class BindRefusing(Bind):
    def _config(self):
        text = super()._config()
        for option in ("allow-query", "allow-query-cache"):
            text = text.replace(f"{option} {{ any; }}", f"{option} {{ "
                                f"!{self.address}; any; }}")
        return text

    wait_ready = Refusing.wait_ready


class Resolved(Resolver):
    """systemd-resolved, unpacked and not installed: its package would take
    over the system's resolv.conf. It wants its user, its folder in /run and
    a link that is not the loopback one."""
    title = "systemd-resolved"
    PROGRAM = os.path.join(os.environ.get("NXCLEAR_UNPACKED", "/nowhere"),
                           "lib/systemd/systemd-resolved")

    @classmethod
    def there(cls):
        return os.path.exists(cls.PROGRAM) and os.geteuid() == 0

    def _config(self):
        return f"""[Resolve]
DNS={self.backends[0].address}
FallbackDNS=
Domains=~.
DNSSEC=no
LLMNR=no
MulticastDNS=no
DNSStubListener=no
DNSStubListenerExtra={self.address}
CacheFromLocalhost=yes
"""

    def _command(self):
        with open("/etc/passwd", encoding="utf-8") as users:
            self._write("passwd", users.read() + "systemd-resolve:x:0:0::"
                        "/:/usr/sbin/nologin\n")
        self._write("run.sh", f"""set -e
ip link add resolved0 type veth peer name resolved1
ip addr add 203.0.113.251/30 dev resolved0
ip link set resolved0 up
ip link set resolved1 up
mount --bind {self.folder}/passwd /etc/passwd
mount -t tmpfs none /run
mkdir -p /run/systemd/resolve
mount -t tmpfs none /etc/systemd
cp {self.folder}/conf /etc/systemd/resolved.conf
exec {self.PROGRAM}
""")
        return ["unshare", "--mount", "sh", f"{self.folder}/run.sh"]

    def describe(self):
        return self.title


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


__all__ = ["Bind", "BindPolicy", "BindRefusing", "Dnsdist", "Dnsmasq", "KresdPlain", "Kresd",
           "Networks", "PowerDns", "Refusing", "Resolved",
           "Unbound", "UnboundForwarder",
           "UnboundPolicy"]
