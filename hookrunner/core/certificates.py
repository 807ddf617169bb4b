"""Which certificates to keep, to issue or to wait for, each with its reason.

One list of decisions for push, plan, deploy and JSON.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hookrunner.core import challenges, renewal
from hookrunner.model.app import Https, KeyType, Manifest, Tls
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import Domain
from hookrunner.model.obstacle import Advice
from hookrunner.model.publication import CertificateId
from hookrunner.model.server import Dns


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one certificate, and why."""

    certificate: CertificateId
    names: tuple[Domain, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Keep(Decision):
    """The certificate that is there stays, until it is ``due``; ``when`` says why then."""

    due: datetime
    when: str


@dataclass(frozen=True, slots=True)
class Issue(Decision):
    """A CA is asked: the first of the ``authorities``, and the next where it refuses for reasons of its own.

    ``certificate`` is the one of the first CA.
    """

    key: KeyType
    profile: str
    authorities: tuple[str, ...]
    by_dns: frozenset[Domain] = frozenset()  # the names that dns-01 shows
    replaces: Certificate | None = None  # the one that serves until then
    resumes: bool = False  # an order of an earlier run, which was broken off

    @property
    def certificates(self) -> list[CertificateId]:
        """What would do: the certificate of each of the CAs."""
        return [CertificateId(name, self.certificate.domain) for name in self.authorities]

    def at(self, *authorities: str) -> "Issue":
        """The same with these CAs."""
        certificate = CertificateId(authorities[0], self.certificate.domain)
        return replace(self, certificate=certificate, authorities=authorities)


@dataclass(frozen=True, slots=True)
class Wait(Decision):
    """The CA is not asked yet; the names are served with what there is."""

    kind: str  # why, for programs
    until: datetime | None = None  # no try before; None: whenever the reason is gone
    advice: tuple[Advice, ...] = ()


Check = Callable[[Certificate, tuple[Domain, ...], Tls, datetime], str | None]

NO_ZONE = "it needs dns-01, and server.toml has no [dns.zones]"


def decide(
    manifest: Manifest,
    *,
    authorities: Sequence[str],
    existing: Mapping[CertificateId, Certificate],
    now: datetime,
    dns: Dns,
    renews: bool = True,
    revoked: Mapping[str, str] | None = None,
) -> list[Decision]:
    """One decision for each domain that is to have HTTPS, in the order of app.toml.

    ``dns``: the zones that can be changed. Not ``renews``: a certificate that is valid stays, whatever its age and its
    key. ``revoked``: reasons of the certificates that are to be revoked, by serial number.
    """
    checks = CHECKS if renews else NEEDED
    return [
        _decide(domain, manifest.tls, authorities, existing, now, dns, checks, revoked or {})
        for domain in secured(manifest)
    ]


def secured(manifest: Manifest) -> list[Domain]:
    """The domains that are to have HTTPS, in the order of app.toml."""
    return [domain for site in manifest.sites if site.https is not Https.OFF for domain in site.domains]


def wanted(manifest: Manifest, authorities: Sequence[str]) -> list[CertificateId]:
    """The certificates that will do for the manifest: one a domain, of any of the CAs."""
    return [CertificateId(authority, domain) for domain in secured(manifest) for authority in authorities]


def current(
    domain: Domain, authorities: Sequence[str], existing: Mapping[CertificateId, Certificate]
) -> Certificate | None:
    """The certificate that serves ``domain``: of several CAs' the newest one that covers it."""
    there = [existing[one] for name in authorities if (one := CertificateId(name, domain)) in existing]
    return max(there, key=lambda certificate: (certificate.covers(domain), certificate.issued), default=None)


def _decide(
    domain: Domain,
    tls: Tls,
    authorities: Sequence[str],
    existing: Mapping[CertificateId, Certificate],
    now: datetime,
    dns: Dns,
    checks: Sequence[Check],
    revoked: Mapping[str, str],
) -> Decision:
    names = (domain,)
    first = CertificateId(authorities[0], domain)
    by_dns = challenges.names_by_dns(names, tls.challenge, dns)
    there = current(domain, authorities, existing)
    why = reason_to_issue(there, names, tls, now, checks)
    if there and there.serial in revoked:
        why = f"to be revoked: {revoked[there.serial]}"
    if (why or not there) and by_dns and not dns.zones:
        return Wait(first, names, NO_ZONE, "zone")
    if why or not there:
        return Issue(first, names, why or "", tls.key, tls.profile, tuple(authorities), by_dns, there)
    due = renewal.due(there)
    return Keep(there.id, names, f"next renewal {due:%Y-%m-%d}", due, renewal.why(there))


def reason_to_issue(
    certificate: Certificate | None,
    names: tuple[Domain, ...],
    tls: Tls,
    now: datetime,
    checks: Sequence[Check] | None = None,
) -> str | None:
    """Why the certificate that is there will not do, or None when it will. ``checks``: :data:`CHECKS`."""
    if certificate is None:
        return "new"
    for check in CHECKS if checks is None else checks:
        if why := check(certificate, names, tls, now):
            return why
    return None


def _names_differ(certificate: Certificate, names: tuple[Domain, ...], _tls: Tls, _now: datetime) -> str | None:
    missing = [str(name) for name in names if not certificate.covers(name)]
    return f"does not cover {', '.join(missing)}" if missing else None


def _key_differs(certificate: Certificate, _names: tuple[Domain, ...], tls: Tls, _now: datetime) -> str | None:
    return None if certificate.key == tls.key else f"its key is {certificate.key}, app.toml wants {tls.key}"


def _profile_differs(certificate: Certificate, _names: tuple[Domain, ...], tls: Tls, _now: datetime) -> str | None:
    if certificate.profile == tls.profile:
        return None
    return f"its profile is {_profile(certificate.profile)}, app.toml wants {_profile(tls.profile)}"


def _profile(name: str) -> str:
    return name or "the CA's default"


def _is_expired(certificate: Certificate, _names: tuple[Domain, ...], _tls: Tls, now: datetime) -> str | None:
    return f"expired on {certificate.not_after:%Y-%m-%d}" if certificate.not_after <= now else None


def _is_due(certificate: Certificate, _names: tuple[Domain, ...], _tls: Tls, now: datetime) -> str | None:
    return f"due for renewal: {renewal.why(certificate)}" if renewal.due(certificate) <= now else None


NEEDED = (_names_differ, _is_expired)
CHECKS = (_names_differ, _key_differs, _profile_differs, _is_expired, _is_due)
