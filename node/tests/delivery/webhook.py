"""Takes codes by HTTP, and checks what signs them: webhook.py SECRET.

Answers the first request with 503, as a busy server would. Prints a line for each that was signed well.
"""

import hashlib
import hmac
import http.server
import json
import sys
import time

SECRET = sys.argv[1].encode()
seen = []


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        parts = dict(part.split("=", 1) for part in self.headers["Rookery-Signature"].split(","))
        wanted = hmac.new(SECRET, parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
        signed = hmac.compare_digest(wanted, parts["v1"]) and abs(time.time() - int(parts["t"])) < 60
        code = json.loads(body)
        seen.append(code["id"])
        busy = len(seen) == 1
        self.send_response(503 if busy else 204 if signed else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()
        if not busy:
            print(json.dumps({**code, "signed": signed, "attempts": seen.count(code["id"])}), flush=True)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(json.dumps({"port": server.server_port}), flush=True)
server.serve_forever()
