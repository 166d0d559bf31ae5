"""Any call of the system may fail, now and then: fiu-run puts its library in
front of the C library. The program tries again or ends by itself; what it said
to have kept is there. Not made to fail: calls that libzmq takes to be sound,
and ends the process for (read and write of its own signals, epoll)."""
import errno
import math
import shutil
import time

from tests.lib import agent_faults, faults
from tests.lib.support import Skip

SECONDS = 2
LIMITS = {"agent_messages_per_s": 200, "agent_kib_per_s": 1048576}
SIGABRT = 6
DISK = [("posix/io/rw/pwrite", (errno.EIO, errno.ENOSPC, errno.EINTR)),
        ("posix/io/rw/pwrite/reduce", (0,)),
        ("posix/io/rw/pread", (errno.EIO, errno.EINTR)),
        ("posix/io/rw/pread/reduce", (0,)),
        ("posix/io/rw/ftruncate", (errno.EIO,)),
        ("posix/io/sync/*", (errno.EIO, errno.ENOSPC)),
        ("posix/io/oc/open", (errno.EMFILE, errno.ENOMEM)),
        ("posix/io/dir/*", (errno.EIO,))]
NET = [("posix/io/net/send", (errno.ECONNRESET, errno.EINTR)),
       ("posix/io/net/recv", (errno.ECONNRESET, errno.EINTR)),
       ("posix/io/net/sendto", (errno.ENOBUFS, errno.ENETUNREACH)),
       ("posix/io/net/recvfrom", (errno.EINTR, errno.ECONNREFUSED)),
       ("posix/io/net/socket", (errno.EMFILE, errno.ENOBUFS)),
       ("posix/io/net/connect", (errno.ENETUNREACH, errno.EINTR)),
       ("posix/io/net/accept", (errno.EMFILE, errno.ECONNABORTED))]
MEMORY = [("libc/mm/*", (errno.ENOMEM,)), ("posix/mm/mmap", (errno.ENOMEM,))]


class Failing:
    """One round's failing calls, in front of a command."""

    def __init__(self, draw, points):
        self.memory = draw.random() < 0.2
        some = draw.sample(MEMORY, 1) if self.memory else draw.sample(points, 2)
        self.what = []
        for point, errors in some:
            # 0.1 % to 5 %; memory is asked for far more often.
            share = math.exp(draw.uniform(math.log(0.001), math.log(0.05)))
            share *= 0.001 if point == "libc/mm/*" else 1
            self.what.append((point, draw.choice(errors), share))

    def before(self, command):
        if shutil.which("fiu-run") is None:
            raise Skip("no fiu-run here (package fiu-utils)")
        options = [word for point, error, share in self.what for word in (
            "-c", f"enable_random name={point},probability={share:.7f},"
                  f"failinfo={error}")]
        return ["fiu-run", "-x", "-f", "", *options, *command]

    def __str__(self):
        return ", ".join(f"{errno.errorcode.get(error, 'short')} from {point} "
                         f"{share:.4%}" for point, error, share in self.what)

    def judge_end(self, daemon):
        """By itself, or by a library that has no memory."""
        code = daemon.process.wait()
        assert code > 0 or (self.memory and code == -SIGABRT), \
            (str(self), code, daemon.log_tail())


def start(daemon, failing):
    """With what fails in front; False when it has ended for it."""
    plain, daemon.command = daemon.command, failing.before(daemon.command)
    try:
        daemon.start()
    finally:
        daemon.command = plain


def test_collector():
    faults.nightly("takes minutes")
    rounds_n = faults.rounds(2, 40)
    draw = faults.seeded("collector's calls fail")
    lost = double = ended = 0
    longest = 0.0
    with faults.collector(limits=LIMITS) as site, \
            faults.client(site) as client:
        daemon = site.collector_program.daemon
        faults.open_restored(site)
        client.stream()
        client.wait_acked(0)
        for _round in range(rounds_n):
            assert daemon.stop(timeout=60) == 0
            failing = Failing(draw, DISK + NET)
            began_acked = client.acked
            start(daemon, failing)
            end = time.monotonic() + SECONDS
            while time.monotonic() < end and daemon.running():
                try:
                    for target in ("/healthz", "/metrics", "/v1/agents",
                                   "/v1/incidents/1/status"):
                        site.api.get(target)
                except OSError:
                    pass
                time.sleep(0.1)
            print(f"# {failing}: {client.acked - began_acked} acknowledged, "
                  f"{'goes on' if daemon.running() else 'has ended'}",
                  flush=True)
            if daemon.running():
                faults.kill(site)
            else:
                ended += 1
                failing.judge_end(daemon)
            time.sleep(0.02)    # acks on their way count
            acked, began = client.acked, time.monotonic()
            ledger = faults.Ledger(faults.store_path(site))
            lost += ledger.lost(acked)
            double += ledger.double()
            faults.restart(site)
            client.wait_acked(acked, what="an ack after it")
            longest = max(longest, client.acked_at - began)
        client.stop_stream()
    print(f"# ended by itself {ended} times")
    faults.row("collector's calls fail at random", rounds_n, lost, double,
               longest)


def test_agent():
    faults.nightly("takes minutes")
    rounds_n = faults.rounds(2, 40)
    draw = faults.seeded("agent's calls fail")
    ended = 0
    longest = 0.0
    with agent_faults.busy() as one:
        daemon = one.agent.daemon
        for _round in range(rounds_n):
            one.stop_agent()
            failing = Failing(draw, DISK + NET)
            stored = one.stored()
            start(daemon, failing)
            end = time.monotonic() + SECONDS
            while time.monotonic() < end and daemon.running():
                time.sleep(0.1)
            print(f"# {failing}: {one.stored() - stored} stored, "
                  f"{'goes on' if daemon.running() else 'has ended'}",
                  flush=True)
            if daemon.running():
                one.kill_agent()
            else:
                ended += 1
                failing.judge_end(daemon)
            longest = max(longest, one.recover())
        lost, double = one.settle()
    print(f"# ended by itself {ended} times")
    faults.row("agent's calls fail at random", rounds_n, lost, double, longest)
