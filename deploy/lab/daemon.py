"""One process of the lab: started in the foreground in a session of its own,
with its own folder and log; paused, resumed and stopped as a whole."""
import os
import signal
import subprocess

LOG_TAIL_LINES = 15


class DaemonError(Exception):
    """A process did not start or died; the text has the end of its log."""


class Daemon:
    """name must be unique in the lab: it is the folder and the log's name."""

    def __init__(self, name, folder, command, env=None):
        self.name = name
        self.folder = folder
        self.command = command
        self.env = env
        self.process = None
        self.log_path = os.path.join(folder, "log")
        os.makedirs(folder, exist_ok=True)

    def start(self):
        with open(self.log_path, "ab") as log:
            # A parent that dies without a word takes the daemon with it.
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *self.command],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True,
                env={**os.environ, **(self.env or {})})
        return self

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        """To every process of the daemon's session."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def pause(self):
        """Silent, but its port stays open: queries time out."""
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def stop(self, timeout=30.0):
        """SIGTERM, then SIGKILL. Returns the exit status."""
        if self.process is None:
            return None
        self.terminate()
        return self.wait_end(timeout)

    def terminate(self):
        """SIGTERM, not waited for."""
        if self.running():
            self.resume()
            self.process.terminate()

    def wait_end(self, timeout):
        """Of a process that was told to end; SIGKILL, if it does not. Returns
        the exit status."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            pass
        self.kill()
        return self.process.returncode

    def kill(self):
        """At once, children too."""
        if self.process is not None:
            self.signal(signal.SIGKILL)
            self.process.wait()

    def log_text(self):
        try:
            with open(self.log_path, encoding="utf-8",
                      errors="backslashreplace") as log:
                return log.read()
        except OSError:
            return ""

    def log_tail(self, count=LOG_TAIL_LINES):
        lines = self.log_text().splitlines()[-count:]
        return "\n".join(f"    {self.name}: {line}" for line in lines)

    def must_run(self):
        if not self.running():
            code = None if self.process is None else self.process.returncode
            raise DaemonError(f"{self.name} is not running (exit status "
                              f"{code}):\n{self.log_tail()}")
