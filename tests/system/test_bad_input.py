"""What users get wrong: a clear message each, and the right exit status."""
import http.server
import json
import os
import re
import socket
import threading

from deploy.lab.ask import wait_until
from deploy.lab.daemon import Daemon
from deploy.lab.programs import Site
from tests.lib.support import BIN, site_alone, work_folder

CONFIG, KEY, USAGE, UNAVAILABLE = 78, 77, 64, 69


def write(folder, name, text, mode=0o600):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    os.chmod(path, mode)
    return path


def config_of(program):
    if program == "nxclear-agent":
        return ("key: key\n"
                "collectors:\n"
                "  - endpoint: tcp://127.0.0.1:5530\n"
                "    key: \"" + "a" * 40 + "\"\n")
    return "key: key\nlisten: tcp://127.0.0.1:5530\nstore: nxclear.db\n"


def check(site, program, text):
    """Exit status and message of `program -n` on this configuration."""
    path = write(site.folder, "bad.yaml", text)
    done = site.run([site.path(program), "-n", "-c", path], check=False)
    return done.returncode, done.stderr, path


def for_each_program(test):
    with work_folder() as folder:
        site = Site(BIN, folder)
        for program in ("nxclear-agent", "nxclear-collector"):
            key = os.path.join(folder, "key")
            if os.path.exists(key):
                os.unlink(key)
            site.run([site.path(program), "keygen", key])
            test(site, program, key)


def test_good_config_is_good():
    def run(site, program, _key):
        code, said, _path = check(site, program, config_of(program))
        assert code == 0, (program, said)
    for_each_program(run)


def test_broken_yaml_names_file_and_line():
    def run(site, program, _key):
        code, said, path = check(site, program,
                                 config_of(program) + "a: [b\n")
        assert code == CONFIG, (program, code, said)
        assert re.search(re.escape(path) + r":\d+: ", said), said
    for_each_program(run)


def test_unknown_key_names_file_and_line():
    def run(site, program, _key):
        text = config_of(program)
        code, said, path = check(site, program, text + "colour: red\n")
        assert code == CONFIG, (program, code, said)
        line = text.count("\n") + 1
        assert f"{path}:{line}: " in said and "colour" in said, said
    for_each_program(run)


def test_bad_value_names_file_and_line():
    with work_folder() as folder:
        site = Site(BIN, folder)
        site.run([site.path("nxclear-agent"), "keygen", f"{folder}/key"])
        text = config_of("nxclear-agent") + "role: king\n"
        code, said, path = check(site, "nxclear-agent", text)
        assert code == CONFIG, (code, said)
        assert f"{path}:{text.count(chr(10))}: " in said, said


def test_missing_config_is_said():
    with work_folder() as folder:
        site = Site(BIN, folder)
        for program in ("nxclear-agent", "nxclear-collector"):
            done = site.run([site.path(program), "-c", f"{folder}/none"],
                            check=False)
            assert done.returncode != 0 and f"{folder}/none" in done.stderr, \
                (program, done)


def test_key_others_can_read_is_refused():
    def run(site, program, key):
        os.chmod(key, 0o644)
        path = write(site.folder, "config.yaml", config_of(program))
        for options in (["-c", path], ["-n", "-c", path]):
            done = site.run([site.path(program), *options], check=False,
                            timeout=60)
            assert done.returncode == KEY, (program, done)
            assert done.stderr.startswith(f"{key}: "), done.stderr
            assert "chmod 600" in done.stderr, done.stderr
    for_each_program(run)


def test_no_key_file_is_a_wrong_config():
    def run(site, program, key):
        with open(key, "w", encoding="ascii") as out:
            out.write("no key\n")
        code, said, _path = check(site, program, config_of(program))
        assert code == CONFIG, (program, code, said)
        assert said.startswith(f"{key}: "), said
    for_each_program(run)


def test_missing_files_name_file_line_and_key():
    def run(site, program, _key):
        cases = (["authority:\n  root_hints: nope\n"]
                 if program == "nxclear-agent"
                 else ["http:\n  unix: nope/nxclear.sock\n"])
        for more in cases:
            text = config_of(program) + more
            code, said, path = check(site, program, text)
            key = more.replace(":\n  ", ".").split(":")[0]
            assert code == CONFIG, (program, code, said)
            line = text.count("\n")
            assert said.startswith(f"{path}:{line}: {key}: "), said
            assert "nope" in said, said
    for_each_program(run)


