"""Which domains share a certificate, and what stands in it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hookrunner.core.certificates import Issue, Keep, Wait, decide
from hookrunner.core.grouping import groups, names
from hookrunner.model.app import Certificates, Folder, KeyType, Manifest, Site, Tls
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import Domain
from hookrunner.model.publication import CertificateId
from hookrunner.model.server import Dns, Zone

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SAN, WILDCARD = Tls(Certificates.SAN), Tls(Certificates.WILDCARD)
LATER = timedelta(hours=1)


def domains(*texts: str) -> tuple[Domain, ...]:
    """Domains."""
    return tuple(Domain(text) for text in texts)


def registered(domain: Domain) -> str:
    """The registered domain, where co.uk is a suffix."""
    labels = domain.base.split(".")
    return ".".join(labels[-3:] if domain.base.endswith("co.uk") else labels[-2:])


def manifest(tls: Tls, *texts: str) -> Manifest:
    """An app of one site."""
    return Manifest((Site(domains(*texts), Folder(".")),), tls)


def issued(*texts: str, at: datetime = NOW) -> Certificate:
    """A certificate for these names, called after the first."""
    mine = domains(*texts)
    end = NOW + timedelta(days=90)
    return Certificate(CertificateId("ca", mine[0]), mine, KeyType.ECDSA_P256, NOW, end, at, "01", "pem")


def grouped(tls: Tls, *texts: str, existing: tuple[Certificate, ...] = ()) -> list[list[str]]:
    """The groups, each with its leader first."""
    made = manifest(tls, *texts)
    found = groups(made, made.domains, {one.id: one for one in existing}, registered)
    assert all(group.leader in group.domains for group in found)
    return [[str(group.leader), *(str(one) for one in group.domains if one != group.leader)] for group in found]


@pytest.mark.parametrize(
    ("app", "certificate"),
    [
        (["a.org"], ["a.org", "*.a.org"]),
        (["www.a.org"], ["a.org", "*.a.org"]),
        (["a.org", "www.a.org", "api.a.org"], ["a.org", "*.a.org"]),
        (["x.b.a.org"], ["b.a.org", "*.b.a.org"]),
        (["a.org", "x.b.a.org"], ["a.org", "*.a.org", "*.b.a.org"]),
        (["*.a.org"], ["a.org", "*.a.org"]),
        (["a.co.uk", "www.a.co.uk"], ["a.co.uk", "*.a.co.uk"]),
    ],
)
def test_what_a_wildcard_certificate_names(app: list[str], certificate: list[str]) -> None:
    """The apex and the wildcards that the domains need; no name beside a wildcard that covers it."""
    assert names(domains(*app), Certificates.WILDCARD, registered) == domains(*certificate)


def test_wildcards_are_by_registered_domain() -> None:
    """One certificate for each, called after the first domain that it covers."""
    assert grouped(WILDCARD, "www.b.org", "a.org", "b.org", "x.a.org", "a.co.uk", "b.co.uk") == [
        ["www.b.org", "b.org"],
        ["a.org", "x.a.org"],
        ["a.co.uk"],
        ["b.co.uk"],
    ]


def test_the_order_of_the_file_touches_no_wildcard() -> None:
    """Nor does a name before the others that the wildcard covers."""
    wildcard = issued("a.org", "*.a.org")
    for texts in (["a.org", "www.a.org"], ["www.a.org", "a.org"], ["new.a.org", "www.a.org", "a.org"]):
        [kept] = the_decisions(WILDCARD, *texts, existing=(wildcard,))
        assert isinstance(kept, Keep)
        assert kept.certificate == wildcard.id


def test_each_domain_by_itself() -> None:
    """However they were together before."""
    assert grouped(Tls(), "a.org", "b.org", existing=(issued("a.org", "b.org"),)) == [["a.org"], ["b.org"]]


def test_san_is_split_by_the_profiles_limit() -> None:
    """100 names, 25 with the modern profiles, in the order of the file."""
    texts = [f"n{number}.org" for number in range(130)]
    assert [len(group) for group in grouped(SAN, *texts)] == [100, 30]
    assert [len(group) for group in grouped(SAN._replace(profile="shortlived"), *texts)] == [25] * 5 + [5]


def test_a_new_name_touches_one_certificate() -> None:
    """Wherever it stands in the file, and whatever else goes."""
    texts = [f"n{number}.org" for number in range(130)]
    full, rest = grouped(SAN, *texts)
    existing = (issued(*full), issued(*rest))
    found = grouped(SAN, "new.org", *texts, existing=existing)
    assert sorted(map(sorted, found)) == sorted([sorted(full), sorted([*rest, "new.org"])])
    without = [text for text in texts if text not in ("n3.org", "n120.org")]
    found = grouped(SAN, *without, "new.org", existing=existing)
    assert sorted(map(sorted, found)) == sorted(
        [sorted(set(full) - {"n3.org"}), sorted({*rest, "new.org"} - {"n120.org"})]
    )


def test_when_the_domain_goes_that_a_certificate_is_called_after() -> None:
    """The others get one together, called after the next."""
    assert grouped(SAN, "b.org", "c.org", existing=(issued("a.org", "b.org", "c.org"),)) == [["b.org", "c.org"]]


def test_certificates_of_each_domain_are_joined() -> None:
    """From one a domain to SAN."""
    existing = tuple(issued(f"{letter}.org") for letter in "abc")
    assert grouped(SAN, "a.org", "b.org", "c.org", existing=existing) == [["a.org", "b.org", "c.org"]]


def the_decisions(
    tls: Tls, *texts: str, existing: tuple[Certificate, ...] = (), now: datetime = NOW + LATER
) -> list[Issue | Keep | Wait]:
    """What is decided, where any zone can be changed."""
    dns = Dns(zones=(Zone(Domain("org"), "exec"),))
    found = decide(
        manifest(tls, *texts), authorities=("ca",), existing={one.id: one for one in existing}, now=now, dns=dns,
        registered=registered,
    )  # fmt: skip
    return [one for one in found if isinstance(one, Issue | Keep | Wait)]


def test_between_the_ways() -> None:
    """To fewer names and to more: a certificate that does not fit the way is made anew, with the reason."""
    both = issued("a.org", "b.org")
    assert [one.why for one in the_decisions(Tls(), "a.org", "b.org", existing=(both,))] == ["also names b.org", "new"]
    assert [one.why for one in the_decisions(SAN, "a.org", "b.org", existing=(issued("a.org"),))] == [
        "does not cover b.org"
    ]
    [decision] = the_decisions(WILDCARD, "a.org", "www.a.org", existing=(issued("a.org"),))
    assert isinstance(decision, Issue)
    assert (decision.names, decision.domains) == (domains("a.org", "*.a.org"), domains("a.org", "www.a.org"))
    assert decision.by_dns == frozenset(domains("*.a.org"))
    [kept] = the_decisions(WILDCARD, "a.org", "www.a.org", existing=(issued("a.org", "*.a.org"),))
    assert isinstance(kept, Keep)


def test_going_back_asks_for_nothing_that_is_covered() -> None:
    """However the certificates were made; only what no valid one covers is asked for."""
    dns = Dns(zones=(Zone(Domain("org"), "exec"),))
    existing = {one.id: one for one in (issued("a.org", "b.org"), issued("c.org"), issued("d.org", "*.d.org"))}

    def decided(tls: Tls, now: datetime = NOW) -> list[tuple[str, tuple[Domain, ...]]]:
        found = decide(
            manifest(tls, "a.org", "b.org", "c.org", "x.d.org", "e.org"), authorities=("ca",), existing=existing,
            now=now, dns=dns, registered=registered, renews=False,
        )  # fmt: skip
        return [(type(one).__name__, one.domains) for one in found]

    kept = [("Keep", domains("a.org", "b.org")), ("Keep", domains("c.org")), ("Keep", domains("x.d.org"))]
    for tls in (Tls(), SAN, WILDCARD):
        assert decided(tls) == [*kept, ("Issue", domains("e.org"))]
    assert len(decided(SAN, NOW + timedelta(days=91))) == 1


def left(decision: Issue | Keep | Wait, *held: str, at: datetime = NOW + LATER) -> object:
    """What is left without the domains that have to wait."""
    assert isinstance(decision, Issue)
    return decision.without(domains(*held), registered, at)


def test_names_that_are_not_ready_are_left_out() -> None:
    """A new one is made without them; one that lacks nothing else stays; nothing is left without any."""
    [new] = the_decisions(SAN, "a.org", "b.org", "c.org")
    made = left(new, "a.org")
    assert isinstance(made, Issue)
    assert (str(made.certificate.domain), made.names) == ("a.org", domains("b.org", "c.org"))
    assert left(new, "a.org", "b.org", "c.org") is None
    [growing] = the_decisions(SAN, "a.org", "b.org", "c.org", existing=(issued("a.org", "b.org"),))
    kept = left(growing, "c.org")
    assert isinstance(kept, Keep)
    assert kept.domains == domains("a.org", "b.org")


def test_a_name_that_has_https_never_loses_it() -> None:
    """What renews without it is called after another; where there is none, it waits as long as there is time."""
    there = replace(issued("a.org", "b.org", "c.org"), not_after=NOW + timedelta(days=20))
    [due] = the_decisions(SAN, "a.org", "b.org", "c.org", existing=(there,), now=NOW + timedelta(days=14))
    made = left(due, "b.org", at=NOW + timedelta(days=14))
    assert isinstance(made, Issue)
    assert (str(made.certificate.domain), made.names) == ("c.org", domains("a.org", "c.org"))
    assert left(due, "b.org", "c.org", at=NOW + timedelta(days=14)) is None
    late = left(due, "b.org", "c.org", at=NOW + timedelta(days=19))
    assert isinstance(late, Issue)
    assert (str(late.certificate.domain), late.names) == ("a.org", domains("a.org"))
