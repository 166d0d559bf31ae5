"""A collector in the middle of a recovery of many networks, made by
bench_crowd: what tests of the web page look at."""
import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile

from deploy.lab.ask import wait_until
from deploy.lab.daemon import Daemon
from tests.lib.support import BIN, PLAIN_BIN

READY_S = 180


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Crowd:
    """One network per agent, so many resolvers in each; incident 1. Asked by
    TCP with a token that may do everything."""
    token = None

    def __init__(self, networks, resolvers=3, bin_dir=PLAIN_BIN, more=""):
        """more: lines of the collector's configuration."""
        self.folder = tempfile.mkdtemp(prefix="nxclear-crowd.")
        self.resolvers = resolvers
        self.port, self.http = free_port(), free_port()
        self._tool("prepare", networks, resolvers, self.port, self.http)
        with open(f"{self.folder}/collector.yaml", "a",
                  encoding="ascii") as config:
            config.write(more)
        self.daemon = Daemon("collector", f"{self.folder}/collector", [
            f"{bin_dir}/nxclear-collector", "-c",
            f"{self.folder}/collector.yaml"])
        self.daemon.start()
        wait_until(lambda: self.get("/healthz")[0] == 200, READY_S,
                   "the collector of the crowd")
        self.bin_dir = bin_dir
        self.token = self.new_token("page", "--scope", "admin")

    def new_token(self, *arguments):
        return subprocess.run(
            [f"{self.bin_dir}/nxclear", "--api",
             f"unix:{self.folder}/nxclear.sock", "tokens", "create",
             *arguments], check=True, capture_output=True, text=True,
            timeout=READY_S).stdout.strip()

    def _command(self, part, *arguments):
        return [f"{BIN}/bench_crowd", part, self.folder,
                *map(str, arguments)]

    def _tool(self, part, *arguments):
        subprocess.run(self._command(part, *arguments), check=True,
                       env=self._env(), timeout=READY_S)

    @staticmethod
    def _env():
        return {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}

    def close(self):
        self.daemon.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.http}"

    def get(self, path, headers=None, body=None):
        """(status, headers, bytes); status 0: nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http,
                                                timeout=READY_S)
        headers = dict(headers or {})
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request("GET" if body is None else "POST", path,
                               json.dumps(body) if body is not None else None,
                               headers)
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read()
        except OSError:
            return 0, {}, b""
        finally:
            connection.close()

    def json(self, path, **more):
        status, _headers, body = self.get(path, **more)
        assert 200 <= status < 300, (status, body)
        return json.loads(body)

    def load(self, rate, seconds):
        """32 agents report, so many results per second in all; a process."""
        return subprocess.Popen(
            self._command("load", self.resolvers, rate, seconds, self.port),
            stdout=subprocess.DEVNULL, env=self._env())

    def clear(self, network):
        """The agent of that number sees all of its resolvers clear, and
        stays connected until the process is ended."""
        agent = subprocess.Popen(
            self._command("clear", network, self.resolvers, self.port),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=self._env())
        assert agent.stdout.readline() == "cleared\n"
        return agent
