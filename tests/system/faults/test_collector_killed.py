"""The collector dies at any instant: killed outright, or with the power. What
it acknowledged is there, once, and it serves again at once."""
import contextlib
import fcntl
import os
import struct
import subprocess
import time

from tests.lib import faults
from tests.lib.support import Skip, work_folder

RESTART_MAX_S = 2.0
# Linux: stop a mounted ext4 as a power cut would; 2: without flushing the log.
EXT4_IOC_SHUTDOWN = 0x8004587D
SHUTDOWN_NO_LOG_FLUSH = 2


def test_killed_at_random_instants():
    rounds_n = faults.rounds(20, 500)
    draw = faults.seeded("kill -9")
    lost = double = 0
    longest = slowest = 0.0
    with faults.collector() as site, faults.client(site) as client:
        client.stream()
        for _round in range(rounds_n):
            client.wait_acked(client.acked, what="the first new ack")
            time.sleep(draw.uniform(0, 0.12))
            faults.kill(site)
            time.sleep(0.02)    # acks on their way count
            acked = client.acked
            ledger = faults.Ledger(faults.store_path(site))
            lost += ledger.lost(acked)
            double += ledger.double()
            began = time.monotonic()
            slowest = max(slowest, faults.restart(site))
            client.wait_acked(acked, what="an ack after the restart")
            longest = max(longest, client.acked_at - began)
        client.stop_stream()
        ledger = faults.Ledger(faults.store_path(site))
        assert ledger.acked == ledger.received > 0, vars(ledger)
    faults.row("collector killed (kill -9)", rounds_n, lost, double, longest)
    assert slowest <= RESTART_MAX_S, f"{slowest:.2f} s until it served"


@contextlib.contextmanager
def disk(folder):
    """An ext4 of our own that writes back only when it must. Yields functions
    that mount it and cut its power."""
    image = os.path.join(folder, "disk")
    place = os.path.join(folder, "mounted")
    os.mkdir(place)
    with open(image, "wb") as out:
        out.truncate(256 << 20)

    def mount():
        done = subprocess.run(["mount", "-o", "loop,commit=300", image, place],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Skip(f"no loop device to mount: {done.stderr.strip()}")

    def unmount():
        subprocess.run(["umount", place], check=False, capture_output=True)

    def cut():
        fd = os.open(place, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN,
                        struct.pack("I", SHUTDOWN_NO_LOG_FLUSH))
        finally:
            os.close(fd)
    if os.geteuid() != 0:
        raise Skip("mounting a disk of our own wants root")
    if subprocess.run(["mkfs.ext4", "-q", image], check=False,
                      capture_output=True).returncode != 0:
        raise Skip("no mkfs.ext4 here")
    mount()
    try:
        yield place, mount, unmount, cut
    finally:
        unmount()


def control(place, mount, unmount, cut):
    """The disk does forget what was not synced, and keeps what was."""
    for name, sync in (("synced", True), ("not-synced", False)):
        with open(os.path.join(place, name), "w", encoding="ascii") as out:
            out.write("x" * 5000)
            out.flush()
            if sync:
                os.fsync(out.fileno())
    cut()
    unmount()
    mount()
    assert os.path.getsize(os.path.join(place, "synced")) == 5000
    path = os.path.join(place, "not-synced")
    assert not os.path.exists(path) or os.path.getsize(path) == 0


def test_power_cut():
    """Modes in turn: power cut while it runs, killed and then cut, paused and
    then cut."""
    rounds_n = faults.rounds(5, 200)
    draw = faults.seeded("power cut")
    lost = double = 0
    longest = 0.0
    with work_folder() as folder, disk(folder) as (place, mount, unmount, cut):
        control(place, mount, unmount, cut)
        with faults.collector(folder=os.path.join(folder, "site"),
                              store=os.path.join(place, "nxclear.db")) as site:
            path = os.path.join(place, "nxclear.db")
            daemon = site.collector_program.daemon
            with faults.client(site) as client:
                client.stream()
                for number in range(rounds_n):
                    client.wait_acked(client.acked + draw.randrange(2000))
                    if number % 3 == 1:
                        faults.kill(site)
                    elif number % 3 == 2:
                        daemon.pause()
                    cut()
                    if number % 3 != 1:
                        daemon.resume()
                        faults.kill(site)
                    time.sleep(0.02)
                    acked = client.acked
                    unmount()
                    mount()
                    ledger = faults.Ledger(path)
                    lost += ledger.lost(acked)
                    double += ledger.double()
                    began = time.monotonic()
                    faults.restart(site)
                    client.wait_acked(acked)
                    longest = max(longest, client.acked_at - began)
                client.stop_stream()
    faults.row("power cut of the collector", rounds_n, lost, double, longest)
