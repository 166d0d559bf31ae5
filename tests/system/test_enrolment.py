"""A key that nobody accepted gets nothing in, until somebody accepts it."""
import os
import shutil
import signal
import socket
import subprocess
import time

from deploy.lab.ask import wait_until
from deploy.lab.lab import COLLECTOR_ADDRESS
from tests.lib.support import site_alone

ENROL_PORT = 5531
ENROL = {"listen": f"tcp://{COLLECTOR_ADDRESS}:{ENROL_PORT}"}


def test_unknown_key_waits_until_accepted():
    with site_alone() as site:
        stranger = site.agent("somewhere", nameservers=["192.0.2.53"])
        stranger.start()
        record = wait_until(lambda: site.agent_record(stranger), 15,
                            "the stranger to be listed")
        assert record["state"] == "pending", record
        assert record.get("last_seen") is None, record
        listed = site.cli("agents", "list").stdout
        assert stranger.public_key in listed and "pending" in listed, listed
        time.sleep(1)
        assert site.agent_record(stranger)["last_seen"] is None
        stranger.accept()
        site.wait_connected([stranger])
        record = site.agent_record(stranger)
        assert (record["state"], record["network"]) == \
            ("accepted", "somewhere"), record


def test_two_roles_are_said():
    """Accepted in one role, configured in the other: nothing would happen."""
    with site_alone() as site:
        agent = site.agent("audit", role="authority")
        agent.start()
        wait_until(lambda: "--network audit --role authority`"
                   in agent.daemon.log_text(), 15, "the command to accept it")
        site.cli("agents", "accept", agent.public_key, "--network", "audit")
        site.wait_connected([agent])
        record = site.agent_record(agent)
        assert (record["role"], record["own_role"]) == \
            ("network", "authority"), record
        assert "network!=authority" in site.cli("agents", "list").stdout
        collector = site.collector_program.daemon
        wait_until(lambda: "accept it again with --role authority"
                   in collector.log_text(), 15, "the log to say so")


def test_revoked_key_is_shut_out():
    with site_alone() as site:
        agent = site.agent("branch", nameservers=["192.0.2.53"])
        agent.accept()
        agent.start()
        site.wait_connected()
        site.cli("agents", "revoke", "branch")
        seen = site.agent_record(agent)
        assert seen["state"] == "revoked", seen
        wait_until(lambda: "refused our key" in agent.daemon.log_text(), 15,
                   "the agent to say that it is shut out")
        agent.daemon.stop()
        mark = len(agent.daemon.log_text())
        agent.start()
        wait_until(lambda: "refused our key" in agent.daemon.log_text()[mark:],
                   15, "the agent to say that it is shut out")
        assert "really its public key" not in agent.daemon.log_text()
        record = site.agent_record(agent)
        assert record["state"] == "revoked", record
        assert record["last_seen"] == seen["last_seen"], (seen, record)


def test_wrong_collector_key_is_not_believed():
    with site_alone() as site:
        agent = site.agent("branch", nameservers=["192.0.2.53"])
        agent.accept()
        agent.config["collectors"][0]["key"] = agent.public_key
        agent.write_config()
        agent.start()
        time.sleep(3)  # the time in which it would talk to an impostor
        assert site.agent_record(agent)["last_seen"] is None
        agent.daemon.must_run()


def join(site, folder, string, check=True):
    os.makedirs(folder, exist_ok=True)
    return site.run([site.path("nxclear-agent"), "-c", f"{folder}/agent.yaml",
                     "join", string], check=check)


def check_no_room(site, folder, string):
    """A disk that takes half of the configuration: none is left, and joining
    again works."""
    os.unlink(f"{folder}/agent.yaml")
    done = site.run(["sh", "-c", "trap '' XFSZ; exec prlimit --fsize=50 \"$@\"",
                     "sh", site.path("nxclear-agent"), "-c",
                     f"{folder}/agent.yaml", "join", string], check=False)
    assert done.returncode == 73 and "No space left" in done.stderr, done
    assert not os.path.exists(f"{folder}/agent.yaml"), done
    join(site, folder, string)
    site.run([site.path("nxclear-agent"), "-n", "-c", f"{folder}/agent.yaml"])


