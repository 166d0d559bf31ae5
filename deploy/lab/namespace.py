"""A network of our own: everything the lab starts lives in one network
namespace, so daemons may use port 53 and the system's DNS is never touched.

enter() starts the program again inside. Where the kernel allows it there is
also a process namespace, in which every daemon dies with the run, however the
run ends (a crash before a cleanup handler included).
"""
import os
import signal
import subprocess
import sys

INSIDE = "NXCLEAR_LAB_INSIDE"  # set in the environment of the inner program

_PROCESSES = ["--pid", "--fork", "--kill-child"]
_AS_USER = ["--user", "--map-root-user"]


class NamespaceError(Exception):
    """No network namespace can be made here; the text says why."""


def inside():
    return os.environ.get(INSIDE) == "1"


def _variants():
    """unshare options, the best first. A container may forbid some.

    A process namespace without its own /proc is worse than none: programs
    would find other processes under their numbers."""
    for user in ([[]] if os.geteuid() == 0 else []) + [_AS_USER]:
        yield user + ["--net"] + _PROCESSES + ["--mount-proc"]
        yield user + ["--net"]


def _choose():
    said = "unshare is missing (package util-linux)"
    for options in _variants():
        try:
            test = subprocess.run(
                ["unshare", *options, "ip", "link", "set", "lo", "up"],
                capture_output=True, text=True, check=False)
        except FileNotFoundError:
            break
        if test.returncode == 0:
            return options
        said = test.stderr.strip()
    raise NamespaceError(
        "cannot make a network namespace: " + said + "\n"
        "  Run as root, or allow user namespaces "
        "(sysctl kernel.unprivileged_userns_clone=1), or in a container "
        "start it with --privileged.")


def _forward(unshare_pid, number):
    """unshare itself ignores signals: hand them to the program below it."""
    path = f"/proc/{unshare_pid}/task/{unshare_pid}/children"
    try:
        with open(path, encoding="ascii") as children:
            pids = children.read().split()
        for pid in pids or [unshare_pid]:
            os.kill(int(pid), number)
    except (OSError, ValueError):
        pass


def enter(command):
    """Run command (a list) inside; return its exit status."""
    # Should this process be killed outright, unshare goes too, and with it
    # (--kill-child) everything inside.
    run = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", "unshare", *_choose(), *command],
        env={**os.environ, INSIDE: "1"})
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda n, _f: _forward(run.pid, n))
    status = run.wait()
    return status if status >= 0 else 128 - status


def enter_python(module, arguments):
    """The same for a Python module, with this interpreter."""
    return enter([sys.executable, "-m", module, *arguments])


def add_addresses(addresses):
    """Put addresses on the loopback interface of the namespace, alone each."""
    if not inside():
        raise NamespaceError("not inside a lab namespace")
    lines = ["link set lo up"]
    lines += [f"addr replace {a}/{128 if ':' in a else 32} dev lo"
              for a in sorted(set(addresses))]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines) + "\n",
                   text=True, check=True, stdout=subprocess.DEVNULL)


def rules_before_local():
    """Rules of our own come before the table of local addresses from now on."""
    for line in ("rule add pref 100 lookup local", "rule del pref 0"):
        subprocess.run(["ip", *line.split()], check=True)
