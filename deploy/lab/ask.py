"""Asking a DNS server the way a stub resolver does: one plain query from one
fresh connected UDP socket, nothing cached, nothing retried behind our back.

Connected, because then a port nobody listens on is reported at once.
"""
import socket
import time
from dataclasses import dataclass, field

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

POLL_S = 0.01     # how often wait_until looks at first, ...
POLL_MAX_S = 0.1  # ... and at last: looking costs time that others need
PATIENCE_S = 60   # the least limit: nobody knows how busy the machine is


@dataclass
class Answer:
    rcode: str                 # "NOERROR", "NXDOMAIN", ...
    sent: float                # wall clock, seconds
    received: float
    rdata: list = field(default_factory=list)  # of the asked type
    soa_owner: str = ""        # in the authority section
    soa_ttl: int = -1
    soa_minimum: int = -1
    soa_serial: int = -1
    aa: bool = False

    @property
    def positive(self):
        return self.rcode == "NOERROR" and bool(self.rdata)

    @property
    def negative(self):
        return self.rcode == "NXDOMAIN" or (
            self.rcode == "NOERROR" and not self.rdata)


def _read(reply, rdtype, sent, received):
    answer = Answer(dns.rcode.to_text(reply.rcode()), sent, received,
                    aa=bool(reply.flags & dns.flags.AA))
    for rrset in reply.answer:
        if rrset.rdtype == rdtype:
            answer.rdata += [r.to_text() for r in rrset]
    for rrset in reply.authority:
        if rrset.rdtype == dns.rdatatype.SOA:
            answer.soa_owner = rrset.name.to_text()
            answer.soa_ttl = rrset.ttl
            answer.soa_minimum = rrset[0].minimum
            answer.soa_serial = rrset[0].serial
    return answer


def ask(server, name, rdtype="A", source=None, timeout=30.0, rd=True, port=53,
        payload=0):
    """One question; None when no answer to it came in time. payload: of EDNS,
    0 without it."""
    query = dns.message.make_query(name, rdtype, payload=payload or None,
                                   use_edns=0 if payload else False)
    if not rd:
        query.flags &= ~dns.flags.RD
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            if source:
                sock.bind((source, 0))
            sock.connect((server, port))
            sent = time.time()
            sock.send(query.to_wire())
            return _await_reply(sock, query, sent, timeout)
        except OSError:
            return None


def _await_reply(sock, query, sent, timeout):
    deadline = time.monotonic() + timeout
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        sock.settimeout(left)
        data = sock.recv(65535)
        received = time.time()
        try:
            reply = dns.message.from_wire(data, ignore_trailing=True)
        except dns.exception.DNSException:
            continue
        if query.is_response(reply):
            return _read(reply, query.question[0].rdtype, sent, received)


def wait_until(condition, timeout, what):
    """Poll condition() until it returns something true, and return that. What
    must not take long measures it."""
    timeout = max(timeout, PATIENCE_S)
    deadline = time.monotonic() + timeout
    pause = POLL_S
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() >= deadline:
            raise TimeoutError(f"waited {timeout:g} s in vain for {what}")
        time.sleep(pause)
        pause = min(1.05 * pause, POLL_MAX_S)
