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


class BindForwarder(Bind):
    def _config(self):
        return super()._config().replace(
            "  recursion yes;", "  recursion yes;\n  forward only;\n"
            f"  forwarders {{ {self.backends[0].address}; }};")


class PowerDnsForwarder(PowerDns):
    def _config(self):
        return super()._config() + \
            f"forward-zones-recurse=.={self.backends[0].address}\n"


class DnsdistDirect(Dnsdist):
    """In front of a name server: it alone caches."""

    @property
    def endpoints(self):
        return [self.address]

    def _config(self):
        return super()._config() + f"""newServer({{
  address='{zones.NS1_ADDRESS}:53', source='{self.address}',
  checkName='{zones.ZONE}.', checkType='NS', mustResolve=true}})
"""


class DnsmasqDirect(Dnsmasq):
    def _config(self):
        return super()._config() + \
            f"server={zones.NS1_ADDRESS}@{self.address}\n"


class DnsdistPinned(Dnsdist):
    """The backend follows from the client's port, as behind an address that
    many machines share."""

    def _config(self):
        return super()._config().replace("setServerPolicy(roundrobin)", """
setServerPolicyLua('pinned', function(servers, dq)
  return servers[dq.remoteaddr:getPort() % #servers + 1]
end)""")


class KresdTwice(KresdPlain):
    """Two processes on one address, each with a cache of its own: the kernel
    hands each source port to one of them."""

    def _command(self):
        one = f"kresd -n -c {self.folder}/conf"
        self._write("run.sh", "".join(
            f"mkdir -p {self.folder}/{n}\n{one} {self.folder}/{n} &\n"
            for n in (1, 2)) + "wait\n")
        return ["sh", f"{self.folder}/run.sh"]


class Validating:
    """ds: a DS record, the only one it trusts."""

    def __init__(self, *arguments, ds, **more):
        self.ds = ds
        super().__init__(*arguments, **more)

    @property
    def anchor(self):
        """(name, data)"""
        return self.ds.split()[0], self.ds.split(" DS ")[1]


class UnboundValidating(Validating, Unbound):
    def _config(self):
        return super()._config().replace(
            'module-config: "iterator"', 'module-config: "validator iterator"'
            f'\n  trust-anchor: "{self.ds}"')


class BindValidating(Validating, Bind):
    def _config(self):
        name, data = self.anchor
        tag, algorithm, digest_type, digest = data.split(maxsplit=3)
        return super()._config().replace(
            "dnssec-validation no;", "dnssec-validation yes;") + (
            f'trust-anchors {{ "{name}" static-ds {tag} {algorithm} '
            f'{digest_type} "{digest}"; }};\n')


class PowerDnsValidating(Validating, PowerDns):
    def _config(self):
        name, data = self.anchor
        self._write("anchor.lua",
                    f'clearTA(".")\naddTA("{name}", "{data}")\n')
        return super()._config().replace(
            "dnssec=off", "dnssec=validate") + \
            f"lua-config-file={self.folder}/anchor.lua\n"


class KresdValidating(Validating, Kresd):
    def _config(self):
        return super()._config() + f"trust_anchors.add('{self.ds}')\n"


class KresdPlainValidating(KresdValidating, KresdPlain):
    pass


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


def unpacked(path):
    """Of a package that is unpacked for us and not installed."""
    return os.path.join(os.environ.get("NXCLEAR_UNPACKED", "/nowhere"), path)


class Dnscache(Resolver):
    """Of djbdns. Who may ask is a file by its address's beginning."""
    title = "dnscache"
    PROGRAM = unpacked("usr/sbin/dnscache")

    @classmethod
    def there(cls):
        return os.path.exists(cls.PROGRAM) and os.geteuid() == 0

    def _config(self):
        return f"{zones.ROOT_ADDRESS}\n"

    def _command(self):
        for folder in ("ip", "servers"):
            os.makedirs(f"{self.folder}/{folder}", exist_ok=True)
        for clients in ("198.51.100", "203.0.113"):
            self._write(f"ip/{clients}", "")
        self._write("servers/@", self._config())
        return ["env", f"ROOT={self.folder}", f"IP={self.address}",
                f"IPSEND={self.address}", "UID=0", "GID=0",
                "CACHESIZE=1000000", "sh", "-c",
                f"exec {self.PROGRAM} </dev/urandom"]

    def describe(self):
        return self.title