def test_certificates_that_are_not_there_are_said():
    named = ("resolvers:\n  named:\n    - at: 192.0.2.53@853/tls\n"
             "      tls_name: dns.example.com\n      tls_ca_file: nope.pem\n")
    def run(site, program, _key):
        if program == "nxclear-agent":
            code, said, path = check(site, program, config_of(program) + named)
            assert code == CONFIG, (code, said)
            assert said.startswith(f"{path}: resolvers.named[0].tls_ca_file: "
                                   f"{site.folder}/nope.pem: "), said
    for_each_program(run)


def test_help_and_version_are_given():
    site = Site(BIN, "/nonexistent")
    for program in ("nxclear-agent", "nxclear-collector"):
        for option in ("-h", "--help"):
            done = site.run([site.path(program), option])
            assert done.stdout.startswith(f"usage: {program}"), done
        for option in ("-V", "--version"):
            done = site.run([site.path(program), option])
            assert done.stdout.startswith(f"{program} "), done


def test_keygen_never_overwrites():
    def run(site, program, key):
        with open(key, encoding="ascii") as now:
            before = now.read()
        assert os.stat(key).st_mode & 0o077 == 0
        done = site.run([site.path(program), "keygen", key], check=False)
        assert done.returncode != 0 and key in done.stderr, done
        with open(key, encoding="ascii") as now:
            assert now.read() == before
    for_each_program(run)


def test_name_too_long_is_refused():
    with site_alone() as site:
        name = ".".join(["a" * 60] * 5)
        done = site.cli("incident", "open", name, "A", check=False)
        assert done.returncode == USAGE, done
        assert "255" in done.stderr, done.stderr
        for bad in ("a..b", "a" * 64 + ".example.com", ""):
            done = site.cli("incident", "open", bad, "A", check=False)
            assert done.returncode == USAGE and done.stderr, (bad, done)
        listed = site.cli("incident", "list", "--json").stdout
        assert "aaaa" not in listed, listed


def test_closing_and_opening_twice_is_said():
    with site_alone() as site:
        first = site.cli("incident", "open", "www.example.com", "A", "AAAA")
        assert first.stderr == "", first
        shown = site.cli("incident", "show", "1").stdout
        assert "restored    auto" in shown, shown
        second = site.cli("incident", "open", "WWW.example.com.", "A")
        assert "incident 1 is open" in second.stderr, second
        done = site.cli("wait", "1", "--timeout", "5s", check=False)
        assert done.returncode != 0, done
        assert done.stderr.startswith("nxclear: time is up; "), done
        assert done.stderr.count("\n") == 1, done
        assert site.cli("incident", "close", "1").stdout == \
            "incident 1 closed\n"
        done = site.cli("status", "1", "--group", "site", "--json",
                        check=False)
        assert done.stderr == "" and json.loads(done.stdout)["groups"] == {
            "label": "site", "list": []}, done
        again = site.cli("incident", "close", "1").stdout
        assert "incident 1: closed already at " in again, again


def test_no_resolver_found_is_said_and_it_goes_on():
    with site_alone() as site:
        agent = site.agent("empty", nameservers=[])
        agent.accept()
        agent.start()
        wait_until(lambda: "no resolver" in agent.daemon.log_text().lower(),
                   10, "a message about the missing resolvers")
        site.wait_connected([agent])


def test_rubbish_on_the_port_is_survived():
    with site_alone() as site:
        for rubbish in (b"", b"GET / HTTP/1.1\r\n\r\n", os.urandom(4096),
                        b"\xff" + b"\0" * 8 + b"\x7f\x03" + b"\0" * 53,
                        b"\xff" * 64 + os.urandom(1 << 20)):
            with socket.create_connection((site.listen, site.port)) as link:
                try:
                    link.sendall(rubbish)
                except OSError:
                    pass  # shown the door already
        agent = site.agent("later", nameservers=["192.0.2.53"])
        agent.accept()
        agent.start()
        site.wait_connected([agent])


