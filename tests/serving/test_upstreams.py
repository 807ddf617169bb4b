"""The program behind a site: sockets, streams and uploads pass as they come, and it learns who asks."""

import json
import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import Boot
from tests.lab.server import Server
from tests.serving.program import Program
from tests.serving.web import HTTP1, HTTPS1, HTTPS2, Request, ask

HOST = "up.example"


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[Server, Program]]:
    """A server whose one site is a program, with short patience but for /api/."""
    server = Server()
    try:
        with Program(server.ports.take()) as program:
            deploy(server, program, "up", HOST)
            yield server, program
    finally:
        server.down()


def deploy(server: Server, program: Program, app: str, host: str) -> None:
    """Push a site that is the program."""
    upstream = f"http://127.0.0.1:{program.port}"
    clone = server.app(app)
    manifest = (
        f'domains = ["{host}"]\nproxy = "{upstream}"\ntimeout = "1s"\nmax_body = "64m"\n'
        f'[routes]\n"/api/*" = {{ proxy = "{upstream}", timeout = "1h" }}\n'
    )
    clone.commit({"app.toml": manifest})
    assert clone.push().verdict.startswith("success")


@contextmanager
def connected(server: Server, *, https: bool = True) -> Iterator[socket.socket]:
    """A connection to nginx."""
    port = server.https_port if https else server.http_port
    with socket.create_connection(("127.0.0.1", port), timeout=30) as tcp:
        if not https:
            yield tcp
            return
        context = ssl.create_default_context(cadata=server.pebble.root())
        with context.wrap_socket(tcp, server_hostname=HOST) as tls:
            yield tls


def head(method: str, path: str, **headers: object) -> bytes:
    """A request up to its body."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def until(connection: socket.socket, what: bytes) -> bytes:
    """Everything that comes until ``what`` has come."""
    came = b""
    while what not in came:
        data = connection.recv(1 << 16)
        assert data, came
        came += data
    return came


def temporary(server: Server) -> list[Path]:
    """Files that nginx wrote request or response bodies to."""
    return [path for path in (server.nginx.folder / "temp").rglob("*") if path.is_file()]


def test_a_websocket(site: tuple[Server, Program]) -> None:
    """The handshake passes, and messages go both ways over TLS."""
    server, _ = site
    with connected(server) as tls:
        tls.sendall(
            head(
                "GET", "/socket", Upgrade="websocket", Connection="Upgrade", Sec_WebSocket_Version=13,
                Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==",
            )
        )  # fmt: skip
        answer = until(tls, b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101 ")
        assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer
        for text in (b"one", b"two"):
            mask = os.urandom(4)
            masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(text))
            tls.sendall(bytes([0x81, 0x80 | len(text)]) + mask + masked)
            assert until(tls, text) == bytes([0x81, len(text)]) + text


@pytest.mark.parametrize("compressed", [False, True])
def test_events_come_one_by_one(site: tuple[Server, Program], compressed: bool) -> None:
    """Each event arrives before the program is told to send the next."""
    server, program = site
    with connected(server) as tls:
        tls.sendall(head("GET", "/api/events", **({"Accept_Encoding": "gzip"} if compressed else {})))
        for number in range(3):
            program.go.release()
            came = until(tls, f"data: {number}\n\n".encode())
            assert f"data: {number + 1}".encode() not in came


def test_long_polling_outlasts_the_site_by_its_route(site: tuple[Server, Program]) -> None:
    """A silent program is given up after the site's second, and waited for where the route says an hour."""
    server, program = site
    with connected(server) as tls:
        tls.sendall(head("GET", "/api/poll"))
        late = ask(server, Request(HOST, "/never"), HTTPS1)
        assert (late.status, b"504 Gateway Time-out" in late.body) == (504, True)
        program.go.release()
        assert until(tls, b"at last").startswith(b"HTTP/1.1 200 ")


