"""The memory of failures."""

from datetime import UTC, datetime, timedelta

import pytest

from hookrunner.core.obstacles import after_refusal, digest, hints, holds
from hookrunner.core.problems import Refusal
from hookrunner.model.names import Domain
from hookrunner.model.obstacle import Advice, Obstacle

NOW = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
A = Domain("a.example")


def refused(refusal: Refusal, before: Obstacle | None = None, now: datetime = NOW) -> Obstacle:
    """What is remembered of a refusal."""
    return after_refusal(refusal, A, before, authority="ca", now=now, dns="d1", asked="n1")


def test_a_refused_name_waits_an_hour_then_twice_as_long() -> None:
    """1, 2, 4 … hours, 32 at most; the trouble began with the first."""
    obstacle, hours = None, []
    for _ in range(8):
        obstacle = refused(Refusal("connection", "x"), obstacle)
        assert obstacle.until
        hours.append((obstacle.until - NOW) / HOUR)
    assert hours == [1, 2, 4, 8, 16, 32, 32, 32]
    assert obstacle
    assert (obstacle.refusals, obstacle.since, obstacle.kind) == (8, NOW, "connection")
    assert obstacle.advice == (Advice("a.example must reach this server on port 80, from the internet"),)


@pytest.mark.parametrize("kind", ["serverInternal", "timeout", "overloaded", "protocol", "badNonce", "rateLimited"])
def test_the_cas_own_trouble_is_tried_again_soon(kind: str) -> None:
    """Five minutes at first: the name is not to blame."""
    assert refused(Refusal(kind, "")).until == NOW + timedelta(minutes=5)


def test_a_ca_that_cannot_be_reached_holds_nothing() -> None:
    """Nothing was asked of it, so nothing is remembered against the name."""
    before = refused(Refusal("dns", ""))
    after = refused(Refusal("unreachable", ""), before)
    assert (after.until, after.refusals, after.since) == (None, 1, NOW)


def test_retry_after_is_obeyed() -> None:
    """The CA's moment stands, however the DNS changes and whoever asks; a week is the longest that is believed."""
    until = NOW + timedelta(hours=5)
    obstacle = refused(Refusal("rateLimited", "", retry_after=until))
    assert (obstacle.until, obstacle.is_firm) == (until, True)
    assert holds(obstacle, now=NOW, dns="d2", asked="n2", retry=True)
    assert not holds(obstacle, now=until, dns="d1", asked="n1")
    assert refused(Refusal("rateLimited", "", retry_after=NOW + timedelta(days=900))).until == NOW + timedelta(days=7)
    assert refused(Refusal("connection", "", retry_after=NOW)).until == NOW + HOUR, "never sooner than our own pause"


@pytest.mark.parametrize(
    ("now", "dns", "asked", "retry", "held"),
    [
        (NOW, "d1", "n1", False, True),
        (NOW + HOUR, "d1", "n1", False, False),
        (NOW, "d2", "n1", False, False),
        (NOW, "d1", "n2", False, False),
        (NOW, "", "n1", False, True),
        (NOW, "d1", "n1", True, False),
    ],
    ids=["at once", "in time", "dns changed", "names changed", "dns not asked", "retry"],
)
def test_what_is_held(now: datetime, dns: str, asked: str, retry: bool, held: bool) -> None:
    """A refusal is forgotten in time, when the DNS answer or the names change, and when the owner says so."""
    assert holds(refused(Refusal("dns", "")), now=now, dns=dns, asked=asked, retry=retry) is held


def test_a_record_comes_back_as_it_was() -> None:
    """To JSON and back."""
    obstacle = refused(Refusal("caa", "x", retry_after=NOW + 9 * HOUR))
    assert Obstacle.from_json(obstacle.to_json()) == obstacle
    assert Obstacle.from_json(obstacle._replace(until=None, advice=()).to_json()).until is None


def test_hints_say_each_sentence_once() -> None:
    """Records stand below their sentence; many are counted, not listed."""
    advice = [Advice("add", "r1"), Advice("other"), Advice("add", "r2"), Advice("add", "r1"), Advice("other")]
    assert list(hints(advice)) == ["add", "  r1", "  r2", "other"]
    many = list(hints(Advice("add", f"r{n}") for n in range(15)))
    assert many == ["add", *(f"  r{n}" for n in range(12)), "  and 3 more"]


def test_a_digest_knows_no_order() -> None:
    """It changes with its parts alone."""
    assert digest(["a", "b"]) == digest(["b", "a"]) != digest(["a"])
