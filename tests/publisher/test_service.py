"""Root's service: one connection, one request, one answer; whoever is at the other end."""

import errno
import json
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hookrunner.edges.publisher import Behind, PublisherError
from tests.lab.publisher import Service
from tests.lab.server import Server
from tests.publisher.made import Room


@pytest.fixture(scope="module")
def service(server: Server) -> Iterator[Service]:
    """The service of the worker's server."""
    behind = Room.of(server).behind_a_socket()
    assert behind.service
    yield behind.service
    behind.service.stop()


def sent(service: Service, content: bytes, *, ends: bool = True) -> bytes:
    """All that comes back."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(str(service.path))
        try:
            connection.sendall(content)
            if ends:
                connection.shutdown(socket.SHUT_WR)
        except BrokenPipeError:
            return b""
        answer = b""
        while chunk := connection.recv(1 << 16):
            answer += chunk
        return answer


def logged(service: Service, pattern: str) -> list[str]:
    """Lines of its log, which are written when the answer has gone."""
    until = time.monotonic() + 20
    while not (found := [line for line in service.log.read_text().splitlines() if re.fullmatch(pattern, line)]):
        assert time.monotonic() < until, pattern
        time.sleep(0.02)
    return found


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"{", b"[" * 100_000, b"\xff\xfe", b'{"recover": Nan}', b'"\\ud800"', b"1" * 10_000, b"null"],
    ids=lambda content: ascii(content[:12]),
)
def test_what_is_no_request_is_refused(service: Service, content: bytes) -> None:
    """A line break says that somebody is there; then comes one JSON document, a refusal."""
    answer = sent(service, content)
    assert answer.startswith(b"\n")
    assert json.loads(answer)["refused"]["reason"] == "request"


def test_each_request_is_logged_with_its_peer(service: Service) -> None:
    """Who asked (as the kernel says), for what, and what came of it; never a control character."""
    sent(service, json.dumps({"publish": {"app": "nobody\n\x1b[31m\u202e"}}).encode())
    (line,) = logged(service, r"root, process \d+: publish nobody.*")
    assert r"publish nobody\n\x1b[31m\u202e: refused: request: " in line
    assert str(os.getpid()) in line
    sent(service, b'{"recover": true}')
    assert logged(service, r"root, process \d+: recover True: published, reloads 0, \d+\.\d\d s")


def test_whoever_goes_away_harms_nobody(service: Service) -> None:
    """A client that leaves without a request, or within one, is a line in the log; the next is served."""
    for content in (b"", b'{"recover"'):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(service.path))
            connection.sendall(content)
    assert Behind(service.path).ask({"recover": True}) == {"published": {"reloads": 0, "checked": {}}}


def test_settings_that_cannot_be_read(server: Server, tmp_path: Path) -> None:
    """The answer says so; it is no traceback, and nothing is done."""
    broken = tmp_path / "server.toml"
    broken.write_text("[acme]\n")
    service = Service(tmp_path / "publisher.sock", broken)
    try:
        with pytest.raises(PublisherError, match=r"root's publisher broke off: SettingsError: .*email"):
            Behind(service.path).ask({"recover": True})
    finally:
        service.stop()


def test_an_error_of_the_machine_is_the_same_error_here(server: Server, tmp_path: Path) -> None:
    """As in process: an OSError with its number and its file."""
    text = server.config.read_text().replace(f'state = "{server.state}"', 'state = "/proc/hookrunner"')
    assert "/proc/hookrunner" in text
    (tmp_path / "server.toml").write_text(text)
    service = Service(tmp_path / "publisher.sock", tmp_path / "server.toml")
    try:
        with pytest.raises(OSError, match="/proc/hookrunner") as caught:
            Behind(service.path).ask({"recover": True})
        assert caught.value.errno == errno.ENOENT
    finally:
        service.stop()


def test_a_socket_without_a_publisher(tmp_path: Path) -> None:
    """Nobody behind it is an error that names the socket."""
    with pytest.raises(PublisherError, match=r"root's publisher does not answer at .*nobody.sock: No such file"):
        Behind(tmp_path / "nobody.sock").ask({"recover": True})


def test_connections_that_systemd_drops_are_tried_again(service: Service, tmp_path: Path) -> None:
    """Above MaxConnections= systemd closes one unread: that is no answer, and costs nothing but a pause."""
    path, dropped = tmp_path / "busy.sock", 3
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen(8)

        def drop() -> None:
            for _ in range(dropped):
                listening.accept()[0].close()
            connection, _ = listening.accept()
            with connection:
                connection.sendall(b"\n")
                while connection.recv(1024):
                    pass
                connection.sendall(b'{"csr": []}')

        thread = threading.Thread(target=drop)
        thread.start()
        assert Behind(path).ask({"csr": []}) == {"csr": []}
        thread.join()
