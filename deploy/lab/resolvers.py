"""The recursive resolvers and forwarders of the lab, one class per make.

Each listens on its own address and also sends from it, so that a capture tells
who asked what. DNSSEC validation is off: the lab's root is private and
unsigned. Otherwise they keep their defaults, for the defaults are what users
meet.
"""
import os
import re
import subprocess

from .ask import ask, wait_until
from .daemon import Daemon
from .zones import ROOT_HINTS, ZONE

START_TIMEOUT_S = 60


class Resolver:
    """options: lines added to the main section of the configuration."""
    title = ""            # name of the software, for people
    program = ""
    version_args = ("--version",)

    def __init__(self, name, folder, address, options=(), backends=()):
        self.name = name
        self.folder = folder
        self.address = address
        self.options = tuple(options)
        self.backends = tuple(backends)  # resolvers asked instead of the root
        os.makedirs(folder, exist_ok=True)
        self._write("root.hints", ROOT_HINTS)
        self._write("conf", self._config())
        self.daemon = Daemon(name, folder, self._command())

    @property
    def endpoints(self):
        """Addresses of the caches that a user of this resolver can meet."""
        return [self.address]

    def start(self):
        self.daemon.start()
        return self

    def stop(self):
        self.daemon.stop()

    def wait_ready(self, name=ZONE, rdtype="NS"):
        """Until it resolves a name that exists (so nothing negative can be
        planted); this also warms the delegation, as in a real cache."""
        def answers():
            self.daemon.must_run()
            reply = ask(self.address, name, rdtype, timeout=1.0)
            return reply is not None and reply.positive
        wait_until(answers, START_TIMEOUT_S, f"{self.name} to resolve")

    def version(self):
        done = subprocess.run([self.program, *self.version_args],
                              capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL)
        found = re.search(r"\d+\.\d+(\.\d+)?", _without_dates(
            done.stdout + done.stderr))
        return found.group(0) if found else "?"

    def describe(self):
        text = f"{self.title} {self.version()}"
        return f"{text} ({', '.join(self.options)})" if self.options else text

    def _write(self, name, text):
        with open(os.path.join(self.folder, name), "w",
                  encoding="ascii") as out:
            out.write(text)

    def _lines(self, indent="  "):
        return "".join(f"{indent}{line}\n" for line in self.options)

    def _config(self):
        raise NotImplementedError

    def _command(self):
        raise NotImplementedError


def _without_dates(text):
    """PowerDNS puts a date before its version."""
    return re.sub(r"\w{3} \d+ \d\d:\d\d:\d\d", "", text)


class Unbound(Resolver):
    title = "Unbound"
    program = "unbound"
    version_args = ("-V",)

    def _config(self):
        return f"""server:
  interface: {self.address}
  outgoing-interface: {self.address}
  access-control: 0.0.0.0/0 allow
  do-ip6: no
  module-config: "iterator"
  root-hints: "{self.folder}/root.hints"
  num-threads: 1
  chroot: ""
  username: ""
  directory: "{self.folder}"
  pidfile: ""
  use-syslog: no
{self._lines()}remote-control:
  control-enable: no
"""

    def _command(self):
        return ["unbound", "-d", "-p", "-c", f"{self.folder}/conf"]


class Bind(Resolver):
    title = "BIND"
    program = "named"
    version_args = ("-v",)

    def _config(self):
        return f"""options {{
  directory "{self.folder}";
  pid-file "{self.folder}/pid";
  session-keyfile "{self.folder}/session.key";
  listen-on {{ {self.address}; }};
  listen-on-v6 {{ none; }};
  query-source address {self.address};
  recursion yes;
  allow-query {{ any; }};
  allow-recursion {{ any; }};
  allow-query-cache {{ any; }};
  dnssec-validation no;
{self._lines()}}};
controls {{ }};
zone "." {{ type hint; file "{self.folder}/root.hints"; }};
"""

    def _command(self):
        return ["named", "-g", "-4", "-n", "1", "-c", f"{self.folder}/conf"]


class PowerDns(Resolver):
    title = "PowerDNS Recursor"
    program = "pdns_recursor"

    def _config(self):
        return f"""local-address={self.address}
query-local-address={self.address}
allow-from=0.0.0.0/0
dont-query=
hint-file={self.folder}/root.hints
dnssec=off
daemon=no
threads=1
socket-dir={self.folder}
setuid=
setgid=
security-poll-suffix=
{self._lines("")}"""

    def _command(self):
        os.replace(f"{self.folder}/conf", f"{self.folder}/recursor.conf")
        return ["pdns_recursor", f"--config-dir={self.folder}"]


class Kresd(Resolver):
    title = "Knot Resolver"
    program = "kresd"

    def _config(self):
        # The modules are those of Debian's default configuration.
        return f"""net.listen('{self.address}', 53, {{ kind = 'dns' }})
net.outgoing_v4('{self.address}')
net.ipv6 = false
modules = {{ 'hints > iterate', 'stats', 'predict' }}
hints.root_file('{self.folder}/root.hints')
trust_anchors.remove('.')
cache.size = 10 * MB
{self._lines("")}"""

    def _command(self):
        return ["kresd", "-n", "-c", f"{self.folder}/conf", self.folder]


class Dnsmasq(Resolver):
    title = "dnsmasq"
    program = "dnsmasq"

    def _config(self):
        servers = "".join(f"server={b.address}@{self.address}\n"
                          for b in self.backends)
        return f"""listen-address={self.address}
bind-interfaces
no-resolv
no-hosts
{servers}{self._lines("")}"""

    def _command(self):
        # -d: stay, log to stderr, and keep the user id (a user namespace has
        # no other group to change to).
        return ["dnsmasq", "-d", "-C", f"{self.folder}/conf"]

    def describe(self):
        return f"{super().describe()} over {self.backends[0].title}"


class Dnsdist(Resolver):
    """A balancer without a packet cache: the caches are its backends'."""
    title = "dnsdist"
    program = "dnsdist"

    @property
    def endpoints(self):
        return [self.address] + [b.address for b in self.backends]

    def _config(self):
        # The health check asks for something that exists, or it would plant
        # negative answers of its own.
        servers = "".join(
            f"newServer({{address='{b.address}:53', source='{self.address}', "
            f"checkName='{ZONE}.', checkType='NS', mustResolve=true}})\n"
            for b in self.backends)
        return f"""setLocal('{self.address}:53')
setACL({{'0.0.0.0/0'}})
setSecurityPollSuffix('')
setServerPolicy(roundrobin)
{servers}{self._lines("")}"""

    def _command(self):
        return ["dnsdist", "--supervised", "--disable-syslog", "-C",
                f"{self.folder}/conf"]

    def describe(self):
        return (f"{super().describe()} over {len(self.backends)} "
                f"{self.backends[0].title}")