class Resolved(Resolver):
    """systemd-resolved, unpacked and not installed: its package would take
    over the system's resolv.conf. It wants its user, its folder in /run and
    a link that is not the loopback one."""
    title = "systemd-resolved"
    PROGRAM = unpacked("lib/systemd/systemd-resolved")
    RUN = "-t tmpfs none"  # its /run
    BEFORE = ""            # run before it, in its view of the files

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
mount {self.RUN} /run
mkdir -p /run/systemd/resolve
mount -t tmpfs none /etc/systemd
cp {self.folder}/conf /etc/systemd/resolved.conf
{self.BEFORE}
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


class PowerDnsPolicy(PowerDns):
    def _config(self):
        path = _policy_zone(self.folder)
        self._write("policy.lua", f'rpzFile("{path}", '
                    '{policyName="policy.example"})\n')
        return super()._config() + \
            f"lua-config-file={self.folder}/policy.lua\n"


class PowerDnsSigns(PowerDns):
    """Denies NAME by policy, at each of its addresses with another sign: none
    at all at the first one, which is the one that it asks from."""

    SIGNS = {"ede": "dq.extendedErrorCode = 15",
             "foreign SOA": 'dq:addRecord(pdns.SOA, soa, 2, 77, '
                            '"policy.example.")',
             "constant TTL": 'dq:addRecord(pdns.SOA, soa, 2, 77, '
                             f'"{zones.ZONE}.")'}

    def address_of(self, sign):
        net, last = self.address.rsplit(".", 1)
        return f"{net}.{int(last) + 1 + list(self.SIGNS).index(sign)}"

    def _config(self):
        cases = "".join(f"""  if to == "{self.address_of(sign)}" then
    {code}
  end
""" for sign, code in self.SIGNS.items())
        # A packet that was kept would have the sign of another address.
        self._write("signs.lua", f"""function preresolve(dq)
  if not dq.qname:equal("{zones.NAME}.") then
    return false
  end
  local to = dq.localaddr:toString()
  local soa = "localhost. hostmaster.example. 7 60 60 600 60"
  dq.variable = true
  dq.rcode = pdns.NXDOMAIN
{cases}  return true
end
""")
        addresses = ",".join(dict.fromkeys(
            [self.address, *map(self.address_of, self.SIGNS)]))
        return super()._config().replace(
            f"local-address={self.address}", f"local-address={addresses}",
            1) + (f"lua-dns-script={self.folder}/signs.lua\n"
                  "extended-resolution-errors=yes\n")


class PowerDnsConstant(PowerDnsSigns):
    """The zone's own SOA, and a TTL that stands still: above that of stale
    data (RFC 8767), or it would be told to be one."""
    SIGNS = {"constant TTL":
             PowerDnsSigns.SIGNS["constant TTL"].replace("77", "31")}

    def address_of(self, _sign):
        return self.address


REWRITTEN_ADDRESS = "192.0.2.66"
REWRITTEN_ADDRESS_6 = "2001:db8::66"


class PowerDnsRewriting(PowerDns):
    """Gives an address where there is no name, out of its cache too."""

    def _config(self):
        self._write("rewrite.lua", f"""function nxdomain(dq)
  local made_up = {{[pdns.A] = "{REWRITTEN_ADDRESS}",
                    [pdns.AAAA] = "{REWRITTEN_ADDRESS_6}"}}
  if not made_up[dq.qtype] then
    return false
  end
  dq.rcode = 0
  dq:addAnswer(dq.qtype, made_up[dq.qtype], 60)
  return true
end
""")
        return super()._config() + \
            f"lua-dns-script={self.folder}/rewrite.lua\n"


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


__all__ = ["Bind", "BindForwarder", "BindPolicy", "BindRefusing",
           "BindValidating", "Dnscache", "Dnsdist", "DnsdistDirect",
           "DnsdistPinned", "Dnsmasq", "DnsmasqDirect", "Kresd", "KresdPlain",
           "KresdPlainValidating", "KresdTwice", "KresdValidating", "Networks",
           "PowerDns", "PowerDnsConstant", "PowerDnsForwarder",
           "PowerDnsPolicy", "PowerDnsRewriting", "PowerDnsSigns",
           "PowerDnsValidating", "REWRITTEN_ADDRESS", "REWRITTEN_ADDRESS_6",
           "Refusing", "Resolved", "Unbound", "UnboundForwarder",
           "UnboundPolicy", "UnboundValidating"]