def check_port_stays(site):
    """Another enrolment port waits for the next start, and so do the join
    strings."""
    program = site.collector_program
    enrol = dict(program.config["enrol"], listen=f"tcp://{COLLECTOR_ADDRESS}:5999")
    program.config["enrol"] = enrol
    program.write_config()
    program.daemon.signal(signal.SIGHUP)
    wait_until(lambda: "enrol.listen changed" in program.daemon.log_text(), 10,
               "the restart to be asked for")
    string = site.cli("enrol", "create", "--network", "oslo-office")
    join(site, f"{site.folder}/oslo", string.stdout.strip())


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def run_as_systemd_would(site, folder):
    """With the key in another folder, and one for results: what join wrote is
    taken as it is."""
    for name in ("handed", "state", "etc"):
        os.mkdir(f"{folder}/{name}")
    shutil.copy(f"{folder}/agent.yaml", f"{folder}/etc/agent.yaml")
    shutil.copy(f"{folder}/agent.key", f"{folder}/handed/agent.key")
    agent = [site.path("nxclear-agent"), "-c", f"{folder}/etc/agent.yaml"]
    alone = site.run([*agent, "-n"], check=False)
    assert alone.returncode != 0 and "agent.key" in alone.stderr, alone
    env = {**os.environ, "CREDENTIALS_DIRECTORY": f"{folder}/handed",
           "STATE_DIRECTORY": f"{folder}/state"}
    subprocess.run([*agent, "-n"], env=env, check=True)
    lost = subprocess.run([*agent, "-n"], text=True, capture_output=True,
                          env={**env, "STATE_DIRECTORY": f"{folder}/none"},
                          check=False)
    assert lost.returncode == 78, lost
    assert "STATE_DIRECTORY: spool.path: " in lost.stderr, lost
    log = f"{folder}/log"
    with open(log, "w", encoding="utf-8") as out:
        started = subprocess.Popen(agent, env=env, stderr=out)
    try:
        wait_until(lambda: ": connected" in read(log), 15, "its connection")
        assert os.path.exists(f"{folder}/state/spool/ledger"), read(log)
    finally:
        started.terminate()
        assert started.wait(60) == 0, read(log)


def test_a_join_string_is_all_that_an_agent_needs():
    with site_alone(enrol=ENROL) as site:
        string = site.cli("enrol", "create", "--network",
                          "lyon-office").stdout.strip()
        assert string.isalnum(), string
        folder = f"{site.folder}/joined"
        said = join(site, folder, string).stdout
        assert "joined network lyon-office as lyon-office" in said, said
        assert os.stat(f"{folder}/agent.key").st_mode & 0o77 == 0
        agents = site.api.must_get("/v1/agents")["agents"]
        assert [a["state"] for a in agents] == ["accepted"], agents
        # What was written is a configuration that works.
        site.run([site.path("nxclear-agent"), "-n", "-c",
                  f"{folder}/agent.yaml"])
        run_as_systemd_would(site, folder)
        # The answer may get lost: the same key may ask again, no other.
        join(site, folder, string)
        check_no_room(site, folder, string)
        other = join(site, f"{site.folder}/other", string, check=False)
        assert other.returncode == 77 and "used" in other.stderr, other
        log = site.cli("agents", "log").stdout
        assert "join string 1" in log and "agent accepted" in log, log
        check_port_stays(site)
        text = site.collector_program.daemon.log_text()
        assert string not in text and string[60:90] not in text, text


def test_a_join_string_ends():
    with site_alone(enrol=ENROL) as site:
        folder = f"{site.folder}/late"
        short = site.cli("enrol", "create", "--network", "hq", "--expires",
                         "1s").stdout.strip()
        wait_until(lambda: site.api.must_get("/v1/enrolments")["enrolments"][0]
                   ["state"] == "expired", 5, "the string to expire")
        done = join(site, folder, short, check=False)
        assert done.returncode == 77, done
        revoked = site.cli("enrol", "create", "--network", "hq").stdout.strip()
        listed = site.api.must_get("/v1/enrolments")["enrolments"]
        assert sorted(e["state"] for e in listed) == ["expired", "open"], listed
        site.cli("enrol", "revoke", "2")
        assert join(site, folder, revoked, check=False).returncode == 77
        done = join(site, folder, revoked[:-4], check=False)
        assert done.returncode == 65 and "damaged" in done.stderr, done
        assert site.api.must_get("/v1/agents")["agents"] == []


def test_rejected_and_quarantined_are_shut_out():
    with site_alone() as site:
        agent = site.agent("branch", nameservers=["192.0.2.53"])
        agent.start()
        wait_until(lambda: site.agent_record(agent), 15, "it to be listed")
        fingerprint = site.agent_record(agent)["fingerprint"]
        site.cli("agents", "reject", fingerprint)
        assert site.agent_record(agent)["state"] == "rejected"
        agent.accept()
        site.wait_connected([agent])
        site.cli("agents", "quarantine", "branch")
        wait_until(lambda: "refused our key" in agent.daemon.log_text(), 20,
                   "it to be refused")
        assert site.agent_record(agent)["state"] == "quarantined"
        # Its network is not gone, only not known.
        networks = site.api.must_get("/v1/networks")["networks"]
        assert [n["network"] for n in networks] == ["branch"], networks
        site.cli("agents", "release", "branch")
        assert site.agent_record(agent)["state"] == "accepted"


def test_the_enrolment_port_takes_nothing_else():
    """A stranger who says nothing, or nonsense, costs a connection for a few
    seconds, and the port goes on."""
    with site_alone(enrol=ENROL) as site:
        silent = [socket.create_connection((COLLECTOR_ADDRESS, ENROL_PORT))
                  for _ in range(80)]
        for link in silent[:40]:
            link.sendall(b"GET / HTTP/1.0\r\n\r\n" * 20)
        string = site.cli("enrol", "create", "--network", "hq").stdout.strip()
        wait_until(lambda: join(site, f"{site.folder}/honest", string,
                                check=False).returncode == 0, 40,
                   "an honest one to be taken")
        for link in silent:
            link.close()
