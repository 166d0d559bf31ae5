"""The running collector against its own description of the HTTP API."""
import atexit
import functools
import json
import subprocess

import jsonschema

from deploy.lab.ask import wait_until
from deploy.lab.daemon import Daemon
from tests.lib.crowd import Crowd, free_port
from tests.lib.openapi import Client, Description, Events
from tests.lib.support import PLAIN_BIN

NETWORKS = 40
MEASURE = "/v1/resolvers/measure"
DOCUMENT = "/v1/openapi.json"
ONE, STATUS = "/v1/incidents/{id}", "/v1/incidents/{id}/status"
NETWORK = "/v1/incidents/{id}/networks/{network}"
EVENTS = "/v1/incidents/{id}/events"
LISTS = {"/v1/incidents": "incidents", "/v1/agents": "agents",
         "/v1/networks": "networks",
         "/v1/incidents/{id}/transitions": "transitions"}
CONFIG = """enrol:
  listen: tcp://127.0.0.1:{}
alerts:
  receivers:
    - name: on-call
      url: http://127.0.0.1:1/nobody
"""


@functools.cache
def crowd():
    made = Crowd(NETWORKS, more=CONFIG.format(free_port()))
    atexit.register(made.close)
    return made


@functools.cache
def client():
    stranger = Client(crowd().http, None)
    connection, reply = stranger.open("get", DOCUMENT)  # open to everybody
    description = Description(json.loads(reply.read()))
    connection.close()
    return Client(crowd().http, crowd().token, description)


@functools.cache
def closed():
    """The number of an incident that does not change any more."""
    _headers, made = client().must("post", "/v1/incidents", status=201, body={
        "name": "closed.example.com", "types": ["A"]})
    client().must("post", "/v1/incidents/{id}/close", id=made["id"])
    return made["id"]


def clear(network):
    agent = crowd().clear(network)
    agent.stdin.close()
    agent.wait(60)


# --- the document itself

def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_document_is_sound():
    description = client().description
    document = description.document
    assert document["openapi"].startswith("3.1."), document["openapi"]
    for reference in references(document):
        description.resolver.resolve(reference)
    used = set(references(document))
    for kind, entries in document["components"].items():
        for name in entries:
            assert kind == "securitySchemes" or \
                f"#/components/{kind}/{name}" in used, f"{name}: not used"
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    ids = [document["paths"][path][method]["operationId"]
           for method, path in description.operations()]
    assert len(ids) == len(set(ids))
    for method, path in description.operations():
        named = {p["name"] for p in description.parameters(method, path)
                 if p["in"] == "path"}
        assert named == {part[1:-1] for part in path.split("/")
                         if part.startswith("{")}, (path, named)


# --- every operation, well and wrong

def read_all(api):
    api.must("get", DOCUMENT)
    api.must("get", "/metrics")
    api.must("get", "/v1/score", query="?incident=1")
    api.must("get", "/v1/resolvers")
    _headers, status = api.must("get", STATUS, id=1)
    assert {n["state"] for n in status["networks"]} >= \
        {"clear", "cached-nxdomain", "partly-clear"}
    for row in status["networks"]:
        api.must("get", NETWORK, id=1, network=row["network"])
    api.must("get", STATUS, id=1, query="?targets=false")
    api.must("get", STATUS, id=1, query="?where=site%3Dlyon&group=provider")
    api.must("get", STATUS, id=1, query="?group=resolver")
    api.must("get", ONE, id=1)
    api.must("get", "/v1/incidents/{id}/report", id=1)
    api.must("get", "/v1/incidents/{id}/recording", id=1)
    _headers, health = api.must("get", "/healthz")
    assert health["storing"] is True
    for path in LISTS:
        _headers, value = api.must("get", path, id=1)
        assert value[LISTS[path]], path


def printed(program, *arguments):
    return subprocess.run([f"{PLAIN_BIN}/{program}", *arguments], check=True,
                          capture_output=True, text=True).stdout.strip()


def stranger():
    """An agent that nobody has accepted."""
    folder = crowd().folder
    printed("nxclear-agent", "keygen", f"{folder}/stranger.key")
    public = printed("nxclear-collector", "pubkey", f"{folder}/collector.key")
    with open(f"{folder}/stranger.yaml", "w", encoding="ascii") as out:
        json.dump({"key": f"{folder}/stranger.key", "network": "oslo",
                   "collectors": [{"endpoint": f"tcp://127.0.0.1:{crowd().port}",
                                   "key": public}]}, out)  # JSON is YAML
    return Daemon("stranger", f"{folder}/stranger", [
        f"{PLAIN_BIN}/nxclear-agent", "-c", f"{folder}/stranger.yaml"])


