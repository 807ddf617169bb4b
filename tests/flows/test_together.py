"""SAN and wildcard certificates: as few as will do, without one bad name failing all, and no moment uncovered."""

import json
import subprocess
import time
from collections.abc import Callable

import pytest
from cryptography import x509

from hookrunner.edges import certificates
from hookrunner.edges.records import FileStore
from hookrunner.model.certificate import Certificate
from tests.conftest import Boot
from tests.flows.test_deploy import one_line
from tests.flows.test_dns01 import Lab, lab, names_of
from tests.flows.test_push import manifest
from tests.lab.proxy import Answer, Request, passing, problem, proxied
from tests.lab.pushing import held_locks, visiting
from tests.lab.server import Clone, Server

__all__ = ["lab"]

SAN, WILDCARD = '[tls]\ncertificates = "san"\n', '[tls]\ncertificates = "wildcard"\n'
BLOCKED = "blocked-domain.example"


def app(server: Server, name: str, *domains: str, more: str = SAN) -> Clone:
    """An app that is not pushed yet."""
    clone = server.app(name)
    clone.commit({"app.toml": manifest(*domains) + more, "public/index.html": name})
    return clone


def on_record(server: Server) -> list[Certificate]:
    """Every certificate, in the order of their issue."""
    return sorted(certificates.every(FileStore(server.state / "records")), key=lambda one: one.issued)


def serials(server: Server, *hosts: str) -> set[int]:
    """Of the certificates that are served."""
    return {x509.load_der_x509_certificate(server.leaf(host)).serial_number for host in hosts}


def test_thirty_names_of_which_three_are_not_ready(boot: Boot, capsys: pytest.CaptureFixture[str]) -> None:
    """One push and one order for 27; when the DNS is mended all 30, with one more."""
    server = boot()
    names = [f"n{number}.thirty.example" for number in range(30)]
    for name in names[:3]:
        server.pebble.dns("set-servfail", host=name)
    with proxied(server) as proxy:
        push = app(server, "thirty", *names).push()
        assert push.verdict.startswith("warning: deploy 1 is live"), push.output
        assert "3 of 30 names wait" in push.verdict
        assert "for 1 certificate with 27 names" in one_line(push.output)
        assert proxy.orders == 1
        assert len(serials(server, *names[3:])) == 1
        assert set(names_of(server, names[3])) == set(names[3:])
        assert server.get(names[0]).body == "thirty"
        assert server.run("renew").stdout.endswith("warning: nothing was due, 3 names wait\n")
        assert proxy.orders == 1
        for name in names[:3]:
            server.pebble.dns("clear-servfail", host=name)
        assert server.run("renew").stdout.endswith("success: 1 new certificate\n")
        assert len(serials(server, *names)) == 1
        assert set(names_of(server, names[0])) == set(names)
        with capsys.disabled():
            print(f"\n30 names of which 3 were not ready: {proxy.orders} orders in all")
        assert proxy.orders == 2
        assert server.run("renew").stdout == "success: nothing was due\n"
    assert FileStore(server.state / "records").list("obstacles") == []
    assert server.run("report").returncode == 0
    assert held_locks(server) == []


def test_a_name_that_the_ca_refuses_stops_no_other(boot: Boot) -> None:
    """At the order, and at the validation: the others are secured by the same push."""
    server = boot(settings={"acme": {"preflight": False}})
    names = ["a.some.example", BLOCKED, "b.some.example", "c.some.example"]
    server.pebble.dns("set-servfail", host="c.some.example")
    with proxied(server) as proxy:
        push = app(server, "some", *names).push()
        shown = one_line(push.output)
        assert push.verdict.startswith("warning: "), push.output
        assert f"{BLOCKED} refused: the CA does not issue for this name" in shown
        assert "c.some.example refused: " in shown
        assert len(serials(server, "a.some.example", "b.some.example")) == 1
        assert proxy.orders == 2, "the first was refused without one"
        assert server.run("renew").returncode == 0
        assert proxy.orders == 2, "what was refused waits for its time"


