"""``http01 = "responder"``: a server of ours answers the CA, behind nginx, while orders are under way and no longer."""

import socket
import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import Boot
from tests.flows.test_deploy import one_line
from tests.flows.test_push import manifest
from tests.lab.machine import Ports
from tests.lab.proxy import Answer, Request, passing, proxied
from tests.lab.pushing import started
from tests.lab.server import Server

TOKEN = "/.well-known/acme-challenge/nothing"


@pytest.fixture
def lab(boot: Boot) -> Iterator[tuple[Server, int]]:
    """A server with these settings, and the responder's port."""
    ports = Ports()
    port = ports.take()
    yield boot(settings={"acme": {"http01": "responder", "responder_port": port}}), port
    ports.release()


def listens(port: int) -> bool:
    """Whether anybody is there."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_certificates_by_the_responder(lab: tuple[Server, int]) -> None:
    """The first push has HTTPS; the folder of tokens stays empty, nobody listens afterwards, only its path is passed on."""
    server, port = lab
    clone = server.app("responder")
    seen: list[tuple[object, ...]] = []

    def fault(request: Request, forward: Callable[[], Answer]) -> Answer:
        if request.kind == "challenge":
            tokens = [path for path in (server.state / "challenges").rglob("*") if path.is_file()]
            seen.append((listens(port), tokens, server.get("anybody.example", TOKEN).status))
        return forward()

    with proxied(server, fault):
        clone.commit({"app.toml": manifest("a.responder.example", "b.responder.example"), "public/index.html": "here"})
        push = clone.push()
        assert push.verdict.startswith("success: "), push.output
    assert set(map(repr, seen)) == {repr((True, [], 404))}
    assert not listens(port)
    assert server.get("b.responder.example", https=True).body == "here"
    assert server.get("a.responder.example", TOKEN).status == 404
    assert (server.nginx.sites / "responder.conf").read_text().count(f"proxy_pass http://127.0.0.1:{port};") > 0


def test_there_is_one_responder_at_a_time(lab: tuple[Server, int]) -> None:
    """Pushes to several apps at once wait for each other, and all end well."""
    server, _ = lab
    clones = [server.app(f"together{number}") for number in range(4)]
    for number, clone in enumerate(clones):
        names = [f"{letter}.together{number}.example" for letter in "ab"]
        clone.commit({"app.toml": manifest(*names), "public/index.html": "here"})
    pushes = [started(clone) for clone in clones]
    said = [push.communicate(timeout=120)[1] for push in pushes]
    assert all("success: deploy 1 is live" in text for text in said), said


def test_a_port_that_is_taken(lab: tuple[Server, int]) -> None:
    """The site is live without HTTPS, the port is named, the CA is asked for nothing; with the port free all is well."""
    server, port = lab
    clone = server.app("taken")
    clone.commit({"app.toml": manifest("taken.responder.example"), "public/index.html": "here"})
    with proxied(server) as proxy:
        with socket.create_server(("127.0.0.1", port)):
            push = clone.push()
        shown = one_line(push.output)
        assert push.verdict.startswith("warning: deploy 1 is live")
        assert f"the responder for http-01 cannot listen: port {port}: Address already in use" in shown
        assert "ss -ltnp shows what has acme.responder_port; end it, or choose another port" in shown
        assert proxy.orders == 0
        assert server.run("renew").stdout.endswith("success: 1 new certificate\n")


def test_a_run_that_is_killed_leaves_no_responder(lab: tuple[Server, int]) -> None:
    """The next one takes the port and the order over."""
    server, port = lab
    clone = server.app("killed")
    run: list[subprocess.Popen[str]] = []

    def fault(request: Request, forward: Callable[[], Answer]) -> Answer:
        if request.kind == "challenge":  # the CA never hears of it, so that the order is still good
            run[0].kill()
            return Answer(500, {}, b"")
        return forward()

    with proxied(server, fault) as proxy:
        clone.commit({"app.toml": manifest("killed.responder.example"), "public/index.html": "here"})
        clone.push("-o", "skip-deploy", "main")
        run.append(server.start("deploy", "killed"))
        assert run[0].wait(60) != 0
        assert not listens(port)
        proxy.fault = passing
        server.run("renew")
        server.run("deploy", "killed")
        assert server.get("killed.responder.example", https=True).body == "here"
        assert proxy.orders == 1


def test_changing_over_to_the_responder(boot: Boot) -> None:
    """Before nginx knows of it preflight says what to do, and no order is made; after `init` and a reload it works."""
    server = boot()
    with proxied(server) as proxy:
        clone = server.app("over")
        clone.commit({"app.toml": manifest("over.responder.example"), "public/index.html": "here"})
        assert clone.push().verdict.startswith("success: ")
        more = f'[acme]\nhttp01 = "responder"\nresponder_port = {server.ports.take()}\n'
        server.config.write_text(server.config.read_text().replace("[acme]\n", more))
        clone.commit({"app.toml": manifest("over.responder.example", "new.responder.example")})
        shown = one_line(clone.push().output)
        assert "this server answers for it, but not from hookrunner's nginx files" in shown
        assert "it needs a reload after init" in shown
        assert proxy.orders == 1
        server.run("init")
        subprocess.run(server.nginx.reload, check=True)
        assert server.run("renew").stdout.endswith("success: 1 new certificate\n")
        assert server.get("new.responder.example", https=True).body == "here"
