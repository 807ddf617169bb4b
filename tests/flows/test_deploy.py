"""What a deploy does when the world is not as it should be, and what is served then."""

import base64
import hashlib
import json
import os
import shutil
import socket
import socketserver
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.conftest import Boot
from tests.lab.server import Answer, Clone, Server


def manifest(*domains: str, more: str = 'root = "public"') -> str:
    """An app.toml."""
    listed = ", ".join(f'"{domain}"' for domain in domains)
    return f"domains = [{listed}]\n{more}\n"


def live(server: Server, name: str, *domains: str, more: str = 'root = "public"', page: str = "page") -> Clone:
    """An app that is live."""
    clone = server.app(name)
    clone.commit({"app.toml": manifest(*domains, more=more), "public/index.html": page})
    push = clone.push()
    assert push.verdict.startswith("success: "), push.text
    return clone


def certificates(server: Server, app: str) -> dict[str, dict[str, Any]]:
    """What the report says, by domain."""
    listed = json.loads(server.run("report", app, "--json", check=False).stdout)["certificates"]
    return {one["domain"]: one for one in listed}


def one_line(text: str) -> str:
    """The words, however they were wrapped; a wrapped hint has its prefix on every line."""
    return " ".join(word for word in text.split() if word != "hint:")


def test_one_refused_domain_stops_no_other(boot: Boot) -> None:
    """A name that the CA refuses is served over HTTP with the reason; mended, `deploy` secures it alone."""
    server = boot()
    server.pebble.dns("set-servfail", host="later.example")
    clone = server.app("mixed")
    clone.commit(
        {
            "app.toml": manifest("good.example", "later.example", "blocked-domain.example", "fine.example"),
            "public/index.html": "mixed",
        }
    )
    push = clone.push()
    shown = one_line(push.output)
    assert push.status == 0
    assert push.verdict.startswith("warning: deploy 1 is live (")
    assert push.verdict.endswith(", 2 of 4 names have no HTTPS yet")
    assert "later.example waiting: its DNS fails (SERVFAIL), probably broken DNSSEC" in shown
    assert "blocked-domain.example refused: the CA does not issue for this name: " in shown
    assert "leave blocked-domain.example out, or use another CA for it" in shown
    assert f"http://later.example:{server.http_port} no HTTPS yet" in shown
    assert [server.get(name, https=True).status for name in ("good.example", "fine.example")] == [200, 200]
    assert [server.get(name).status for name in ("later.example", "blocked-domain.example")] == [200, 200]
    assert server.run("report", "mixed", check=False).returncode == 1

    before = certificates(server, "mixed")
    server.pebble.dns("clear-servfail", host="later.example")
    done = server.run("deploy", "mixed")
    assert "later.example            issued in" in done.stdout
    assert server.get("later.example", https=True).body == "mixed"
    after = certificates(server, "mixed")
    assert {name for name in after if after[name]["serial"] != before[name]["serial"]} == {"later.example"}


def test_required_https_answers_503_until_it_is_there(boot: Boot) -> None:
    """With https = "required" nothing is served in the clear, and the deploy counts as failed."""
    server = boot()
    server.pebble.dns("set-servfail", host="strict.example")
    clone = server.app("strict")
    clone.commit({"app.toml": manifest("strict.example", more='root = "public"\nhttps = "required"')})
    clone.commit({"public/index.html": "strict"})
    push = clone.push()
    assert one_line(push.output).split("error: ")[-1].startswith("deploy 1 is live (")
    assert push.verdict.endswith(", 1 of 1 name answers 503")
    assert "strict.example" in push.output and "503 until it has a certificate" in one_line(push.output)
    assert server.get("strict.example").status == 503
    assert server.run("deploy", "strict", check=False).returncode == 1
    server.pebble.dns("clear-servfail", host="strict.example")
    assert server.run("deploy", "strict").returncode == 0
    assert server.get("strict.example", https=True).body == "strict"
    assert server.get("strict.example").status == 301


def test_as_many_names_as_an_app_may_have_each_as_long_as_can_be(server: Server) -> None:
    """A hundred of 253 characters: nginx, which reads no parameter over 4096 bytes, takes the file."""
    names = [
        ".".join([f"n{number:02}".ljust(60, "x"), "y" * 63, "y" * 63, "z" * 51, "long.example"])
        for number in range(100)
    ]
    assert {len(name) for name in names} == {253}
    clone = server.app("longest")
    clone.commit({"app.toml": manifest(*names) + 'https = "off"\n', "public/index.html": "long"})
    assert clone.push().verdict.startswith("success: ")
    assert server.get(names[-1]).body == "long"
    other = server.app("longest-too")
    other.commit({"app.toml": manifest(names[50]), "public/index.html": "long"})
    assert "belongs to the app longest" in one_line(other.push().output)


