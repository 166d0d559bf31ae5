"""An authoritative server that does what the good ones do not: SOAs that are
not clipped, denials without SOA, failures.

    odd_server.py ADDRESS STATE

STATE is a JSON file that is read again for each query: {zone: {"serial",
"soa_ttl", "minimum", "soa" (denials have one), "fails" (SERVFAIL),
"edns" (it answers with EDNS), "empty" (nothing in place of NXDOMAIN, without
AA if it is "plain"), "names": {name: address}, "aliases": {name: target}
(nothing is said of the target)}}; names end with a dot.
"""
import json
import socket
import sys

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

TTL_S = 3600
RECORD_TTL_S = 5


def zone_of(name, state):
    """The longest zone that holds the name, or None."""
    found = [z for z in state
             if name.is_subdomain(dns.name.from_text(z))]
    return max(found, key=lambda z: z.count(".") if z != "." else 0,
               default=None)


def soa(zone, facts):
    return dns.rrset.from_text(
        zone, facts["soa_ttl"], "IN", "SOA",
        f"ns1.example. hostmaster.example. {facts['serial']} 3600 600 86400 "
        f"{facts['minimum']}")


def server_records(zone, address):
    """Of every zone: its NS, and that one's address."""
    name = f"ns1.{zone}".rstrip(".") + "."
    return {(zone, "NS"): dns.rrset.from_text(zone, TTL_S, "IN", "NS", name),
            (name, "A"): dns.rrset.from_text(name, TTL_S, "IN", "A", address)}


def answer(query, state, address):
    reply = dns.message.make_response(query)
    question = query.question[0]
    zone = zone_of(question.name, state)
    if not state.get(zone, {}).get("edns", True):
        reply.use_edns(False)
    elif query.edns >= 0:  # with DO: kresd reads a TTL from the flags
        reply.use_edns(0, query.ednsflags, 1232)
    name = question.name.to_text().lower()
    if zone is None:
        reply.set_rcode(dns.rcode.REFUSED)
        return reply
    facts = state[zone]
    rdtype = dns.rdatatype.to_text(question.rdtype)
    if facts.get("fails"):
        reply.set_rcode(dns.rcode.SERVFAIL)
        return reply
    reply.flags |= dns.flags.AA
    there = {**server_records(zone, address), (zone, "SOA"): soa(zone, facts)}
    for owner, rdata in facts["names"].items():
        there[owner, "A"] = dns.rrset.from_text(owner, RECORD_TTL_S, "IN", "A",
                                                rdata)
    target = facts.get("aliases", {}).get(name)
    if target:
        reply.answer.append(dns.rrset.from_text(name, RECORD_TTL_S, "IN",
                                                "CNAME", target))
        return reply
    if (name, rdtype) in there:
        reply.answer.append(there[name, rdtype])
        return reply
    if facts.get("empty"):
        if facts["empty"] == "plain":
            reply.flags &= ~dns.flags.AA
        return reply
    if name not in {owner for owner, _rdtype in there}:
        reply.set_rcode(dns.rcode.NXDOMAIN)
    if facts.get("soa", True):
        reply.authority.append(soa(zone, facts))
    return reply


def main():
    address, path = sys.argv[1:3]
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, 53))
    while True:
        data, peer = sock.recvfrom(4096)
        try:
            query = dns.message.from_wire(data)
            with open(path, encoding="ascii") as source:
                state = json.load(source)
            sock.sendto(answer(query, state, address).to_wire(), peer)
        except (dns.exception.DNSException, IndexError):
            continue


if __name__ == "__main__":
    main()
