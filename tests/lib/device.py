"""What one device sees: its own files in /etc, and systemd-resolved as it runs
on it, with the bus and the NSS module that belong to it."""
import os
import subprocess
import sysconfig

from tests.lib.support import network_row
from tests.system.matrix.variants import Resolved, unpacked

RUN = "/run/systemd/resolve"
NSS_MODULE = unpacked(f"usr/lib/{sysconfig.get_config_var('MULTIARCH')}/"
                      "libnss_resolve.so.2")
BUS = """<!DOCTYPE busconfig PUBLIC
 "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type>
<listen>unix:path=/run/dbus/system_bus_socket</listen>
<policy context="default"><allow user="*"/><allow own="*"/>
<allow send_type="*"/><allow receive_type="*"/></policy></busconfig>
"""


class Device:
    """A file system view for an agent's host: its own resolv.conf, with a
    caching stub in it, nsswitch.conf and hosts. run: its /run, where that is
    another one."""

    def __init__(self, folder, stub_address, hosts=(), sources="files dns",
                 run=None):
        self.folder = folder
        self.run = run
        self.files = {"resolv.conf": f"nameserver {stub_address}\n",
                      "nsswitch.conf": f"hosts: {sources}\n",
                      "hosts": "\n".join(["127.0.0.1 localhost", *hosts, ""])}
        os.makedirs(folder)
        for name, text in self.files.items():
            with open(f"{folder}/{name}", "w", encoding="ascii") as out:
                out.write(text)

    def sees(self, command):
        """The command, as run on the device."""
        mounts = [f"mount --bind {self.folder}/{name} /etc/{name}"
                  for name in self.files]
        if self.run:
            mounts.append(f"mount --bind {self.run} /run")
        return ["unshare", "--mount", "env",
                f"LD_LIBRARY_PATH={os.path.dirname(NSS_MODULE)}", "sh", "-c",
                " && ".join([*mounts, 'exec "$@"']), "sh", *command]

    def has(self, agent):
        agent.daemon.command = self.sees(agent.daemon.command)
        return agent

    def run_program(self, *command):
        """(exit status, what it said)."""
        done = subprocess.run(self.sees(command), text=True, check=False,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60)
        return done.returncode, done.stdout


class ResolvedStub(Resolved):
    """On its usual address, with all of its defaults, before the resolver
    that the network gives. Its folder "run" is the device's /run."""
    RESOLVECTL = unpacked("usr/bin/resolvectl")

    def __init__(self, name, folder, backend):
        self.RUN = f"--bind {folder}/run"
        self.BEFORE = (f"dbus-daemon --nofork --nopidfile "
                       f"--config-file={folder}/bus.conf &")
        os.makedirs(f"{folder}/run/dbus")
        super().__init__(name, folder, "127.0.0.53", backends=[backend])
        self._write("bus.conf", BUS)

    def _config(self):
        return f"""[Resolve]
DNS={self.backends[0].address}
FallbackDNS=
Domains=~.
LLMNR=no
MulticastDNS=no
"""


def application(document, network):
    """The target that is what applications see."""
    return next((t for t in network_row(document, network)["targets"]
                 if t["resolver"] == "getaddrinfo"), {})
