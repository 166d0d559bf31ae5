"""Row 31: somebody has the collector's key, and orders what no collector
should. The agent's own policy decides: what is asked, of whom, how often. What
is no plan at all leaves the one before in force."""
import subprocess
import time

import dns.message

from deploy.lab.ask import wait_until
from deploy.lab.lab import COLLECTOR_ADDRESS
from deploy.lab.namespace import add_addresses
from deploy.lab.programs import Site
from tests.lib import faults
from tests.lib.capture import Capture
from tests.lib.support import BIN, Responder, reply_to, work_folder

NO_LUCK = "an order that is obeyed is wrong, however seldom it is"

RESOLVER = "198.51.100.71"
VICTIM = "198.51.100.72"
OWN = "127.0.0.77"
QPS = 5
BURST = 5
WATCH_S = 4
CANARY = "canary.example.com."
WHY = ["the name is outside the zones of the local policy",
       "the record type is not allowed by the local policy",
       "the resolver is neither named by the owner nor listed by the system",
       "the interval is shorter than the local policy allows"]


class Asked:
    """A server that remembers its questions and answers NXDOMAIN."""

    def __init__(self):
        self.questions = []

    def __call__(self, query):
        self.questions.append(dns.message.from_wire(query).question[0])
        reply = reply_to(query)
        reply.set_rcode(3)
        return [reply.to_wire()]


def order(attacker, command, *what):
    attacker.stdin.write(" ".join(map(str, (command, *what))) + "\n")
    attacker.stdin.flush()


def old_plan_stays(attacker, agent, resolver):
    """Of names that need no proof: that does end with such a message."""
    def asked(name):
        return sum(q.name.to_text().lower() == name
                   for q in resolver.questions)
    order(attacker, "canary", 1, CANARY, 1)
    wait_until(lambda: asked(CANARY) > 0, 60, "a question of the first plan")
    order(attacker, "canary", 2, f"x.{CANARY}", 0)
    wait_until(lambda: "a message from the collector is malformed" in
               agent.daemon.log_text(), 60, "the complaint")
    before = asked(CANARY)
    wait_until(lambda: asked(CANARY) > before + 1, 60,
               "the first plan to go on")
    assert asked(f"x.{CANARY}") == 0


def floods_wear_nothing_out(attacker, agent, resolver):
    """Neither the log nor the disk: what the first of many says is enough."""
    order(attacker, "keys", 10, 400)
    for revision in range(1000, 1400):
        order(attacker, "canary", revision, CANARY, 0)
    last = f"last.{CANARY}"
    order(attacker, "canary", 2000, last, 1)
    wait_until(lambda: any(q.name.to_text().lower() == last
                           for q in resolver.questions), 60, "the last plan")
    log = agent.daemon.log_text()
    assert 1 <= log.count("the collector announces its next key") <= 4, log
    assert 1 <= log.count("a message from the collector is malformed") <= 12


def judge(questions, times):
    for question in questions:
        name = question.name.to_text().lower()
        assert name == "." or name.endswith("example.com."), question
        assert question.rdtype in (1, 2, 6, 28), question
    assert times
    for i, began in enumerate(times):
        within = sum(1 for at in times[i:] if at <= began + 1)
        assert within <= QPS + BURST + 1, (within, "in a second")


def test_orders_of_a_stolen_key():
    add_addresses([COLLECTOR_ADDRESS, RESOLVER, VICTIM, OWN])
    resolver, victim, own = Asked(), Asked(), Asked()
    with work_folder() as folder, Capture() as capture, \
            Responder(RESOLVER, resolver), Responder(VICTIM, victim), Responder(OWN, own):
        site = Site(BIN, folder, listen=COLLECTOR_ADDRESS)
        program = site.collector()  # for its key alone
        agent = site.agent(
            "branch", resolvers={"discover": False,
                                 "named": [{"at": RESOLVER}]},
            policy={"zones": ["example.com"], "types": ["A"],
                    "canary_zones": [CANARY],
                    "resolver_qps": QPS, "resolver_burst": BURST})
        with subprocess.Popen(
                [f"{BIN}/plan_server", program.key_path, program.endpoint],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                text=True) as attacker:
            try:
                agent.start()
                assert attacker.stdout.readline().startswith("hello")
                old_plan_stays(attacker, agent, resolver)
                floods_wear_nothing_out(attacker, agent, resolver)
                for revision, address in enumerate((VICTIM, OWN), 3000):
                    order(attacker, "attack", revision, address)
                    # The control: what may be asked is.
                    before = len(resolver.questions)
                    wait_until(lambda n=before: len(resolver.questions) > n,
                               15, "a question")
                    time.sleep(WATCH_S)  # in which a wrong program would obey
                agent.daemon.must_run()
                assert agent.daemon.stop() == 0
            finally:
                agent.daemon.kill()
                attacker.stdin.close()
        log = agent.daemon.log_text()
    for why in WHY:
        assert why in log, (why, log)
    assert not victim.questions and not own.questions
    assert any(q.name.to_text().startswith("n")
               for q in resolver.questions), resolver.questions
    judge(resolver.questions,
          [q.at for q in capture.select(destination=RESOLVER)])
    faults.row("hostile collector: orders refused", 2, None, None)