def test_collector_away_is_said_by_the_cli():
    with work_folder() as folder:
        done = Site(BIN, folder).run(
            [os.path.join(BIN, "nxclear"), "--api", f"unix:{folder}/none",
             "status"], check=False)
        assert done.returncode == 69, done
        assert f"{folder}/none" in done.stderr, done.stderr


def test_a_full_disk_is_said_by_the_cli():
    with work_folder() as folder:
        done = Site(BIN, folder).run(
            ["sh", "-c", "exec \"$0\" --version > /dev/full",
             os.path.join(BIN, "nxclear")], check=False)
        assert done.returncode == 70, done
        assert "No space left on device" in done.stderr, done


def test_second_collector_on_one_store_is_refused():
    with site_alone() as site:
        first = site.collector_program
        second = Daemon("second", os.path.join(site.folder, "second"),
                        first.daemon.command).start()
        assert second.process.wait(60) != 0, second.log_tail()
        assert second.log_text(), "no message"
        assert first.daemon.running()


def test_names_in_both_forms():
    """As people write them, and as A-labels; what only looks like one is shown
    as it came."""
    with site_alone() as site:
        for name, wire, shown in (
                ("BÜCHER.example", "xn--bcher-kva.example.", "bücher.example"),
                ("xn--fa-hia.example", "xn--fa-hia.example.", "faß.example"),
                ("xn--u-ccb.example", "xn--u-ccb.example.", None),
                ("www.example.com", "www.example.com.", None)):
            said = site.cli("incident", "open", name, "A").stdout
            number = int(said.split("incident ")[1].split(" ")[0])
            incident = site.api.status(number)["incident"]
            assert incident["name"] == wire, incident
            assert incident["unicode"] == shown, incident
            head = site.cli("status", str(number),
                            check=False).stdout.splitlines()[0]
            assert wire[:-1] in head and ("(" in head.split(" A")[0]) == (
                shown is not None), head
            assert shown is None or f"{wire[:-1]} ({shown}) A" in head, head
        for name in ("b\u202eü.example", "bü..example", "ü" * 64):
            done = site.cli("incident", "open", name, "A", check=False)
            assert done.returncode == 64 and "not a domain name" in \
                done.stderr, done


def test_a_status_that_comes_later_is_asked_for_again():
    """503 with Retry-After: the collector has not made it yet. What follows is
    not about the user's patience, and is said."""
    for words in (("status", "7"), ("status", "7", "--watch"),
                  ("wait", "7", "--timeout", "1m")):
        asked, done = later_status(words, 1)
        assert len(asked) == 2 and asked[0] == asked[1], asked
        assert "/status" in asked[0], asked
        assert done.returncode == USAGE, done
        assert "no such incident" in done.stderr, done


def test_a_status_that_comes_later_holds_nobody_up():
    """Who opened an incident is told so at once; who waits, waits no longer
    than he said."""
    asked, done = later_status(("incident", "open", "www.example.com", "A"), 99)
    assert done.returncode == 0 and "incident 7 opened" in done.stdout, done
    assert "nxclear status 7 shows it" in done.stderr, done
    assert len([path for path in asked if "/status" in path]) == 1, asked
    asked, done = later_status(("wait", "7", "--timeout", "6s"), 99)
    assert done.returncode == UNAVAILABLE, done
    assert "being made" in done.stderr, done
    assert 2 <= len(asked) <= 7, asked


def later_status(words, later_n):
    """What was asked for and what the command said when the first `later_n`
    statuses come later, then there is no such incident."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            body = (b'{"id":7,"name":"www.example.com.","types":["A"],'
                    b'"opened":"2026-01-01T00:00:00Z"}')
            self.send_response(201)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            later = len(asked) < later_n
            asked.append(self.path)
            body = (b'{"type":"about:blank","title":"?","status":%d,'
                    b'"detail":"%s"}' % ((503, b"being made") if later else
                                         (404, b"no such incident")))
            self.send_response(503 if later else 404)
            if later:
                self.send_header("Retry-After", "1")
            self.send_header("Content-Type", "application/problem+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments):
            pass

    with work_folder() as folder, \
            http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            site = Site(BIN, folder)
            done = site.run([site.path("nxclear"), "--api",
                             f"http://127.0.0.1:{server.server_port}",
                             *words], check=False)
        finally:
            server.shutdown()
            thread.join()
    return asked, done
