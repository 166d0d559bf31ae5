"""The line between agent and collector is bad: bytes that change, connections
that are broken off, one direction silent, slow and far."""
import contextlib
import datetime
import socket
import statistics
import time

from deploy.lab.ask import wait_until
from tests.lib import agent_faults, bad_line, faults
from tests.lib.support import network_row, rss_kib

PATIENCE_S = 90
HEARTBEAT_S = 15    # of the agent
UNHARMED = 80 * agent_faults.BATCH      # results: more than is on the way
RECORD_BYTES = 20000
RTT_S, SLOW_BYTES_PER_S = 1.3, 8000     # a satellite; 64 kbit/s
HOLD_S = 0.1 + 2    # batch.max_age_ms, and what slow acks add
LOADED_S = 1    # more, where other tests run beside it
SLOW_S = 40     # too small batches would have filled the line long before


def connections(one, line):
    """That the agent had over the line, handshake and all."""
    return one.agent.daemon.log_text().count(f"{line.endpoint}: connected")


def carries(one, line):
    """Until results come over the line."""
    wait_until(lambda: connections(one, line) > 0, PATIENCE_S,
               "the agent on the line")
    return one.wait_stored(one.stored(), "results over the line")


def heal(one, line):
    """Seconds from a good line to new results."""
    line.silent = None
    line.rtt_s = line.bytes_per_s = 0
    return one.wait_stored(one.stored(), "results over the good line")


def test_changed_bytes():
    """What was changed on the way does not count as said: the connection ends,
    and what was not acknowledged is said again."""
    wanted = faults.rounds(2, 20)
    draw = faults.seeded("changed bytes") if faults.NIGHTLY else None
    with agent_faults.busy() as one, bad_line.between(one, draw) as line:
        carries(one, line)
        longest = ended = 0
        for number in range(wanted):
            before = connections(one, line)
            line.flip = (bad_line.TO_AGENT, bad_line.TO_COLLECTOR)[number % 2]
            wait_until(lambda: line.flipped > number, PATIENCE_S, "a change")
            enough = one.ledger()["acked"] + UNHARMED
            began = time.monotonic()
            # Bits that ZMTP reserves are not looked at.
            wait_until(lambda: connections(one, line) > before or
                       one.ledger()["acked"] > enough, PATIENCE_S,
                       "another connection, or that nothing was harmed")
            ended += connections(one, line) > before
            heal(one, line)
            longest = max(longest, time.monotonic() - began)
        changed = line.flipped
        said = one.agent.daemon.log_text()
        assert "bytes were changed on the way" in said, said
        lost, double = one.settle()
    print(f"# {changed} changes, {ended} of them ended the connection")
    assert ended > 0.8 * changed
    faults.row("bytes changed on the way", changed, lost, double, longest)


def say(bytes_said, target):
    """To the collector, whatever it answers, until it hangs up."""
    with socket.create_connection(target, timeout=5) as link:
        link.settimeout(1)
        with contextlib.suppress(OSError):
            link.sendall(bytes_said)
            while link.recv(4096):
                pass


def test_replayed_connection():
    """Somebody on the way wrote down a whole connection, and says it again: it
    says nothing, then."""
    wanted = faults.rounds(3, 30)
    draw = faults.seeded("a connection again")
    with agent_faults.busy() as one, bad_line.between(one, draw) as line:
        carries(one, line)
        line.recorded = bytearray()
        opened = line.opened
        line.cut()
        wait_until(lambda: line.opened > opened, PATIENCE_S,
                   "another connection")
        end = time.monotonic() + PATIENCE_S
        while len(line.recorded) < RECORD_BYTES:
            assert time.monotonic() < end, len(line.recorded)
            one.wait_stored(one.stored(), "results over the line")
        recorded, line.recorded = bytes(line.recorded), None
        opened = line.opened
        for number in range(wanted):
            say(recorded if number == 0 else
                recorded[:draw.randrange(len(recorded))], line.target)
        took = one.wait_stored(one.stored(), "results beside it")
        assert line.opened == opened, "the true connection was ended"
        assert one.site.agent_record(one.agent)["state"] == "accepted"
        lost, double = one.settle()
    faults.row("recorded connections replayed", wanted, lost, double, took)


def test_broken_off():
    wanted = faults.rounds(5, 20)
    with agent_faults.busy() as one, bad_line.between(one) as line:
        draw = faults.seeded("connections broken off")
        carries(one, line)
        longest = 0
        for _cut in range(wanted):
            opened = line.opened
            time.sleep(draw.uniform(0, 0.3))   # the instant is the fault
            line.cut()
            wait_until(lambda: line.opened > opened, PATIENCE_S,
                       "another connection")
            longest = max(longest, one.wait_stored(one.stored()))
        lost, double = one.settle()
    faults.row("connection broken off (RST)", wanted, lost, double, longest)


def test_one_direction_silent():
    """Nothing arrives in one direction, and no end of the connection is told."""
    faults.nightly("takes minutes")
    with agent_faults.busy() as one, bad_line.between(one) as line:
        longest = 0
        for direction in (bad_line.TO_COLLECTOR, bad_line.TO_AGENT):
            carries(one, line)
            opened = line.opened
            line.silent = direction
            began = time.monotonic()
            wait_until(lambda: line.opened > opened, PATIENCE_S,
                       "the agent to notice")
            noticed = time.monotonic() - began
            print(f"# direction {direction}: noticed after {noticed:.1f} s")
            assert noticed <= 3 * HEARTBEAT_S, noticed
            longest = max(longest, heal(one, line))
        lost, double = one.settle()
    faults.row("one direction silent", 2, lost, double, longest)


def age(one):
    """Seconds since what operators see now was seen."""
    row = network_row(one.site.api.status(1), "branch")
    return time.time() - datetime.datetime.fromisoformat(
        row["seen"]).timestamp()


def test_slow_and_far():
    """Batches grow, so that the line carries them: memory stays, the connection
    holds, nothing is sent twice, and what is known is fresh."""
    faults.nightly("takes a minute")
    with agent_faults.busy(batch=1000) as one, bad_line.between(one) as line:
        carries(one, line)
        good = statistics.mean(one.sizes())
        opened, before = line.opened, rss_kib(one.agent.daemon.pid)
        line.rtt_s, line.bytes_per_s = RTT_S, SLOW_BYTES_PER_S
        one.wait_stored(one.stored(), "results over the slow line")
        batches, again = len(one.batches()), one.again()
        behind, end = [], time.monotonic() + SLOW_S
        while time.monotonic() < end:
            behind.append(age(one))
            time.sleep(0.1)
        grown = rss_kib(one.agent.daemon.pid) - before
        sizes, again = one.sizes(batches), one.again() - again
        print(f"# {line.opened - opened} connections more, {grown} KiB more, "
              f"{again} results again")
        print(f"# {statistics.mean(sizes):.0f} results in a batch, over the "
              f"good line {good:.0f}; what is known is "
              f"{statistics.median(behind):.2f} s old, {max(behind):.2f} s at "
              "most")
        assert line.opened == opened, "the connection did not hold"
        assert grown <= 1024, grown
        assert again == 0, again
        assert statistics.mean(sizes) >= 2 * good, (sizes, good)
        assert statistics.median(behind) <= HOLD_S + RTT_S, behind
        assert sorted(behind)[len(behind) * 9 // 10] <= \
            HOLD_S + 2 * RTT_S + LOADED_S, behind
        took = heal(one, line)
        lost, double = one.settle()
    faults.row("64 kbit/s, 1.3 s there and back", 1, lost, double, took)
