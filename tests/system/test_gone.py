"""An agent whose connection ends is named in the collector's log."""
from deploy.lab.ask import wait_until
from tests.lib.support import site_alone


def test_gone_agent_is_said():
    with site_alone() as site:
        agent = site.agent("branch", nameservers=["192.0.2.53"])
        agent.accept()
        collector = site.collector_program.daemon
        for times in (1, 2):
            agent.start()
            site.wait_connected([agent])
            wait_until(lambda n=times:
                       collector.log_text().count("is here from") == n, 10,
                       "the agent to be here")
            assert collector.log_text().count("is gone from") == times - 1
            agent.daemon.kill()
            wait_until(lambda n=times:
                       collector.log_text().count("is gone from") == n, 10,
                       "its end to be logged")