def change_agents(api):
    agent = stranger().start()
    try:
        pending = wait_until(
            lambda: [a for a in api.must("get", "/v1/agents")[1]["agents"]
                     if a["state"] == "pending"], 15, "the stranger")
        key = pending[0]["key"]
        api.must("post", "/v1/agents/reject", body={"who": key})
        api.must("post", "/v1/agents/accept", body={
            "key": key, "network": "oslo", "name": "oslo-1"})
        for verb in ("quarantine", "release", "revoke"):
            api.must("post", f"/v1/agents/{verb}", body={"who": "oslo-1"})
        oslo = state_of(api.must("get", STATUS, id=1)[1], "oslo")
        assert oslo == "unknown", oslo  # until it is said that it is none
        api.must("post", "/v1/agents/reject", body={"who": key})
    finally:
        agent.kill()
    api.must("post", "/v1/agents/label", body={
        "agent": "agent-0002", "labels": {"site": "oslo", "weight": 3}})
    api.must("post", "/v1/networks/label", body={
        "network": crowd().json("/v1/networks")["networks"][0]["network"],
        "labels": {"asn": 64500, "country": None}})
    api.must("get", "/v1/agents/log")


def change_doors(api):
    api.must("post", "/v1/enrolments", status=201, body={"network": "oslo"})
    _headers, made = api.must("get", "/v1/enrolments")
    api.must("post", "/v1/enrolments/revoke",
             body={"id": made["enrolments"][0]["id"]})
    api.must("post", "/v1/tokens", status=201, body={
        "name": "lyon", "scope": "read", "networks": ["lyon-office-0001"]})
    api.must("get", "/v1/tokens")
    api.must("post", "/v1/tokens/revoke", body={"who": "lyon"})
    api.must("post", "/v1/alerts/test", body={"receiver": "on-call"})
    _headers, problem = api.must("post", MEASURE, status=409, body={})
    assert "no canary zone" in problem["detail"], problem
    assert api.must("get", "/v1/alerts")[1]["alerts"]


def change_incidents(api):
    headers, made = api.must("post", "/v1/incidents", status=201, body={
        "name": "mail.example.com", "types": ["MX"], "restored": "auto",
        "expect": {"MX": ["10 mx.example.com"]}, "note": "a test"})
    assert headers["Location"] == f"/v1/incidents/{made['id']}"
    _headers, audit = api.must("post", "/v1/incidents", status=201, body={
        "name": "www.example.com", "types": ["A"], "audit": True})
    for one in (made, audit):
        api.must("get", STATUS, id=one["id"])
        api.must("post", "/v1/incidents/{id}/close", id=one["id"])
        for path in (STATUS, "/v1/incidents/{id}/report"):
            api.must("get", path, id=one["id"])
    _headers, list_ = api.must("get", "/v1/incidents")
    network = crowd().json("/v1/networks")["networks"][0]["network"]
    assert {1, made["id"], audit["id"]} <= \
        {i["id"] for i in list_["incidents"]}
    api.must("get", NETWORK, id=made["id"], network=network)  # closed


def stream(api):
    for query in ("", "?changes=true"):
        events = Events(api, f"/v1/incidents/1/events{query}")
        _id, event, document = events.next()
        events.close()
        api.description.check(document, api.description.named("Status"),
                              f"{event}{query}")
    api.seen.add(("get", EVENTS, 200))


def refuse_all(api):
    """Every operation refuses what is wrong, with a problem document."""
    nobody = Client(api.port, None, api.description)
    for method, path in api.description.operations():
        operation = api.description.operation(method, path)
        body = {} if method == "post" else None
        if operation["x-access"] != "open":
            status, headers, _problem = nobody.ask(
                method, path, body=body, id=1, network="x")
            assert status == 401 and headers["WWW-Authenticate"], (path, status)
        if "{id}" in path:
            status, _headers, problem = api.ask(
                method, path, body=body, id=4000000000, network="x")
            assert status == 404 and "4000000000" in problem["detail"], path
        if method == "post" and operation["requestBody"]["required"]:
            api.must(method, path, status=422, body={"frob": 1}, id=1)
            status, _headers, _problem = api.ask(
                method, path, body=body, headers={"Content-Type": "text/plain"})
            assert status == 415, (path, status)
        if method == "get" and operation["x-access"] != "open" and \
                path != "/metrics":
            status, _headers, problem = api.ask(
                method, path, query="?frob=1", id=1, network="x")
            assert status == 422 and "frob" in problem["detail"], (path, status)
        refuse_method(api, path)


