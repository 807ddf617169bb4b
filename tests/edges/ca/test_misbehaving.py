"""A CA that rejects, drops, delays and lies, through a proxy in front of a real Pebble: every order ends, typed."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from hookrunner.core.problems import Refusal
from hookrunner.edges.ca import client, polling
from hookrunner.edges.ca.issuer import issue
from hookrunner.edges.ca.order import Order
from hookrunner.edges.records import FileStore
from hookrunner.model.certificate import Certificate
from hookrunner.model.server import Acme
from tests.conftest import Boot
from tests.edges.ca.test_issuer import Outcomes, run, settings_of, tokens
from tests.edges.ca.test_issuer import order as made_order
from tests.lab.proxy import Answer, Dropped, Fault, Proxy, Request, passing, problem
from tests.lab.server import Server

Forward = Callable[[], Answer]
MOST_REQUESTS = 150  # of one order, whatever the CA does


class Between:
    """A proxy in front of the worker's Pebble, and a store that knows neither account nor order."""

    def __init__(self, server: Server, store: FileStore) -> None:
        self.server, self.store = server, store
        self.proxy = Proxy(server)
        acme = settings_of(server).acme
        self.acme: Acme = acme._replace(
            concurrency=1, authority=acme.authority._replace(directory=self.proxy.directory)
        )

    def issue(self, fault: Fault, *names: str) -> Outcomes:
        """How each name's order ended."""
        self.proxy.fault = fault
        return run(self.server, self.store, names, self.acme)

    def one(self, fault: Fault, wanted: Order) -> Certificate | Refusal:
        """How this order ended."""
        self.proxy.fault = fault
        settings, now = settings_of(self.server), datetime.now(UTC)
        [result] = issue([wanted], acme=self.acme, settings=settings, store=self.store, now=now)
        return result.outcome

    def refused(self, fault: Fault, name: str) -> Refusal:
        """Why the one order was refused."""
        [outcome] = self.issue(fault, name).values()
        assert isinstance(outcome, Refusal), outcome
        return outcome


@pytest.fixture
def between(server: Server, tmp_path: Path) -> Any:
    """One for the test."""
    made = Between(server, FileStore(tmp_path / "records"))
    yield made
    made.proxy.stop()


def every_fifth(spoil: Callable[[Forward], Answer]) -> Fault:
    """Spoils every fifth answer; but not what was spoiled the last time, which may come back in steps of five."""
    last = [""]

    def fault(request: Request, forward: Forward) -> Answer:
        if request.number % 5 or request.kind == last[0]:
            return forward()
        last[0] = request.kind
        return spoil(forward)

    return fault


def dropped(forward: Forward | None = None) -> Answer:
    """A connection that is reset; after Pebble has done what was asked for, or before."""
    if forward:
        forward()
    raise Dropped


def cut(forward: Forward) -> Answer:
    """An answer that ends in its middle."""
    answer = forward()
    answer.cut = len(answer.body) // 2
    return answer


