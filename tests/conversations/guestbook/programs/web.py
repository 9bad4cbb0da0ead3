"""Shows what the database holds, and ends with an error where none answers at its start."""

import json
import os
import socket
from http.server import BaseHTTPRequestHandler, HTTPServer


def entries():
    with socket.create_connection((os.environ["DATABASE"], 5432), timeout=2) as database:
        database.sendall(b"\n")
        return json.loads(database.recv(4096))


class Guestbook(BaseHTTPRequestHandler):
    def do_GET(self):
        page = "\n".join(["Guestbook", *entries()]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)


entries()
HTTPServer(("", 8080), Guestbook).serve_forever()
