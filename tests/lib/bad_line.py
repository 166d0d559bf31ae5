"""A TCP line between agent and collector that a test can make as bad as lines
are: slow, far, broken off, changing bytes, silent in one direction.

    with bad_line.between(one) as line:     # one: agent_faults.Busy
        line.rtt_s, line.bytes_per_s = 1.3, 8000
        ...
"""
import collections
import contextlib
import select
import socket
import struct
import threading
import time

from deploy.lab.namespace import add_addresses

ADDRESS = "198.51.100.72"
CHUNK = 4096
HELD = 256 << 10        # on the way, in one direction
TO_COLLECTOR, TO_AGENT = 0, 1


class Way:
    """What one direction of a connection has on the way."""

    def __init__(self, line, direction, source, sink):
        self.line, self.direction = line, direction
        self.source, self.sink = source, sink
        self.chunks = collections.deque()    # (not before, bytes)
        self.held = 0
        self.free_at = 0.0    # when the last byte that was sent has left

    def _spoiled(self, data):
        line = self.line
        if line.flip != self.direction:
            return data
        line.flip = None
        line.flipped += 1
        return line.turn_a_bit(data)

    def wants(self):
        return self.held < HELD

    def take(self):
        data = self.source.recv(CHUNK)
        if not data:
            raise ConnectionError("closed")
        now, line = time.monotonic(), self.line
        if self.direction == TO_COLLECTOR and line.recorded is not None:
            line.recorded += data
        if line.silent == self.direction:
            return
        self.free_at = max(now, self.free_at)
        if line.bytes_per_s:
            self.free_at += len(data) / line.bytes_per_s
        self.chunks.append((self.free_at + line.rtt_s / 2,
                            self._spoiled(data)))
        self.held += len(data)

    def due(self):
        return self.chunks[0][0] if self.chunks else None

    def give(self, now):
        while self.chunks and self.chunks[0][0] <= now:
            _at, data = self.chunks.popleft()
            sent = self.sink.send(data)
            self.held -= sent
            if sent < len(data):
                self.chunks.appendleft((now, data[sent:]))
                return


class Line:
    """Its faults may be set at any time, and hold for what comes then. Without
    a random source the bit that flips is one of the last byte: in what is
    encrypted, not in what says how long that is."""

    def __init__(self, target, rng):
        self.rtt_s = 0.0
        self.bytes_per_s = 0      # in each direction; 0: as fast as it goes
        self.flip = None          # a direction: one bit of what comes next there
        self.silent = None        # a direction in which nothing arrives
        self.recorded = None      # a bytearray: what the newest sends
        self.flipped = self.opened = 0
        self.target, self._rng = target, rng
        self._links = []          # (Way, Way)
        self._cut = False
        self._listener = socket.create_server((ADDRESS, 0))
        self._wake, self._woken = socket.socketpair()
        self._done = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def endpoint(self):
        return "tcp://%s:%d" % self._listener.getsockname()[:2]

    def cut(self):
        """RST in both directions on all that are open."""
        self._cut = True
        self._wake.send(b"x")

    def turn_a_bit(self, data):
        spoiled = bytearray(data)
        at = self._rng.randrange(len(data)) if self._rng else -1
        spoiled[at] ^= 1 << (self._rng.randrange(8) if self._rng else 0)
        return bytes(spoiled)

    def close(self):
        self._done = True
        self._wake.send(b"x")
        self._thread.join(10)

    def _accept(self):
        agent, _peer = self._listener.accept()
        self.opened += 1
        if self.recorded is not None:
            self.recorded.clear()
        try:
            collector = socket.create_connection(self.target, timeout=5)
        except OSError:
            agent.close()
            return
        for link in (agent, collector):
            link.setblocking(False)
        self._links.append((Way(self, TO_COLLECTOR, agent, collector),
                            Way(self, TO_AGENT, collector, agent)))

    @staticmethod
    def _end(link, reset):
        for way in link:
            if reset:
                way.source.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                      struct.pack("ii", 1, 0))
            way.source.close()

    def _step(self):
        ways = [way for link in self._links for way in link]
        due = [way.due() for way in ways if way.due() is not None]
        wait = max(min(due) - time.monotonic(), 0) if due else None
        stuck = [w.sink for w in ways
                 if w.due() is not None and w.due() <= time.monotonic()]
        readable, _, _ = select.select(
            [self._listener, self._woken,
             *(way.source for way in ways if way.wants())], [],
            [], wait if not stuck else 0.002)
        if self._woken in readable:
            self._woken.recv(64)
        if self._listener in readable:
            self._accept()
        now = time.monotonic()
        for link in list(self._links):
            try:
                for way in link:
                    if way.source in readable:
                        way.take()
                    with contextlib.suppress(BlockingIOError):
                        way.give(now)
            except OSError:
                self._links.remove(link)
                self._end(link, reset=False)
        if self._cut:
            self._cut = False
            for link in self._links:
                self._end(link, reset=True)
            self._links = []

    def _run(self):
        while not self._done:
            self._step()
        for link in self._links:
            self._end(link, reset=False)
        self._listener.close()


@contextlib.contextmanager
def between(one, rng=None):
    """Puts a good line between the agent and the collector of a Busy; what the
    line is afterwards is up to the test. The agent goes back to the direct way
    at the end."""
    add_addresses([ADDRESS])
    place = one.agent.config["collectors"][0]
    direct = place["endpoint"]
    host, port = direct.removeprefix("tcp://").rsplit(":", 1)
    line = Line((host, int(port)), rng)

    def go(endpoint):
        place["endpoint"] = endpoint
        one.agent.write_config()
        one.agent.daemon.signal(1)
    try:
        go(line.endpoint)
        yield line
    finally:
        go(direct)
        line.close()
