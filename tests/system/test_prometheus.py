"""The metrics, alert rules and dashboard in a real Prometheus that scrapes a
real collector."""
import contextlib
import json
import os
import re
import subprocess
import time
import urllib.parse
import urllib.request

from deploy.lab import networks, zones
from deploy.lab.ask import wait_until
from deploy.lab.lab import Lab
from deploy.lab.resolvers import Unbound
from tests.lib.guard import watched_outage
from tests.lib.support import (ROOT, network_state, site_in, start_daemon,
                               wait_status)

API = "127.0.0.1:8053"
PROMETHEUS = "127.0.0.1:9090"
RULES = f"{ROOT}/deploy/prometheus/nxclear.rules.yml"
RULES_TEST = f"{ROOT}/deploy/prometheus/nxclear.rules.test.yml"
DASHBOARD = f"{ROOT}/deploy/grafana/nxclear.json"

CONFIG = f"""
global:
  scrape_interval: 1s
  evaluation_interval: 1s
rule_files: [rules.yml]
scrape_configs:
  - job_name: nxclear
    authorization:
      credentials_file: token
    static_configs:
      - targets: ['{API}']
"""


LABELS = {"site": "lyon", "provider": "Example ISP", "asn": 64500,
          "country": "FR", "weight": 120}

# A resolver that denies the name for good: past the latest time at which a
# cached denial can end, the network is stuck.
BLOCK = f'local-zone: "{zones.NAME}." always_nxdomain'


def blocked_office(folder):
    resolver = Unbound("lyon-office-unbound", f"{folder}/lyon-office",
                       "198.51.100.10", [BLOCK])
    return networks.Network("lyon-office", resolver, [], "203.0.113.11", ())


def unblock(resolver):
    resolver.stop()
    path = f"{resolver.folder}/conf"
    with open(path, encoding="ascii") as text:
        config = text.read().replace(f"  {BLOCK}\n", "")
    with open(path, "w", encoding="ascii") as out:
        out.write(config)
    resolver.start()


