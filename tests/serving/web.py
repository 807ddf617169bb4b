"""Requests as they are written, over HTTP/1.1 and HTTP/2: no path is tidied up on the way."""

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import NamedTuple

import h2.config
import h2.connection
import h2.events

from tests.lab.server import Server

HTTP1, HTTPS1, HTTPS2 = "http", "https", "h2"


class Request(NamedTuple):
    """One request; header names in lower case."""

    host: str
    path: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True)
class Response:
    """What came back; ``headers`` in the order they came, names in lower case. Status 0: the connection was closed."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for key, value in self.headers if key == name]


def ask(server: Server, request: Request, over: str) -> Response:
    """Send it; over TLS the chain is verified for the request's host under Pebble's root."""
    port = server.http_port if over == HTTP1 else server.https_port
    with socket.create_connection(("127.0.0.1", port), timeout=15) as tcp:
        if over == HTTP1:
            return _over_1(tcp, request)
        context = ssl.create_default_context(cadata=server.pebble.root())
        context.set_alpn_protocols(["h2" if over == HTTPS2 else "http/1.1"])
        with context.wrap_socket(tcp, server_hostname=request.host) as tls:
            assert tls.selected_alpn_protocol() == ("h2" if over == HTTPS2 else "http/1.1")
            return _over_2(tls, request) if over == HTTPS2 else _over_1(tls, request)


def _over_1(connection: socket.socket, request: Request) -> Response:
    lines = [f"{request.method} {request.path} HTTP/1.1", f"host: {request.host}", "connection: close"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    if request.body:
        lines.append(f"content-length: {len(request.body)}")
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + request.body)
    answer = bytearray()
    while chunk := connection.recv(1 << 16):
        answer += chunk
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    if not head:
        return Response(0, (), b"")
    first, *rest = head.decode().split("\r\n")
    fields = [line.partition(": ") for line in rest]
    headers = tuple((name.lower(), value) for name, _, value in fields)
    chunked = ("transfer-encoding", "chunked") in headers
    return Response(int(first.split()[1]), headers, _joined(body) if chunked else body)


def _joined(body: bytes) -> bytes:
    """The chunks of a body in one (RFC 9112 section 7.1)."""
    chunks, left = list[bytes](), BytesIO(body)
    while length := int(left.readline(), 16):
        chunks.append(left.read(length))
        left.readline()
    return b"".join(chunks)


def _over_2(connection: ssl.SSLSocket, request: Request) -> Response:
    # What is written is what is sent: the library's own checks of outgoing headers are for those who mean well.
    config = h2.config.H2Configuration(
        header_encoding="utf-8", validate_outbound_headers=False, normalize_outbound_headers=False
    )
    http = h2.connection.H2Connection(config)
    http.initiate_connection()
    stream = http.get_next_available_stream_id()
    pseudo = {":method": request.method, ":scheme": "https", ":authority": request.host, ":path": request.path}
    length = {"content-length": str(len(request.body))} if request.body else {}
    http.send_headers(stream, [*pseudo.items(), *request.headers, *length.items()], end_stream=not request.body)
    if request.body:
        http.send_data(stream, request.body, end_stream=True)
    connection.sendall(http.data_to_send())
    headers: Mapping[str, str] | list[tuple[str, str]] = []
    body, ended = bytearray(), False
    while not ended and (data := connection.recv(1 << 16)):
        for event in http.receive_data(data):
            match event:
                case h2.events.ResponseReceived():
                    headers = [(str(name), str(value)) for name, value in event.headers or []]
                case h2.events.DataReceived():
                    body += event.data or b""
                    http.acknowledge_received_data(event.flow_controlled_length or 0, stream)
                case h2.events.StreamEnded() | h2.events.StreamReset() | h2.events.ConnectionTerminated():
                    ended = True
        connection.sendall(http.data_to_send())
    fields = list(headers)
    status = next((int(value) for name, value in fields if name == ":status"), 0)
    return Response(status, tuple((name, value) for name, value in fields if not name.startswith(":")), bytes(body))
