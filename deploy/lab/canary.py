"""The canary zone of deploy/canary, served from those very files: only the
places that its README.md says to fill in are filled in."""
import os
import re

from . import zones
from .authority import AuthServer

ZONE = "canary.example.net"
BOGUS_ZONE = "bogus.example.net"
ADDRESS = "192.0.2.53"  # as the shipped files have it
SHIPPED = os.path.normpath(os.path.join(os.path.dirname(__file__),
                                        "..", "canary"))
PLACES = ("/etc/knot/canary", "/etc/nsd/canary", "/etc/bind/canary")


def shipped(name):
    """A shipped configuration, for the zone files where they are."""
    with open(os.path.join(SHIPPED, name), encoding="utf-8") as file:
        text = file.read()
    for place in PLACES:
        text = text.replace(place, SHIPPED)
    return text


def _for_parent(line):
    """A line of README.md for the zone above, here the root."""
    with open(os.path.join(SHIPPED, "README.md"), encoding="utf-8") as file:
        found = re.search(rf"^ +bogus (3600 IN {line} .*)$", file.read(), re.M)
    return f"{BOGUS_ZONE}. {found.group(1)}"


def delegated(zone):
    """This root zone, with the delegations of the canary zone and the bogus
    one, which is bogus where the root is signed."""
    return zone.with_(f"{ZONE}. 86400 IN NS ns.{ZONE}.",
                      f"ns.{ZONE}. 86400 IN A {ADDRESS}",
                      _for_parent("NS"), _for_parent("DS"))


class CanaryServer(AuthServer):
    """Knot DNS as deploy/canary/knot.conf has it."""
    software = "Knot DNS"

    def __init__(self, folder):
        super().__init__("canary-knot", f"{folder}/canary", ADDRESS,
                         zones.Zone(f"{ZONE}.", 1, ()))

    def _config(self):
        # What runs beside others needs places of its own to write to.
        return shipped("knot.conf").replace(
            "server:\n", f"server:\n    rundir: {self.folder}\n") + (
            f"database:\n    storage: {self.folder}/db\n")

    def _command(self):
        return ["knotd", "-c", f"{self.folder}/conf"]

    def _reload(self):
        raise NotImplementedError
