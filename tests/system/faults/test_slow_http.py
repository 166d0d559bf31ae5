"""A flood of slow HTTP clients (slowhttptest) and of idle or greedy ones. The
operators' socket answers as before, memory stays, and who is slow is shown
out."""
import contextlib
import os
import shutil
import socket
import subprocess
import time

from tests.lib import faults
from tests.lib.support import Skip, rss_kib, site_alone, PLAIN_BIN

PORT = 8053
URL = f"http://127.0.0.1:{PORT}/v1/agents"
CLIENTS, RATE, SECONDS = 1000, 500, 8
GROWN_MAX_KIB = 64 << 10
PROMISED_S = 0.05
IDLE = 10000
MODES = {"slow headers": ["-H"], "slow body": ["-B"], "ranges": ["-R"],
         "slow read": ["-X", "-k", "50", "-w", "10", "-y", "20", "-z", "5"]}


def asked(site, go_on):
    """Seconds that each answer on the operators' socket took meanwhile."""
    took = []
    while go_on() or len(took) < 100:
        began = time.monotonic()
        assert site.api.get("/healthz")[0] == 200
        took.append(time.monotonic() - began)
        time.sleep(0.005)
    return sorted(took)


def p99(took):
    return took[len(took) * 99 // 100]


@contextlib.contextmanager
def judged(fault, rounds_n=1):
    """Yields (site, what measures while something goes on)."""
    with site_alone(PLAIN_BIN, http={"listen": f"127.0.0.1:{PORT}"}) as site:
        pid = site.collector_program.daemon.pid
        alone = p99(asked(site, lambda: False))
        before, slowest = rss_kib(pid), []

        def measure(what, go_on):
            slowest.append(p99(asked(site, go_on)))
            print(f"# {what}: p99 {1000 * slowest[-1]:.1f} ms, alone "
                  f"{1000 * alone:.1f} ms; {rss_kib(pid) - before} KiB more",
                  flush=True)
            assert rss_kib(pid) - before < GROWN_MAX_KIB, what
        yield site, measure
        # Neither a machine that is slow alone is blamed here, now or then, nor
        # those that take turns with us on it.
        alone = max(alone, p99(asked(site, lambda: False)))
        turns = max(1, os.getloadavg()[0] / os.cpu_count())
        assert max(slowest) < turns * max(PROMISED_S, 5 * alone), \
            (slowest, alone, turns)
        assert site.api.get("/healthz")[0] == 200
    faults.row(fault, rounds_n, None, None, max(slowest))


def test_slow_clients():
    faults.nightly("takes minutes")
    if shutil.which("slowhttptest") is None:
        raise Skip("no slowhttptest here")
    with judged(f"{CLIENTS} slow HTTP clients, four ways", len(MODES)) as (
            _site, measure):
        for name, mode in MODES.items():
            with subprocess.Popen(
                    ["slowhttptest", *mode, "-c", str(CLIENTS), "-r",
                     str(RATE), "-i", "1", "-l", str(SECONDS), "-u", URL],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL) as slow:
                measure(name, lambda s=slow: s.poll() is None)


def shut_n(links):
    """How many of the connections the other side has ended."""
    ended = 0
    for link in links:
        try:
            ended += link.recv(1, socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            pass
        except OSError:
            ended += 1
    return ended


def test_idle_and_greedy():
    """10,000 connections that say nothing; then 100 that ask a thousand things
    at once and read none of the answers."""
    faults.nightly("takes minutes")
    with judged(f"{IDLE} idle, 100 greedy HTTP clients", 2) as (site, measure):
        links = []
        for _ in range(IDLE):
            with contextlib.suppress(OSError):
                links.append(socket.create_connection(("127.0.0.1", PORT),
                                                      timeout=5))
        end = time.monotonic() + SECONDS
        measure("idle", lambda: time.monotonic() < end)
        print(f"# {len(links)} came, {shut_n(links)} were shown out")
        for link in links:
            link.close()
        greedy = []
        for _ in range(100):
            link = socket.create_connection(("127.0.0.1", PORT), timeout=5)
            link.setblocking(False)
            with contextlib.suppress(OSError):
                link.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
            greedy.append(link)
        end = time.monotonic() + SECONDS
        measure("greedy", lambda: time.monotonic() < end)
        for link in greedy:
            link.close()
