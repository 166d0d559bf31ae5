"""deploy/demo NAME: this machine's own resolvers. In the lab 'this machine' has
a resolv.conf that names one of the lab's resolvers."""
import glob
import os
import signal
import subprocess

from deploy.lab import networks, zones
from deploy.lab.ask import ask, wait_until
from deploy.lab.lab import Lab
from tests.lib.support import ROOT, Skip

# In a mount namespace of its own: the system's file is not touched.
AS_OWN_RESOLVER = ('mount --bind "$1" /etc/resolv.conf || exit 99\n'
                   'shift\nexec "$@"')


def can_mount(path):
    probe = subprocess.run(["unshare", "--mount", "bash", "-c",
                            AS_OWN_RESOLVER, "-", path, "true"],
                           capture_output=True, check=False)
    return probe.returncode == 0


def processes_with(text):
    """Command lines of running processes that contain it."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as line:
                found.append(line.read().replace(b"\0", b" ").decode())
        except OSError:
            pass  # it has ended
    return [line for line in found if text in line]


def test_real_name_is_watched_until_interrupted():
    with Lab([networks.unbound], negative_ttl=900) as lab:
        lab.remove_record()
        assert ask(lab.networks[0].address, zones.NAME).rcode == "NXDOMAIN"
        lab.restore_record()
        path = f"{lab.folder}/resolv.conf"
        with open(path, "w", encoding="ascii") as out:
            out.write(f"nameserver {lab.networks[0].address}\n")
        if not can_mount(path):
            raise Skip("a bind mount is not allowed here")
        log = f"{lab.folder}/live.log"
        with open(log, "wb") as said:
            demo = subprocess.Popen(
                ["unshare", "--mount", "bash", "-c", AS_OWN_RESOLVER, "-",
                 path, f"{ROOT}/deploy/demo", zones.NAME, "A"],
                stdout=said, stderr=said, stdin=subprocess.DEVNULL,
                start_new_session=True)

        def shows(text):
            def look():
                with open(log, encoding="utf-8") as said:
                    content = said.read()
                assert demo.poll() is None, content
                return text in content
            return look
        try:
            wait_until(shows("cached-nxdomain"), 300, "the cached NXDOMAIN")
            os.killpg(demo.pid, signal.SIGINT)
            assert demo.wait(180) == 0
        finally:
            if demo.poll() is None:
                os.killpg(demo.pid, signal.SIGKILL)
        wait_until(lambda: not processes_with("nxclear-live."), 20,
                   "all that it started to be gone")
