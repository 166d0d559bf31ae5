"""Authoritative servers that only the matrix needs: one that signs, one that
is odd."""
import json
import os
import subprocess
import sys

from deploy.lab.ask import ask, wait_until
from deploy.lab.authority import START_TIMEOUT_S, Knot
from deploy.lab.daemon import Daemon
from tests.lib.support import ROOT


class KnotSigned(Knot):
    """Signs with NSEC; its key is there before it starts."""

    def __init__(self, name, folder, address, zone):
        super().__init__(name, folder, address, zone)
        self._keymgr("generate", "algorithm=ECDSAP256SHA256", "ksk=yes",
                     "zsk=yes")
        # "signed.example. DS TAG ALGORITHM DIGEST HEX", digest SHA-256
        self.ds = next(line for line in self._keymgr("ds").splitlines()
                       if line.split()[4] == "2")

    def _config(self):
        return super()._config().replace("zone:\n", """policy:
  - id: lab
    manual: on
    single-type-signing: on
zone:
""").replace("    journal-content: none\n", """    journal-content: none
    dnssec-signing: on
    dnssec-policy: lab
""")

    def _keymgr(self, *command):
        return subprocess.run(
            ["keymgr", "-c", f"{self.folder}/conf", self.zone.origin,
             *command], cwd=self.folder, check=True, text=True,
            capture_output=True).stdout

    def _serves(self):
        """Signing adds to the serial."""
        self.daemon.must_run()
        serial = self.serial()
        return serial is not None and serial >= self.zone.serial


class Odd:
    """See odd_server.py. zones: what is in its state."""

    def __init__(self, name, folder, address, zones):
        self.name = name
        self.address = address
        self._path = os.path.join(folder, "state.json")
        os.makedirs(folder, exist_ok=True)
        self.zones = zones
        self.publish()
        self.daemon = Daemon(name, folder, [
            sys.executable, f"{ROOT}/tests/lib/odd_server.py", address,
            self._path])

    def start(self):
        self.daemon.start()
        return self

    def wait_ready(self):
        wait_until(lambda: ask(self.address, next(iter(self.zones)), "NS",
                               timeout=0.5), START_TIMEOUT_S,
                   f"{self.name} to answer")

    def publish(self):
        """Its next answer is from the zones as they are now."""
        with open(self._path + ".new", "w", encoding="ascii") as out:
            json.dump(self.zones, out)
        os.replace(self._path + ".new", self._path)
