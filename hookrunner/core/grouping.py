"""Which of an app's domains share a certificate: each alone, together (SAN), or by the wildcards over them.

The domains that share one are a group. Its certificate is called after one of them, so that whoever holds the domain
holds the certificate.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from hookrunner.model.app import Certificates, Manifest
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import Domain
from hookrunner.model.publication import CertificateId

Registered = Callable[[Domain], str]  # the registered domain of a domain, by the Public Suffix List

_MOST_NAMES = 100
_FEW_NAMES = {"tlsserver": 25, "shortlived": 25}  # by profile: letsencrypt.org/docs/profiles


class Group(NamedTuple):
    """Domains that share a certificate, which is called after ``leader``."""

    leader: Domain
    domains: tuple[Domain, ...]


def names(domains: Iterable[Domain], way: Certificates, registered: Registered) -> tuple[Domain, ...]:
    """What stands in a certificate for these domains: they, or the wildcards over them with what those stand below.

    A CA refuses a name beside a wildcard that covers it.
    """
    if way is not Certificates.WILDCARD:
        return tuple(domains)
    found = dict.fromkeys(name for domain in domains for name in _over(domain, registered))
    return tuple(name for name in found if not any(other.covers(name) for other in found if other != name))


def groups(
    manifest: Manifest,
    domains: Sequence[Domain],
    existing: Mapping[CertificateId, Certificate],
    registered: Registered,
) -> list[Group]:
    """The groups of these domains of the manifest, in their order.

    With SAN what is together in a certificate stays together, so that a new name touches one of them.
    """
    match manifest.tls.certificates:
        case Certificates.PER_DOMAIN:
            return [Group(domain, (domain,)) for domain in domains]
        case Certificates.WILDCARD:
            return _by_registered(domains, existing, registered)
        case Certificates.SAN:
            most = _FEW_NAMES.get(manifest.tls.profile, _MOST_NAMES)
            return _together(domains, existing, most)


def _over(domain: Domain, registered: Registered) -> tuple[Domain, Domain]:
    """The name that the wildcard over the domain stands below, and that wildcard; a registered domain has its own."""
    if domain.is_wildcard:
        return Domain(domain.base), domain
    base = domain.name if registered(domain) == domain.name else domain.parent_wildcard.base
    return Domain(base), Domain(f"*.{base}")


def _by_registered(
    domains: Sequence[Domain], existing: Mapping[CertificateId, Certificate], registered: Registered
) -> list[Group]:
    """A group is called as the newest certificate that covers all of it, however its domains are ordered now."""
    found: dict[str, list[Domain]] = {}
    for domain in domains:
        found.setdefault(registered(domain), []).append(domain)
    groups: list[Group] = []
    for those in found.values():
        wanted = names(those, Certificates.WILDCARD, registered)
        full = [one for one in existing.values() if one.id.domain in those and all(map(one.covers, wanted))]
        leader = max(full, key=lambda one: one.issued).id.domain if full else those[0]
        groups.append(Group(leader, tuple(those)))
    return groups


def _together(domains: Sequence[Domain], existing: Mapping[CertificateId, Certificate], most: int) -> list[Group]:
    left = dict.fromkeys(domains)
    found: list[tuple[Domain, list[Domain]]] = []
    shared = [one for one in existing.values() if len(one.names) > 1 and one.id.domain in left]
    for certificate in sorted(shared, key=lambda one: (one.issued, str(one.id)), reverse=True):
        leader = certificate.id.domain
        if leader not in left:  # it went with a newer one
            continue
        members = [leader, *(name for name in domains if name in certificate.names and name in left and name != leader)]
        if len(members) == 1:  # it was left alone, and goes with others again
            continue
        found.append((leader, members[:most]))
        for member in members[:most]:
            del left[member]
    for domain in left:
        room = next((members for _, members in found if len(members) < most), None)
        if room is None:
            found.append((domain, [domain]))
        else:
            room.append(domain)
    return [Group(leader, tuple(members)) for leader, members in found]
