"""Authoritative servers of three makes. Publishing a zone means: write the file,
tell the server, ask it until it answers with the new serial (never sleep)."""
import os
import signal
import subprocess

import dns.rdatatype

from .ask import ask, wait_until
from .daemon import Daemon, DaemonError

START_TIMEOUT_S = 60
RELOAD_TIMEOUT_S = 60


class AuthServer:
    """One server process for one zone on one address."""

    def __init__(self, name, folder, address, zone):
        self.name = name
        self.folder = folder
        self.address = address
        self.zone = zone
        os.makedirs(folder, exist_ok=True)
        self._write("zone", zone.file_text)
        self._write("conf", self._config())
        self.daemon = Daemon(name, folder, self._command())

    def start(self):
        self.daemon.start()
        return self

    def stop(self):
        self.daemon.stop()

    def wait_ready(self):
        wait_until(self._serves, START_TIMEOUT_S, f"{self.name} to answer")

    def publish(self, zone, wait=True):
        """Serve this version of the zone from now on."""
        self.zone = zone
        self._write("zone", zone.file_text)
        self._reload()
        if wait:
            self.wait_published()

    def wait_published(self):
        """Several times in a row: NSD's process of before may take a last
        question."""
        wait_until(lambda: all(self._serves() for _ in range(5)),
                   RELOAD_TIMEOUT_S,
                   f"{self.name} to serve serial {self.zone.serial}")

    def serial(self):
        reply = ask(self.address, self.zone.origin, dns.rdatatype.SOA,
                    timeout=0.5, rd=False)
        if reply is None or not reply.rdata:
            return None
        return int(reply.rdata[0].split()[2])

    def _serves(self):
        self.daemon.must_run()
        return self.serial() == self.zone.serial

    def _write(self, name, text):
        with open(os.path.join(self.folder, name), "w",
                  encoding="ascii") as out:
            out.write(text)

    def _control(self, *command):
        done = subprocess.run(command, cwd=self.folder, text=True, check=False,
                              capture_output=True, timeout=RELOAD_TIMEOUT_S)
        if done.returncode != 0:
            raise DaemonError(f"{' '.join(command)}: {done.stdout}"
                              f"{done.stderr}\n{self.daemon.log_tail()}")

    def _config(self):
        raise NotImplementedError

    def _command(self):
        raise NotImplementedError

    def _reload(self):
        raise NotImplementedError


class Nsd(AuthServer):
    software = "NSD"

    def _config(self):
        return f"""server:
  ip-address: {self.address}
  do-ip6: {"yes" if ":" in self.address else "no"}
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "{self.folder}"
  database: ""
  zonelistfile: "{self.folder}/zone.list"
  xfrdfile: "{self.folder}/xfrd.state"
  xfrdir: "{self.folder}"
  pidfile: "{self.folder}/pid"
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: yes
  control-interface: "{self.folder}/control"
zone:
  name: "{self.zone.origin}"
  zonefile: "zone"
"""

    def _command(self):
        return ["nsd", "-d", "-c", f"{self.folder}/conf"]

    def _reload(self):
        self._control("nsd-control", "-c", "conf", "reload",
                      self.zone.origin)


class Knot(AuthServer):
    software = "Knot DNS"

    def _config(self):
        return f"""server:
  rundir: "{self.folder}"
  listen: {self.address}@53
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
control:
  listen: "{self.folder}/control"
log:
  - target: stderr
    any: info
database:
  storage: "{self.folder}"
zone:
  - domain: "{self.zone.origin}"
    storage: "{self.folder}"
    file: "zone"
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
"""

    def _command(self):
        return ["knotd", "-c", f"{self.folder}/conf"]

    def _reload(self):
        self._control("knotc", "-s", f"{self.folder}/control", "-b",
                      "zone-reload", self.zone.origin)


class Named(AuthServer):
    software = "BIND"

    def _config(self):
        v4, v6 = f"{self.address};", "none;"
        if ":" in self.address:
            v4, v6 = v6, v4
        return f"""options {{
  directory "{self.folder}";
  pid-file "{self.folder}/pid";
  session-keyfile "{self.folder}/session.key";
  managed-keys-directory "{self.folder}";
  listen-on {{ {v4} }};
  listen-on-v6 {{ {v6} }};
  recursion no;
  notify no;
  allow-transfer {{ none; }};
  dnssec-validation no;
}};
controls {{ }};
zone "{self.zone.origin}" {{
  type primary;
  file "{self.folder}/zone";
}};
"""

    def _command(self):
        return ["named", "-g", "-n", "1", "-c", f"{self.folder}/conf"]

    def _reload(self):
        os.kill(self.daemon.pid, signal.SIGHUP)
