"""When a certificate is due for renewal."""

from datetime import UTC, datetime, timedelta

import pytest

from hookrunner.core import renewal
from hookrunner.model.app import KeyType
from hookrunner.model.certificate import Certificate
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
