"""Signed zones: BIND's tools sign a zone's file, any server serves it."""
import glob
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass, replace

from .zones import Zone


def _run(folder, *command):
    return subprocess.run(command, cwd=folder, text=True, check=True,
                          capture_output=True).stdout


@dataclass(frozen=True)
class SignedZone(Zone):
    signed_text: str = ""

    @property
    def file_text(self):
        return self.signed_text

    @property
    def plain(self):
        return Zone(**{f: getattr(self, f) for f in Zone.__dataclass_fields__})


class Signer:
    """One key for one zone."""

    def __init__(self, origin, algorithm=("-a", "13")):
        self._folder = tempfile.TemporaryDirectory(prefix="nxclear-keys.")
        self._origin = origin
        _run(self._folder.name, "dnssec-keygen", "-q", *algorithm, "-f", "KSK",
             origin)
        self._key = glob.glob(f"{self._folder.name}/K*.key")[0]

    def ds(self):
        """The DS record, as a line of the parent's zone file."""
        return _run(self._folder.name, "dnssec-dsfromkey", "-2",
                    self._key).strip()

    def sign(self, zone, start="now-3600", end="now+1209600", nsec3=False):
        """start, end: as dnssec-signzone takes them. The TTL of the keys is
        the SOA's."""
        path = os.path.join(self._folder.name, "zone")
        with open(path, "w", encoding="ascii") as out:
            out.write(zone.file_text)
            with open(self._key, encoding="ascii") as key:
                out.write(key.read())
        command = ["dnssec-signzone", "-q", "-P", "-z", "-O", "full", "-s",
                   start, "-e", end, "-o", self._origin, "-f", "signed"]
        if nsec3:
            command += ["-3", "ab", "-H", "10"]
        _run(self._folder.name, *command, "zone", self._key)
        with open(f"{self._folder.name}/signed", encoding="ascii") as signed:
            text = re.sub(r"^;.*\n", "", signed.read(), flags=re.M)
        fields = {f: getattr(zone, f) for f in Zone.__dataclass_fields__}
        return replace(SignedZone(**fields), signed_text=text)


def with_soa_ttl(zone, ttl):
    """A lower one than that of the zone's NSEC records."""
    text, found = re.subn(
        rf"^({re.escape(zone.origin)}\s+)\d+(\s+IN\s+SOA\s)", rf"\g<1>{ttl}\2",
        zone.signed_text)
    assert found == 1, zone.signed_text
    return replace(zone, signed_text=text)
