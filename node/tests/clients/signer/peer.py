"""A server of the fediverse that signs whatever it is told to, and writes down whatever it is asked.

Commands come as JSON lines on standard input, each answered by one line: {"answer": ..} or {"error": ..}.
It serves nothing but what `put` and `person` gave it. Signatures that come in are verified with the key that
their keyId leads to, fetched from whoever is named there.

Everything is written here by the texts of the two schemes, apart from the node's own code:
https://datatracker.ietf.org/doc/html/draft-cavage-http-signatures-12, https://www.rfc-editor.org/rfc/rfc9421
"""

import argparse
import base64
import collections
import hashlib
import http.client
import json
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

parser = argparse.ArgumentParser()
parser.add_argument("--origin", required=True)  # https://NAME.test
parser.add_argument("--listen", required=True)  # its address
parser.add_argument("--inside", action="append", default=[])  # more ADDRESS:PORT where it is, to be found out
parser.add_argument("--cert", required=True)
parser.add_argument("--key", required=True)
parser.add_argument("--authority", required=True)
arguments = parser.parse_args()

ACTIVITY = "application/activity+json"
CAVAGE = ["(request-target)", "host", "date", "digest", "content-type"]
RFC9421 = ["@method", "@target-uri", "content-digest", "content-type"]

trust = ssl.create_default_context(cafile=arguments.authority)
changed = threading.Condition()
served = {}  # path -> what is there
statuses = {}  # path -> statuses of the next POSTs
asked = []  # requests that came
connections = collections.Counter()  # address:port -> connections that were made
secrets = {}  # name -> key
known = {}  # keyId -> public key


def key(name):
    if name not in secrets:
        secrets[name] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return secrets[name]


def pem(name):
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key(name).public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def sha256(body):
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


# ---- what it signs and asks ----


def signed(command, method, url, body):
    """The headers of a request, with whatever is to be wrong in them."""
    target = command.get("signed_path") or url.path + (f"?{url.query}" if url.query else "")
    now = int(time.time())
    digest = sha256(command.get("digest_of", "").encode() if "digest_of" in command else body)
    headers = {"host": command.get("host", url.netloc), "date": formatdate(now + command.get("date", 0), usegmt=True)}
    headers["accept"] = ACTIVITY
    if method == "POST":
        headers["content-type"] = command.get("type", ACTIVITY)
    scheme = command.get("scheme", "cavage")
    if scheme is None:
        return headers
    secret = key(command.get("key", "eve"))
    key_id = command.get("key_id", f"{arguments.origin}/users/eve#main-key")

    def sign(text):
        made = secret.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return base64.b64encode(made).decode()

    default = [name for name in (CAVAGE if scheme == "cavage" else RFC9421) if method == "POST" or name not in (
        "digest", "content-digest", "content-type")]
    cover = command.get("cover", default)
    if scheme == "cavage":
        if method == "POST":
            headers["digest"] = f"SHA-256={digest}"
        special = {"(request-target)": f"{method.lower()} {target}"}
        text = "\n".join(f"{name}: {special.get(name) or headers[name]}" for name in cover)
        headers["signature"] = (
            f'keyId="{key_id}",algorithm="rsa-sha256",headers="{" ".join(cover)}",signature="{sign(text)}"')
    else:
        if method == "POST":
            headers["content-digest"] = f"sha-256=:{digest}:"
        special = {"@method": method, "@target-uri": f"https://{url.netloc}{target}"}
        parameters = "({});created={};keyid=\"{}\";alg=\"rsa-v1_5-sha256\"".format(
            " ".join(f'"{name}"' for name in cover), now + command.get("date", 0), key_id)
        lines = [f'"{name}": {special.get(name) or headers[name]}' for name in cover]
        text = "\n".join([*lines, f'"@signature-params": {parameters}'])
        headers["signature-input"] = f"sig1={parameters}"
        headers["signature"] = f"sig1=:{sign(text)}:"
    if command.get("tampered"):
        headers["signature"] = headers["signature"][::-1].replace("A", "B", 1)[::-1]
    return headers


