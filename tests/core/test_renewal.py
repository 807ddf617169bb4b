"""When a certificate is due for renewal."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hookrunner.core import renewal
from hookrunner.model.app import KeyType
from hookrunner.model.certificate import Ari, Certificate, Window
from hookrunner.model.names import Domain
from hookrunner.model.publication import CertificateId

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("lifetime", "after"),
    [
        (timedelta(days=90), timedelta(days=60)),
        (timedelta(days=45), timedelta(days=30)),
        (timedelta(days=10), timedelta(days=6, hours=16)),
        (timedelta(days=10) - timedelta(seconds=2), timedelta(days=5) - timedelta(seconds=1)),
        (timedelta(days=6), timedelta(days=3)),
        (timedelta(hours=1), timedelta(minutes=30)),
    ],
    ids=str,
)
def test_due(lifetime: timedelta, after: timedelta) -> None:
    """A certificate is due with a third of its lifetime left, and with half of it left when that is under ten days."""
    domain = Domain("a.org")
    certificate = Certificate(
        CertificateId("ca", domain), (domain,), KeyType.ECDSA_P256, START, START + lifetime, START, "01", "pem"
    )
    assert renewal.due(certificate) == START + after


def suggestion(start: timedelta, end: timedelta, moment: timedelta, explanation: str = "") -> Certificate:
    """A certificate of ninety days with a window, from its beginning on."""
    window = Window(START + start, START + end, START + moment, explanation)
    return replace(NINETY, ari=Ari(START, window))


NINETY = Certificate(
    CertificateId("ca", Domain("a.org")), (Domain("a.org"),), KeyType.ECDSA_P256, START, START + timedelta(days=90),
    START, "01", "pem",
)  # fmt: skip
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("certificate", "after", "why"),
    [
        (suggestion(50 * DAY, 52 * DAY, 51 * DAY), 51 * DAY, "the CA suggests 2026-02-20 00:00 to 2026-02-22 00:00"),
        (
            suggestion(-2 * DAY, -DAY, -DAY, "https://ca.example/why"),
            -DAY,
            "the CA suggests 2025-12-30 00:00 to 2025-12-31 00:00, see https://ca.example/why",
        ),
        (
            suggestion(400 * DAY, 402 * DAY, 401 * DAY),
            85.5 * DAY,
            "a twentieth of its life left, whatever the CA suggests",
        ),
        (NINETY, 60 * DAY, "a third of its life left"),
        (replace(NINETY, ari=Ari(START)), 60 * DAY, "a third of its life left"),
        (replace(NINETY, not_after=START + 6 * DAY), 3 * DAY, "half of its life left"),
    ],
    ids=["window", "past", "far", "no ari", "silent", "short"],
)
def test_the_cas_window_decides(certificate: Certificate, after: timedelta, why: str) -> None:
    """Where there is one; but for the last twentieth, in which no suggestion holds a renewal up."""
    assert renewal.due(certificate) == START + after
    assert renewal.why(certificate) == why


def test_the_moment_is_chosen_once_for_each_window() -> None:
    """Asked again, the CA says the same, and the moment stays; another window has another one."""
    start, end = START + 60 * DAY, START + 62 * DAY
    first = renewal.suggested(None, start, end, now=START, retry_after=None, at=0.25)
    assert first == Ari(START + timedelta(hours=6), Window(start, end, START + 60.5 * DAY))
    again = renewal.suggested(first, start, end, now=START, retry_after=None, at=0.75)
    assert again.window == first.window
    earlier = renewal.suggested(first, START - DAY, START + DAY, now=START, retry_after=None, at=0.5)
    assert earlier.window
    assert earlier.window.moment == START


@pytest.mark.parametrize(
    ("retry_after", "again"),
    [
        (None, timedelta(hours=6)),
        (-DAY, timedelta(minutes=1)),
        (timedelta(hours=2), timedelta(hours=2)),
        (9 * DAY, DAY),
    ],
    ids=["none", "past", "usual", "far"],
)
def test_the_ca_says_when_it_is_asked_again(retry_after: timedelta | None, again: timedelta) -> None:
    """Within reason: not at once, and at least once a day (RFC 9773 section 4.3)."""
    said = renewal.suggested(
        None, START, START + DAY, now=START, retry_after=START + retry_after if retry_after else None, at=0
    )
    assert said.again == START + again
    asked = replace(NINETY, ari=said)
    assert not renewal.asks(asked, said.again - timedelta(seconds=1))
    assert renewal.asks(asked, said.again)


def test_a_silent_ca_is_asked_again_after_a_growing_pause() -> None:
    """And what it said before stays."""
    said: Ari | None = suggestion(DAY, 2 * DAY, DAY).ari
    assert said
    window = said.window
    pauses = []
    for _ in range(9):
        said = renewal.unanswered(said, START)
        pauses.append((said.again - START) // timedelta(minutes=1))
        assert said.window == window
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 360, 360]


def test_when_the_ca_is_asked_at_all() -> None:
    """Of a certificate that has not ended; and at once where a wrong clock had put it off for long."""
    assert renewal.asks(NINETY, START)
    assert not renewal.asks(NINETY, NINETY.not_after)
    assert renewal.asks(replace(NINETY, ari=Ari(START + 365 * DAY)), START)
