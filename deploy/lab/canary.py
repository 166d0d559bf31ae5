"""The canary zone of deploy/canary, served from those very files by each make
of server: only the places that its README.md says to fill in are filled in, and
where a server writes beside others."""
import os
import re

from . import zones
from .authority import AuthServer, Knot, Named, Nsd

PARENT = "example.net"  # as the shipped files have them
ADDRESS = "192.0.2.53"
ZONE = f"canary.{PARENT}"
BOGUS_ZONE = f"bogus.{PARENT}"
SHIPPED = os.path.normpath(os.path.join(os.path.dirname(__file__),
                                        "..", "canary"))


def _read(name):
    with open(os.path.join(SHIPPED, name), encoding="utf-8") as file:
        return file.read()


def shipped(name):
    """A shipped configuration as it is, for the zone files where they are."""
    return re.sub(r"/etc/\w+/canary", SHIPPED, _read(name))


def records(name):
    """Lines of a shipped zone file, without comments."""
    return [line for line in _read(name).splitlines()
            if not line.startswith(";")]


def _for_parent(line):
    """A line of README.md for the zone above, here the root."""
    found = re.search(rf"^ +bogus (3600 IN {line} .*)$", _read("README.md"),
                      re.M)
    return found.group(1)


def delegated(zone, *places):
    """This root zone, with the delegations of the canary zones and the bogus
    ones, which are bogus where the root is signed. places: (parent, address),
    where there are others than the shipped one."""
    for parent, address in places or ((PARENT, ADDRESS),):
        zone = zone.with_(
            f"canary.{parent}. 86400 IN NS ns.canary.{parent}.",
            f"ns.canary.{parent}. 86400 IN A {address}",
            *(f"bogus.{parent}. {_for_parent(line)}".replace(PARENT, parent)
              for line in ("NS", "DS")))
    return zone


class CanaryServer(AuthServer):
    """Knot DNS as deploy/canary/knot.conf has it. parent, address: in place of
    the shipped ones."""
    software = "Knot DNS"
    conf = "knot.conf"
    place = "/etc/knot/canary"
    whoami = True
    _command = Knot._command

    def __init__(self, folder, parent=PARENT, address=ADDRESS):
        self.parent = parent
        super().__init__(f"canary-{self.conf}", f"{folder}/canary-{self.conf}",
                         address, zones.Zone(f"canary.{parent}.", 1, ()))

    @classmethod
    def at(cls, parent, address):
        """For Lab's others."""
        return lambda folder: cls(folder, parent, address)

    def _config(self):
        for name in os.listdir(SHIPPED):
            self._write(name, self._filled_in(_read(name)))
        return self._beside(self._filled_in(_read(self.conf)))

    def _filled_in(self, text):
        if not self.whoami:
            text = text.replace("whoami 86400 IN NS ns\n", "")
        for what, by in ((PARENT, self.parent), (ADDRESS, self.address),
                         (self.place, self.folder)):
            text = text.replace(what, by)
        return text

    def _beside(self, text):
        """With places of its own to write to, since it runs beside others."""
        return text.replace("server:\n", "server:\n"
                            f"    rundir: {self.folder}\n") + (
            f"database:\n    storage: {self.folder}/db\n")


class CanaryNsd(CanaryServer):
    software = "NSD"
    conf = "nsd.conf"
    place = "/etc/nsd/canary"
    whoami = False
    _command = Nsd._command

    def _beside(self, text):
        return text.replace("server:\n", f"""server:
    username: ""
    database: ""
    pidfile: "{self.folder}/pid"
    xfrdfile: "{self.folder}/xfrd.state"
    xfrdir: "{self.folder}"
    zonelistfile: "{self.folder}/zone.list"
""") + "remote-control:\n    control-enable: no\n"


class CanaryNamed(CanaryServer):
    software = "BIND"
    conf = "named.conf"
    place = "/etc/bind/canary"
    whoami = False
    _command = Named._command

    def _beside(self, text):
        return text.replace("options {\n", f"""controls {{ }};
options {{
    pid-file "{self.folder}/pid";
    session-keyfile "{self.folder}/session.key";
    listen-on-v6 {{ none; }};
""")


class CanaryPowerDns(CanaryServer):
    """Each query has an answer of its own."""
    software = "PowerDNS Authoritative Server"
    conf = "pdns.conf"
    place = "/etc/powerdns/canary"

    def _beside(self, text):
        return text + f"socket-dir={self.folder}\nsecurity-poll-suffix=\n"

    def _command(self):
        os.replace(f"{self.folder}/conf", f"{self.folder}/pdns.conf")
        # As Debian's unit starts it.
        return ["pdns_server", "--guardian=no", "--daemon=no",
                "--disable-syslog", "--write-pid=no",
                f"--config-dir={self.folder}"]