def test_https_off_asks_for_no_certificate(server: Server) -> None:
    """With https = "off" a site is served over HTTP alone, and the CA hears nothing."""
    clone = live(server, "unsecured", "unsecured.example", more='root = "public"\nhttps = "off"')
    assert server.get("unsecured.example").body == "page"
    with pytest.raises(OSError, match=r".*"):
        server.leaf("unsecured.example")
    assert certificates(server, "unsecured") == {}
    assert "Asking" not in clone.push().output
    assert not list((server.state / "certificates").glob("*/unsecured.example"))


@pytest.mark.parametrize(
    ("key", "kind", "size"), [("rsa-2048", rsa.RSAPublicKey, 2048), ("ecdsa-p384", ec.EllipticCurvePublicKey, 384)]
)
def test_the_key_is_of_the_kind_that_was_asked_for(server: Server, key: str, kind: type, size: int) -> None:
    """`tls.key` decides the key of the served leaf, and a change of it issues anew."""
    name = f"{key}.example"
    clone = live(server, key, name)
    assert _key(server, name) == ("EllipticCurvePublicKey", 256)
    clone.commit({"app.toml": manifest(name) + f'[tls]\nkey = "{key}"\n'})
    push = clone.push()
    assert push.verdict.startswith("success: "), push.text
    assert _key(server, name) == (kind.__name__, size)


def _key(server: Server, name: str) -> tuple[str, int]:
    public = x509.load_der_x509_certificate(server.leaf(name)).public_key()
    assert isinstance(public, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    kind = rsa.RSAPublicKey if isinstance(public, rsa.RSAPublicKey) else ec.EllipticCurvePublicKey
    return kind.__name__, public.key_size


class _Echo(socketserver.StreamRequestHandler):
    """Answers with the request's head; after an upgrade, echoes bytes in capitals."""

    def handle(self) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline()
            if not line:
                return
            head += line
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if ": " in line)
        if fields.get("Upgrade") == "websocket" and fields.get("Connection", "").lower() == "upgrade":
            key = fields["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()  # noqa: S324 — RFC 6455
            answer = f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}"
            self.wfile.write(f"HTTP/1.1 101 Switching Protocols\r\n{answer}\r\n\r\n".encode())
            while chunk := self.connection.recv(100):
                self.wfile.write(chunk.upper())
            return
        self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(head), head))


