"""Which certificates to keep, to issue or to wait for, each with its reason.

One list of decisions for push, plan, deploy and JSON.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hookrunner.core import renewal
from hookrunner.model.app import Https, KeyType, Manifest
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import Domain
from hookrunner.model.obstacle import Advice
from hookrunner.model.publication import CertificateId


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one certificate, and why."""

    certificate: CertificateId
    names: tuple[Domain, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Keep(Decision):
    """The certificate that is there stays."""

    due: datetime


@dataclass(frozen=True, slots=True)
class Issue(Decision):
    """The CA is asked."""

    key: KeyType


@dataclass(frozen=True, slots=True)
class Wait(Decision):
    """The CA is not asked yet; the names are served with what there is."""

    kind: str  # why, for programs
    until: datetime | None = None  # no try before; None: whenever the reason is gone
    advice: tuple[Advice, ...] = ()


Check = Callable[[Certificate, tuple[Domain, ...], KeyType, datetime], str | None]

WILDCARD_WAITS = "a wildcard certificate needs dns-01, which is not supported yet"


def decide(
    manifest: Manifest,
    *,
    authority: str,
    existing: Mapping[CertificateId, Certificate],
    now: datetime,
    renews: bool = True,
) -> list[Decision]:
    """One decision for each domain that is to have HTTPS, in the order of app.toml.

    Not ``renews``: a certificate that is valid stays, whatever its age and its key.
    """
    checks = CHECKS if renews else NEEDED
    return [
        _decide(certificate, manifest.tls.key, existing, now, checks) for certificate in wanted(manifest, authority)
    ]


def wanted(manifest: Manifest, authority: str) -> list[CertificateId]:
    """The certificates that the manifest asks for: one a domain, in the order of app.toml."""
    return [
        CertificateId(authority, domain)
        for site in manifest.sites
        if site.https is not Https.OFF
        for domain in site.domains
    ]


def _decide(
    certificate: CertificateId,
    key: KeyType,
    existing: Mapping[CertificateId, Certificate],
    now: datetime,
    checks: Sequence[Check],
) -> Decision:
    names = (certificate.domain,)
    if certificate.domain.is_wildcard:
        return Wait(certificate, names, WILDCARD_WAITS, "wildcard")
    there = existing.get(certificate)
    why = reason_to_issue(there, names, key, now, checks)
    if why or not there:
        return Issue(certificate, names, why or "", key)
    due = renewal.due(there)
    return Keep(certificate, names, f"next renewal {due:%Y-%m-%d}", due)


def reason_to_issue(
    certificate: Certificate | None,
    names: tuple[Domain, ...],
    key: KeyType,
    now: datetime,
    checks: Sequence[Check] | None = None,
) -> str | None:
    """Why the certificate that is there will not do, or None when it will. ``checks``: :data:`CHECKS`."""
    if certificate is None:
        return "new"
    for check in CHECKS if checks is None else checks:
        if why := check(certificate, names, key, now):
            return why
    return None


def _names_differ(certificate: Certificate, names: tuple[Domain, ...], _key: KeyType, _now: datetime) -> str | None:
    missing = [str(name) for name in names if not certificate.covers(name)]
    return f"does not cover {', '.join(missing)}" if missing else None


def _key_differs(certificate: Certificate, _names: tuple[Domain, ...], key: KeyType, _now: datetime) -> str | None:
    return None if certificate.key == key else f"its key is {certificate.key}, app.toml wants {key}"


def _is_expired(certificate: Certificate, _names: tuple[Domain, ...], _key: KeyType, now: datetime) -> str | None:
    return f"expired on {certificate.not_after:%Y-%m-%d}" if certificate.not_after <= now else None


def _is_due(certificate: Certificate, _names: tuple[Domain, ...], _key: KeyType, now: datetime) -> str | None:
    return "due for renewal" if renewal.due(certificate) <= now else None


NEEDED = (_names_differ, _is_expired)
CHECKS = (_names_differ, _key_differs, _is_expired, _is_due)
