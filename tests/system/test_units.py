"""The units for systemd: how much a process that was taken over could do; and
that an install under any prefix fits together."""
import os
import re
import subprocess
import tempfile

from deploy.lab.ask import wait_until
from deploy.lab.daemon import Daemon
from tests.lib.support import PLAIN_BIN, ROOT, work_folder

EXPOSURE_MAX = 1.5
UNITS = f"{ROOT}/deploy/systemd"
NAMES = ["nxclear-agent.service", "nxclear-collector.service"]
AGENT = """
collectors: [{endpoint: tcp://127.0.0.1:9, key: "%s"}]
key: agent.key
resolvers:
  discover: false
  named: [{at: 127.0.0.1@853/tls, tls_name: dot.example.net}]
"""


def exposure(name):
    """What systemd-analyze says of a unit, 0 (nothing) to 10."""
    with open(f"{UNITS}/{name}.in", encoding="utf-8") as source:
        text = source.read().replace("@NX_BINDIR@", "/usr/bin")
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
    assert names == NAMES
    for name in names:
        score = exposure(name)
        print(f"# {name}: {score}")
        assert score <= EXPOSURE_MAX, (name, score)


def test_an_install_under_any_prefix_fits_together():
    with work_folder() as folder:
        prefix = f"{folder}/here"
        subprocess.run(["cmake", "--install", os.path.dirname(PLAIN_BIN),
                        "--prefix", prefix], check=True, capture_output=True)
        for name in NAMES:
            with open(f"{prefix}/lib/systemd/system/{name}",
                      encoding="utf-8") as unit:
                program = re.search(r"^ExecStart=(\S+)", unit.read(), re.M)[1]
            assert program.startswith(prefix), program
            assert os.access(program, os.X_OK), program
        agent = f"{prefix}/bin/nxclear-agent"
        key = subprocess.run([agent, "keygen", f"{folder}/agent.key"],
                             check=True, capture_output=True, text=True)
        with open(f"{folder}/agent.yaml", "w", encoding="ascii") as conf:
            conf.write(AGENT % key.stdout.strip())
        running = Daemon("agent", folder,
                         [agent, "-c", f"{folder}/agent.yaml"]).start()
        try:
            wait_until(lambda: "resolvers: 127.0.0.1@853/tls"
                       in running.log_text(), 60, "the agent's resolvers")
        finally:
            running.stop()
        # Its module for TLS is found where the install put it.
        assert "not available" not in running.log_text(), running.log_text()
