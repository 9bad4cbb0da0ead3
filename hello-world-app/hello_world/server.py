"""What answers on which path? HTTP only: what is said comes from page.py."""

from __future__ import annotations

import socketserver
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from hello_world import page
from hello_world.content import Content
from hello_world.preview import Preview

CLIENT_TIMEOUT = 10
"""Seconds that a client may stay silent: a thread waits for it."""

HEALTH = "/healthz"

# The page loads nothing from elsewhere and runs only its own script, whatever a pull request writes into its texts.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Answer:
    content_type: str
    body: str


class Server(ThreadingHTTPServer):
    daemon_threads = True  # An open connection must not delay the end of the process.

    def __init__(self, address: tuple[str, int], content: Content, preview: Preview) -> None:
        self.preview = preview
        style = page.css(content)
        self.routes: dict[str, Callable[[datetime], Answer]] = {
            "/": lambda now: Answer("text/html; charset=utf-8", page.html(content, preview, now)),
            "/style.css": lambda _: Answer("text/css; charset=utf-8", style),
            "/countdown.js": lambda _: Answer("text/javascript; charset=utf-8", page.SCRIPT),
            "/api/info": lambda now: Answer("application/json", page.info(preview, now)),
            HEALTH: lambda _: Answer("text/plain; charset=utf-8", "ok\n"),
        }
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        # HTTPServer asks DNS for its own name here. A pod may have no DNS, and would then wait for it before it listens.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]


class Handler(BaseHTTPRequestHandler):
    server: Server
    server_version = "hello-world-app"
    sys_version = ""
    timeout = CLIENT_TIMEOUT

    def do_GET(self) -> None:
        route = self.server.routes.get(self._path())
        if route is None:
            self._answer(HTTPStatus.NOT_FOUND, Answer("text/plain; charset=utf-8", "There is no such page.\n"))
        else:
            self._answer(HTTPStatus.OK, route(datetime.now(timezone.utc)))

    do_HEAD = do_GET

    def _refuse(self) -> None:
        self._answer(HTTPStatus.METHOD_NOT_ALLOWED, Answer("text/plain; charset=utf-8", "Use GET or HEAD.\n"), Allow="GET, HEAD")

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _refuse

    def _answer(self, status: HTTPStatus, answer: Answer, **headers: str) -> None:
        body = answer.body.encode()
        self.send_response(status)
        commit = {"X-Preview-Commit": self.server.preview.commit} if self.server.preview.commit else {}
        for name, value in {**_HEADERS, **commit, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _path(self) -> str:
        return urlsplit(self.path).path

    def log_request(self, code="-", size="-") -> None:
        # Kubernetes asks every second: the log would hold nothing else.
        if self._path() != HEALTH:
            super().log_request(code, size)
