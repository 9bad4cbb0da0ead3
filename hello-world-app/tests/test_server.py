"""The program as it runs in the image: a real process, real HTTP, a real SIGTERM."""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).parent.parent
SHA = "0123456789abcdef0123456789abcdef01234567"
ENDS_WITHIN = 2.0
"""Seconds from SIGTERM to the end of the process; Kubernetes' default grace period is 30."""


class ServerTest(unittest.TestCase):
    def start(self, **environ):
        """Starts a copy of the app as an image holds it: with its commit in a file."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        shutil.copytree(ROOT / "hello_world", Path(folder.name, "hello_world"))
        shutil.copy(ROOT / "content.json", folder.name)
        Path(folder.name, "COMMIT").write_text(SHA + "\n")
        process = subprocess.Popen(
            [sys.executable, "-m", "hello_world"],
            cwd=folder.name,
            env={**os.environ, "HOST": "127.0.0.1", "PORT": "0", "PREVIEW_PULL_REQUEST": "42", **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def serve(self):
        process = self.start()
        line = process.stdout.readline()
        self.assertIn(SHA, line)
        self.port = int(re.search(r":(\d+)/", line).group(1))
        return process

    def ask(self, method, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        self.addCleanup(connection.close)
        connection.request(method, path)
        response = connection.getresponse()
        return response, response.read().decode()

    def test_answers(self):
        self.serve()
        for path, kind in [("/", "text/html"), ("/?a=1", "text/html"), ("/style.css", "text/css"), ("/countdown.js", "text/javascript")]:
            with self.subTest(path):
                response, body = self.ask("GET", path)
                self.assertEqual(response.status, 200)
                self.assertTrue(response.headers["Content-Type"].startswith(kind))
                self.assertEqual(response.headers["X-Preview-Commit"], SHA)
                self.assertEqual(int(response.headers["Content-Length"]), len(body.encode()))
                head, nothing = self.ask("HEAD", path)
                self.assertEqual((head.status, nothing), (200, ""))
                self.assertEqual(head.headers["Content-Type"], response.headers["Content-Type"])
        _, body = self.ask("GET", "/api/info")
        self.assertEqual((json.loads(body)["commit"], json.loads(body)["pull_request"]), (SHA, 42))

    def test_refuses(self):
        self.serve()
        for method, path, status in [("GET", "/no", 404), ("GET", "/../COMMIT", 404), ("GET", "/healthz/", 404), ("POST", "/", 405)]:
            with self.subTest(method=method, path=path):
                response, _ = self.ask(method, path)
                self.assertEqual(response.status, status)

    def test_health_checks_leave_no_log(self):
        process = self.serve()
        self.assertEqual(self.ask("GET", "/healthz")[0].status, 200)
        self.ask("GET", "/api/info")
        process.terminate()
        _, log = process.communicate(timeout=ENDS_WITHIN)
        self.assertIn("/api/info", log)
        self.assertNotIn("/healthz", log)

    def test_stops_at_once_on_sigterm_even_with_a_client_connected(self):
        process = self.serve()
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.connect()
        self.addCleanup(connection.close)
        self.assertEqual(self.ask("GET", "/healthz")[0].status, 200)
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=ENDS_WITHIN), 0)
        self.assertLess(time.monotonic() - begin, ENDS_WITHIN)

    def test_a_wrong_environment_is_explained(self):
        process = self.start(PREVIEW_EXPIRES_AT="soon")
        _, log = process.communicate(timeout=10)
        self.assertEqual(process.returncode, 1)
        self.assertIn("hello-world-app cannot start: PREVIEW_EXPIRES_AT='soon': must be an RFC 3339 time", log)
