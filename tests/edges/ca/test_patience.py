"""A CA that limits or is busy: what it asks for is obeyed, and what it says stays typed."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hookrunner.core.problems import ACME, Refusal, Subproblem
from hookrunner.edges.records import FileStore
from hookrunner.model.server import Acme, Authority
from tests.edges.ca.test_issuer import run, settings_of
from tests.lab.server import Server

Reply = tuple[int, dict[str, str], bytes]


class Limited:
    """An ACME server up to its account; every order gets the next of ``replies``, the last one again and again."""

    def __init__(self, server: Server, replies: list[Reply]) -> None:
        self.orders = 0
        limited = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                at = f"https://{self.headers['Host']}"
                places = {name: f"{at}/{name}" for name in ("newNonce", "newAccount", "newOrder")}
                self.answer(200, {}, json.dumps({**places, "meta": {}}).encode())

            def do_HEAD(self) -> None:
                self.answer(200, {}, b"")

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/newAccount":
                    self.answer(201, {"Location": f"https://{self.headers['Host']}/account/1"}, b"{}")
                    return
                limited.orders += 1
                self.answer(*replies[min(limited.orders, len(replies)) - 1])

            def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
                self.send_response(status)
                kind = "application/json" if status < 400 else "application/problem+json"
                for name, value in {"Content-Type": kind, "Replay-Nonce": "bm9uY2U", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.web.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(server.folder / "pebble.pem", server.folder / "pebble.key")
        self.web.socket = context.wrap_socket(self.web.socket, server_side=True)
        threading.Thread(target=self.web.serve_forever, args=(0.05,), daemon=True).start()
        authority = Authority("limited", "limited", f"https://127.0.0.1:{self.web.server_port}/dir")
        self.acme: Acme = settings_of(server).acme._replace(authority=authority, concurrency=1)


@pytest.fixture
def limited(server: Server) -> Iterator[Callable[[list[Reply]], Limited]]:
    """Starts one."""
    running: list[Limited] = []

    def start(replies: list[Reply]) -> Limited:
        running.append(Limited(server, replies))
        return running[-1]

    yield start
    for one in running:
        one.web.shutdown()
        one.web.server_close()


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    """An empty store."""
    return FileStore(tmp_path / "records")


def problem(kind: str, detail: str = "so it is", **more: object) -> bytes:
    """A problem document (RFC 7807)."""
    return json.dumps({"type": f"{ACME}{kind}", "detail": detail, **more}).encode()


def refusal(server: Server, store: FileStore, ca: Limited, *names: str) -> list[Refusal]:
    """How each order ended, none with a certificate."""
    outcomes = run(server, store, names or ["a.one.example"], ca.acme)
    assert all(isinstance(outcome, Refusal) for outcome in outcomes.values())
    return [outcome for outcome in outcomes.values() if isinstance(outcome, Refusal)]


@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "a date"])
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_read(
    server: Server, store: FileStore, limited: Callable[[list[Reply]], Limited], status: int, *, as_date: bool
) -> None:
    """In both its forms, with a type and without."""
    until = datetime.now(UTC) + timedelta(hours=2)
    text = format_datetime(until, usegmt=True) if as_date else "7200"
    for body, kind in ((problem("rateLimited"), "rateLimited"), (b"<html>busy</html>", "overloaded")):
        ca = limited([(status, {"Retry-After": text}, body)])
        [found] = refusal(server, store, ca)
        assert found.kind == kind
        assert found.retry_after
        assert abs(found.retry_after - until) < timedelta(minutes=1)
        assert ca.orders == 1, "it is not asked again before that"


def test_a_short_pause_is_waited_for(
    server: Server, store: FileStore, limited: Callable[[list[Reply]], Limited]
) -> None:
    """A CA that is busy for a second is asked again by the same run."""
    busy = (503, {"Retry-After": "1"}, problem("serverInternal"))
    ca = limited([busy, (503, {}, b""), (400, {}, problem("malformed"))])
    [found] = refusal(server, store, ca)
    assert (found.kind, ca.orders) == ("malformed", 3)


def test_a_limit_of_one_registered_domain_stops_no_other(
    server: Server, store: FileStore, limited: Callable[[list[Reply]], Limited]
) -> None:
    """Its further names are not sent; another domain's are; two limited domains mean the account."""
    limit = (429, {"Retry-After": "7200"}, problem("rateLimited"))
    ca = limited([limit, (400, {}, problem("malformed"))])
    found = refusal(server, store, ca, "a.one.example", "b.one.example", "a.two.example")
    assert ([one.kind for one in found], ca.orders) == (["rateLimited", "rateLimited", "malformed"], 2)
    ca = limited([limit])
    found = refusal(server, store, ca, "a.one.example", "a.two.example", "a.three.example", "b.three.example")
    assert ([one.kind for one in found], ca.orders) == (["rateLimited"] * 4, 2)


@pytest.mark.parametrize("kind", ["overloaded", "accountDoesNotExist", "externalAccountRequired"])
def test_what_concerns_the_account_is_asked_once(
    server: Server, store: FileStore, limited: Callable[[list[Reply]], Limited], kind: str
) -> None:
    """A hundred names do not repeat it a hundred times; only an account that is gone is replaced, once."""
    reply = (429, {"Retry-After": "60"}, b"") if kind == "overloaded" else (400, {}, problem(kind))
    ca = limited([reply])
    found = refusal(server, store, ca, *(f"a.n{n}.example" for n in range(4)))
    assert ([one.kind for one in found], ca.orders) == ([kind] * 4, 2 if kind == "accountDoesNotExist" else 1)


@pytest.mark.parametrize(
    ("status", "kind"), [(409, "alreadyReplaced"), (403, "userActionRequired"), (500, "serverInternal")]
)
def test_a_type_is_kept(
    server: Server, store: FileStore, limited: Callable[[list[Reply]], Limited], status: int, kind: str
) -> None:
    """Also that of a 409, which the library takes for something else."""
    [found] = refusal(server, store, limited([(status, {}, problem(kind))]))
    assert (found.kind, found.detail) == (kind, "so it is")


def test_subproblems_are_kept(server: Server, store: FileStore, limited: Callable[[list[Reply]], Limited]) -> None:
    """With their identifiers; what is none is passed over."""
    subproblems = [
        {"type": f"{ACME}caa", "detail": "x", "identifier": {"type": "dns", "value": "a.one.example"}},
        {"type": f"{ACME}dns", "identifier": 5},
        "nonsense",
    ]
    [found] = refusal(server, store, limited([(403, {}, problem("compound", subproblems=subproblems))]))
    assert found.subproblems == (Subproblem("a.one.example", "caa", "x"), Subproblem("", "dns", ""))


@pytest.mark.parametrize("text", ["soon", "", "-5", "1e3", "Mon, 99 Nov 2026"])
def test_a_retry_after_that_is_none(
    server: Server, store: FileStore, limited: Callable[[list[Reply]], Limited], text: str
) -> None:
    """Is passed over."""
    [found] = refusal(server, store, limited([(429, {"Retry-After": text}, problem("rateLimited"))]))
    assert (found.kind, found.retry_after) == ("rateLimited", None)
