"""The units for systemd: how much a process that was taken over could do."""
import os
import re
import subprocess
import tempfile

from tests.lib.support import ROOT

EXPOSURE_MAX = 1.5
UNITS = f"{ROOT}/deploy/systemd"


def exposure(name):
    """What systemd-analyze says of a unit, 0 (nothing) to 10."""
    with open(f"{UNITS}/{name}.in", encoding="utf-8") as source:
        text = source.read().replace("@CMAKE_INSTALL_FULL_BINDIR@", "/usr/bin")
    assert "@" not in re.sub(r"@[a-z-]+", "", text), "a place left to fill in"
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        done = subprocess.run(
            ["systemd-analyze", "security", "--offline=yes", "--no-pager",
             path], text=True, capture_output=True, check=False)
    found = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    return float(found.group(1))


def test_units_expose_little():
    names = sorted(n[:-3] for n in os.listdir(UNITS) if n.endswith(".in"))
    assert names == ["nxclear-agent.service", "nxclear-collector.service"]
    for name in names:
        score = exposure(name)
        print(f"# {name}: {score}")
        assert score <= EXPOSURE_MAX, (name, score)
