"""The lab's name space: a private unsigned root, the TLD com, the zone
example.com. Only documentation addresses, so that nothing can leak into a
real network even if it could leave the namespace."""
from dataclasses import dataclass, replace

ROOT_ADDRESS = "192.0.2.1"
TLD_ADDRESS = "192.0.2.2"
NS1_ADDRESS = "192.0.2.11"
NS2_ADDRESS = "192.0.2.12"
RECORD_ADDRESS = "192.0.2.80"  # what www.example.com has when all is well

ZONE = "example.com"
NAME = "www.example.com"
NEGATIVE_TTL_S = 45
POSITIVE_TTL_S = 5
DELEGATION_TTL_S = 3600

ROOT_HINTS = (f". 3600 IN NS a.root.example.\n"
              f"a.root.example. 3600 IN A {ROOT_ADDRESS}\n")


@dataclass(frozen=True)
class Zone:
    """A zone as one server serves it. with_() makes the next version."""
    origin: str
    serial: int
    records: tuple             # zone file lines, without the SOA
    soa_ttl: int = DELEGATION_TTL_S
    minimum: int = DELEGATION_TTL_S
    primary: str = "a.root.example."

    @property
    def file_text(self):
        soa = (f"{self.origin} {self.soa_ttl} IN SOA {self.primary} "
               f"hostmaster.example. {self.serial} 3600 600 86400 "
               f"{self.minimum}")
        return "\n".join((soa, *self.records)) + "\n"

    def with_(self, *lines):
        kept = tuple(r for r in self.records if r not in lines)
        return replace(self, serial=self.serial + 1, records=kept + lines)

    def without(self, *owners):
        """Without every record of these owner names."""
        kept = tuple(r for r in self.records if r.split()[0] not in owners)
        return replace(self, serial=self.serial + 1, records=kept)


def root_zone():
    return Zone(".", 1, (
        f". {DELEGATION_TTL_S} IN NS a.root.example.",
        f"a.root.example. {DELEGATION_TTL_S} IN A {ROOT_ADDRESS}",
        f"com. {DELEGATION_TTL_S} IN NS a.tld.example.",
        f"a.tld.example. {DELEGATION_TTL_S} IN A {TLD_ADDRESS}",
    ))


def tld_zone(negative_ttl=NEGATIVE_TTL_S):
    return Zone("com.", 1, (
        f"com. {DELEGATION_TTL_S} IN NS a.tld.example.",
        *delegation(),
    ), soa_ttl=negative_ttl, minimum=negative_ttl)


def delegation():
    return (
        f"{ZONE}. {DELEGATION_TTL_S} IN NS ns1.{ZONE}.",
        f"{ZONE}. {DELEGATION_TTL_S} IN NS ns2.{ZONE}.",
        f"ns1.{ZONE}. {DELEGATION_TTL_S} IN A {NS1_ADDRESS}",
        f"ns2.{ZONE}. {DELEGATION_TTL_S} IN A {NS2_ADDRESS}",
    )


def record(address=RECORD_ADDRESS, name=NAME, ttl=POSITIVE_TTL_S):
    return f"{name}. {ttl} IN A {address}"


def leaf_zone(negative_ttl=NEGATIVE_TTL_S):
    return Zone(f"{ZONE}.", 2026112001, (
        *delegation(), record(),
    ), soa_ttl=negative_ttl, minimum=negative_ttl, primary=f"ns1.{ZONE}.")