def test_a_hundred_and_thirty_names(boot: Boot, capsys: pytest.CaptureFixture[str]) -> None:
    """Two certificates; a new name touches one of them."""
    server = boot(settings={"limits": {"domains": 200}})
    names = [f"n{number}.many.example" for number in range(130)]
    with proxied(server) as proxy:
        clone = app(server, "many", *names)
        assert clone.push().verdict.startswith("success: ")
        assert sorted(len(one.names) for one in on_record(server)) == [30, 100]
        before = {one.serial for one in on_record(server)}
        clone.commit({"app.toml": manifest("new.many.example", *names) + SAN})
        assert clone.push().verdict.startswith("success: ")
        after = {one.serial for one in on_record(server)}
        assert len(before & after) == 1
        with capsys.disabled():
            print(f"\n130 names, and one more: {proxy.orders} orders in all")
        assert proxy.orders == 3
    assert server.get("new.many.example", https=True).body == "many"


def test_a_renewal_without_a_name_that_broke(boot: Boot) -> None:
    """The others are renewed; the one that is not ready keeps what it has."""
    server = boot()
    names = ["a.keeps.example", "b.keeps.example", "c.keeps.example"]
    with proxied(server):
        clone = app(server, "keeps", *names)
        clone.push()
        [old] = on_record(server)
        server.pebble.dns("set-servfail", host="a.keeps.example")
        clone.commit({"app.toml": manifest(*names, "d.keeps.example") + SAN})
        push = clone.push()
        assert push.verdict.endswith("1 renewal cannot be had yet"), push.output
        assert "never awaited" not in push.output
        assert serials(server, "a.keeps.example") == {int(old.serial, 16)}
        others = serials(server, "b.keeps.example", "c.keeps.example", "d.keeps.example")
        assert len(others) == 1
        assert others != {int(old.serial, 16)}
        server.pebble.dns("clear-servfail", host="a.keeps.example")
        server.run("renew")
        assert len(serials(server, *names, "d.keeps.example")) == 1


def test_wildcards_as_few_as_will_do(lab: Lab) -> None:
    """One a registered domain, for its apex and its names; the plan says which name it covers by what."""
    named = lab.named("first.example", "second.example")
    server = lab.server(named, {zone: named.zone() for zone in ("first.example", "second.example")})
    names = ["first.example", "www.first.example", "a.second.example", "b.second.example"]
    with proxied(server) as proxy:
        clone = app(server, "few", *names, more=WILDCARD)
        clone.push("-o", "skip-deploy", "main")
        plan = one_line(server.run("plan", "few").stdout)
        assert "first.example issue: new, together with *.first.example" in plan
        assert "www.first.example issue: new, by *.first.example" in plan
        decided = json.loads(server.run("plan", "few", "--json").stdout)
        assert json.dumps(decided).count("*.second.example") == 1
        server.run("deploy", "few")
        assert proxy.orders == 2
        assert sorted(sorted(map(str, one.names)) for one in on_record(server)) == [
            ["*.first.example", "first.example"],
            ["*.second.example", "second.example"],
        ]
        clone.commit({"app.toml": manifest(*names, "c.second.example") + WILDCARD})
        assert clone.push().verdict.startswith("success: ")
        assert proxy.orders == 2, "it covers the new name already"
    for name in (*names, "c.second.example"):
        assert server.get(name, https=True).body == "few"
    report = json.loads(server.run("report", "--json").stdout)["certificates"]
    assert {row["domain"]: sorted(row["names"]) for row in report}["www.first.example"] == [
        "*.first.example",
        "first.example",
    ]


def test_a_wildcard_below_a_wildcard(lab: Lab) -> None:
    """One certificate has both, and no name that a CA refuses beside a wildcard; `renew --dry-run` names each domain."""
    named = lab.named("deep.example", lines=["*.b A 127.0.0.1 ; deep.example."])
    server = lab.server(named, {"deep.example": named.zone()})
    names = ["deep.example", "www.deep.example", "x.b.deep.example"]
    with proxied(server) as proxy:
        assert app(server, "deep", *names, more=WILDCARD).push().verdict.startswith("success: ")
        assert proxy.orders == 1
        shown = one_line(server.run("renew", "--dry-run").stdout)
    assert sorted(names_of(server, "x.b.deep.example")) == ["*.b.deep.example", "*.deep.example", "deep.example"]
    assert "x.b.deep.example renews" in shown
    assert "by *.b.deep.example" in shown