def slow(_: Request, forward: Forward) -> Answer:
    """Every answer in small pieces."""
    answer = forward()
    answer.every, answer.pause = max(len(answer.body) // 8, 1), 0.02
    return answer


def busy(_: Forward) -> Answer:
    """A 503 that asks for a second."""
    return Answer(503, {"Retry-After": "1"}, b"<html>busy</html>")


def with_header(name: str, value: str | None) -> Fault:
    """Every answer has this header, or has it not."""

    def fault(_: Request, forward: Forward) -> Answer:
        answer = forward()
        answer.headers = {old: text for old, text in answer.headers.items() if old.lower() != name.lower()}
        if value is not None:
            answer.headers[name] = value
        return answer

    return fault


def with_date(off: timedelta) -> Fault:
    """A CA whose clock is off; where it asks for a pause, by its own clock."""

    def fault(_: Request, forward: Forward) -> Answer:
        answer, now = forward(), datetime.now(UTC) + off
        dates = {"Date": format_datetime(now, usegmt=True), "Retry-After": format_datetime(now, usegmt=True)}
        answer.headers = {n: v for n, v in answer.headers.items() if n.lower() not in ("date", "retry-after")} | dates
        return answer

    return fault


def first_of(kind: str, spoil: Callable[[Forward], Answer], times: int = 1) -> Fault:
    """Spoils the first requests of a kind."""
    came: Counter[str] = Counter()
    lock = threading.Lock()

    def fault(request: Request, forward: Forward) -> Answer:
        with lock:
            came[request.kind] += 1
            spoils = request.kind == kind and came[kind] <= times
        return spoil(forward) if spoils else forward()

    return fault


OVERCOME = {
    "every fifth is 503": every_fifth(busy),
    "every fifth is reset before": every_fifth(lambda _: dropped()),
    "every fifth is reset after": every_fifth(dropped),
    "every fifth is cut off": every_fifth(cut),
    "slow": slow,
    "Retry-After of years": with_header("Retry-After", "99999999"),
    "no Retry-After": with_header("Retry-After", None),
    "Retry-After that is none": with_header("Retry-After", "soon"),
    "Retry-After in the past": with_header("Retry-After", "Mon, 01 Jan 2001 00:00:00 GMT"),
    "clock hours behind": with_date(timedelta(hours=-9)),
    "clock hours ahead": with_date(timedelta(hours=9)),
    "not ready twice": first_of("finalize", lambda _: problem(403, "orderNotReady"), 2),
    "bad nonces in a row": first_of("order-new", lambda _: problem(400, "badNonce"), 9),
    **{
        f"the answer to {kind} is lost": first_of(kind, dropped)
        for kind in ("directory", "nonce", "account", "order-new", "authorization", "challenge", "order", "finalize")
    },
    "the certificate is lost twice": first_of("certificate", dropped, 2),
}


@pytest.mark.parametrize("fault", OVERCOME.values(), ids=OVERCOME)
def test_what_is_overcome(between: Between, fault: Fault) -> None:
    """Every domain has its certificate in the end, with one order, one account, and no request too many.

    One after the other, so that what is asked again is not the next fifth by chance.
    """
    names = [f"n{n}.overcome.example" for n in range(3)]
    outcomes = between.issue(fault, *names)
    assert {name: type(outcome) for name, outcome in outcomes.items()} == dict.fromkeys(names, Certificate), outcomes
    assert between.proxy.orders == len(names)
    assert len(between.proxy.seen) < MOST_REQUESTS * len(names)
    made = [request for request in between.proxy.seen if request.kind == "account" and request.status == 201]
    assert len(made) == 1
    assert tokens(between.server) == []


@pytest.mark.parametrize("percent", ["30", "60"])
def test_rejected_nonces(boot: Boot, tmp_path: Path, percent: str) -> None:
    """Pebble's own storm of them: all certificates, and not an order more than domains."""
    between = Between(boot(pebble_env={"PEBBLE_WFE_NONCEREJECT": percent}), FileStore(tmp_path / "records"))
    names = [f"n{n}.nonces.example" for n in range(5)]
    outcomes = between.issue(passing, *names)
    assert {name: type(outcome) for name, outcome in outcomes.items()} == dict.fromkeys(names, Certificate), outcomes
    assert between.proxy.orders == len(names)
    between.proxy.stop()


def html(status: int) -> Callable[[Forward], Answer]:
    """A page where JSON was wanted."""
    return lambda _: Answer(status, {"Content-Type": "text/html"}, b"<!doctype html><title>Maintenance</title>")


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize(
    "kind", ["account", "order-new", "authorization", "challenge", "order", "finalize", "certificate"]
)
def test_html_instead_of_json(between: Between, kind: str, status: int) -> None:
    """At every step: refused as what it is, soon; the next run ends with a certificate, and takes the order up."""
    found = between.refused(first_of(kind, html(status), 1000), f"{kind}.html.example")
    assert found.kind in ("protocol", "chain")
    assert len(between.proxy.seen) < MOST_REQUESTS
    assert tokens(between.server) == []


def with_body(forward: Forward, body: bytes) -> Answer:
    """Another body, where Pebble said yes."""
    answer = forward()
    return replace(answer, body=body) if answer.status == 200 else answer


def changed(kind: str, **facts: object) -> Fault:
    """What Pebble says of every object of a kind, with other facts; None takes one away."""

    def fault(request: Request, forward: Forward) -> Answer:
        answer = forward()
        if request.kind == kind and answer.status < 400:
            document = json.loads(answer.body) | facts
            answer.body = json.dumps({name: fact for name, fact in document.items() if fact is not None}).encode()
        return answer

    return fault


REFUSED = {
    "an invalid authorization without an error": (
        changed("authorization", status="invalid"),
        Refusal("unauthorized", "the authorization is invalid, the CA does not say why"),
    ),
    "a deactivated authorization": (
        changed("authorization", status="deactivated"),
        Refusal("unauthorized", "the authorization is deactivated, the CA does not say why"),
    ),
    "an invalid order without an error": (
        changed("order", status="invalid"),
        Refusal("malformed", "the order is invalid, the CA does not say why"),
    ),
    "no challenge that we can meet": (
        changed("authorization", challenges=[]),
        Refusal("protocol", "the CA offers no http-01 challenge"),
    ),
    "never ready": (
        first_of("finalize", lambda _: problem(403, "orderNotReady"), 1000),
        Refusal("orderNotReady", "it says ready and is not, 5 times"),
    ),
    "only bad nonces": (
        first_of("order-new", lambda _: problem(400, "badNonce", "no"), 1000),
        Refusal("badNonce", "no"),
    ),
    "an account that must be bound": (
        first_of("account", lambda _: problem(403, "externalAccountRequired", "bind it"), 1000),
        Refusal("externalAccountRequired", "bind it"),
    ),
    "a certificate that is none": (
        first_of("certificate", lambda forward: with_body(forward, b"-"), 9),
        Refusal("chain", "no chain of certificates"),
    ),
    "terms that changed": (
        first_of("order-new", lambda _: problem(403, "userActionRequired", "read them"), 1000),
        Refusal("userActionRequired", "read them"),
    ),
}


@pytest.mark.parametrize(("fault", "refusal"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(between: Between, fault: Fault, refusal: Refusal) -> None:
    """Typed, to the last line, and soon."""
    assert replace(between.refused(fault, "refused.misbehaving.example"), names=()) == refusal
    assert len(between.proxy.seen) < MOST_REQUESTS
    assert tokens(between.server) == []


def test_no_answer_is_waited_for_without_end(between: Between, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that drips for ever, one that is larger than memory, and objects that stay as they are."""
    monkeypatch.setattr(client, "WHOLE", 1.0)
    monkeypatch.setattr(polling, "_DEADLINE", 1.0)

    def drips(forward: Forward) -> Answer:
        answer = forward()
        answer.every, answer.pause = 1, 0.1
        return answer

    found = between.refused(first_of("authorization", drips, 1000), "drips.slow.example")
    assert (found.kind, found.detail) == ("unreachable", "its answer had no end after 1 s")
    huge = Answer(200, {"Content-Type": "application/json"}, b" " * (2 << 20))
    found = between.refused(first_of("order-new", lambda _: huge, 1000), "huge.slow.example")
    assert found.kind == "unreachable"
    assert "its answer is larger than 1048576 bytes" in found.detail
    found = between.refused(changed("authorization", status="processing"), "authorization.slow.example")
    assert found == Refusal("timeout", "still processing after 1 s")
    found = between.refused(changed("order", status="processing"), "order.slow.example")
    assert found == Refusal("timeout", "still processing after 1 s")


def test_a_clock_that_is_days_off(between: Between) -> None:
    """Nothing is asked of the CA: what it signs would be from the future, or over."""
    for off, way in ((timedelta(days=-40), "ahead of"), (timedelta(days=40, hours=1), "behind")):
        found = between.refused(with_date(off), "clock.misbehaving.example")
        assert (found.kind, found.detail) == ("clock", f"it is 40 days {way} the CA's")
    assert {request.kind for request in between.proxy.seen} == {"directory"}


def test_a_certificate_that_does_not_fit(between: Between) -> None:
    """Another's key, certificates that do not sign each other, other names: refused for that."""
    chains: list[bytes] = []

    def keep(request: Request, forward: Forward) -> Answer:
        answer = forward()
        if request.kind == "certificate" and answer.status == 200:
            chains.append(answer.body)
        return answer

    def given(body: bytes) -> Fault:
        return first_of("certificate", lambda forward: with_body(forward, body), 1000)

    assert isinstance(between.one(keep, made_order("one.fit.example")), Certificate)
    assert between.refused(given(chains[0]), "two.fit.example") == Refusal("chain", "it is for another key")
    key = ec.generate_private_key(ec.SECP256R1())
    mine = made_order("three.fit.example", key)
    assert isinstance(between.one(keep, mine), Certificate)
    assert between.one(given(chains[1] + chains[0]), mine) == Refusal(
        "chain", "its chain is not one: a certificate is not signed by the next"
    )
    assert between.one(given(chains[1]), made_order("four.fit.example", key)) == Refusal(
        "chain", "it does not name four.fit.example"
    )


def test_an_account_that_is_gone_is_made_anew_once(between: Between) -> None:
    """All orders go through with the new one; that the old one is gone is not asked for each."""
    assert isinstance(next(iter(between.issue(passing, "before.gone.example").values())), Certificate)
    [record] = between.store.list("accounts")
    between.store.put(record.key, record.value | {"uri": record.value["uri"] + "0000"})
    names = [f"n{n}.gone.example" for n in range(4)]
    outcomes = between.issue(passing, *names)
    assert {name: type(outcome) for name, outcome in outcomes.items()} == dict.fromkeys(names, Certificate), outcomes
    assert between.proxy.orders == 1 + len(names)
    [renewed] = between.store.list("accounts")
    assert renewed.value["key"] != record.value["key"]
    assert sum(request.kind == "account" and request.status == 201 for request in between.proxy.seen) == 2


def test_a_certificate_that_was_replaced_already(between: Between) -> None:
    """The order is made once more, without `replaces`; other refusals are not asked for twice."""
    [certificate] = between.issue(passing, "replaced.misbehaving.example").values()
    assert isinstance(certificate, Certificate)
    wanted = replace(made_order("replaced.misbehaving.example"), replaces=certificate.chain)

    def placed(fault: Fault) -> tuple[Certificate | Refusal, list[bool]]:
        first = len(between.proxy.seen)
        outcome = between.one(fault, wanted)
        came = between.proxy.seen[first:]
        tried = [one for one in came if one.kind == "order-new" and one.status != 400]  # without Pebble's bad nonces
        return outcome, ["replaces" in (request.payload or {}) for request in tried]

    outcome, tried = placed(first_of("order-new", lambda _: problem(409, "alreadyReplaced")))
    if not between.server.pebble.has_ari:
        assert tried == [False], "this CA knows no `replaces`"
        return
    assert isinstance(outcome, Certificate)
    assert tried == [True, False]
    outcome, tried = placed(lambda _, forward: forward())
    assert (type(outcome), tried) == (Certificate, [True])
    outcome, tried = placed(lambda _, forward: forward())
    assert (type(outcome), tried) == (Certificate, [True, False]), "Pebble itself says that it was replaced"
    outcome, tried = placed(first_of("order-new", lambda _: problem(403, "rejectedIdentifier"), 9))
    assert (type(outcome), tried) == (Refusal, [True])
