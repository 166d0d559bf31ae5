"""nxclear's own programs as processes: keys, configuration, enrolment.

    site = Site(bin_dir, folder, listen="203.0.113.1")
    collector = site.collector(estimate={"settle_s": 2})
    agent = site.agent("lyon-office", nameservers=["198.51.100.10"])
    site.start()                 # starts all, accepts the agents, waits
"""
import http.client
import json
import os
import socket
import subprocess

from .ask import wait_until
from .daemon import Daemon

READY_TIMEOUT_S = 60
API_TIMEOUT_S = 60
COLLECTOR_PORT = 5530


class ProgramError(Exception):
    """A program of ours failed; the text has what it said."""


def to_yaml(value, indent=0):
    """Nested dicts, lists and scalars as YAML block style."""
    pad = "  " * indent
    if isinstance(value, dict):
        return "".join(_entry(f"{pad}{key}:", item, indent)
                       for key, item in value.items() if item is not None)
    return "".join(
        pad + "- " + to_yaml(item, indent + 1).lstrip()
        if isinstance(item, dict) else f"{pad}- {_scalar(item)}\n"
        for item in value)


def _entry(head, item, indent):
    if isinstance(item, (dict, list)) and item:
        return f"{head}\n{to_yaml(item, indent + 1)}"
    return f"{head} {_scalar(item)}\n"


def _scalar(item):
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, (int, float)):
        return str(item)
    return json.dumps(item)


class Program:
    """A program with a folder, a key and a configuration in it."""
    program = ""

    def __init__(self, site, name, config):
        self.site = site
        self.name = name
        self.folder = os.path.join(site.folder, name)
        os.makedirs(self.folder, exist_ok=True)
        self.config_path = os.path.join(self.folder, "config.yaml")
        self.key_path = os.path.join(self.folder, "key")
        self.public_key = self._keygen()
        self.config = {"key": "key", **config}
        self.write_config()
        self.daemon = Daemon(name, self.folder, [
            site.path(self.program), "-c", self.config_path], site.env)

    def _keygen(self):
        if os.path.exists(self.key_path):
            os.unlink(self.key_path)
        return self.site.run([self.site.path(self.program), "keygen",
                              self.key_path]).stdout.strip()

    def write_config(self):
        with open(self.config_path, "w", encoding="utf-8") as out:
            out.write(to_yaml(self.config))

    def start(self):
        self.daemon.start()
        return self


class Collector(Program):
    program = "nxclear-collector"

    def __init__(self, site, config):
        self.endpoint = f"tcp://{site.listen}:{site.port}"
        self.socket_path = os.path.join(site.folder, "nxclear.sock")
        super().__init__(site, "collector", {
            "listen": self.endpoint, "store": "nxclear.db", **config,
            "http": {"unix": self.socket_path, **config.get("http", {})}})

    def wait_ready(self):
        def healthy():
            self.daemon.must_run()
            try:
                return self.site.api.get("/healthz")[0] == 200
            except OSError:
                return False
        wait_until(healthy, READY_TIMEOUT_S, "the collector's API")


class Agent(Program):
    program = "nxclear-agent"

    def __init__(self, site, name, network, role, config):
        self.label = name
        self.network = network
        self.role = role
        super().__init__(site, f"agent-{name}", {
            "network": network, "role": role, "collectors": [{
                "endpoint": site.collector_program.endpoint,
                "key": site.collector_program.public_key}], **config})

    def accept(self):
        # A key may begin with '-'.
        self.site.cli("agents", "accept", "--network", self.network,
                      "--name", self.label, "--role", self.role, "--",
                      self.public_key)


