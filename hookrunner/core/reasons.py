"""Why the certificate that is there will not do: a list of checks, each with its reason or none."""

from collections.abc import Callable
from datetime import datetime

from hookrunner.core import renewal
from hookrunner.model.app import Certificates, Tls
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import Domain

Check = Callable[[Certificate, tuple[Domain, ...], Tls, datetime], str | None]


def reason_to_issue(
    certificate: Certificate | None,
    names: tuple[Domain, ...],
    tls: Tls,
    now: datetime,
) -> str | None:
    """Why the certificate that is there will not do, or None when it will."""
    if certificate is None:
        return "new"
    checks = (*_of_what_it_is(certificate), _is_expired, _is_due)
    return next((why for check in checks if (why := check(certificate, names, tls, now))), None)


def fits(certificate: Certificate, names: tuple[Domain, ...], tls: Tls, now: datetime) -> bool:
    """Whether it is what the manifest wants, however old it is."""
    return not any(check(certificate, names, tls, now) for check in _of_what_it_is(certificate))


def _has_more_names(certificate: Certificate, names: tuple[Domain, ...], tls: Tls, _now: datetime) -> str | None:
    if not names or tls.certificates is Certificates.SAN:  # there it is what was together before
        return None
    more = sorted(str(name) for name in certificate.names if name not in names)
    return f"also names {', '.join(more)}" if more else None


def _lacks_names(certificate: Certificate, names: tuple[Domain, ...], _tls: Tls, _now: datetime) -> str | None:
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


def _of_what_it_is(certificate: Certificate) -> tuple[Check, ...]:
    """The checks that have nothing to do with its age.

    Nobody is asked for another just because it was made elsewhere; its renewal is as app.toml wants it.
    """
    if certificate.is_imported:
        return (_lacks_names,)
    return (_lacks_names, _has_more_names, _key_differs, _profile_differs)