def test_between_the_three_ways_under_load(lab: Lab) -> None:
    """Per domain, SAN, wildcard and back: every visitor has a valid certificate all the while."""
    named = lab.named("ways.example")
    server = lab.server(named, {"ways.example": named.zone()})
    names = ["ways.example", "a.ways.example", "b.ways.example"]
    clone = app(server, "ways", *names, more="")
    assert clone.push().verdict.startswith("success: ")

    def ask() -> str | None:
        wrong = [name for name in names if server.get(name, https=True).status != 200]
        return f"{wrong}" if wrong else None

    shared: list[int] = []
    with visiting(ask) as visitor:
        for more in (SAN, WILDCARD, "", WILDCARD, SAN, ""):
            clone.commit({"app.toml": manifest(*names) + more})
            push = clone.push()
            assert push.verdict.startswith("success: "), push.output
            shared.append(len(serials(server, *names)))
            time.sleep(0.2)
    assert shared == [1, 1, 3, 1, 1, 3]
    assert visitor.wrong == []
    assert visitor.answered > 20
    assert server.run("renew").stdout == "success: nothing was due\n"


def test_a_certificate_outlives_the_name_it_is_called_after(boot: Boot) -> None:
    """The first name goes while the CA makes no orders: the others keep their HTTPS until a new certificate is there."""
    server = boot()
    names = ["a.outlives.example", "b.outlives.example", "c.outlives.example"]
    clone = app(server, "outlives", *names)
    assert clone.push().verdict.startswith("success: ")
    before = serials(server, *names)
    taker = app(server, "taker", names[0])
    with proxied(server, lambda r, f: problem(429, "rateLimited") if r.kind == "order-new" else f()) as proxy:
        clone.commit({"app.toml": manifest(*names[1:]) + SAN})
        assert "no HTTPS yet" not in clone.push().output
        assert serials(server, *names[1:]) == before
        clone.commit({"public/index.html": "only a file"})
        assert "nginx untouched" in clone.push().output
        assert serials(server, *names[1:]) == before
        assert "belongs to" in taker.push().output, "the certificate in use is called after it"
        proxy.fault = passing
        server.run("deploy", "outlives", "--retry")
    assert serials(server, *names[1:]).isdisjoint(before)
    assert taker.push().verdict.startswith("success: ")


@pytest.mark.parametrize("kind", ["order-new", "finalize"])
def test_killed_with_names_left_out(boot: Boot, kind: str) -> None:
    """The order that was made without the names that were not ready is gone on with; then the others are looked at."""
    server = boot()
    names = [f"n{number}.struck.example" for number in range(5)]
    server.pebble.dns("set-servfail", host=names[0])
    with proxied(server) as proxy:
        clone = app(server, "struck", *names)
        clone.push("-o", "skip-deploy", "main")
        run: list[subprocess.Popen[str]] = []

        def fault(request: Request, forward: Callable[[], Answer]) -> Answer:
            answer = forward()
            if request.kind == kind and run[0].poll() is None:
                run[0].kill()
            return answer

        proxy.fault = fault
        run.append(server.start("deploy", "struck"))
        assert run[0].wait(60) != 0
        proxy.fault = passing
        server.pebble.dns("clear-servfail", host=names[0])
        server.run("deploy", "struck")
        server.run("renew")
        server.run("renew")
        assert len(serials(server, *names)) == 1
        assert proxy.orders <= 3
        assert FileStore(server.state / "records").list("journal") == []


def test_a_limit_for_the_whole_order(boot: Boot) -> None:
    """What the CA says of all names holds for all of them, and all go on waiting together."""
    server = boot()
    names = ["a.whole.example", "b.whole.example"]
    with proxied(
        server, lambda r, f: problem(429, "rateLimited", **{"Retry-After": "7200"}) if r.kind == "order-new" else f()
    ) as proxy:
        push = app(server, "whole", *names).push()
        assert "2 of 2 names have no HTTPS yet" in push.verdict
        proxy.fault = passing
        assert server.run("renew").stdout.endswith("2 names wait\n")
        assert proxy.orders == 0
