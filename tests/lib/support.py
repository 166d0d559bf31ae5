"""What system tests share: where the programs are, a site in a lab, polling of
the status document, a DNS server whose answers a test writes itself."""
import contextlib
import os
import shutil
import socket
import tempfile
import threading

import dns.message

from deploy.lab import zones
from deploy.lab.ask import wait_until
from deploy.lab.daemon import Daemon
from deploy.lab.lab import COLLECTOR_ADDRESS
from deploy.lab.namespace import add_addresses
from deploy.lab.programs import Site

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BIN = os.environ.get("NXCLEAR_BIN", f"{ROOT}/build/test/bin")
PLAIN_BIN = os.environ.get("NXCLEAR_PLAIN_BIN", f"{ROOT}/build/demo/bin")

# Faster than the defaults, so that a test is over in seconds.
ESTIMATE = {"settle_s": 1, "authority_interval_ms": 500,
            "probe_floor_ms": 1000}
AUDITOR = {"server_qps": 20}
# For many incidents at a time.
QUICK_AUDITOR = {"policy": {"total_qps": 1000},
                 "authority": {"server_qps": 500}}


class Skip(Exception):
    """This test cannot run here; the text says why."""


@contextlib.contextmanager
def work_folder():
    """A folder that stays only when the test fails."""
    folder = tempfile.mkdtemp(prefix="nxclear-test.")
    os.chmod(folder, 0o755)
    try:
        yield folder
    except BaseException:
        print(f"# files are kept in {folder}", flush=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def site_in(lab, networks=None, auditor=True, collector=None, agents=None,
            **estimate):
    """Collector (with more of its configuration), an agent per network of the
    lab, one for the authority (auditor: more of its configuration, False:
    none); all connected. agents: more configuration of the networks' agents,
    which then name their resolvers themselves and may ask them faster.
    Afterwards each must end well (leaks would show there)."""
    site = Site(BIN, f"{lab.folder}/nxclear", listen=COLLECTOR_ADDRESS)
    lab.own(site.collector(estimate={**ESTIMATE, **estimate},
                           **(collector or {})))
    for network in lab.networks if networks is None else networks:
        lab.own(site.agent(network.name, nameservers=[network.address])
                if agents is None else
                site.agent(network.name, **{"resolvers": {
                    "discover": False, "named": [{"at": network.address}]},
                    **agents}))
    if auditor:
        more = auditor if isinstance(auditor, dict) else {}
        lab.own(site.agent(
            "operations", "auditor", "authority", **{
                **more, "resolvers": {"discover": False}, "authority": {
                    "root_hints": lab.root_hints, **AUDITOR,
                    **more.get("authority", {})}}))
    site.start()
    yield site
    stop_well(site)


@contextlib.contextmanager
def site_alone(bin_dir=BIN, **collector):
    """A collector without a lab; agents are added by the test."""
    add_addresses([COLLECTOR_ADDRESS])
    with work_folder() as folder:
        site = Site(bin_dir, folder, listen=COLLECTOR_ADDRESS)
        site.collector(**{"estimate": ESTIMATE, **collector})
        site.collector_program.start().wait_ready()
        try:
            yield site
            stop_well(site)
        except BaseException:
            for daemon in site.daemons():
                print("\n".join(f"# {line}" for line in
                                daemon.log_tail().splitlines()))
            raise
        finally:
            site.kill()


def stop_well(site):
    """Every program that still runs ends with 0 when asked to: the agents, all
    at once, then the collector."""
    collector = site.collector_program.daemon
    agents = [a.daemon for a in site.agents if a.daemon.running()]
    for group in (agents, [collector] if collector.running() else []):
        for daemon in group:
            daemon.terminate()
        for daemon in group:
            code = daemon.wait_end(60)
            assert code == 0, (f"{daemon.name} ended with {code}:\n"
                               f"{daemon.log_tail()}")


def open_incident(site, *more, name=zones.NAME, restored="auto"):
    """Returns the incident's number."""
    said = site.cli("incident", "open", name, "A", "--expect",
                    f"A={zones.RECORD_ADDRESS}", "--restored", restored,
                    *more).stdout
    return int(said.split("incident ")[1].split(" ")[0])


def post_incident(site, name, rdtype, *expected):
    """The same by HTTP, of any type."""
    status, document = site.api.request("POST", "/v1/incidents", {
        "name": name, "types": [rdtype], "restored": "auto",
        **({"expect": {rdtype: expected}} if expected else {})})
    assert status == 201, (status, document)
    return document["id"]


def wait_status(site, incident, condition, timeout, what):
    """Until condition(document) holds; returns the document."""
    last = {}

    def holds():
        last["document"] = site.api.status(incident)
        return condition(last["document"]) and last["document"]
    try:
        return wait_until(holds, timeout, what)
    except TimeoutError as error:
        raise AssertionError(f"{error}; last status: {last}") from error


def network_row(document, network):
    """The row of a network, {} when there is none."""
    return next((n for n in document["networks"] if n["network"] == network),
                {})


def network_state(document, network):
    return network_row(document, network).get("state")


def look_flags(api, incident, network):
    """Of its looks, as the evidence has them."""
    document = api.must_get(f"/v1/incidents/{incident}/networks/{network}")
    return {f for t in document["targets"]
            for look in t["evidence"]["looks"] for f in look["flags"]}


def authority_state(state):
    return lambda document: document["authority"]["state"] == state


def rss_kib(pid, field="VmRSS"):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    raise AssertionError(f"no {field} of process {pid}")


def start_daemon(name, folder, command):
    return Daemon(name, folder, command).start()


class Responder:
    """A UDP server on one address whose answers are bytes of the test's own:
    answer(query bytes) -> list of datagrams to send back."""

    def __init__(self, address, answer, port=53):
        self._answer = answer
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind((address, port))
        self._sock.settimeout(0.1)
        self._end = threading.Event()
        self.asked = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self._end.set()
        self._thread.join()
        self._sock.close()

    def _run(self):
        while not self._end.is_set():
            try:
                query, peer = self._sock.recvfrom(4096)
            except TimeoutError:
                continue
            self.asked += 1
            for datagram in self._answer(query):
                self._sock.sendto(datagram, peer)


def reply_to(query_bytes):
    """A dnspython response to fill in."""
    reply = dns.message.make_response(dns.message.from_wire(query_bytes))
    reply.flags |= 0x0080  # RA
    return reply
