"""A key that nobody accepted gets nothing in, until somebody accepts it."""
import time

from deploy.lab.ask import wait_until
from tests.lib.support import site_alone


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
        log = site.collector_program.daemon.log_text()
        assert "accept it again with --role authority" in log, log


def test_revoked_key_is_shut_out():
    with site_alone() as site:
        agent = site.agent("branch", nameservers=["192.0.2.53"])
        agent.accept()
        agent.start()
        site.wait_connected()
        site.cli("agents", "revoke", "branch")
        seen = site.agent_record(agent)
        assert seen["state"] == "revoked", seen
        agent.daemon.stop()
        agent.start()
        time.sleep(3)  # the time in which it would be let in
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
