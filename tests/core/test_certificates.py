"""Which certificates to keep, to issue or to wait for."""

from datetime import UTC, datetime, timedelta

import pytest

from hookrunner.core.certificates import Decision, Issue, Keep, Wait, decide, wanted
from hookrunner.model.app import Folder, Https, KeyType, Manifest, Site, Tls
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import Domain
from hookrunner.model.publication import CertificateId

START = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
A, B, WILD = Domain("a.org"), Domain("b.org"), Domain("*.c.org")
P256, RSA = KeyType.ECDSA_P256, KeyType.RSA_2048


def of(domain: Domain) -> CertificateId:
    """The certificate of the CA "ca" for a domain."""
    return CertificateId("ca", domain)


def certificate(domain: Domain, names: tuple[Domain, ...] | None = None, key: KeyType = P256) -> Certificate:
    """A certificate of 90 days from START."""
    return Certificate(of(domain), names or (domain,), key, START, START + 90 * DAY, START, "01", "PEM")


def manifest(*domains: Domain, https: Https = Https.AUTO, key: KeyType = P256) -> Manifest:
    """One site."""
    return Manifest((Site(domains, Folder("."), https=https),), Tls(key=key))


@pytest.mark.parametrize(
    ("there", "key", "age", "expected"),
    [
        pytest.param(None, P256, 0, Issue(of(A), (A,), "new", P256), id="none yet"),
        pytest.param(None, RSA, 0, Issue(of(A), (A,), "new", RSA), id="none yet, with another key"),
        pytest.param(
            certificate(A), P256, 0, Keep(of(A), (A,), "next renewal 2026-10-31", START + 60 * DAY), id="fresh"
        ),
        pytest.param(
            certificate(A), P256, 59.9, Keep(of(A), (A,), "next renewal 2026-10-31", START + 60 * DAY), id="not yet due"
        ),
        pytest.param(certificate(A), P256, 60, Issue(of(A), (A,), "due for renewal", P256), id="due this second"),
        pytest.param(certificate(A), P256, 89.9, Issue(of(A), (A,), "due for renewal", P256), id="nearly expired"),
        pytest.param(certificate(A), P256, 90, Issue(of(A), (A,), "expired on 2026-11-30", P256), id="expired"),
        pytest.param(
            certificate(A), RSA, 0, Issue(of(A), (A,), "its key is ecdsa-p256, app.toml wants rsa-2048", RSA), id="key"
        ),
        pytest.param(certificate(A, (B,)), P256, 0, Issue(of(A), (A,), "does not cover a.org", P256), id="names"),
        pytest.param(
            certificate(A, (B,), RSA), P256, 99, Issue(of(A), (A,), "does not cover a.org", P256), id="names come first"
        ),
        pytest.param(certificate(B), P256, 0, Issue(of(A), (A,), "new", P256), id="only another domain's"),
    ],
)
def test_a_decision(there: Certificate | None, key: KeyType, age: float, expected: Decision) -> None:
    """Each certificate is kept, or issued with the reason, as of the moment that is handed in."""
    existing = {there.id: there} if there else {}
    assert decide(manifest(A, key=key), authority="ca", existing=existing, now=START + age * DAY) == [expected]


def test_a_wildcard_waits() -> None:
    """A wildcard is not asked for while there is no dns-01, and its site is served without."""
    words = "a wildcard certificate needs dns-01, which is not supported yet"
    assert decide(manifest(WILD), authority="ca", existing={}, now=START) == [Wait(of(WILD), (WILD,), words)]


def test_the_order_is_that_of_the_file() -> None:
    """There is one decision for each domain in the order of app.toml, and none for a site without HTTPS."""
    both = Manifest((*manifest(B, A).sites, *manifest(WILD, https=Https.OFF).sites))
    assert wanted(both, "ca") == [of(B), of(A)]
    assert [d.certificate for d in decide(both, authority="ca", existing={}, now=START)] == [of(B), of(A)]


def test_another_ca_starts_anew() -> None:
    """The certificates of another directory do not count: a staging certificate is never taken for a real one."""
    (decision,) = decide(manifest(A), authority="other", existing={of(A): certificate(A)}, now=START)
    assert decision == Issue(CertificateId("other", A), (A,), "new", P256)
