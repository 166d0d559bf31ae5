"""Users who ask, and the independent measurement of when a resolver is clear.

Both use plain queries from their own sockets and addresses and know nothing of
nxclear: the measurement is the judge of its forecasts. It must not start
before the record is restored, or it would plant negative answers itself.
"""
import threading
import time

from .ask import ask
from .zones import NAME

PERIOD_S = 0.1
ANSWER_TIMEOUT_S = 0.5
USER_TIMEOUT_S = 2.0


class Users:
    """Asks each network's resolver at its moments (seconds after start)."""

    def __init__(self, networks, name=NAME, on_answer=None):
        self._due = sorted(((at, n) for n in networks for at in n.asks_s),
                           key=lambda pair: pair[0])
        self._name = name
        self._on_answer = on_answer
        self.answers = []      # (seconds after start, network, Answer)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._began = time.monotonic()
        self._thread.start()

    def wait(self):
        self._thread.join()

    def stop(self):
        self._stop.set()
        self._thread.join()

    def _run(self):
        for at, network in self._due:
            if self._stop.wait(max(0, self._began + at - time.monotonic())):
                return
            # The next one does not wait for it.
            reply = ask(network.address, self._name,
                        source=network.user_address, timeout=USER_TIMEOUT_S)
            self.answers.append((at, network, reply))
            if self._on_answer:
                self._on_answer(at, network, reply)


class ClearWatch:
    """One endpoint, asked every 100 ms from start() on."""

    def __init__(self, address, name=NAME, source=None, payload=0):
        self.address = address
        self._payload = payload
        self._name = name
        self._source = source
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.looks = []        # Answer or None, in order
        self.clear_since = None  # wall clock; None while it denies
        self.last_negative = None

    def start(self):
        self._thread.start()
        return self

    def stop(self):
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self):
        due = time.monotonic()
        while not self._stop.wait(max(0, due - time.monotonic())):
            due = max(due + PERIOD_S, time.monotonic())
            self._take(ask(self.address, self._name, source=self._source,
                           timeout=ANSWER_TIMEOUT_S, payload=self._payload))

    def _take(self, reply):
        self.looks.append(reply)
        if reply is None or not reply.positive:
            self.clear_since = None
            if reply is not None:
                self.last_negative = reply
        elif self.clear_since is None:
            self.clear_since = reply.received


class NetworkWatch:
    """A network is clear when every cache its users can meet is."""

    def __init__(self, network, name=NAME, source=None):
        self.network = network
        self.watches = [ClearWatch(a, name, source)
                        for a in network.endpoints]

    def start(self):
        for watch in self.watches:
            watch.start()
        return self

    def stop(self):
        for watch in self.watches:
            watch.stop()

    @property
    def actual(self):
        """Wall clock since when all answers are positive, or None."""
        return self.between and self.between[1]

    @property
    def between(self):
        """It cleared after the last denial was asked for, and before the first
        of the answers came that have been positive since. Or None."""
        if any(w.clear_since is None for w in self.watches):
            return None
        last = max(self.watches, key=lambda w: w.clear_since)
        denied = last.last_negative
        return denied.sent if denied else last.clear_since, last.clear_since