def test_an_upload_is_passed_on_while_it_is_sent(site: tuple[Server, Program]) -> None:
    """The program has the first bytes of 20 MiB before the last are sent, and nothing is written down on the way."""
    server, program = site
    megabyte = b"x" * (1 << 20)
    with connected(server) as tls:
        tls.sendall(head("POST", "/api/upload", Content_Length=20 << 20, Connection="close"))
        program.began.clear()
        tls.sendall(megabyte)
        assert program.began.wait(30)
        for _ in range(18):
            tls.sendall(megabyte)
        assert temporary(server) == []
        tls.sendall(megabyte)
        assert b'"length": 20971520' in until(tls, b"}")
    assert temporary(server) == []


def test_a_chunked_upload(site: tuple[Server, Program]) -> None:
    """A body of unknown length arrives whole."""
    server, _ = site
    with connected(server, https=True) as tls:
        tls.sendall(head("PUT", "/api/upload", Transfer_Encoding="chunked", Connection="close"))
        tls.sendall(b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
        assert b'"length": 11' in until(tls, b"}")


@pytest.mark.parametrize("over", [HTTPS1, HTTPS2])
def test_a_large_answer_is_not_written_down(site: tuple[Server, Program], over: str) -> None:
    """32 MiB come whole, whatever the client's pace, without a file in between."""
    server, _ = site
    answer = ask(server, Request(HOST, "/api/big?32"), over)
    assert (answer.status, len(answer.body)) == (200, 32 << 20)
    assert temporary(server) == []


def forwarded(server: Server, over: str, headers: Mapping[str, str]) -> dict[str, str]:
    """What the program is told about where a request came from."""
    answer = ask(server, Request(HOST, "/who", headers=tuple(headers.items())), over)
    told = dict(json.loads(answer.body)["headers"])
    names = ("host", "x-real-ip", "forwarded", "proxy")
    return {name: value for name, value in told.items() if name.startswith("x-forwarded") or name in names}


LIES = {
    "x-forwarded-for": "203.0.113.9, 198.51.100.7",
    "x-forwarded-proto": "gopher",
    "x-forwarded-host": "evil.example",
    "x-forwarded-port": "1",
    "x-real-ip": "203.0.113.9",
    "forwarded": "for=203.0.113.9",
    "proxy": "http://evil.example",
}


@pytest.mark.parametrize("over", [HTTPS1, HTTPS2])
def test_what_a_client_claims_is_not_passed_on(site: tuple[Server, Program], over: str) -> None:
    """Address, scheme, host and port are those of the connection, whatever the request says."""
    server, _ = site
    place = f"{HOST}:{server.https_port}"
    assert forwarded(server, over, LIES) == {
        "host": place,
        "x-real-ip": "127.0.0.1",
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-host": place,
        "x-forwarded-port": str(server.https_port),
        "x-forwarded-proto": "https",
    }


def test_trusted_proxies_are_believed(boot: Boot) -> None:
    """Behind a CDN that the settings name, the address is the last one that is not the CDN's own."""
    server = boot(settings={"nginx": {"trusted_proxies": ["127.0.0.0/8", "198.51.100.0/24"]}})
    with Program(server.ports.take()) as program:
        deploy(server, program, "up", HOST)
        told = forwarded(server, HTTPS1, LIES)
        assert (told["x-forwarded-for"], told["x-real-ip"]) == ("203.0.113.9", "203.0.113.9")
        told = forwarded(server, HTTPS1, {"x-forwarded-for": "192.0.2.1, 203.0.113.9, 198.51.100.7"})
        assert told["x-forwarded-for"] == "203.0.113.9"
        assert forwarded(server, HTTPS1, {})["x-forwarded-for"] == "127.0.0.1"


def test_a_program_behind_plain_http(server: Server) -> None:
    """With https = "off" the program is told so."""
    with Program(server.ports.take()) as program:
        clone = server.app("plain-up")
        upstream = f"http://127.0.0.1:{program.port}"
        clone.commit({"app.toml": f'domains = ["{HOST}"]\nproxy = "{upstream}"\nhttps = "off"\n'})
        assert clone.push().verdict.startswith("success")
        told = forwarded(server, HTTP1, {})
        assert told["x-forwarded-proto"] == "http"
        assert told["x-forwarded-port"] == str(server.http_port)
        server.run("apps", "remove", "plain-up")