class Api:
    """The HTTP API over its Unix socket."""

    def __init__(self, path):
        self.path = path

    def request(self, method, target, body=None):
        """(status, document); the document is None when it is not JSON."""
        link = _UnixConnection(self.path)
        try:
            link.request(method, target,
                         None if body is None else json.dumps(body),
                         {"Content-Type": "application/json"})
            reply = link.getresponse()
            data = reply.read()
        except http.client.HTTPException as error:
            raise OSError(f"no HTTP answer: {error!r}") from error
        finally:
            link.close()
        try:
            return reply.status, json.loads(data)
        except ValueError:
            return reply.status, None

    def get(self, target):
        return self.request("GET", target)

    def must_get(self, target):
        status, document = self.get(target)
        if status != 200:
            raise ProgramError(f"GET {target}: {status} {document}")
        return document

    def status(self, incident):
        return self.must_get(f"/v1/incidents/{incident}/status")


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("nxclear", timeout=API_TIMEOUT_S)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Site:
    """One collector and its agents."""

    def __init__(self, bin_dir, folder, listen="127.0.0.1",
                 port=COLLECTOR_PORT, env=None):
        self.bin_dir = bin_dir
        self.folder = folder
        self.listen = listen
        self.port = port
        self.env = env
        self.agents = []
        self.collector_program = None
        self.api = Api(os.path.join(folder, "nxclear.sock"))
        os.makedirs(folder, exist_ok=True)

    def path(self, program):
        return os.path.join(self.bin_dir, program)

    def run(self, command, check=True, timeout=60, text_in=None):
        done = subprocess.run(
            command, text=True, capture_output=True, timeout=timeout,
            check=False, input=text_in, env={**os.environ, **(self.env or {})})
        if check and done.returncode != 0:
            raise ProgramError(f"{' '.join(command)}: exit status "
                               f"{done.returncode}\n{done.stdout}"
                               f"{done.stderr}")
        return done

    @property
    def api_address(self):
        return f"unix:{self.api.path}"

    def cli(self, *arguments, check=True, timeout=60):
        return self.run([self.path("nxclear"), "--api", self.api_address,
                         *arguments], check, timeout)

    def collector(self, **config):
        self.collector_program = Collector(self, config)
        return self.collector_program

    def agent(self, network, name=None, role="network", nameservers=None,
              **config):
        """nameservers: what its resolv.conf says; None: the system's."""
        name = name or network
        if nameservers is not None:
            path = os.path.join(self.folder, f"{name}.resolv.conf")
            write_resolv_conf(path, nameservers)
            config["resolvers"] = {
                "discover": True, "resolv_conf": path,
                "resolved_conf": path + ".none",
                **config.get("resolvers", {})}
        agent = Agent(self, name, network, role, config)
        self.agents.append(agent)
        return agent

    def start(self):
        self.collector_program.start().wait_ready()
        for agent in self.agents:
            agent.accept()
            agent.start()
        self.wait_connected()
        return self

    def wait_connected(self, agents=None):
        for agent in agents or self.agents:
            wait_until(lambda a=agent: self._connected(a), READY_TIMEOUT_S,
                       f"{agent.name} to be connected")

    def agent_record(self, agent):
        """The collector's record of it (GET /v1/agents), or None."""
        listing = self.api.must_get("/v1/agents")
        if isinstance(listing, dict):
            listing = listing["agents"]
        return next((a for a in listing if a.get("key") == agent.public_key),
                    None)

    def _connected(self, agent):
        agent.daemon.must_run()
        record = self.agent_record(agent)
        return record is not None and record.get("last_seen") is not None

    def daemons(self):
        programs = [self.collector_program, *self.agents]
        return [p.daemon for p in programs if p is not None]

    def stop(self):
        """Agents first, so that they can drain. Returns exit statuses."""
        return [d.stop() for d in reversed(self.daemons())]

    def kill(self):
        for daemon in self.daemons():
            daemon.kill()


def write_resolv_conf(path, nameservers):
    with open(path + ".new", "w", encoding="ascii") as out:
        out.write("".join(f"nameserver {n}\n" for n in nameservers))
    os.replace(path + ".new", path)
