"""What nginx is to serve, given the certificates that really exist."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hookrunner.core.certificates import serving
from hookrunner.core.serving import publication
from hookrunner.model.app import Folder, Https, KeyType, Manifest, Site, Upstream
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import AppName, Domain
from hookrunner.model.publication import CertificateId, Publication, PublishedSite, ServedName

SHOP, RELEASE = AppName("shop"), f"3-{'a' * 40}"
A, B = Domain("a.org"), Domain("b.org")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def own(domain: Domain) -> CertificateId:
    """The certificate that is named after a domain."""
    return CertificateId("ca", domain)


def issued(domain: Domain, *names: Domain) -> Certificate:
    """The certificate named after a domain, for these names or for the domain."""
    return Certificate(own(domain), names or (domain,), KeyType.ECDSA_P256, NOW, NOW, NOW, "01", f"chain of {domain}")


def made_of(manifest: Manifest, existing: dict[CertificateId, Certificate]) -> Publication:
    """The publication with these certificates."""
    certificates = serving(manifest, ("ca",), existing, str, NOW)
    return publication(SHOP, RELEASE, manifest, certificates=certificates)


def test_some_have_a_certificate() -> None:
    """A name with a certificate is served with it, its neighbour without over HTTP, and only used chains go along."""
    manifest = Manifest((Site((A, B), Folder("public")),))
    existing = {own(A): issued(A), own(Domain("c.org")): issued(Domain("c.org"))}
    assert made_of(manifest, existing) == Publication(
        SHOP,
        RELEASE,
        (PublishedSite((ServedName(A, own(A)), ServedName(B, None)), manifest.sites[0]),),
        {own(A): "chain of a.org"},
    )


def test_each_site_as_it_is_written() -> None:
    """Sites keep their order, their content and their limits."""
    upstream = Upstream("127.0.0.1", 8000)
    manifest = Manifest(
        (
            Site((B,), upstream, https=Https.REQUIRED, max_body=1024, timeout=5),
            Site((A,), Folder("."), https=Https.OFF),
        )
    )
    existing = {own(A): issued(A), own(B): issued(B)}
    made = made_of(manifest, existing)
    assert made.sites == (
        PublishedSite((ServedName(B, own(B)),), manifest.sites[0]),
        PublishedSite((ServedName(A, None),), manifest.sites[1]),
    )
    assert made.chains == {own(B): "chain of b.org"}


@pytest.mark.parametrize(
    ("domain", "existing"),
    [
        (A, {}),
        (A, {own(A): issued(A, B)}),
        (Domain("*.a.org"), {own(A): issued(A)}),
    ],
    ids=["none", "does not cover it", "a wildcard"],
)
def test_no_certificate(domain: Domain, existing: dict[CertificateId, Certificate]) -> None:
    """A name is secured by nothing but a certificate that covers it."""
    manifest = Manifest((Site((domain,), Folder(".")),))
    made = made_of(manifest, existing)
    assert (made.names, made.chains) == ((ServedName(domain, None),), {})


def test_names_that_share_a_certificate() -> None:
    """One that is called after another domain of the app serves as well, and goes along once."""
    manifest = Manifest((Site((A, B), Folder(".")),))
    made = made_of(manifest, {own(B): issued(B, A, B)})
    assert (made.names, list(made.chains)) == ((ServedName(A, own(B)), ServedName(B, own(B))), [own(B)])


DAY = timedelta(days=1)
VALID = replace(issued(A), not_after=NOW + DAY)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (replace(issued(B, A, B), not_after=NOW + DAY), replace(issued(A), issued=NOW + DAY)),
        (replace(VALID, id=CertificateId("gone", A)), issued(A)),
        (VALID, replace(VALID, id=CertificateId("gone", A), issued=NOW + DAY)),
        (VALID, replace(issued(B, A, B), not_after=NOW + DAY, issued=NOW + DAY)),
        (replace(issued(B, A), not_after=NOW + DAY, issued=NOW + DAY), replace(VALID, key=KeyType.RSA_2048)),
        (replace(issued(B, A), not_after=NOW + DAY, issued=NOW + DAY), replace(VALID, names=(A, Domain("c.org")))),
    ],
    ids=[
        "valid",
        "valid, of a CA of before",
        "of a CA of now",
        "its own",
        "newer than another key",
        "than other names",
    ],
)
def test_the_better_one_serves(better: Certificate, worse: Certificate) -> None:
    """A valid one before one that is not, whatever it is called after; then the CA of now; then what was asked for."""
    manifest = Manifest((Site((A,), Folder(".")),))
    for pair in ((better, worse), (worse, better)):
        assert [name.certificate for name in made_of(manifest, {one.id: one for one in pair}).names] == [better.id]


def test_chains_are_sorted() -> None:
    """The same certificates make the same publication, however the domains are ordered."""
    manifest = Manifest((Site((B, A), Folder(".")),))
    existing = {own(B): issued(B), own(A): issued(A)}
    made = made_of(manifest, existing)
    assert list(made.chains) == [own(A), own(B)]
