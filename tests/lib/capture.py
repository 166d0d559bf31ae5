"""Every DNS question that crosses the namespace's loopback interface, read
from a packet socket. An observer that the programs cannot know of."""
import socket
import struct
import threading
import time
from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.message

ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 = 0x0003, 0x0800, 0x86dd
PACKET_HOST = 0  # loopback shows each packet twice: going out and coming in
ETHERNET_HEADER = 14
SO_TIMESTAMPNS = 35  # asm-generic/socket.h: when the kernel had the packet
UDP, TCP = 17, 6


@dataclass(frozen=True)
class Question:
    at: float        # wall clock
    source: str
    destination: str
    name: str        # lower case, no dot at the end
    rdtype: int
    rd: bool
    payload: int     # EDNS size offered; 0: no EDNS


@dataclass(frozen=True)
class Answer:
    at: float
    source: str
    destination: str
    name: str        # that was asked for
    rdtype: int
    rcode: int


class Capture:
    """with Capture() as capture: ...; capture.questions and .answers grow
    meanwhile."""

    def __init__(self, port=53):
        self._port = port
        self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                   socket.htons(ETH_P_ALL))
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self._sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._sock.settimeout(0.1)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.questions = []
        self.answers = []

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self._end.set()
        self._thread.join()
        self._sock.close()

    def select(self, since=0.0, until=float("inf"), answers=False, **wanted):
        """Questions (or answers) of that time whose fields have these values,
        or a value out of a set."""
        def fits(message):
            return since <= message.at <= until and all(
                getattr(message, k) in v if isinstance(v, (set, frozenset))
                else getattr(message, k) == v for k, v in wanted.items())
        return [m for m in list(self.answers if answers else self.questions)
                if fits(m)]

    def _run(self):
        """Until nothing is left when it ends."""
        while True:
            try:
                frame, extra, _flags, address = self._sock.recvmsg(
                    65535, socket.CMSG_SPACE(16))
            except TimeoutError:
                if self._end.is_set():
                    return
                continue
            if address[2] == PACKET_HOST:
                message = self._read(address[1], frame[ETHERNET_HEADER:],
                                     self._time(extra))
                if isinstance(message, Question):
                    self.questions.append(message)
                elif message:
                    self.answers.append(message)

    @staticmethod
    def _time(extra):
        """The kernel's: this thread may be late."""
        for _level, kind, data in extra:
            if kind == SO_TIMESTAMPNS:
                seconds, nanoseconds = struct.unpack("qq", data)
                return seconds + nanoseconds / 1e9
        return time.time()

    def _read(self, kind, packet, at):
        """IPv6 without extension headers, which nobody here sends."""
        if kind == ETH_P_IP:
            header, protocol = (packet[0] & 15) * 4, packet[9]
            source, destination = packet[12:16], packet[16:20]
        elif kind == ETH_P_IPV6:
            header, protocol = 40, packet[6]
            source, destination = packet[8:24], packet[24:40]
        else:
            return None
        family = socket.AF_INET if kind == ETH_P_IP else socket.AF_INET6
        source = socket.inet_ntop(family, source)
        destination = socket.inet_ntop(family, destination)
        payload = self._payload(protocol, packet[header:])
        if payload is None:
            return None
        try:
            message = dns.message.from_wire(payload, ignore_trailing=True)
        except dns.exception.DNSException:
            return None
        if not message.question:
            return None
        asked = message.question[0]
        name = asked.name.to_text(omit_final_dot=True).lower()
        if message.flags & dns.flags.QR:
            return Answer(at, source, destination, name, asked.rdtype,
                          message.rcode())
        return Question(at, source, destination, name, asked.rdtype,
                        bool(message.flags & dns.flags.RD), message.payload)

    def _payload(self, protocol, segment):
        """DNS message bytes; over TCP only when a segment holds all of it,
        which is so for questions."""
        if self._port not in struct.unpack("!HH", segment[:4]):
            return None
        if protocol == UDP:
            return segment[8:]
        if protocol == TCP:
            data = segment[(segment[12] >> 4) * 4:]
            return data[2:] if len(data) > 14 else None
        return None
