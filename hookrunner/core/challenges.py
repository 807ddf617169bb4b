"""Which way the CA is shown that a name is ours."""

from collections.abc import Iterable

from hookrunner.model.app import Challenge
from hookrunner.model.names import Domain
from hookrunner.model.server import Dns

TXT = "_acme-challenge"  # RFC 8555 section 8.4


def by_dns(domain: Domain, challenge: Challenge, dns: Dns) -> bool:
    """Whether dns-01 shows it: for a wildcard always, else as app.toml says, or the settings for its zone."""
    if domain.is_wildcard or challenge is Challenge.DNS_01:
        return True
    zone = dns.zone_of(txt_name(domain))
    return challenge is Challenge.AUTO and zone is not None and zone.always


def names_by_dns(names: Iterable[Domain], challenge: Challenge, dns: Dns) -> frozenset[Domain]:
    """Those of the names that dns-01 shows."""
    return frozenset(name for name in names if by_dns(name, challenge, dns))


def txt_name(domain: Domain) -> str:
    """Where the CA looks for the record of ``domain``; a wildcard's is that of the name below it."""
    return f"{TXT}.{domain.base}"
