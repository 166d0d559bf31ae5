"""Alerts reach a real receiver, whatever happens in between: it refuses, it
hangs, the collector is killed. Nothing is lost; what comes twice comes with the
same key."""
import collections
import contextlib
import hashlib
import hmac
import http.server
import json
import os
import shutil
import signal
import ssl
import threading
import time
import urllib.request

from deploy.lab import networks, zones
from deploy.lab.ask import wait_until
from deploy.lab.lab import COLLECTOR_ADDRESS, Lab
from deploy.lab.namespace import add_addresses
from tests.lib.certificates import make_ca, make_certificate
from tests.lib.guard import watched_outage
from tests.lib.support import (Skip, network_state, site_alone, site_in,
                               start_daemon, stop_well, wait_status)

SECRET = "a secret of this test"
HANG_S = 12  # longer than the courier waits


class Receiver:
    """An HTTP server whose answers are scripted: a status, or "hang". Keeps
    what it was sent. tls: folder and name of its certificate."""

    def __init__(self, script=(), port=8099, tls=None):
        self.script = collections.deque(script)
        self.taken = []    # (path, headers, body) answered with 2xx
        self.refused = []  # the others
        self.lock = threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                receiver.handle(self)

            do_PUT = do_POST

            def log_message(self, *_arguments):
                pass

        add_addresses([COLLECTOR_ADDRESS])
        self._server = http.server.ThreadingHTTPServer(
            (COLLECTOR_ADDRESS, port), Handler)
        self._server.daemon_threads = True
        self.url = f"http{'s' if tls else ''}://{COLLECTOR_ADDRESS}:{port}"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain("{}/{}.pem".format(*tls),
                                    "{}/{}.key".format(*tls))
            # The handshake is the thread's that handles the request.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True,
                do_handshake_on_connect=False)
            self._server.handle_error = lambda *_who: None  # not trusted

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever,
                         daemon=True).start()
        return self

    def __exit__(self, *_error):
        self._server.shutdown()
        self._server.server_close()

    def handle(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"]))
        entry = (request.path, {**request.headers, "came": time.time()}, body)
        with self.lock:
            answer = self.script.popleft() if self.script else 200
        if answer == "hang":
            with self.lock:
                self.refused.append(entry)
            time.sleep(HANG_S)
            return
        with self.lock:
            (self.taken if answer == 200 else self.refused).append(entry)
        request.send_response(answer)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def documents(self, path="/hook"):
        with self.lock:
            return [json.loads(b) for p, _h, b in self.taken if p == path]


def check_signature(entry):
    _path, headers, body = entry
    signed = headers["X-Nxclear-Timestamp"].encode() + b"." + body
    want = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["X-Nxclear-Signature"] == f"sha256={want}", headers
    assert abs(int(headers["X-Nxclear-Timestamp"]) - headers["came"]) < 60
    assert headers["Idempotency-Key"] == json.loads(body)["key"], headers


def write_file(path, text, mode):
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    os.chmod(path, mode)


def fake_sendmail(folder):
    """Keeps its arguments and its standard input."""
    path = f"{folder}/sendmail"
    write_file(path, "#!/bin/sh\necho \"$@\" >> \"${0%/*}/mail.argv\"\n"
                     "cat >> \"${0%/*}/mail.text\"\n", 0o755)
    return path


def read(path):
    try:
        with open(path, encoding="utf-8") as text:
            return text.read()
    except FileNotFoundError:
        return ""


def test_alerts_of_an_incident_from_affected_to_recovered():
    """One message when the network is affected, one when it has recovered,
    to a webhook, a chat tool, mail and a hook; with a collector killed
    while the first receiver does not take it."""
    with Lab([networks.unbound], negative_ttl=20) as lab, \
            Receiver([503, "hang"]) as receiver:
        folder = f"{lab.folder}/alerts"
        os.mkdir(folder)
        write_file(f"{folder}/secret", SECRET + "\n", 0o600)
        write_file(f"{folder}/hook", "#!/bin/sh\nenv > \"$1.env\"\n"
                                     "cat >> \"$1\"\necho >> \"$1\"\n", 0o755)
        alerts = {
            "hold_s": 0, "group_wait_s": 1, "group_interval_s": 1,
            "sendmail": fake_sendmail(folder), "allow_exec": True,
            "receivers": [
                {"name": "hook", "url": f"{receiver.url}/hook",
                 "secret_file": f"{folder}/secret"},
                {"name": "mail", "email": "ops@example.com",
                 "from": "nxclear@example.com"},
                {"name": "script",
                 "exec": [f"{folder}/hook", f"{folder}/hook.out"]}]}
        with site_in(lab, collector={"alerts": alerts}) as site:
            office = lab.networks[0]
            incident = watched_outage(lab, site, [office])
            wait_until(lambda: receiver.refused, 20, "the first attempt")
            site.collector_program.daemon.kill()
            site.collector_program.start().wait_ready()
            wait_status(site, incident,
                        lambda d: network_state(d, office.name) == "clear", 30,
                        "the network to be clear")

            def recovered():
                return [d for d in receiver.documents() if any(
                    c["kind"] == "recovered" for c in d["changes"])]
            wait_until(recovered, 60, "the recovery to be told")
            wait_until(lambda: f"\n{office.name}: recovered\n" in
                       read(f"{folder}/mail.text"), 60, "the mail")
            wait_until(lambda: set(told_by_hook(folder)) >= {
                d["key"] for d in receiver.documents()}, 60, "the hook")
            time.sleep(3)  # time in which a second telling would come
            assert len({d["key"] for d in recovered()}) == 1, \
                receiver.documents()
        once = {d["key"]: d for d in receiver.documents()}.values()
        changes = [c["kind"] for d in once
                   for c in d["changes"] if c["network"] == office.name]
        assert changes[0] == "affected" and changes[-1] == "recovered", changes
        assert changes.count("recovered") == 1, changes
        for entry in receiver.taken + receiver.refused:
            check_signature(entry)
        keys = {json.loads(b)["key"] for _p, _h, b in receiver.refused}
        assert keys <= {d["key"] for d in receiver.documents()}, keys
        check_mail(folder, office.name)
        told = told_by_hook(folder)
        assert unique(told) == unique(
            d["key"] for d in receiver.documents()), told
        environment = read(f"{folder}/hook.out.env")
        assert f"NXCLEAR_INCIDENT={incident}\n" in environment, environment
        assert "NXCLEAR_API" not in environment, environment


# --- Alertmanager, chat tools, grouping

ALERTMANAGER = "127.0.0.1:9093"


@contextlib.contextmanager
def alertmanager(folder):
    if shutil.which("prometheus-alertmanager") is None:
        raise Skip("no Alertmanager here: deploy/install-deps test")
    os.mkdir(folder)
    write_file(f"{folder}/conf.yml",
               "route: {receiver: none}\nreceivers: [{name: none}]\n", 0o644)
    daemon = start_daemon("alertmanager", folder, [
        "prometheus-alertmanager", f"--config.file={folder}/conf.yml",
        f"--storage.path={folder}/data", "--cluster.listen-address=",
        f"--web.listen-address={ALERTMANAGER}"])
    try:
        wait_until(lambda: alerts_there() is not None, 60,
                   "Alertmanager to be ready")
        yield
    finally:
        daemon.stop(timeout=60)


def alerts_there():
    """{network: alert} of all that it knows to be active, None: it does not
    answer."""
    try:
        with urllib.request.urlopen(f"http://{ALERTMANAGER}/api/v2/alerts",
                                    timeout=30) as reply:
            return {a["labels"].get("network"): a for a in json.load(reply)}
    except OSError:
        return None


CHATS = ("slack", "mattermost", "teams", "matrix")


def text_of(kind, message):
    """The text in a message of that format; it has no other shape."""
    if kind == "slack":
        assert list(message) == ["text"], message
    elif kind == "mattermost":
        assert set(message) == {"username", "text"}, message
        assert message["username"] == "nxclear", message
    elif kind == "matrix":
        assert set(message) == {"msgtype", "body"}, message
        assert message["msgtype"] == "m.text", message
        return message["body"]
    else:
        assert set(message) == {"type", "attachments"}, message
        assert message["type"] == "message", message
        card, = message["attachments"]
        assert card["contentType"] == \
            "application/vnd.microsoft.card.adaptive", card
        content = card["content"]
        assert (content["type"], content["version"]) == \
            ("AdaptiveCard", "1.4"), content
        lines = []
        for block in content["body"]:
            assert block["type"] == "RichTextBlock", block
            run, = block["inlines"]
            assert run["type"] == "TextRun", run
            lines.append(run["text"] + "\n")
        return "".join(lines)
    text = message["text"]
    assert text.startswith("```\n") and text.endswith("```"), text
    return text[4:-3]


def chat_receivers(url, token_path):
    made = [{"name": kind, "format": kind, "url": f"{url}/{kind}"}
            for kind in CHATS if kind != "matrix"]
    return [*made, {"name": "matrix", "format": "matrix",
                    "url": f"{url}/matrix/send/m.room.message",
                    "secret_file": token_path}]


def chat_texts(receiver, kind):
    """Of each message once, in order; a key is in the path of matrix only."""
    with receiver.lock:
        bodies = [b for p, _h, b in receiver.taken
                  if p.startswith(f"/{kind}")]
    return [text_of(kind, json.loads(b)) for b in unique(bodies)]


def test_two_networks_in_one_message_to_chat_tools_and_alertmanager():
    """Networks that are affected at the same time are told of in one message;
    it has the shape that each tool takes, and Alertmanager has an alert for
    each network until that has recovered."""
    with Lab([networks.unbound, networks.bind], negative_ttl=600) as lab, \
            alertmanager(f"{lab.folder}/alertmanager"), \
            Receiver() as receiver:
        write_file(f"{lab.folder}/token", SECRET + "\n", 0o600)
        alerts = {"hold_s": 0, "group_wait_s": 20, "group_interval_s": 1,
                  "receivers": [
                      {"name": "hook", "url": f"{receiver.url}/hook"},
                      {"name": "pager", "format": "alertmanager",
                       "url": f"http://{ALERTMANAGER}/api/v2/alerts"},
                      *chat_receivers(receiver.url, f"{lab.folder}/token")]}
        with site_in(lab, collector={"alerts": alerts},
                     probe_ceiling_ms=2000) as site:
            names = {n.name for n in lab.networks}
            incident = watched_outage(lab, site, lab.networks)

            def both():
                alerts = alerts_there() or {}
                return set(alerts) == names and alerts
            paged = wait_until(both, 180,
                               "Alertmanager to have an alert of each network")
            wait_until(receiver.documents, 30, "the hook to be told")
            said = {c["network"]: c for d in receiver.documents()
                    for c in d["changes"]}
            for alert in paged.values():
                check_pager(alert, incident, said)
            for network in lab.networks:
                network.resolver.stop()  # and with it what it cached
                network.resolver.start()
            wait_until(lambda: alerts_there() == {}, 120,
                       "the alerts to be resolved")
            wait_until(lambda: {
                c["network"] for d in receiver.documents()
                for c in d["changes"] if c["kind"] == "recovered"} == names,
                60, "both recoveries to be told")

            def all_sent():
                return all(a["state"] == "sent" for a in
                           site.api.must_get("/v1/alerts")["alerts"])
            wait_until(all_sent, 60, "each to be told")
            once = list({d["key"]: d for d in receiver.documents()}.values())
            assert {c["network"] for c in once[0]["changes"]} == names, once
            for kind in CHATS:
                texts = chat_texts(receiver, kind)
                assert len(texts) == len(once), (kind, texts)
                for text, document in zip(texts, once):
                    check_text(text, document)
            with receiver.lock:
                put = {p: h for p, h, _b in receiver.taken
                       if p.startswith("/matrix")}
            assert {h["Authorization"] for h in put.values()} == \
                {f"Bearer {SECRET}"}, put
            assert set(put) == {f"/matrix/send/m.room.message/{d['key']}"
                                for d in once}, put


def check_pager(alert, incident, said):
    labels = alert["labels"]
    change = said[labels["network"]]
    assert labels == {"alertname": "NxclearNetworkAffected",
                      "incident": str(incident), "name": f"{zones.NAME}.",
                      "network": labels["network"]}, alert
    assert alert["status"]["state"] == "active", alert
    assert alert["annotations"]["state"] == change["to"], (alert, change)
    assert alert["annotations"]["summary"].startswith(
        f"{change['network']}: {change['kind']}, {change['to']}"), alert
    assert alert["annotations"]["stuck"] == "false", alert


def check_text(text, document):
    """The title, and a line for each change."""
    kinds = collections.Counter(c["kind"] for c in document["changes"])
    counts = ", ".join(f"{kinds[k]} {k}" for k in
                       ("affected", "changed", "stuck", "lost", "recovered")
                       if kinds[k])
    title, *lines = text.split("\n")
    assert title == f"nxclear: incident {document['incident']['id']} " \
        f"{zones.NAME}.: {counts}", (title, document)
    for change in document["changes"]:
        start = f"{change['network']}: {change['kind']}"
        assert any(line.startswith(start) for line in lines), (text, document)


def test_programs_are_run_only_where_that_is_allowed():
    """By -n, and by a collector that runs: what it had stays."""
    with Receiver() as receiver, site_alone(alerts={"receivers": [
            {"name": "old", "url": f"{receiver.url}/hook"}]}) as site:
        write_file(f"{site.folder}/hook", "#!/bin/sh\ntouch \"$1\"\n", 0o755)
        made = f"{site.folder}/made"
        program = site.collector_program
        script = {"name": "script", "exec": [f"{site.folder}/hook", made]}
        program.config["alerts"] = {"receivers": [script]}
        program.write_config()
        done = site.run([site.path("nxclear-collector"), "-n", "-c",
                         program.config_path], check=False)
        assert done.returncode == 78, done
        assert "alerts.allow_exec is true" in done.stderr, done.stderr
        program.daemon.signal(signal.SIGHUP)
        wait_until(lambda: "the old configuration stays" in
                   program.daemon.log_text(), 30, "the complaint")
        site.cli("alerts", "test")
        wait_until(receiver.documents, 30, "the old receiver to be told")
        assert not os.path.exists(made)
        program.config["alerts"] = {"allow_exec": True, "receivers": [script]}
        program.write_config()
        program.daemon.signal(signal.SIGHUP)
        wait_until(lambda: "script" in [r["name"] for r in site.api.must_get(
            "/v1/alerts")["receivers"]], 30, "the program to be allowed")
        site.cli("alerts", "test", "script")
        wait_until(lambda: os.path.exists(made), 30, "the program to be run")


def told_by_hook(folder):
    """Keys; the last line may be in the making."""
    lines = read(f"{folder}/hook.out").split("\n")[:-1]
    return [json.loads(line)["key"] for line in lines if line]


def unique(keys):
    return list(dict.fromkeys(keys))


def check_mail(folder, network):
    text = read(f"{folder}/mail.text")
    assert read(f"{folder}/mail.argv").splitlines()[0] == \
        "-i -- ops@example.com"
    assert text.startswith("To: ops@example.com\nFrom: nxclear@example.com\n"
                           "Subject: nxclear: incident 1 www.example.com.: "
                           "1 affected\n"), text
    assert f"\n{network}: affected, " in text, text
    assert text.count(f"\n{network}: recovered\n") == 1, text


def test_nothing_is_lost_and_duplicates_have_the_same_key():
    """Many messages, a receiver that fails in every way, kill -9 again and
    again."""
    with Receiver([500, 503, 200, 500, 200, 404]) as receiver:
        alerts = {"receivers": [
            {"name": "hook", "url": f"{receiver.url}/hook"},
            {"name": "room", "url": f"{receiver.url}/room",
             "format": "slack"}]}
        with site_alone(alerts=alerts) as site:
            said = site.api.must_get("/v1/alerts")
            assert [r["kind"] for r in said["receivers"]] == \
                ["webhook", "slack"], said
            for _round in range(4):
                site.cli("alerts", "test")
                site.cli("alerts", "test", "hook")
                site.collector_program.daemon.kill()
                site.collector_program.start().wait_ready()
            made = site.api.must_get("/v1/alerts")["alerts"]
            assert len(made) == 12, made

            def all_sent():
                return all(a["state"] == "sent" for a in
                           site.api.must_get("/v1/alerts")["alerts"])
            wait_until(all_sent, 90, "the queue to be empty")
            wanted = {a["key"] for a in made if a["receiver"] == "hook"}
            got = [d["key"] for d in receiver.documents()]
            assert set(got) == wanted, (wanted, got)
            assert len(wanted) == 8, wanted
            # In order, but for what came again.
            assert unique(got) == sorted(
                wanted, key=lambda k: int(k.rsplit("-", 1)[1])), got
            room = receiver.documents("/room")
            assert len(room) >= 4 and all(
                "a test of this receiver" in d["text"] for d in room), room
            listing = site.cli("alerts", "list").stdout
            assert "hook" in listing and "sent" in listing, listing
            missing = site.cli("alerts", "test", "nobody", check=False)
            assert missing.returncode == 64, missing
            assert "no receiver nobody" in missing.stderr, missing
            lost = sum(1 for k in wanted if k not in got)
            print(f"# | alerts, kill -9 | 4 rounds | {len(wanted)} messages, "
                  f"{lost} lost, {len(got) - len(wanted)} duplicates, all "
                  "with the same key |")
            stop_well(site)


def trusts(collector, folder):
    """It takes the files of this folder for those of the system's CAs."""
    daemon = collector.daemon
    daemon.command = ["unshare", "--mount", "sh", "-c",
                      f"mount --bind {folder} /etc/ssl/certs && exec \"$@\"",
                      "sh", *daemon.command]


def problem_of(site, receiver):
    alert, = (a for a in site.api.must_get("/v1/alerts")["alerts"]
              if a["receiver"] == receiver)
    return alert["problem"]


def test_only_a_certificate_for_its_name_by_a_known_authority_is_trusted():
    with contextlib.ExitStack() as stack:
        site = stack.enter_context(site_alone())
        folder = f"{site.folder}/certificates"
        make_ca(folder)
        make_ca(folder, "stranger")
        here = f"IP:{COLLECTOR_ADDRESS}"
        made = {"trusted": (here, "ca"), "misnamed": ("IP:203.0.113.99", "ca"),
                "unknown": (here, "stranger")}
        receivers = {}
        for port, (name, (alternative, ca)) in enumerate(made.items(), 8443):
            make_certificate(folder, alternative, name, ca)
            receivers[name] = stack.enter_context(
                Receiver(port=port, tls=(folder, name)))
        os.mkdir(f"{folder}/known")
        shutil.copy(f"{folder}/ca.pem", f"{folder}/known/ca-certificates.crt")
        program = site.collector_program
        program.config["alerts"] = {"receivers": [
            {"name": name, "url": f"{receiver.url}/hook"}
            for name, receiver in receivers.items()]}
        program.write_config()
        program.daemon.stop()
        trusts(program, f"{folder}/known")
        program.start().wait_ready()
        site.cli("alerts", "test")
        wait_until(receivers["trusted"].documents, 60, "the alert over TLS")
        for name, why in (("misnamed", "subject name"),
                          ("unknown", "SSL certificate problem")):
            said = wait_until(lambda n=name: problem_of(site, n), 60,
                              f"{name} to fail")
            assert why in said, said
            assert said in site.cli("alerts", "list").stdout, said
            assert not receivers[name].taken + receivers[name].refused, name


def test_open_secret_is_refused():
    """By -n, and by a collector that runs: its old receivers stay."""
    with Receiver() as receiver, site_alone(alerts={"receivers": [
            {"name": "old", "url": f"{receiver.url}/hook"}]}) as site:
        path = f"{site.folder}/secret"
        write_file(path, SECRET, 0o644)
        program = site.collector_program
        program.config["alerts"] = {"receivers": [
            {"name": "hook", "url": "https://hooks.example.com/",
             "secret_file": path}]}
        program.write_config()
        program.daemon.signal(signal.SIGHUP)
        wait_until(lambda: "the old configuration stays" in
                   program.daemon.log_text(), 10, "the complaint")
        site.cli("alerts", "test", "old")
        wait_until(receiver.documents, 10, "the old receiver to be told")
        done = site.run([site.path("nxclear-collector"), "-n", "-c",
                         program.config_path], check=False)
        assert done.returncode == 78, done
        assert f"{path}: everybody may read" in done.stderr, done.stderr


def test_a_sendmail_that_cannot_work_is_said():
    """At the start, which it does not hinder, beside the failure, and by -n."""
    said = "/nowhere/sendmail: No such file or directory; install msmtp-mta"
    with site_alone(alerts={"sendmail": "/nowhere/sendmail", "receivers": [
            {"name": "mail", "email": "ops@example.com"}]}) as site:
        program = site.collector_program
        log = program.daemon.log_text()
        assert f"alerts to mail will not be mailed: {said}" in log, log
        site.cli("alerts", "test", "mail")
        wait_until(lambda: said in site.cli("alerts", "list").stdout, 10,
                   "the failure")
        done = site.run([site.path("nxclear-collector"), "-n", "-c",
                         program.config_path], check=False)
        assert done.returncode == 78, done
        assert f"alerts.receivers[0].email: {said}" in done.stderr, done
