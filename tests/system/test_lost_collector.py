"""The commands that stay, and a collector that answers no more: who waits waits
no longer than he said, Ctrl-C ends it, and an old status is no answer."""
import contextlib
import http.server
import os
import signal
import socket
import subprocess
import threading
import time

from deploy.lab.ask import wait_until
from tests.lib.support import BIN, work_folder

UNAVAILABLE = 69
AT_ONCE_S = 20  # on a loaded machine; a request may take 30 s
STATUS = (b'{"incident":{"id":7,"name":"www.example.com.","types":["A"],'
          b'"opened":"2026-01-01T00:00:00Z","closed":null},'
          b'"outlook":"clear","networks":[]}')


@contextlib.contextmanager
def command(folder, address, *words):
    """Its output goes to files: it is no terminal."""
    with open(f"{folder}/{words[0]}.out", "wb") as out, \
            open(f"{folder}/{words[0]}.err", "wb") as err:
        process = subprocess.Popen(
            [os.path.join(BIN, "nxclear"), "--api", address, *words],
            stdout=out, stderr=err)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def read(folder, name):
    with open(f"{folder}/{name}", encoding="utf-8") as text:
        return text.read()


@contextlib.contextmanager
def silent_collector(folder):
    """Takes connections and says nothing."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{folder}/api")
        server.listen()
        yield server, f"unix:{folder}/api"


def test_who_waits_waits_no_longer():
    """For the list that says which incident is meant neither."""
    for words in (("wait", "7"), ("wait",)):
        with work_folder() as folder, silent_collector(folder) as (_s, address):
            began = time.monotonic()
            with command(folder, address, *words, "--timeout", "1s") as wait:
                code = wait.wait(90)
            took = time.monotonic() - began
            assert code == UNAVAILABLE, (words, code, read(folder, "wait.err"))
            assert "did not answer" in read(folder, "wait.err"), words
            assert 1 <= took < AT_ONCE_S, (words, took)


def test_a_signal_ends_what_hangs():
    for words in (("wait", "7"), ("status", "7", "--watch")):
        with work_folder() as folder, \
                silent_collector(folder) as (server, address), \
                command(folder, address, *words) as process:
            with server.accept()[0]:
                began = time.monotonic()
                process.send_signal(signal.SIGINT)
                code = process.wait(90)
                took = time.monotonic() - began
        assert took < AT_ONCE_S, (words, took)
        assert code == 3, (words, code)  # nothing is known


class OneAnswer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(STATUS)))
        self.end_headers()
        self.wfile.write(STATUS)

    def log_message(self, *_arguments):
        pass


def test_an_old_status_is_no_answer():
    """All clear, and then the collector is gone."""
    with work_folder() as folder:
        server = http.server.HTTPServer(("127.0.0.1", 0), OneAnswer)
        address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with command(folder, address, "status", "7", "--watch") as watch:
            thread.join()
            server.server_close()
            wait_until(lambda: "not reachable" in read(folder, "status.err"),
                       20, "the loss to be said")
            watch.send_signal(signal.SIGINT)
            code = watch.wait(90)
        assert "www.example.com" in read(folder, "status.out")
        assert code == UNAVAILABLE, (code, read(folder, "status.err"))