class _Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class _Unix(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@contextmanager
def upstream(server: socketserver.BaseServer) -> Iterator[None]:
    """Serve while the block runs."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


_LIES = {
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Proto": "gopher",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "1",
    "X-Real-IP": "6.6.6.6",
    "Forwarded": "for=6.6.6.6",
    "Proxy": "http://6.6.6.6",
}


def test_an_upstream_learns_who_asks_and_not_what_they_claim(server: Server) -> None:
    """X-Forwarded-* are nginx's own words, the request is HTTP/1.1, and a WebSocket passes."""
    port = server.ports.take()
    with upstream(_Tcp(("127.0.0.1", port), _Echo)):
        live(server, "proxied", "proxied.example", more=f'proxy = "http://127.0.0.1:{port}"')
        answer = server.get("proxied.example", "/a%20b?c", https=True, headers=_LIES)
        first, *lines = answer.body.strip().split("\r\n")
        fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        assert first == "GET /a%20b?c HTTP/1.1"
        assert "6.6.6.6" not in answer.body
        assert {name: value for name, value in fields.items() if name not in ("connection", "user-agent")} == {
            "host": f"proxied.example:{server.https_port}",
            "x-real-ip": "127.0.0.1",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-host": f"proxied.example:{server.https_port}",
            "x-forwarded-port": str(server.https_port),
            "x-forwarded-proto": "https",
        }
        assert fields.get("connection", "close") == "close"

        with server._connect("proxied.example", https=True) as client:
            client.sendall(
                b"GET /ws HTTP/1.1\r\nHost: proxied.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += client.recv(1)
            assert head.startswith(b"HTTP/1.1 101 ")
            assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
            for word in (b"hello", b"again"):
                client.sendall(word)
                assert client.recv(100) == word.upper()


def test_a_socket_that_the_owner_allows_is_proxied_to(boot: Boot) -> None:
    """A unix socket outside /run/NAME takes `[apps.NAME] proxies` in the settings, and then works."""
    folder = Path("/tmp") / f"hookrunner-{os.getpid()}-socket"  # noqa: S108 — a socket's path is short
    folder.mkdir(exist_ok=True)
    path = folder / "web.sock"
    path.unlink(missing_ok=True)
    try:
        server = boot(settings={"apps": {"allowed": {"proxies": [f"unix:{path}"]}}})
        with upstream(_Unix(str(path), _Echo)):
            path.chmod(0o777)
            live(server, "allowed", "allowed.example", more=f'proxy = "unix:{path}"')
            assert server.get("allowed.example", "/x", https=True).body.startswith("GET /x HTTP/1.1\r\n")
            other = server.app("other")
            other.commit({"app.toml": manifest("other.example", more=f'proxy = "unix:{path}"')})
            assert "belongs to the app allowed" in one_line(other.push().output)
    finally:
        shutil.rmtree(folder)


def test_somebody_elses_broken_file_is_named_and_not_blamed_on_the_app(boot: Boot) -> None:
    """With nginx's test failing the old site serves on; mended, the next push goes live without a new CA order."""
    server = boot()
    clone = live(server, "shop", "shop.example", page="old")
    clone.commit({"app.toml": manifest("shop.example", "new.shop.example"), "public/index.html": "new"})
    broken = server.nginx.others / "old-wiki.conf"
    broken.write_text("server {\n    ssl_certficate x;\n}\n")
    before = {file.name: file.read_bytes() for file in server.nginx.sites.iterdir()}
    push = clone.push()
    shown = one_line(push.output)
    assert "error: nginx does not pass its test, and not because of shop" in shown
    assert f"{broken}:2 unknown directive" in shown
    assert "it fails in the same way without this deploy" in shown
    assert "kept: the release and 1 new certificate, for the next try" in shown
    assert push.output.rstrip().split("error: ")[-1].startswith("deploy 2 is not live (")
    assert "deploy 1 (" in push.output.split("error: ")[-1]
    assert server.get("shop.example", https=True).body == "old"
    assert {file.name: file.read_bytes() for file in server.nginx.sites.iterdir()} == before
    # Content that changes no nginx file goes live all the same.
    clone.commit({"app.toml": manifest("shop.example"), "public/index.html": "content"})
    assert clone.push().verdict.startswith("success: deploy 3 is live")
    assert server.get("shop.example", https=True).body == "content"

    broken.unlink()
    orders = _orders(server)
    clone.commit({"app.toml": manifest("shop.example", "new.shop.example")})
    push = clone.push()
    assert push.verdict.startswith("success: deploy 4 is live"), push.text
    assert server.get("new.shop.example", https=True).body == "content"
    assert _orders(server) == orders


def _orders(server: Server) -> int:
    count = server.pebble.log.read_text().count("Added order ")
    assert count, "Pebble no longer logs its orders so"
    return count


def test_a_removed_domain_is_free_for_another_app(server: Server) -> None:
    """A name that left app.toml answers no more, and another app can have it at once."""
    clone = live(server, "giver", "giver.example", "given.example", page="giver")
    assert server.get("given.example", https=True).body == "giver"
    clone.commit({"app.toml": manifest("giver.example")})
    assert clone.push().verdict.startswith("success: ")
    assert server.get("given.example").status == 0
    with pytest.raises(OSError, match=r".*"):
        server.leaf("given.example")
    live(server, "taker", "given.example", page="taker")
    assert server.get("given.example", https=True).body == "taker"


def test_a_lost_key_is_replaced(server: Server) -> None:
    """A certificate whose folder is gone is issued anew by the next deploy, which says so."""
    clone = live(server, "loser", "loser.example")
    before = server.leaf("loser.example")
    shutil.rmtree(next((server.state / "certificates").glob("*/loser.example")))
    clone.commit({"public/index.html": "after"})
    push = clone.push()
    assert "a certificate's key is gone, so it is issued anew" in push.output
    assert push.verdict.startswith("success: ")
    assert server.get("loser.example", https=True).body == "after"
    assert server.leaf("loser.example") != before


def test_without_its_ca_a_site_is_live_over_http(boot: Boot) -> None:
    """A CA that does not answer costs the lock, not the site; the words say what to check."""
    server = boot()
    clone = live(server, "alone", "alone.example")
    server.pebble.stop()
    clone.commit({"app.toml": manifest("alone.example", "new.alone.example"), "public/index.html": "both"})
    push = clone.push()
    shown = one_line(push.output)
    assert "new.alone.example refused: the CA does not answer: " in shown
    assert "on the server: check acme.directory in server.toml, and the way to it" in shown
    assert push.verdict.startswith("warning: deploy 2 is live (")
    assert push.verdict.endswith(", 1 of 2 names has no HTTPS yet")
    assert server.get("new.alone.example").body == "both"
    assert server.get("alone.example").status == 301


_HIDDEN = [
    "/.env", "/.git/config", "/.gitattributes", "/app.toml", "/x/.secret", "/x/.secret/page.html",
    "/%2eenv", "/%2Eenv", "/x/%2esecret", "/x/%2e%2e/.env", "/x/../.env", "//.env",
    "/x//.secret", "/app%2etoml", "/./app.toml", "/x/../app.toml", "//app.toml", "/.well-known/../.env",
    "/.well-known/%2e%2e/.env", "/.well-known/.hidden", "/app.toml%00", "/.env%0a", "/APP.TOML/../app.toml", "/.",
    "/.env/", "/app.toml/", "/app.toml%0a", "/.well-knownx/file", "/%252eenv",
]  # fmt: skip


def test_hidden_files_are_never_served(server: Server) -> None:
    """Dot files and app.toml answer 404 however they are written; .well-known is public."""
    files = {
        ".env": "SECRET", ".gitattributes": "SECRET", "x/.secret": "SECRET", "x/page.html": "shown",
        ".well-known/security.txt": "shown", ".well-known/.hidden": "SECRET", ".well-knownx/file": "SECRET",
        ".hidden/page.html": "SECRET", "index.html": "shown",
    }  # fmt: skip
    clone = server.app("hidden")
    clone.commit({**files, "app.toml": manifest("hidden.example", more='root = "."')})
    assert clone.push().verdict.startswith("success: ")

    def asked(path: str) -> Answer:
        return server.get("hidden.example", path, https=True)

    served = {path: asked(path) for path in _HIDDEN}
    leaks = {p: a.status for p, a in served.items() if "SECRET" in a.body or "domains = " in a.body}
    assert leaks == {}
    odd = {path: answer.status for path, answer in served.items() if answer.status not in (400, 404)}
    assert odd.pop("/.", 404) in (200, 301, 404)  # it is "/" once nginx has read it
    assert odd == {}
    assert asked("/.well-known/security.txt").body == "shown"
    assert asked("/x/page.html").body == "shown"
    assert asked("/" + urllib.parse.quote("../" * 9) + "etc/passwd").status in (400, 404)


def test_a_link_out_of_the_release_is_left_out(server: Server) -> None:
    """Links beside the roots that leave the release are not created, and the push says which."""
    live(server, "linked-to", "linked-to.example", page="other app")
    clone = server.app("linking")
    clone.commit({"app.toml": manifest("linking.example"), "public/index.html": "mine"})
    (clone.folder / "etc").symlink_to("/etc")
    (clone.folder / "theirs").symlink_to("../../linked-to/current/public")
    (clone.folder / "public" / "inside").symlink_to("index.html")
    clone.commit()
    push = clone.push()
    shown = one_line(push.output)
    assert push.verdict.startswith("success: "), push.text
    assert "warning: left out the link etc: leads out of the repository: /etc" in shown
    assert "warning: left out the link theirs: leads out of the repository: ../../linked-to" in shown
    release = server.state / "apps" / "linking" / "current"
    assert sorted(path.name for path in release.iterdir()) == ["app.toml", "public"]
    assert server.get("linking.example", "/inside", https=True).body == "mine"


def test_pushes_under_load_lose_no_request(server: Server) -> None:
    """While ten pushes replace a page, every request is answered with 200 and one whole release's page."""
    clone = live(server, "busy", "busy.example", page="0")
    seen: list[tuple[int, str]] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            try:
                answer = server.get("busy.example", https=True)
                seen.append((answer.status, answer.body))
            except OSError as error:
                seen.append((0, str(error)))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for number in range(1, 11):
            clone.commit({"public/index.html": str(number)})
            assert clone.push().verdict.startswith("success: ")
    finally:
        over.set()
        asking.join()
    assert len(seen) > 50
    assert {status for status, _ in seen} == {200}
    pages = [int(page) for _, page in seen]
    assert pages == sorted(pages)
    assert len(list((server.state / "apps" / "busy" / "releases").iterdir())) == 5


def test_nginx_serves_the_challenge_for_any_host(server: Server) -> None:
    """Known to nginx or not, over HTTP or HTTPS, a domain's challenge is answered from the webroot alone."""
    live(server, "challenged", "challenged.example")
    folder = server.state / "challenges" / ".well-known" / "acme-challenge"
    (folder / "token-of-a-test").write_text("answer")
    path = "/.well-known/acme-challenge/token-of-a-test"
    assert server.get("never-heard-of.example", path).body == "answer"
    assert server.get("challenged.example", path).body == "answer"
    assert server.get("challenged.example", path, https=True).body == "answer"
    assert server.get("challenged.example", "/.well-known/acme-challenge/none").status == 404
    with socket.create_connection(("127.0.0.1", server.http_port)) as client:
        client.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        assert client.recv(1000).endswith(b"answer")
