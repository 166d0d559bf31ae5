"""Memory that runs out: a group of processes that the kernel kills for it, and
single calls of a program that get none (failing_malloc.c).

    with no_memory.group() as group:
        daemon.command = group.holds(daemon.command)
        ...
        group.squeeze()        # the kernel kills what is in it
"""
import contextlib
import os
import subprocess
import time

from tests.lib.support import BIN, Skip

HERE = "/sys/fs/cgroup"
FAILING_MALLOC = os.path.join(BIN, "nx_failing_malloc.so")
SPARE_BYTES = 4 << 20
TRIES = 5


def _write(path, text):
    with open(path, "w", encoding="ascii") as out:
        out.write(str(text))


def _read(path):
    with open(path, encoding="ascii") as file:
        return file.read()


class Group:
    """Of control groups, version 1 or 2."""

    def __init__(self, folder, old):
        self._folder = folder
        self._limit = os.path.join(folder, "memory.limit_in_bytes" if old
                                   else "memory.max")
        self._usage = os.path.join(folder, "memory.usage_in_bytes" if old
                                   else "memory.current")
        self._events = os.path.join(folder, "memory.oom_control" if old
                                    else "memory.events")
        self._none = "-1" if old else "max"
        self._filler = f"/dev/shm/nxclear-test.{os.getpid()}"

    def holds(self, command):
        """The same command, inside."""
        return ["sh", "-c", 'echo $$ >"$0" && exec "$@"',
                os.path.join(self._folder, "cgroup.procs"), *command]

    def killed_n(self):
        words = _read(self._events).split()
        return int(words[words.index("oom_kill") + 1])

    def squeeze(self):
        """Another in the group fills all memory up to the limit, with what
        cannot be written to a disk; it is small, so the kernel kills it last.
        """
        before = self.killed_n()
        for _try in range(TRIES):
            limit = int(_read(self._usage)) + SPARE_BYTES
            _write(self._limit, limit)
            with open(self._filler, "wb") as out:
                subprocess.run(self.holds(["head", "-c", str(limit),
                                           "/dev/zero"]),
                               stdout=out, stderr=subprocess.DEVNULL,
                               check=False)
            os.unlink(self._filler)
            _write(self._limit, self._none)
            if self.killed_n() > before:
                return
        raise AssertionError("the kernel killed nothing: "
                             + _read(self._events))

    def end(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._filler)
        end = time.monotonic() + 5
        while os.path.exists(self._folder):    # the dead may still be in it
            try:
                os.rmdir(self._folder)
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)


def _place():
    """(folder of our own group, version 1?)"""
    for line in _read("/proc/self/cgroup").splitlines():
        _number, what, path = line.split(":", 2)
        if "memory" in what.split(","):
            return f"{HERE}/memory{path}", True
    return HERE, False


@contextlib.contextmanager
def group():
    above, old = _place()
    folder = os.path.join(above, f"nxclear-test.{os.getpid()}")
    try:
        os.mkdir(folder)
    except OSError as error:
        raise Skip(f"no control group of our own: {error}") from error
    one = Group(folder, old)
    try:
        try:
            one.killed_n()
        except OSError as error:
            raise Skip(f"memory cannot be limited here: {error}") from error
        yield one
    finally:
        one.end()


def watched(path):
    """Environment of a program that writes its places there at its end."""
    return {"LD_PRELOAD": FAILING_MALLOC, "NX_SITES": path}


def failing(site, call):
    return {"LD_PRELOAD": FAILING_MALLOC, "NX_SITE": site,
            "NX_SITE_CALL": str(call)}


def sites(path):
    """[(place, calls)] that watched() left."""
    return [(line.split()[0], int(line.split()[1]))
            for line in _read(path).splitlines()]


def source_line(program, site):
    done = subprocess.run(["addr2line", "-f", "-e", program,
                           hex(int(site, 16) - 1)], capture_output=True,
                          text=True, check=False)
    return " ".join(done.stdout.split()) or site
