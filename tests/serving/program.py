"""The program behind a site: an HTTP/1.1 server on loopback that does what the path says."""

import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

_WEBSOCKET = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
_PATIENCE = 30  # seconds


class Program:
    """Runs after creation until :meth:`stop`. Tests steer it by events, not by the clock.

    ``/events`` and ``/poll`` wait for :attr:`go` before each part of their answer, ``/never`` until the end; an upload
    sets :attr:`began` with its first bytes. Anything else answers with what it was asked, as JSON.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.go = threading.Semaphore(0)
        self.began = threading.Event()
        self.over = threading.Event()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.program = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def stop(self) -> None:
        """End it, whatever is still being answered."""
        self.over.set()
        self.go.release(1000)
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    program: Program
    daemon_threads = True
    allow_reuse_address = True

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer's asks the DNS for this machine's name
        self.server_name, self.server_port = "program", self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Quiet."""

    @property
    def _program(self) -> Program:
        assert isinstance(self.server, _Server)
        return self.server.program

    def do_GET(self) -> None:
        """Every method ends here."""
        url = urlsplit(self.path)
        match url.path.rsplit("/", 1)[-1]:
            case "events":
                self._begin({"Content-Type": "text/event-stream"})
                for number in range(3):
                    self._program.go.acquire(timeout=_PATIENCE)
                    self._chunk(f"data: {number}\n\n".encode())
                self._chunk(b"")
            case "poll":
                self._program.go.acquire(timeout=_PATIENCE)
                self._answer(200, {}, b"at last")
            case "never":
                self._program.over.wait(_PATIENCE)
            case "socket":
                self._websocket()
            case "big":
                self._begin({"Content-Type": "application/octet-stream"})
                for _ in range(int(url.query)):
                    self._chunk(b"x" * (1 << 20))
                self._chunk(b"")
            case _:
                self._echo(parse_qsl(url.query))

    do_POST = do_PUT = do_DELETE = do_OPTIONS = do_HEAD = do_GET  # noqa: N815

    def _echo(self, wishes: list[tuple[str, str]]) -> None:
        length = self._body()
        asked = {
            "method": self.command,
            "path": self.path,
            "headers": [[name.lower(), value] for name, value in self.headers.items()],
            "length": length,
        }
        headers = dict(value.split(":", 1) for key, value in wishes if key == "header")
        status = next((int(value) for key, value in wishes if key == "status"), 200)
        self._answer(status, headers, json.dumps(asked).encode())

    def _body(self) -> int:
        if self.headers.get("Transfer-Encoding") == "chunked":
            total = 0
            while size := int(self.rfile.readline(), 16):
                total += len(self.rfile.read(size))
                self._program.began.set()
                self.rfile.readline()
            self.rfile.readline()
            return total
        left = total = int(self.headers.get("Content-Length") or 0)
        while left and (data := self.rfile.read1(min(left, 1 << 16))):
            self._program.began.set()
            left -= len(data)
        return total - left

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _begin(self, headers: dict[str, str]) -> None:
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _websocket(self) -> None:
        """Take the handshake, and send every short message back (RFC 6455 section 5)."""
        key = self.headers["Sec-WebSocket-Key"] + _WEBSOCKET
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()  # noqa: S324 — the RFC's
        self.send_response(101)
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)):
            self.send_header(name, value)
        self.end_headers()
        while len(head := self.rfile.read(2)) == 2 and head[0] != 0x88:
            mask, data = self.rfile.read(4), self.rfile.read(head[1] & 0x7F)
            plain = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
            self.wfile.write(bytes([0x81, len(plain)]) + plain)
        self.close_connection = True
