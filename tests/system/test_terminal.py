"""The screen of status --watch on a real terminal, and completion in the real
shells."""
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import time

from tests.lib.support import ROOT, Skip, open_incident, site_alone

NETWORKS = 30
TIMEOUT_S = 60
ENTER, LEAVE = "\033[?1049h", "\033[?1049l"


class Terminal:
    """A program on a terminal of its own; what it wrote, frame by frame."""

    def __init__(self, command, rows=20, columns=100, env=None):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, {
                **os.environ, "TERM": "xterm", "NO_COLOR": "1",
                "LC_ALL": "C.UTF-8", **(env or {})})
        self.text = ""
        self.status = None
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.fd)

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, columns, 0, 0))

    def send(self, keys):
        self.text = ""
        os.write(self.fd, keys.encode())

    def read(self):
        """False: it has closed the terminal."""
        if not select.select([self.fd], [], [], 0.1)[0]:
            return True
        try:
            self.text += os.read(self.fd, 65536).decode(errors="replace")
        except OSError:
            return False
        return True

    def wait(self, text):
        end = time.monotonic() + TIMEOUT_S
        while text not in self.text:
            assert self.read() and time.monotonic() < end, \
                f"{text!r} did not come: {self.text[-3000:]!r}"

    def ended(self):
        """The exit status, once it has ended."""
        end = time.monotonic() + TIMEOUT_S
        while self.status is None:
            self.read()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            assert time.monotonic() < end, "it does not end"
        while select.select([self.fd], [], [], 0)[0]:
            if not self.read():
                break
        return self.status

    def frames(self):
        """The lines of each screen, without escape sequences; the last one may
        be on its way."""
        plain = [re.sub(r"\033\[[0-9;?]*[A-Za-z]", "", frame)
                 for frame in self.text.split("\033[H")]
        return [[line.strip("\r") for line in frame.split("\n")]
                for frame in plain]

    def frame(self):
        return self.frames()[-1]


def accept_networks(site):
    for i in range(NETWORKS):
        site.agent(f"net-{i:02}").accept()


def watch(site, incident):
    return Terminal([site.path("nxclear"), "--api", site.api_address, "status",
                     str(incident), "--watch"])


def check_moving(screen):
    screen.wait(f"{NETWORKS} of {NETWORKS} networks (all, by urgency)")
    screen.wait("\033[7mnet-00")
    screen.send("j")
    screen.wait("\033[7mnet-01")
    screen.send("\033[B\033[6~")
    screen.wait("\033[7mnet-10")
    screen.send("G")
    screen.wait("\033[7mnet-29")
    assert len(screen.frame()) <= 20, screen.frame()
    screen.send("s")
    screen.wait("by name")
    screen.send("f")
    screen.wait(f"0 of {NETWORKS} networks (affected")
    screen.send("ff")
    screen.wait("(all")


def check_explain(screen):
    screen.send("g\r")
    screen.wait("network net-00")
    screen.wait("Esc back")  # the last line of the whole frame
    assert any("Esc back" in f[-1] for f in screen.frames()), screen.frames()
    screen.send("\033")
    screen.wait("networks (all")


def check_resize(screen):
    screen.text = ""
    screen.resize(10, 60)
    os.kill(screen.pid, signal.SIGWINCH)
    screen.wait("\033[10;1H")
    assert max(len(line) for line in screen.frame()) <= 60, screen.frame()


def test_screen():
    with site_alone() as site:
        accept_networks(site)
        incident = open_incident(site)
        screen = watch(site, incident)
        screen.wait(ENTER)
        check_moving(screen)
        check_explain(screen)
        check_resize(screen)
        screen.send("q")
        assert screen.ended() == 3  # nothing is known
        assert LEAVE in screen.text, screen.text
        for number, after in ((signal.SIGTERM, 3), (signal.SIGINT, 3)):
            screen = watch(site, incident)
            screen.wait("net-00")
            os.kill(screen.pid, number)
            assert screen.ended() == after, screen.text
            assert LEAVE in screen.text, screen.text
            assert termios.tcgetattr(screen.fd)[3] == screen.before[3]
        piped = site.cli("status", str(incident), check=False)
        assert "\033" not in piped.stdout, piped.stdout