class Connection:
    """To a server, by its name; closed after each refusal, since whoever refuses may have read only the head."""

    def __init__(self, host):
        self.host = host
        self.socket = None

    def ask(self, method, target, headers, body):
        if self.socket is None:
            plain = socket.create_connection((self.host, 443), timeout=30, source_address=(arguments.listen, 0))
            self.socket = trust.wrap_socket(plain, server_hostname=self.host)
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        # All in one go: nothing is under way any more when it is answered.
        self.socket.sendall(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + body)
        answer = http.client.HTTPResponse(self.socket, method=method)
        answer.begin()
        text = answer.read().decode(errors="replace")
        if answer.will_close or answer.status >= 400:
            self.close()
        return {"status": answer.status, "body": text,
                "headers": {name.lower(): value for name, value in answer.getheaders()}}

    def close(self):
        if self.socket is not None:
            self.socket.close()
            self.socket = None


def request(method, command, connection=None):
    url = urlsplit(command["url"])
    body = command.get("body")
    if body is None:
        body = json.dumps(command["activity"]) if "activity" in command else ""
    body = body.encode() * command.get("repeat", 1)
    headers = {**signed(command, method, url, body), **command.get("headers", {})}
    if method == "POST":
        headers["content-length"] = str(len(body))
    if command.get("only_head"):  # Whoever refuses the length answers before there is a body.
        body = b""
    to = connection or Connection(url.netloc)
    try:
        return to.ask(method, url.path + (f"?{url.query}" if url.query else ""), headers, body)
    finally:
        if connection is None:
            to.close()


def many(command):
    """The same request so many times; %N in it is the number of each. How many got which status."""
    connection = Connection(urlsplit(command["url"]).netloc)
    counts = collections.Counter()
    for number in range(command["times"]):
        one = json.loads(json.dumps(command).replace("%N", str(number)))
        counts[request("POST", one, connection)["status"]] += 1
    connection.close()
    return counts


# ---- what it is asked ----


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        at = "%s:%s" % self.connection.getsockname()[:2]
        with changed:
            asked.append({"method": self.command, "path": self.path, "at": at, "body": body.decode(),
                          "headers": {name.lower(): value for name, value in self.headers.items()}})
            changed.notify_all()
            here = served.get(self.path)
            waiting = statuses.get(self.path)
            status = waiting.pop(0) if waiting and self.command == "POST" else 202
        if self.command == "POST":
            here = {"status": status, "body": ""}
        if here is None:
            here = {"status": 404, "body": ""}
        answer = here["body"].encode()
        self.send_response(here.get("status", 200))
        if here.get("type"):
            self.send_header("content-type", here["type"])
        for name, value in here.get("headers", {}).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_HEAD = handle_any

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, port):
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.name = f"{address}:{port}"
        super().__init__((address, port), Handler)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(arguments.cert, arguments.key)

    def get_request(self):
        accepted, address = super().get_request()
        with changed:
            connections[self.name] += 1
        return accepted, address

    def finish_request(self, accepted, address):
        # In the thread of the request: whoever only connects holds up nobody.
        accepted.settimeout(30)
        if not self.name.endswith(":80"):
            accepted = self.tls.wrap_socket(accepted, server_side=True)
        super().finish_request(accepted, address)

    def handle_error(self, *_):
        pass


