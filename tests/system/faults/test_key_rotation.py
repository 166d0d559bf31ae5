"""The collector takes another key while its agents work: none is locked out
that was there, none believes the old one afterwards, nothing is lost."""
import os
import signal

from deploy.lab.ask import wait_until
from tests.lib import agent_faults, faults


class Rotation:
    def __init__(self, one):
        self.one = one
        self.site = one.site
        self.collector = one.site.collector_program
        self.path = os.path.join(self.collector.folder, "next.key")

    def announce(self):
        self.key = self.site.run([self.site.path("nxclear-collector"),
                                  "keygen", self.path]).stdout.strip()
        self.collector.config["next_key"] = "next.key"
        self.collector.write_config()
        self.collector.daemon.signal(signal.SIGHUP)

    def restart(self, key, next_key=None):
        self.collector.config.update(key=key, next_key=next_key)
        self.collector.write_config()
        assert self.collector.daemon.stop(timeout=60) == 0
        return faults.restart(self.site)

    def kept(self, agent):
        return self.site.agent_record(agent)["next_key"]

    def wait_kept(self, agent):
        wait_until(lambda: self.kept(agent), 20,
                   f"{agent.name} to keep the next key")

    def wait_said(self, agent, text, mark=0):
        wait_until(lambda: text in agent.daemon.log_text()[mark:], 30,
                   f"{agent.name} to say: {text}")


def mark_of(agent):
    return len(agent.daemon.log_text())


def test_key_rotation():
    with agent_faults.busy() as one:
        site, agent, rotation = one.site, one.agent, Rotation(one)
        away = site.agent("away", nameservers=["192.0.2.53"])
        away.accept()
        away.start()
        site.wait_connected([away])
        forgets = "announces, are kept in memory and forgotten"
        rotation.wait_said(away, forgets)    # it has no spool
        away.daemon.stop()
        assert rotation.kept(agent) is None
        assert forgets not in agent.daemon.log_text()

        # Killed while it is told; what it said that it keeps, it has.
        rotation.announce()
        one.kill_agent()
        one.recover()
        rotation.wait_kept(agent)
        one.kill_agent()
        said = site.cli("agents", "list").stdout
        assert "next key kept by 1 of 2 accepted agents; not by away" in said, \
            said
        one.collector.must_run()
        agent.start()

        # The other key, under traffic.
        before = one.stored()
        rotation.restart("next.key")
        took = one.wait_stored(before, "results over the next key")
        mark = mark_of(agent)
        one.kill_agent()
        one.recover()   # from what it kept: the configuration has the old one
        assert "the handshake failed" not in agent.daemon.log_text()[mark:]

        # Who still has the old key is an impostor now.
        mark, before = mark_of(agent), len(one.collector.log_text())
        rotation.restart("key")
        rotation.wait_said(agent, "has none of the keys that it announced",
                           mark)
        assert " is here from " not in one.collector.log_text()[before:]
        rotation.restart("next.key")
        one.wait_stored(one.stored())

        # Who was away is told what to do.
        mark = mark_of(away)
        away.start()
        rotation.wait_said(away, "is " + rotation.collector.public_key +
                           " really its public key? (there: ", mark)
        away.config["collectors"][0]["key"] = rotation.key
        away.write_config()
        away.daemon.signal(signal.SIGHUP)
        rotation.wait_said(away, ": connected", mark)
        away.daemon.stop()
        lost, double = one.settle()
    faults.row("rotation of the collector's key", 1, lost, double, took)