def shell(name):
    if not shutil.which(name):
        raise Skip(f"without {name}")
    return name


def environment(site):
    return {**os.environ, "NXCLEAR_API": site.api_address,
            "PATH": f"{site.bin_dir}:{os.environ['PATH']}", "HOME": site.folder}


def bash_completes(site, *words):
    script = (f"source {ROOT}/deploy/completion/nxclear.bash; "
              "COMP_WORDS=(nxclear \"$@\"); COMP_CWORD=$#; "
              "COMP_LINE=\"nxclear $*\"; "
              "compopt() { :; }; _nxclear; printf '%s\\n' \"${COMPREPLY[@]}\"")
    done = subprocess.run([shell("bash"), "-c", script, "bash", *words],
                          env=environment(site), text=True, check=True,
                          capture_output=True, timeout=TIMEOUT_S)
    assert not done.stderr, done.stderr
    return done.stdout.split("\n")[:-1]


def bash_types(site, line, want):
    """Types the line and a tab at a prompt: there bash itself parts words. The
    collector is named on the line alone."""
    terminal = Terminal([shell("bash"), "--norc", "--noprofile"], columns=250,
                        env={**environment(site), "NXCLEAR_API": ""})
    terminal.send(f"PS1='% '; source {ROOT}/deploy/completion/nxclear.bash; "
                  "echo rea'dy'\n")
    terminal.wait("ready\r\n")
    terminal.send(line + "\t")
    terminal.wait(line + want)
    os.kill(terminal.pid, signal.SIGKILL)
    assert terminal.ended() == -signal.SIGKILL


def fish_completes(site, line):
    done = subprocess.run(
        [shell("fish"), "--no-config", "-c",
         f"source {ROOT}/deploy/completion/nxclear.fish; complete -C $argv[1]",
         line], env=environment(site), text=True, check=True,
        capture_output=True, timeout=TIMEOUT_S)
    return sorted(w.split("\t")[0] for w in done.stdout.split("\n")[:-1])


def zsh_completes(site, line, want):
    """Types the line and a tab at a prompt."""
    terminal = Terminal([shell("zsh"), "-f"], env=environment(site))
    terminal.send("PS1='%% '; fpath=(" + f"{ROOT}/deploy/completion" +
                  " $fpath); autoload -Uz compinit; compinit -u -D; "
                  "print rea'dy'\n")
    terminal.wait("\nready")
    terminal.send(line + "\t")
    terminal.wait(want)
    os.kill(terminal.pid, signal.SIGKILL)
    assert terminal.ended() == -signal.SIGKILL


def test_shells_complete():
    alerts = {"receivers": [{"name": "$(id)", "email": "a@example.com"}]}
    with site_alone(alerts=alerts) as site:
        for name in ("lyon-office", "oslo-branch"):
            site.agent(name).accept()
        incident = open_incident(site)
        assert bash_completes(site, "inc") == ["incident"]
        assert bash_completes(site, "incident", "") == [
            "open", "list", "show", "close", "export"]
        assert bash_completes(site, "status", "") == [str(incident)]
        assert bash_completes(site, "explain", "1", "ly") == ["lyon-office"]
        assert bash_completes(site, "alerts", "test", "") == [
            "\\$\\(id\\)"]
        assert bash_completes(site, "report", "--format", "h") == ["html"]
        assert "--timeout" in bash_completes(site, "wait", "--")
        api = f"nxclear --api {site.api_address} "
        bash_types(site, api + "explain 1 ly", "on-office")
        bash_types(site, api.replace("--api ", "--api=") + "explain os",
                   "lo-branch")
        bash_types(site, api + "tokens create ops --network=ly", "on-office")
        bash_types(site, api + "status --where sit", "e=")
        bash_types(site, api + "status --where=pro", "vider=")
        bash_types(site, "nxclear --api https:", "//")
        bash_types(site, "nxclear --api unix:/et", "c/")
        assert fish_completes(site, "nxclear explain 1 o") == ["oslo-branch"]
        assert "status" in fish_completes(site, "nxclear st")
        zsh_completes(site, "nxclear explain 1 ly", "lyon-office")