def promtool(*arguments):
    done = subprocess.run(["promtool", *arguments], text=True,
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def ask(path, **parameters):
    url = f"http://{PROMETHEUS}/api/v1/{path}?" + \
        urllib.parse.urlencode(parameters)
    with urllib.request.urlopen(url, timeout=60) as reply:
        document = json.load(reply)
    assert document["status"] == "success", document
    return document["data"]


def ready():
    try:
        with urllib.request.urlopen(f"http://{PROMETHEUS}/-/ready",
                                    timeout=60) as reply:
            return reply.status == 200
    except OSError:
        return False


@contextlib.contextmanager
def prometheus(lab, token):
    folder = f"{lab.folder}/prometheus"
    os.makedirs(folder)
    with open(f"{folder}/token", "w", encoding="ascii") as out:
        out.write(token)
    with open(RULES, encoding="utf-8") as rules, \
            open(f"{folder}/rules.yml", "w", encoding="utf-8") as out:
        out.write(rules.read().replace("for: 1m", "for: 2s"))
    with open(f"{folder}/prometheus.yml", "w", encoding="utf-8") as out:
        out.write(CONFIG)
    daemon = start_daemon("prometheus", folder, [
        "prometheus", "--config.file=prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address={PROMETHEUS}"])
    try:
        wait_until(ready, 30, "Prometheus to be ready")
        yield
    finally:
        daemon.stop(timeout=60)


def firing(name):
    return [a["labels"] for a in ask("alerts")["alerts"]
            if a["labels"]["alertname"] == name and a["state"] == "firing"]


def queries():
    """(panel, expression) of the dashboard, its variables filled in."""
    with open(DASHBOARD, encoding="utf-8") as text:
        document = json.load(text)
    for panel in document["panels"]:
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace(
                "$incident", ".*").replace("$__rate_interval", "20s")


def check_dashboard(began):
    """Each query is understood, and gave something at some time."""
    n = 0
    for panel, expression in queries():
        wait_until(lambda e=expression: ask(
            "query_range", query=e, start=began, end=time.time(),
            step="1s")["result"], 5, f"{panel}: data for {expression}")
        n += 1
    print(f"# {n} queries of the dashboard gave data")


def check_rules():
    groups = ask("rules")["groups"]
    rules = [r for g in groups for r in g["rules"]]
    with open(RULES, encoding="utf-8") as file:
        written = sum(line.strip().startswith(("- alert:", "- record:"))
                      for line in file)
    assert len(rules) == written > 0, rules
    for rule in rules:
        assert rule["health"] == "ok", rule


def scrape(token):
    request = urllib.request.Request(
        f"http://{API}/metrics", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return reply.read().decode()


def check_metrics(text):
    """The linter holds that only summaries have quantiles; a forecast has
    them, too, without a sum or a count to make it a summary."""
    done = subprocess.run(["promtool", "check", "metrics"], text=True,
                          input=text, capture_output=True, check=False)
    said = [line for line in (done.stdout + done.stderr).splitlines()
            if 'should not have "quantile" label' not in line]
    assert not said and done.returncode in (0, 3), (done.returncode, said)


def check_names(text):
    """An alert on a series that nobody gives would never be raised."""
    with open(RULES, encoding="utf-8") as rules:
        used = set(re.findall(r"\bnxclear_\w+", rules.read()))
    lacking = {name for name in used
               if not re.search(rf"^{name}[{{ ]", text, re.M)}
    assert used and not lacking, lacking


def check_labels(network):
    """What operators say of a network, to be joined with all others of it."""
    found, = ask("query", query="nxclear_network_info"
                 '{provider="Example ISP"}')["result"]
    assert {k: v for k, v in found["metric"].items()
            if k not in ("__name__", "instance", "job")} == {
                "network": network, **{k: str(v) for k, v in LABELS.items()
                                       if k != "weight"}}, found
    assert found["value"][1] == "1", found
    weight, = ask("query", query="nxclear_network_weight * on(network) "
                  'group_left(site) nxclear_network_info{site="lyon"}'
                  )["result"]
    assert weight["metric"]["site"] == "lyon", weight
    assert float(weight["value"][1]) == LABELS["weight"], weight


def test_rules_hold_on_their_own():
    promtool("check", "rules", RULES)
    promtool("test", "rules", RULES_TEST)


def test_a_stuck_network_raises_an_alert_and_takes_it_back():
    with Lab([blocked_office, networks.bind], negative_ttl=45) as lab:
        http = {"unix": f"{lab.folder}/nxclear/nxclear.sock", "listen": API}
        labels = [{"name": lab.networks[0].name, **LABELS}]
        with contextlib.ExitStack() as stack:
            site = stack.enter_context(
                site_in(lab, collector={"http": http, "networks": labels},
                        probe_ceiling_ms=2000))
            token = site.cli("tokens", "create", "prometheus").stdout.strip()
            stack.enter_context(prometheus(lab, token))
            began = time.time()
            office = lab.networks[0].name
            # The other network's denial ends by itself: a forecast.
            incident = watched_outage(lab, site, [lab.networks[1]])
            wait_status(site, incident,
                        lambda d: network_state(d, office)
                        not in (None, "unknown"), 20,
                        "the denial to be seen")
            assert not firing("NxclearNetworkStuck")
            labels = wait_until(lambda: firing("NxclearNetworkStuck"), 180,
                                "the alert to fire")[0]
            assert labels["network"] == office, labels
            assert labels["incident"] == str(incident), labels
            scraped = scrape(token)
            check_metrics(scraped)
            check_names(scraped)
            unblock(lab.networks[0].resolver)
            wait_until(lambda: not firing("NxclearNetworkStuck"), 30,
                       "the alert to be taken back")
            wait_until(lambda: ask("query", query="nxclear_all_clear_timestamp"
                                   "_seconds")["result"], 20, "a forecast")
            check_labels(office)
            check_rules()
            check_dashboard(began)