def verified(one):
    """In which scheme it is signed, by whom, and that it is; or what is wrong with it."""
    headers = {**one["headers"]}
    origin = urlsplit(arguments.origin)
    body = one["body"].encode()
    try:
        if "signature-input" in headers:
            label, parameters = headers["signature-input"].split("=", 1)
            cover = re.findall(r'"([^"]+)"', parameters[: parameters.index(")")])
            key_id = re.search(r';keyid="([^"]+)"', parameters)[1]
            created = int(re.search(r";created=(\d+)", parameters)[1])
            special = {"@method": one["method"], "@target-uri": arguments.origin + one["path"],
                       "@authority": origin.netloc, "@path": one["path"].split("?")[0]}
            lines = [f'"{name}": {special.get(name) or headers[name]}' for name in cover]
            text = "\n".join([*lines, f'"@signature-params": {parameters}'])
            value = headers["signature"].removeprefix(f"{label}=:").removesuffix(":")
            scheme, digest = "rfc9421", "content-digest"
            body_is = headers.get(digest) == f"sha-256=:{sha256(body)}:"
        else:
            fields = dict(re.findall(r'(\w+)="?([^",]+)"?', headers["signature"]))
            cover, key_id, value = fields["headers"].split(), fields["keyId"], fields["signature"]
            special = {"(request-target)": f"{one['method'].lower()} {one['path']}"}
            text = "\n".join(f"{name}: {special.get(name) or headers[name]}" for name in cover)
            created = http.client.email.utils.mktime_tz(http.client.email.utils.parsedate_tz(headers["date"]))
            scheme, digest = "cavage", "digest"
            body_is = headers.get(digest) == f"SHA-256={sha256(body)}"
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return {"error": f"{type(error).__name__}: {error}"}
    if key_id not in known:
        found = request("GET", {"url": key_id.split("#")[0]})
        document = json.loads(found["body"])["publicKey"]
        if document["id"] != key_id:
            return {"error": f"{key_id} is not {document['id']}"}
        known[key_id] = serialization.load_pem_public_key(document["publicKeyPem"].encode())
    try:
        known[key_id].verify(base64.b64decode(value), text.encode(), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return {"error": "the key did not make it"}
    if one["method"] == "POST" and not (body_is and digest in cover):
        return {"error": "not of this body"}
    return {"scheme": scheme, "key_id": key_id, "cover": cover, "late_s": int(time.time()) - created}


# ---- commands ----


def person(command):
    """Serves an actor at /users/NAME; `with` changes its document, `under` what it is served as."""
    name = command["name"]
    at = f"{arguments.origin}/users/{name}"
    document = {
        "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
        "type": "Person", "id": at, "preferredUsername": name, "name": name.capitalize(),
        "inbox": f"{at}/inbox",
        "publicKey": {"id": f"{at}#main-key", "owner": at, "publicKeyPem": pem(command.get("key", name))},
        **command.get("with", {}),
    }
    served[f"/users/{name}"] = {"body": json.dumps(document), "type": command.get("under", ACTIVITY)}
    return at


def put(command):
    served[command["path"]] = {"body": "", **command["here"]}


def answer_with(command):
    with changed:
        statuses[command["path"]] = command["statuses"]


def came(command):
    """Waits for so many POSTs to a path: their activities, with what was verified of each."""
    def fitting():
        return [one for one in asked if one["method"] == "POST" and one["path"] == command["path"]]
    with changed:
        there = changed.wait_for(lambda: len(fitting()) >= command.get("count", 1), command.get("within", 30))
        found = fitting()
    if not there:
        raise RuntimeError(f"{len(found)} came to {command['path']}, of {command.get('count', 1)}: {found}")
    return [{"activity": json.loads(one["body"]), "signature": verified(one), **one} for one in found]


def all_asked(command):
    """Requests and connections since the last time this was asked."""
    with changed:
        requests = asked[:]
        made = dict(connections)
        asked.clear()
        connections.clear()
    if command.get("verify"):
        requests = [{**one, "signature": verified(one)} for one in requests]
    return {"requests": requests, "connections": made}


def connect(command):
    """Connects to an address of its own: whoever did the same would be seen."""
    socket.create_connection((command["address"], command["port"]), timeout=5).close()
    with changed:
        name = f"{command['address']}:{command['port']}"
        assert changed.wait_for(lambda: connections[name] > 0, 5), name


commands = {
    "person": person,
    "put": put,
    "answer": answer_with,
    "post": lambda command: request("POST", command),
    "get": lambda command: request("GET", {"scheme": None, **command}),
    "many": many,
    "came": came,
    "asked": all_asked,
    "connect": connect,
}

for place in [f"{arguments.listen}:443", *arguments.inside]:
    address, port = place.rsplit(":", 1)
    if not address.startswith("127.") and address != "::1":
        # In a network namespace of the test's own.
        subprocess.run(["ip", "address", "replace", f"{address}/32", "dev", "lo"], check=True)
    threading.Thread(target=Server(address, int(port)).serve_forever, daemon=True).start()
print(json.dumps({"answer": "ready"}), flush=True)
for line in sys.stdin:
    command = json.loads(line)
    try:
        answer = {"answer": commands[command["do"]](command)}
    except Exception as error:  # The test says what it wanted.
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
