"""A proxy in front of a real Pebble that makes the faults that tests ask for, and remembers what passed."""

import base64
import http.client
import json
import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.lab.server import Server

# How Pebble's paths begin (2.4 and 2.10), and what they are of RFC 8555.
_KINDS = {
    "/dir": "directory",
    "/nonce-plz": "nonce",
    "/sign-me-up": "account",
    "/my-account": "account",
    "/order-plz": "order-new",
    "/my-order": "order",
    "/list-orderz": "orders",
    "/authZ": "authorization",
    "/chalZ": "challenge",
    "/finalize-order": "finalize",
    "/certZ": "certificate",
    "/revoke-cert": "revoke",
    "/rollover-account-key": "key-change",
}


@dataclass(slots=True)
class Request:
    """One request: its place in the order of all (from 1), what it is, and what Pebble answered."""

    number: int
    method: str
    path: str
    payload: Mapping[str, Any] | None  # of the JWS; None for an empty one
    status: int = 0

    @property
    def kind(self) -> str:
        """What it is."""
        if "renewal" in self.path.lower():
            return "renewal-info"
        return next((kind for start, kind in _KINDS.items() if self.path.startswith(start)), "other")


@dataclass(slots=True)
class Answer:
    """What the client is answered. ``pause`` and ``every``: so many bytes at a time, with seconds between."""

    status: int
    headers: dict[str, str]
    body: bytes
    cut: int | None = None  # so many bytes of the body, then the end
    every: int = 0
    pause: float = 0.0


class Dropped(Exception):
    """The connection is reset."""


Fault = Callable[[Request, Callable[[], Answer]], Answer]


def passing(_: Request, forward: Callable[[], Answer]) -> Answer:
    """No fault."""
    return forward()


class Proxy:
    """``fault`` answers each request; ``forward`` has Pebble answer it, whose URLs lead here again."""

    def __init__(self, server: Server, fault: Fault = passing) -> None:
        self.fault = fault
        self.seen: list[Request] = []
        self._lock = threading.Lock()
        self._pebble = server.pebble.directory.removeprefix("https://").removesuffix("/dir")
        self._trust = ssl.create_default_context(cafile=str(server.pebble.ca_bundle))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(server.folder / "pebble.pem", server.folder / "pebble.key")
        self._web = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._web.daemon_threads = True
        self._web.handle_error = lambda *_: None  # type: ignore[method-assign] # clients that were killed
        self._web.socket = context.wrap_socket(self._web.socket, server_side=True, do_handshake_on_connect=False)
        self.address = f"127.0.0.1:{self._web.server_port}"
        self.directory = f"https://{self.address}/dir"
        threading.Thread(target=self._web.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Take no more requests."""
        self._web.shutdown()
        self._web.server_close()

    def count(self, kind: str) -> int:
        """How many requests of a kind came."""
        return sum(request.kind == kind for request in self.seen)

    @property
    def orders(self) -> int:
        """How many orders Pebble made."""
        return sum(request.kind == "order-new" and request.status == 201 for request in self.seen)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with proxy._lock:
                    request = Request(len(proxy.seen) + 1, self.command, self.path, _payload(content))
                    proxy.seen.append(request)
                try:
                    self._answer(proxy.fault(request, lambda: proxy._forward(request, dict(self.headers), content)))
                except Dropped:
                    _reset(self.connection)
                    self.close_connection = True

            do_GET = do_HEAD = do_POST  # noqa: N815

            def _answer(self, answer: Answer) -> None:
                self.send_response_only(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in answer.headers:
                    self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                body = b"" if self.command == "HEAD" else answer.body[: answer.cut]
                if answer.every:
                    for at in range(0, len(body), answer.every):
                        self.wfile.write(body[at : at + answer.every])
                        self.wfile.flush()
                        time.sleep(answer.pause)
                else:
                    self.wfile.write(body)
                if answer.cut is not None:
                    self.wfile.flush()
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def _forward(self, request: Request, headers: dict[str, str], content: bytes) -> Answer:
        pebble = http.client.HTTPSConnection(self._pebble, context=self._trust, timeout=60)
        try:
            kept = {name: value for name, value in headers.items() if name.lower() != "connection"}
            pebble.request(request.method, request.path, content or None, kept)
            answer = pebble.getresponse()
            body = answer.read()
            request.status = answer.status
            dropped = ("content-length", "transfer-encoding", "connection")
            return Answer(answer.status, {n: v for n, v in answer.getheaders() if n.lower() not in dropped}, body)
        finally:
            pebble.close()


@contextmanager
def proxied(server: Server, fault: Fault = passing) -> Iterator[Proxy]:
    """A proxy that the server's settings name from now on, and until the end."""
    proxy = Proxy(server, fault)
    before = server.config.read_text()
    server.config.write_text(before.replace(server.pebble.directory, proxy.directory))
    try:
        yield proxy
    finally:
        server.config.write_text(before)
        proxy.stop()


def problem(status: int, kind: str, detail: str = "so it is", **headers: str) -> Answer:
    """A problem document (RFC 7807)."""
    document = {"type": f"urn:ietf:params:acme:error:{kind}", "detail": detail, "status": status}
    return Answer(status, {"Content-Type": "application/problem+json", **headers}, json.dumps(document).encode())


def _payload(content: bytes) -> Mapping[str, Any] | None:
    try:
        text = json.loads(content)["payload"]
        return dict(json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))) if text else None
    except (ValueError, KeyError, TypeError):
        return None


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(connection.detach())  # without the closing words of TLS
