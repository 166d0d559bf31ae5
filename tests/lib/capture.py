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


class Capture:
    """with Capture() as capture: ...; capture.questions grows meanwhile."""

    def __init__(self, port=53):
        self._port = port
        self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                   socket.htons(ETH_P_ALL))
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self._sock.settimeout(0.1)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.questions = []

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self._end.set()
        self._thread.join()
        self._sock.close()

    def select(self, since=0.0, until=float("inf"), **wanted):
        """Questions of that time whose fields have these values, or a value
        out of a set."""
        def fits(question):
            return since <= question.at <= until and all(
                getattr(question, k) in v if isinstance(v, (set, frozenset))
                else getattr(question, k) == v for k, v in wanted.items())
        return [q for q in list(self.questions) if fits(q)]

    def _run(self):
        while not self._end.is_set():
            try:
                frame, address = self._sock.recvfrom(65535)
            except TimeoutError:
                continue
            if address[2] == PACKET_HOST:
                question = self._read(address[1], frame[ETHERNET_HEADER:])
                if question:
                    self.questions.append(question)

    def _read(self, kind, packet):
        """IPv6 without extension headers, which nobody here sends."""
        if kind == ETH_P_IP:
            header, protocol = (packet[0] & 15) * 4, packet[9]
            source, destination = packet[12:16], packet[16:20]
        elif kind == ETH_P_IPV6:
            header, protocol = 40, packet[6]
            source, destination = packet[8:24], packet[24:40]
        else:
            return None
        payload = self._payload(protocol, packet[header:])
        if payload is None:
            return None
        try:
            message = dns.message.from_wire(payload, ignore_trailing=True)
        except dns.exception.DNSException:
            return None
        if message.flags & dns.flags.QR or not message.question:
            return None
        asked = message.question[0]
        family = socket.AF_INET if kind == ETH_P_IP else socket.AF_INET6
        return Question(
            time.time(), socket.inet_ntop(family, source),
            socket.inet_ntop(family, destination),
            asked.name.to_text(omit_final_dot=True).lower(), asked.rdtype,
            bool(message.flags & dns.flags.RD), message.payload)

    def _payload(self, protocol, segment):
        """DNS message bytes; over TCP only when a segment holds all of it,
        which is so for questions."""
        if struct.unpack("!H", segment[2:4])[0] != self._port:
            return None
        if protocol == UDP:
            return segment[8:]
        if protocol == TCP:
            data = segment[(segment[12] >> 4) * 4:]
            return data[2:] if len(data) > 14 else None
        return None
