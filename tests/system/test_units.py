"""The units for systemd: how much a process that was taken over could do; and
that an install under any prefix fits together, and its programs keep keys."""
import os
import re
import subprocess
import tempfile

from deploy.lab.ask import wait_until
from deploy.lab.daemon import Daemon
from tests.lib.support import PLAIN_BIN, ROOT, Skip, work_folder

EXPOSURE_MAX = 1.5
NOBODY = 65534
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


def install(folder):
    prefix = f"{folder}/here"
    subprocess.run(["cmake", "--install", os.path.dirname(PLAIN_BIN),
                    "--prefix", prefix], check=True, capture_output=True)
    return prefix


def agent_config(folder, agent):
    key = subprocess.run([agent, "keygen", f"{folder}/agent.key"], check=True,
                         capture_output=True, text=True)
    with open(f"{folder}/agent.yaml", "w", encoding="ascii") as conf:
        conf.write(AGENT % key.stdout.strip())
    return f"{folder}/agent.yaml"


def test_an_install_under_any_prefix_fits_together():
    with work_folder() as folder:
        prefix = install(folder)
        for name in NAMES:
            with open(f"{prefix}/lib/systemd/system/{name}",
                      encoding="utf-8") as unit:
                program = re.search(r"^ExecStart=(\S+)", unit.read(), re.M)[1]
            assert program.startswith(prefix), program
            assert os.access(program, os.X_OK), program
        agent = f"{prefix}/bin/nxclear-agent"
        running = Daemon("agent", folder, [
            agent, "-c", agent_config(folder, agent)]).start()
        try:
            wait_until(lambda: "resolvers: 127.0.0.1@853/tls"
                       in running.log_text(), 60, "the agent's resolvers")
        finally:
            running.stop()
        # Its module for TLS is found where the install put it.
        assert "not available" not in running.log_text(), running.log_text()


def owner_of_memory(folder, name, command, ready):
    """Who may look into a process of NOBODY's: root alone, where it forbids
    cores (prctl(2), PR_SET_DUMPABLE)."""
    running = Daemon(name, folder, [
        "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
        *command]).start()
    try:
        wait_until(lambda: ready in running.log_text(), 60, f"{name} to run")
        return os.stat(f"/proc/{running.pid}/environ").st_uid
    finally:
        running.stop()


def test_keys_go_into_no_core():
    with work_folder() as folder:
        prefix = install(folder)
        agent = f"{prefix}/bin/nxclear-agent"
        collector = f"{prefix}/bin/nxclear-collector"
        config = agent_config(folder, agent)
        subprocess.run([collector, "keygen", f"{folder}/key"], check=True,
                       capture_output=True)
        with open(f"{folder}/collector.yaml", "w", encoding="ascii") as conf:
            conf.write("key: key\nlisten: tcp://127.0.0.1:5530\n")
        for path in (folder, f"{folder}/agent.key", f"{folder}/key"):
            try:
                os.chown(path, NOBODY, NOBODY)
            except OSError as err:
                raise Skip(f"no other user here: {err}") from err
        assert owner_of_memory(folder, "other", [
            "sh", "-c", "echo runs; exec sleep 600"], "runs") == NOBODY
        assert owner_of_memory(folder, "agent", [agent, "-c", config],
                               "resolvers: ") == 0
        assert owner_of_memory(folder, "collector", [
            collector, "-c", f"{folder}/collector.yaml"], "is ready") == 0