def refuse_method(api, path):
    connection, reply = api.open("delete", path.replace("{id}", "1"))
    problem = json.loads(reply.read())
    connection.close()
    assert reply.status == 405, (path, reply.status)
    api.description.check(problem, api.description.named("Problem"), path)
    assert set(reply.headers["Allow"].lower().split(", ")) - {"head"} == \
        {m for m, p in api.description.operations() if p == path}, path


def test_every_operation():
    api = client()
    clear(3)
    read_all(api)
    change_agents(api)
    change_doors(api)
    stream(api)
    change_incidents(api)
    missing = {(method, path)
               for method, path in api.description.operations()
               if not any((method, path, status) in api.seen
                          for status in (200, 201))}
    missing -= {("post", MEASURE)}  # answered well in test_resolvers
    assert not missing, f"never answered well: {missing}"
    refuse_all(api)
    status, _headers, problem = Client(api.port, api.token,
                                       api.description).ask(
        "get", NETWORK, id=1, network="x%1b")
    assert status == 404 and "x\\027" in problem["detail"], problem


def test_unknown_is_refused():
    for target, status in (("/v1", 404), ("/v1/incidents/x", 404),
                           ("/v1/openapi.yaml", 404)):
        connection, reply = client().open("get", target)
        problem = json.loads(reply.read())
        connection.close()
        assert reply.status == status, (target, reply.status)
        client().description.check(
            problem, client().description.named("Problem"), target)


# --- conditional requests

def test_not_modified():
    api = client()
    tagged = [path for method, path in sorted(api.description.operations())
              if "304" in api.description.operation(method, path)["responses"]]
    assert {*LISTS, ONE, STATUS, DOCUMENT, "/v1/resolvers"} == set(tagged), \
        tagged
    def not_modified(path):
        """Agents may come and go meanwhile."""
        headers, _value = api.must("get", path, id=closed())
        return all(api.ask("get", path, id=closed(), headers={
            "If-None-Match": known})[0] == 304
            for known in (headers["ETag"], f'"x", {headers["ETag"]}', "*"))
    for path in tagged:
        wait_until(lambda p=path: not_modified(p), 10, f"304 of {path}")
        api.must("get", path, id=closed(), headers={"If-None-Match": 'W/"x"'})
    whole, _value = api.must("get", STATUS, id=closed())
    lanes, _value = api.must("get", STATUS, id=closed(), query="?targets=false")
    assert whole["ETag"] != lanes["ETag"]


def test_modified():
    """What changed has another tag."""
    api = client()
    before, value = api.must("get", STATUS, id=1)
    waiting = next(n["network"] for n in value["networks"]
                   if n["outlook"] == "waiting")
    clear(int(waiting[-4:]))

    def changed():
        status, headers, now = api.ask(
            "get", STATUS, id=1, headers={"If-None-Match": before["ETag"]})
        return status == 200 and headers["ETag"] != before["ETag"] and \
            state_of(now, waiting) == "clear"

    wait_until(changed, 10, f"{waiting} to be clear")


def state_of(document, network):
    return next((n["state"] for n in document["networks"]
                 if n["network"] == network), None)


# --- pages

def next_of(headers):
    link = headers["Link"]
    return None if link is None else link[1:].split(">")[0]


def identities(api, path, name):
    return [identity(e) for e in api.must("get", path, id=1)[1][name]]


def paged(api, path, name, limit):
    """The same, by pages; it may change meanwhile."""
    got, query = [], f"?limit={limit}"
    while query is not None:
        headers, page = api.must("get", path, id=1, query=query)
        assert len(page[name]) <= limit, (path, limit)
        got += page[name]
        link = next_of(headers)
        query = None if link is None else link[link.index("?"):]
    return [identity(e) for e in got]


def test_pages():
    """Every entry once, in the same order, whatever the size of a page."""
    api = client()
    for path, name in {**LISTS, "/v1/resolvers": "resolvers"}.items():
        for limit in (7, 1000):
            wait_until(lambda p=path, n=name, l=limit:
                       paged(api, p, n, l) == identities(api, p, n), 10,
                       f"{path} by pages of {limit} to be the whole")
        for wrong in ("0", "1001", "x", "-1", "1&limit=2"):
            api.must("get", path, status=422, id=1, query=f"?limit={wrong}")
        api.must("get", path, status=422, id=1, query="?limit=1&cursor=%ff")


