"""Which certificates to keep, to issue or to wait for, each with its reason in words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hookrunner.core.certificates import Issue, Keep, Wait, decide, wanted
from hookrunner.core.challenges import names_by_dns
from hookrunner.core.reasons import reason_to_issue
from hookrunner.model.app import Certificates, Challenge, Folder, Https, KeyType, Manifest, Site, Tls
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import AppName, Domain
from hookrunner.model.publication import CertificateId, Publication, PublishedSite, ServedName
from hookrunner.model.server import Dns, Zone

A, B, WILD = Domain("a.org"), Domain("b.org"), Domain("*.a.org")
START = datetime(2026, 1, 1, 12, tzinfo=UTC)
END = START + timedelta(days=90)
DUE = START + timedelta(days=60)
MOMENT = timedelta(seconds=1)
THEN = "a third of its life left"


SAN = Tls(Certificates.SAN)
ISSUE = Issue(CertificateId("ca", A), (A,), (A,), "new", Tls(), ("ca",))


def by_two_labels(domain: Domain) -> str:
    """The registered domain, where no suffix has two labels."""
    return ".".join(domain.base.split(".")[-2:])


def own(domain: Domain, authority: str = "ca") -> CertificateId:
    """The certificate that is named after a domain."""
    return CertificateId(authority, domain)


def issued(domain: Domain) -> Certificate:
    """A certificate of 90 days."""
    return Certificate(own(domain), (domain,), KeyType.ECDSA_P256, START, END, START, "01", "pem")


def manifest(*domains: Domain, key: KeyType = KeyType.ECDSA_P256, https: Https = Https.AUTO) -> Manifest:
    """An app of one site."""
    return Manifest((Site(domains, Folder("."), https=https),), Tls(key=key))


def test_a_new_domain_is_issued() -> None:
    """A domain without a certificate gets one, with the key that app.toml wants."""
    decisions = decide(
        manifest(A, key=KeyType.RSA_2048),
        authorities=("ca",),
        existing={},
        now=START,
        dns=Dns(),
        registered=by_two_labels,
    )
    assert decisions == [Issue(own(A), (A,), (A,), "new", Tls(key=KeyType.RSA_2048), ("ca",))]


def test_a_good_certificate_is_kept() -> None:
    """A certificate that will do stays, with the date of its renewal."""
    decisions = decide(
        manifest(A), authorities=("ca",), existing={own(A): issued(A)}, now=START, dns=Dns(), registered=by_two_labels
    )
    assert decisions == [Keep(own(A), (A,), (A,), "next renewal 2026-03-02", DUE, THEN)]


def test_a_wildcard_waits_for_a_zone() -> None:
    """Without one the CA is not asked, and the name is served over HTTP; with any it is issued by dns-01."""
    decisions = decide(manifest(WILD), authorities=("ca",), existing={}, now=START, dns=Dns(), registered=by_two_labels)
    assert decisions == [
        Wait(own(WILD), (WILD,), (WILD,), "it needs dns-01, and server.toml has no [dns.zones]", "zone")
    ]
    zone = Zone(Domain("b.org"), "exec")
    decisions = decide(
        manifest(WILD), authorities=("ca",), existing={}, now=START, dns=Dns(zones=(zone,)), registered=by_two_labels
    )
    assert decisions == [Issue(own(WILD), (WILD,), (WILD,), "new", Tls(), ("ca",), frozenset({WILD}))]


@pytest.mark.parametrize(
    ("challenge", "always", "by_dns"),
    [
        (Challenge.AUTO, False, []),
        (Challenge.AUTO, True, ["a.org", "www.a.org"]),
        (Challenge.HTTP_01, True, []),
        (Challenge.DNS_01, False, ["a.org", "www.a.org", "aa.org"]),
    ],
)
def test_which_names_dns_01_shows(challenge: Challenge, always: bool, by_dns: list[str]) -> None:
    """As app.toml says; else those of a zone that the settings mark, and of no other; wildcards in any case."""
    dns = Dns(zones=(Zone(Domain("a.org"), "exec", always=always), Zone(Domain("org"), "exec")))
    names = [Domain(name) for name in ("a.org", "www.a.org", "*.a.org", "aa.org")]
    assert names_by_dns(names, challenge, dns) == {Domain(name) for name in (*by_dns, "*.a.org")}


def test_a_certificate_of_another_ca_is_not_kept() -> None:
    """With another CA in the settings every certificate is issued anew."""
    decisions = decide(
        manifest(A),
        authorities=("other",),
        existing={own(A): issued(A)},
        now=START,
        dns=Dns(),
        registered=by_two_labels,
    )
    assert decisions == [Issue(own(A, "other"), (A,), (A,), "new", Tls(), ("other",))]


def test_each_domain_is_decided_by_itself() -> None:
    """There is one decision a domain, in the order of app.toml, and one does not change another."""
    decisions = decide(
        manifest(B, WILD, A),
        authorities=("ca",),
        existing={own(A): issued(A)},
        now=START,
        dns=Dns(),
        registered=by_two_labels,
    )
    assert [(type(decision), decision.names) for decision in decisions] == [
        (Issue, (B,)),
        (Wait, (WILD,)),
        (Keep, (A,)),
    ]


@pytest.mark.parametrize(
    ("https", "certificates"),
    [(Https.AUTO, [own(A), own(B)]), (Https.REQUIRED, [own(A), own(B)]), (Https.OFF, [own(B)])],
)
def test_wanted(https: Https, certificates: list[CertificateId]) -> None:
    """Every domain wants a certificate, but those of a site without HTTPS."""
    sites = (Site((A,), Folder("."), https=https), Site((B,), Folder(".")))
    assert wanted(Manifest(sites), ("ca",), None) == certificates


def test_wanted_is_also_what_is_live() -> None:
    """Called after a domain that is gone, or of a CA that is gone: it may cover what is there."""
    site = Site((A,), Folder("."))
    live = [CertificateId("gone", A), CertificateId("ca", A), CertificateId("ca", Domain("gone.org"))]
    names = tuple(ServedName(Domain(f"{number}.org"), one) for number, one in enumerate(live))
    publication = Publication(AppName("shop"), f"1-{'a' * 40}", (PublishedSite(names, site),), {})
    assert wanted(Manifest((site,)), ("ca",), publication) == [live[1], live[0], live[2]]


def test_an_app_without_domains_wants_nothing() -> None:
    """An app that is off the web is decided without asking for anything."""
    assert (
        decide(
            manifest(),
            authorities=("ca",),
            existing={own(A): issued(A)},
            now=START,
            dns=Dns(),
            registered=by_two_labels,
        )
        == []
    )


GOOD = issued(A)
REASONS = [
    ("none there", None, START, "new"),
    ("just issued", GOOD, START, None),
    ("just before it is due", GOOD, DUE - MOMENT, None),
    ("just due", GOOD, DUE, "due for renewal: a third of its life left"),
    ("just before it expires", GOOD, END - MOMENT, "due for renewal: a third of its life left"),
    ("just expired", GOOD, END, "expired on 2026-04-01"),
    ("long expired", GOOD, END + timedelta(days=365), "expired on 2026-04-01"),
    ("another name", replace(GOOD, names=(B,)), START, "does not cover a.org"),
    ("another profile", replace(GOOD, profile="x"), START, "its profile is x, app.toml wants the CA's default"),
    ("more names", replace(GOOD, names=(B, A)), START, "also names b.org"),
    ("another key", replace(GOOD, key=KeyType.RSA_4096), START, "its key is rsa-4096, app.toml wants ecdsa-p256"),
    ("another name and key", replace(GOOD, names=(), key=KeyType.RSA_4096), END, "does not cover a.org"),
    (
        "another key, expired",
        replace(GOOD, key=KeyType.RSA_4096),
        END,
        "its key is rsa-4096, app.toml wants ecdsa-p256",
    ),
]


@pytest.mark.parametrize(
    ("certificate", "now", "why"), [reason[1:] for reason in REASONS], ids=[reason[0] for reason in REASONS]
)
def test_reason_to_issue(certificate: Certificate | None, now: datetime, why: str | None) -> None:
    """A certificate is replaced for its names, its key or its age, and the first of these is the reason."""
    assert reason_to_issue(certificate, (A,), Tls(), now) == why
    existing = {own(A): certificate} if certificate else {}
    is_growing = reason_to_issue(certificate, (), Tls(), now) is None
    (decision,) = decide(
        manifest(A), authorities=("ca",), existing=existing, now=now, dns=Dns(), registered=by_two_labels
    )
    assert decision == (
        replace(ISSUE, why=why, replaces=certificate, is_growing=is_growing)
        if why
        else Keep(own(A), (A,), (A,), "next renewal 2026-03-02", DUE, THEN)
    )


@pytest.mark.parametrize(
    ("names", "why"),
    [((A,), "does not cover b.org, *.a.org"), ((A, B), "does not cover *.a.org"), ((B, WILD, A), None)],
)
def test_every_name_that_is_missing_is_named(names: tuple[Domain, ...], why: str | None) -> None:
    """A certificate that lacks names says which, in the order of app.toml."""
    assert reason_to_issue(replace(GOOD, names=names), (A, B, WILD), SAN, START) == why


def test_a_wildcard_covers_the_names_below_it() -> None:
    """A certificate for a wildcard will do for a name one label below it."""
    below = (Domain("b.a.org"),)
    assert reason_to_issue(replace(GOOD, names=(WILD,)), below, SAN, START) is None


def test_of_several_cas_the_newest_certificate_serves() -> None:
    """A certificate of a backup will do while it is the newest; it is renewed at the first CA, and the others next."""
    older = issued(A)
    newer = replace(older, id=own(A, "backup"), issued=START + MOMENT)
    both = {one.id: one for one in (older, newer)}
    there = decide(
        manifest(A), authorities=("ca", "backup"), existing=both, now=START, dns=Dns(), registered=by_two_labels
    )
    assert there == [Keep(own(A, "backup"), (A,), (A,), "next renewal 2026-03-02", DUE, THEN)]
    (due,) = decide(
        manifest(A), authorities=("ca", "backup"), existing=both, now=DUE, dns=Dns(), registered=by_two_labels
    )
    why = "due for renewal: a third of its life left"
    assert due == replace(ISSUE, why=why, authorities=("ca", "backup"), replaces=newer)
    assert isinstance(due, Issue)
    assert due.at("backup").certificate == own(A, "backup")


def test_a_certificate_that_is_to_be_revoked_is_replaced_whatever_its_age() -> None:
    """By its serial number, so that its successor stays; also where nothing else is renewed."""
    for renews in (True, False):
        (decision,) = decide(
            manifest(A),
            authorities=("ca",),
            existing={own(A): issued(A)},
            now=START,
            dns=Dns(),
            registered=by_two_labels,
            renews=renews,
            revoked={"01": "keyCompromise"},
        )
        assert isinstance(decision, Issue)
        assert decision.why == "to be revoked: keyCompromise"
    (kept,) = decide(
        manifest(A),
        authorities=("ca",),
        existing={own(A): issued(A)},
        now=START,
        dns=Dns(),
        registered=by_two_labels,
        revoked={"02": "superseded"},
    )
    assert isinstance(kept, Keep)
