"""When a certificate is due."""

from datetime import UTC, datetime, timedelta

import pytest

from hookrunner.core import renewal
from hookrunner.model.app import KeyType
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import Domain
from hookrunner.model.publication import CertificateId

START = datetime(2026, 1, 1, tzinfo=UTC)
A = Domain("a.org")


@pytest.mark.parametrize(
    ("lifetime", "due_after"),
    [
        (timedelta(days=90), timedelta(days=60)),
        (timedelta(days=45), timedelta(days=30)),
        (timedelta(days=10), timedelta(days=10) * 2 / 3),
        (timedelta(days=10) - timedelta(seconds=2), timedelta(days=5) - timedelta(seconds=1)),
        (timedelta(hours=160), timedelta(hours=80)),
        (timedelta(minutes=10), timedelta(minutes=5)),
    ],
    ids=str,
)
def test_due(lifetime: timedelta, due_after: timedelta) -> None:
    """A certificate is due with a third of its lifetime left, a short-lived one with half of it."""
    certificate = Certificate(
        CertificateId("ca", A), (A,), KeyType.ECDSA_P256, START, START + lifetime, START, "01", "PEM"
    )
    assert renewal.due(certificate) == START + due_after