def identity(entry):
    return entry.get("key") or entry.get("id") or entry["network"]


# --- events

def change_of(events, network, state, limit=20):
    """Reads until the network is in that state: (id, event, document)."""
    for _ in range(limit):
        found = events.next()
        assert found is not None, "the stream ended"
        if state_of(found[2], network) == state:
            return found
    raise AssertionError(f"{network} is not told to be {state}")


def waiting_networks(api, n):
    _headers, value = api.must("get", STATUS, id=1, query="?targets=false")
    names = [e["network"] for e in value["networks"]
             if e["outlook"] == "waiting" and int(e["network"][-4:]) <= 64]
    assert len(names) >= n, names
    return names[:n]


def test_events_go_on_where_they_broke_off():
    api = client()
    first, second = waiting_networks(api, 2)
    target = "/v1/incidents/1/events?changes=true"
    events = Events(api, target)
    begin, event, whole = events.next()
    assert event == "status" and len(whole["networks"]) == NETWORKS
    assert not any("targets" in n for n in whole["networks"])
    clear(int(first[-4:]))
    last, event, change = change_of(events, first, "clear")
    events.close()
    assert event == "change" and len(change["networks"]) < NETWORKS
    api.description.check(change, api.description.named("Change"), "change")
    assert change["now"] > whole["now"]

    clear(int(second[-4:]))  # nobody listens
    wait_until(lambda: state_of(api.must("get", STATUS, id=1)[1], second) ==
               "clear", 10, f"{second} to be clear")
    for known, told in ((last, {second}), (begin, {first, second})):
        events = Events(api, target, last_id=known)
        _id, event, change = events.next()
        events.close()
        assert event == "change", event
        api.description.check(change, api.description.named("Change"), event)
        names = {n["network"] for n in change["networks"]}
        assert told <= names and len(names) < NETWORKS, (told, names)
    for foreign in ("0-1", "x", f"{last}0000000", "9" * 99):
        events = Events(api, target, last_id=foreign)
        _id, event, whole = events.next()
        events.close()
        assert event == "status" and len(whole["networks"]) == NETWORKS


def test_plain_events_are_whole():
    """Without changes=true, each event is the status; none comes again to who
    has it."""
    api = client()
    (network,) = waiting_networks(api, 1)
    events = Events(api, "/v1/incidents/1/events")
    _id, event, document = events.next()
    assert event == "status" and all(n["targets"] for n in document["networks"])
    api.description.check(document, api.description.named("Status"), event)
    clear(int(network[-4:]))
    _id, event, document = change_of(events, network, "clear")
    events.close()
    assert event == "status" and len(document["networks"]) == NETWORKS


def test_events_of_some_networks():
    """A reader of one network is told of that one, also when all is over."""
    api = client()
    network, other = waiting_networks(api, 2)
    _headers, token = api.must("post", "/v1/tokens", status=201, body={
        "name": "some", "scope": "read", "networks": [network]})
    reader = Client(api.port, token["token"], api.description)
    events = Events(reader, "/v1/incidents/1/events")
    _id, event, document = events.next()
    api.description.check(document, api.description.named("Status"), event)
    assert event == "status" and document["networks"][0]["targets"]
    clear(int(other[-4:]))
    clear(int(network[-4:]))
    told = [document]
    while told[-1]["networks"][0]["state"] != "clear":
        told.append(events.next()[2])
    events.close()
    for document in told:
        assert [n["network"] for n in document["networks"]] == [network]
        assert other not in json.dumps(document)

    _headers, made = api.must("post", "/v1/incidents", status=201, body={
        "name": "some.example.com", "types": ["A"]})
    api.must("post", "/v1/incidents/{id}/close", id=made["id"])
    events = Events(reader, f"/v1/incidents/{made['id']}/events")
    _id, event, document = events.next()
    assert event == "status" and events.next() is None
    events.close()
    assert [n["network"] for n in document["networks"]] == [network]
    assert document["incident"]["closed"] is not None
    api.must("post", "/v1/tokens/revoke", body={"who": "some"})


def test_events_end_with_the_incident():
    api = client()
    _headers, made = api.must("post", "/v1/incidents", status=201, body={
        "name": "ends.example.com", "types": ["A"]})
    events = Events(api, f"/v1/incidents/{made['id']}/events")
    assert events.next()[1] == "status"
    api.must("post", "/v1/incidents/{id}/close", id=made["id"])
    last = None
    for found in iter(events.next, None):
        last = found[2]
    events.close()
    assert last["incident"]["closed"] is not None
