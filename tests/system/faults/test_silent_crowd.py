"""Ten thousand connect to the agents' door and say nothing, again and again: the
agents that speak are served as before, memory is bounded, and the silent ones
are shown out."""
import resource
import socket
import time

from deploy.lab.lab import COLLECTOR_ADDRESS
from deploy.lab.programs import COLLECTOR_PORT
from tests.lib import faults
from tests.lib.support import Skip, rss_kib

ALONE = "it measures times of acks"
CROWD = 10000
WATCH_S = 20
ACK_P99_S = 2.0
GROWN_MAX_KIB = 512 << 10


def knock():
    link = socket.socket()
    link.setblocking(False)
    link.connect_ex((COLLECTOR_ADDRESS, COLLECTOR_PORT))
    return link


def greeted_out(crowd, places):
    """Those that were shown out knock again; how many."""
    again = 0
    for place in places:
        link = crowd[place]
        while True:     # the collector's greeting, and then the end
            try:
                if link.recv(4096) == b"":
                    break
            except BlockingIOError:
                link = None
                break
            except OSError:
                break
        if link is not None:
            link.close()
            crowd[place] = knock()
            again += 1
    return again


def test_silent_crowd():
    faults.nightly("takes a minute")
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < CROWD + 200:
        raise Skip(f"only {hard} open files are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with faults.collector() as site, faults.client(site) as client:
        pid = site.collector_program.daemon.pid
        client.stream(count=4)
        client.wait_acked(0)
        before, gaps = rss_kib(pid), []
        crowd, at, shown_out = [], 0, 0
        end = time.monotonic() + WATCH_S
        last, last_at = client.acked, client.acked_at
        while time.monotonic() < end:
            if len(crowd) < CROWD:
                crowd += [knock() for _ in range(50)]
            else:
                shown_out += greeted_out(crowd, range(at, at + 50))
                at = (at + 50) % CROWD
            if client.acked != last:
                gaps.append(client.acked_at - last_at)
                last, last_at = client.acked, client.acked_at
            time.sleep(0.001)
        grown = rss_kib(pid) - before
        gaps.sort()
        p99 = gaps[len(gaps) * 99 // 100]
        assert len(crowd) == CROWD and shown_out > 0, (len(crowd), shown_out)
        for link in crowd:
            link.close()
        client.stop_stream()
        assert site.api.get("/healthz")[0] == 200
        ledger = faults.Ledger(faults.store_path(site))
        print(f"# {shown_out} were shown out and came again; {grown} KiB more; "
              f"between acks p99 {p99:.3f} s, longest {gaps[-1]:.3f} s")
    assert p99 <= ACK_P99_S, p99
    assert grown <= GROWN_MAX_KIB, grown
    faults.row(f"{CROWD} silent connections", 1, ledger.lost(client.acked),
               ledger.double(), gaps[-1])
