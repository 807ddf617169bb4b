"""What nginx is to serve, given the certificates that really exist."""

from datetime import UTC, datetime, timedelta

from hookrunner.core.serving import publication
from hookrunner.model.app import Folder, Https, KeyType, Manifest, Site, Upstream
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import AppName, Domain
from hookrunner.model.publication import CertificateId, Publication, PublishedSite, ServedName

START = datetime(2026, 1, 1, tzinfo=UTC)
A, B, C = Domain("a.org"), Domain("b.org"), Domain("c.org")
RELEASE = "1-" + "0" * 40


def certificate(domain: Domain, *names: Domain, authority: str = "ca") -> Certificate:
    """A certificate named after ``domain``."""
    chosen = CertificateId(authority, domain)
    return Certificate(
        chosen, names, KeyType.ECDSA_P256, START, START + timedelta(days=90), START, "01", f"PEM {domain}"
    )


def published(manifest: Manifest, *certificates: Certificate) -> Publication:
    """The publication of shop."""
    existing = {one.id: one for one in certificates}
    return publication(AppName("shop"), RELEASE, manifest, authority="ca", existing=existing)


def test_tls_for_what_is_covered() -> None:
    """A name with a certificate is served over TLS, one without over HTTP, and only used chains are sent along."""
    web = Upstream("127.0.0.1", 8000)
    manifest = Manifest((Site((A, B), Folder("public")), Site((C,), web, https=Https.REQUIRED, max_body=5, timeout=6)))
    of_a, of_c = CertificateId("ca", A), CertificateId("ca", C)
    unused = Domain("unused.org")
    assert published(manifest, certificate(A, A), certificate(C, C), certificate(unused, unused)) == Publication(
        AppName("shop"),
        RELEASE,
        (
            PublishedSite(
                (ServedName(A, of_a), ServedName(B, None)), Folder("public"), Https.AUTO, 10 * 1024 * 1024, 60
            ),
            PublishedSite((ServedName(C, of_c),), web, Https.REQUIRED, 5, 6),
        ),
        {of_a: "PEM a.org", of_c: "PEM c.org"},
    )


def test_what_is_not_used() -> None:
    """A certificate is not used with HTTPS off, for a name it does not cover, or when another CA made it."""
    off = published(Manifest((Site((A,), Folder("."), https=Https.OFF),)), certificate(A, A))
    foreign = published(Manifest((Site((A,), Folder(".")),)), certificate(A, B))
    other = published(Manifest((Site((A,), Folder(".")),)), certificate(A, A, authority="other"))
    for one in (off, foreign, other):
        assert one.names == (ServedName(A, None),)
        assert one.chains == {}


def test_without_sites() -> None:
    """An app without sites publishes nothing."""
    assert published(Manifest(())) == Publication(AppName("shop"), RELEASE, (), {})
