"""The description of the HTTP API, and a client that holds every answer
against it."""
import copy
import http.client
import json
import re

import jsonschema

from deploy.lab.ask import PATIENCE_S

METHODS = ("get", "post")
PROBLEM = "application/problem+json"


def strict(node):
    """The same where members that are not described are wrong: the document
    lets later versions add some, this version's tests do not."""
    if isinstance(node, list):
        return [strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: strict(value) for key, value in node.items()}
    if node.get("type") == "object" and isinstance(node.get("properties"),
                                                   dict):
        made.setdefault("additionalProperties", False)
    return made


class Description:
    def __init__(self, document):
        self.document = document
        tight = copy.deepcopy(document)
        tight["components"]["schemas"] = strict(
            document["components"]["schemas"])
        tight["paths"] = strict(document["paths"])
        self.tight = tight
        self.resolver = jsonschema.RefResolver("", tight)

    def operations(self):
        """(method, path) of each."""
        return {(method, path) for path, item in self.document["paths"].items()
                for method in METHODS if method in item}

    def resolve(self, node):
        while "$ref" in node:
            node = self.resolver.resolve(node["$ref"])[1]
        return node

    def operation(self, method, path):
        return self.tight["paths"][path][method]

    def parameters(self, method, path):
        """The resolved ones of the path and the operation."""
        item = self.tight["paths"][path]
        return [self.resolve(p) for p in [*item.get("parameters", []),
                                          *item[method].get("parameters", [])]]

    def check(self, value, schema, what):
        validator = jsonschema.Draft202012Validator(schema,
                                                    resolver=self.resolver)
        errors = [f"{what}: {'/'.join(map(str, e.absolute_path))}: "
                  f"{e.message[:300]}" for e in validator.iter_errors(value)]
        assert not errors, "\n".join(errors[:5])

    def named(self, name):
        return {"$ref": f"#/components/schemas/{name}"}

    def response(self, method, path, status):
        responses = self.operation(method, path)["responses"]
        return self.resolve(responses.get(str(status)) or
                            responses["default"])


class Client:
    """Asks by TCP; remembers which operations were answered, and how."""

    def __init__(self, port, token, description=None):
        self.port, self.token = port, token
        self.description = description
        self.seen = set()  # (method, path, status)

    def open(self, method, target, headers=None, body=None):
        """(connection, reply); the caller closes the connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port,
                                                timeout=PATIENCE_S)
        headers = dict(headers or {})
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if method == "post":
            headers.setdefault("Content-Type", "application/json")
        connection.request(method.upper(), target,
                           json.dumps(body) if body is not None else None,
                           headers)
        return connection, connection.getresponse()

    def ask(self, method, path, query="", headers=None, body=None, **parts):
        """(status, headers, value) of an operation of the document, every part
        of the answer checked."""
        target = re.sub(r"{(\w+)}", lambda m: str(parts[m.group(1)]), path)
        connection, reply = self.open(method, target + query, headers, body)
        raw = reply.read()
        connection.close()
        self.seen.add((method, path, reply.status))
        where = f"{method} {target}{query}: {reply.status}"
        value = self._check(where, method, path, reply, raw)
        if body is not None and reply.status < 300:
            self._check_body(where, method, path, body)
        return reply.status, reply.headers, value

    def must(self, method, path, status=200, **more):
        got, headers, value = self.ask(method, path, **more)
        assert got == status, (method, path, more, got, value)
        return headers, value

    def _check_body(self, where, method, path, body):
        described = self.description.operation(method, path)["requestBody"]
        self.description.check(
            body, described["content"]["application/json"]["schema"],
            f"{where}: the request")

    def _check(self, where, method, path, reply, raw):
        described = self.description.response(method, path, reply.status)
        content = described.get("content", {})
        kind = (reply.headers["Content-Type"] or "").split(";")[0]
        for name, header in described.get("headers", {}).items():
            value = reply.headers[name]
            assert value is not None or name == "Link", (where, name)
            if value is not None:
                self.description.check(
                    value, self.description.resolve(header)["schema"],
                    f"{where}: {name}")
        if not content:
            assert raw == b"" and kind == "", (where, kind, raw[:200])
            return None
        assert kind in content, (where, kind, raw[:200])
        if kind not in ("application/json", PROBLEM):
            return raw.decode()
        value = json.loads(raw)
        self.description.check(value, content[kind]["schema"], where)
        if kind == PROBLEM:
            assert value["status"] == reply.status, (where, value)
        return value


class Events:
    """Reads a stream of server-sent events."""

    def __init__(self, client, target, last_id=None):
        headers = {"Last-Event-ID": last_id} if last_id else None
        self.connection, self.reply = client.open("get", target, headers)
        assert self.reply.status == 200, self.reply.read()
        kind = self.reply.headers["Content-Type"]
        assert kind == "text/event-stream", kind

    def next(self):
        """(id, event, document); None at the end."""
        fields = {}
        while True:
            line = self.reply.readline().decode()
            if line == "":
                return None
            if line == "\n" and fields:
                return (fields.get("id"), fields["event"],
                        json.loads(fields["data"]))
            name, _colon, value = line.rstrip("\n").partition(": ")
            if name:
                fields[name] = value

    def close(self):
        self.connection.close()
