"""deploy/demo NAME [TYPE]: a real name, this machine, its own resolvers.

One collector, one agent that asks the resolvers this machine uses, one that
audits the name's authoritative servers from the root down; then `nxclear
status --watch` until Ctrl-C. Nothing is left behind.
"""
import argparse
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from .daemon import DaemonError
from .demo import stop_on_signals
from .programs import ProgramError, Site

ESTIMATE = {"settle_s": 10, "authority_interval_ms": 2000,
            "probe_floor_ms": 5000}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def open_incident(site, name, rdtype):
    """No outage is known: the name counts as restored from now on. The
    resolvers are asked once its name servers were good for settle_s, or after
    a minute where none can be asked."""
    said = site.cli("incident", "open", name, rdtype, "--restored",
                    "now").stdout
    print(f"demo: {said.strip()}", flush=True)
    return re.search(r"incident (\d+)", said).group(1)


def watch(site, incident):
    """Until the user ends it."""
    run = subprocess.Popen([site.path("nxclear"), "--api", site.api_address,
                            "status", incident, "--watch"])
    try:
        while True:
            try:
                return run.wait(timeout=1)
            except subprocess.TimeoutExpired:
                for daemon in site.daemons():
                    daemon.must_run()
    finally:
        run.send_signal(signal.SIGTERM)
        run.wait()


def run(arguments, folder):
    site = Site(arguments.bin, folder, port=free_port())
    try:
        site.collector(estimate=ESTIMATE)
        site.agent("this-machine")
        site.agent("operations", "auditor", "authority",
                   resolvers={"discover": False})
        site.start()
        return watch(site, open_incident(site, arguments.name,
                                         arguments.type))
    except (DaemonError, ProgramError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        for daemon in site.daemons():
            print(daemon.log_tail(), file=sys.stderr)
        return 70
    finally:
        site.stop()


def main():
    parser = argparse.ArgumentParser(prog="deploy/demo")
    parser.add_argument("--bin", required=True, help="folder of the programs")
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("type", metavar="TYPE", nargs="?", default="A")
    arguments = parser.parse_args()
    stop_on_signals()
    folder = tempfile.mkdtemp(prefix="nxclear-live.")
    try:
        return run(arguments, folder)
    except KeyboardInterrupt:
        print("\ndemo: stopped", file=sys.stderr)
        return 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
