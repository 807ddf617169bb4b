"""What the owner is told of, and that it is told once."""

from datetime import UTC, datetime, timedelta

from hookrunner.core import notices, renewal
from hookrunner.core.notices import Event, Health, Told, news
from hookrunner.model.app import KeyType
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import AppName, Domain
from hookrunner.model.obstacle import Advice, Obstacle
from hookrunner.model.publication import CertificateId

START = datetime(2026, 1, 1, tzinfo=UTC)
A = Domain("a.example")
CERTIFICATE = Certificate(
    CertificateId("ca", A), (A,), KeyType.ECDSA_P256, START, START + timedelta(days=90), START, "1", "chain"
)  # fmt: skip
OBSTACLE = Obstacle(A, "ca", "dns", "why", (Advice("add", "record"), Advice("look")), START, START)
DUE, WARNING = renewal.due(CERTIFICATE), renewal.warning(CERTIFICATE)
HOUR = timedelta(hours=1)


def story(*steps: tuple[Certificate | None, Obstacle | None, datetime]) -> list[list[Event]]:
    """The news of each step, with what was told before."""
    told: dict[Domain, Told] = {}
    heard = []
    for certificate, obstacle, now in steps:
        events, after = news([Health(A, certificate, obstacle)], told, now)
        told |= after
        heard.append(list(events))
    return heard


def test_a_failure_is_told_once_and_so_is_the_recovery() -> None:
    """However long it lasts and whatever its reason becomes."""
    other = OBSTACLE._replace(kind="caa")
    assert story(
        (None, OBSTACLE, START), (None, OBSTACLE, START), (None, other, START), (CERTIFICATE, None, START),
        (CERTIFICATE, None, START), (None, OBSTACLE, START),
    ) == [[Event.FAILURE], [], [], [Event.RECOVERY], [], [Event.FAILURE]]  # fmt: skip


def test_a_renewal_that_fails_is_told_then_the_expiry_then_the_recovery() -> None:
    """A failure when it is due, the expiry half way to the end, the recovery with the new certificate."""
    new = Certificate(
        CERTIFICATE.id, (A,), KeyType.ECDSA_P256, WARNING, WARNING + timedelta(days=90), WARNING, "2", "chain"
    )  # fmt: skip
    assert story(
        (CERTIFICATE, OBSTACLE, DUE - HOUR), (CERTIFICATE, OBSTACLE, DUE), (CERTIFICATE, OBSTACLE, WARNING - HOUR),
        (CERTIFICATE, OBSTACLE, WARNING), (CERTIFICATE, OBSTACLE, WARNING + HOUR), (new, None, WARNING + HOUR),
    ) == [[], [Event.FAILURE], [], [Event.EXPIRY], [], [Event.RECOVERY]]  # fmt: skip


def test_an_expiry_is_told_also_when_nothing_failed() -> None:
    """A timer that does not run leaves no failure behind."""
    assert story((CERTIFICATE, None, WARNING), (CERTIFICATE, None, WARNING + HOUR)) == [[Event.EXPIRY], []]


def test_the_warning_is_half_way_from_due_to_the_end() -> None:
    """15 days before the end of 90."""
    assert CERTIFICATE.not_after - timedelta(days=15) == WARNING


def test_what_the_program_reads() -> None:
    """One object; moments as RFC 3339."""
    blocked = OBSTACLE._replace(until=START + HOUR)
    assert notices.document(Event.FAILURE, AppName("shop"), [Health(A, CERTIFICATE, blocked)], START) == {
        "schema": 1,
        "event": "failure",
        "app": "shop",
        "at": "2026-01-01T00:00:00Z",
        "domains": [
            {
                "name": "a.example",
                "kind": "dns",
                "why": "why",
                "hints": ["add record", "look"],
                "since": "2026-01-01T00:00:00Z",
                "next_try": "2026-01-01T01:00:00Z",
                "not_after": "2026-04-01T00:00:00Z",
            }
        ],
    }
