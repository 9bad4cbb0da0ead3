"""Keeps lines of text. Whoever sends one has it kept; whoever sends an empty one only reads. All of them are answered."""

import json
import socketserver
import time

LINES = []


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        line = self.rfile.readline().decode().strip()
        if line:
            LINES.append(line)
        self.wfile.write(json.dumps(LINES).encode())


# As databases do, it puts its files in order before it takes connections.
time.sleep(5)
socketserver.ThreadingTCPServer(("", 5432), Session).serve_forever()
