"""Which certificates to keep, to issue or to wait for, each with its reason.

One list of decisions for push, plan, deploy and JSON.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hookrunner.core import challenges, grouping, reasons, renewal
from hookrunner.core.grouping import Group, Registered
from hookrunner.model.app import Https, Manifest, Tls
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import Domain
from hookrunner.model.obstacle import Advice
from hookrunner.model.publication import CertificateId, Publication
from hookrunner.model.server import Dns


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one certificate, and why."""

    certificate: CertificateId
    names: tuple[Domain, ...]  # in the certificate
    domains: tuple[Domain, ...]  # the app's, that it is for
    why: str

    def shared(self, domain: Domain) -> str:
        """Which certificate covers the domain, where it is not one of its own."""
        if domain not in self.names:
            return f", by {next((name for name in self.names if name.covers(domain)), self.certificate.domain)}"
        others = [str(name) for name in self.names if name != domain]
        if len(others) > 2:
            others = [others[0], f"{len(others) - 1} more names"]
        return f", together with {' and '.join(others)}" if others else ""


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

    tls: Tls
    authorities: tuple[str, ...]
    by_dns: frozenset[Domain] = frozenset()  # the names that dns-01 shows
    replaces: Certificate | None = None  # the one that serves until then
    is_growing: bool = False  # all that is wrong with that one is that it lacks names
    resumes: bool = False  # an order of an earlier run, which was broken off

    @property
    def certificates(self) -> list[CertificateId]:
        """What would do: the certificate of each of the CAs."""
        return [CertificateId(name, self.certificate.domain) for name in self.authorities]

    def at(self, *authorities: str) -> "Issue":
        """The same with these CAs."""
        certificate = CertificateId(authorities[0], self.certificate.domain)
        return replace(self, certificate=certificate, authorities=authorities)

    def without(self, held: Collection[Domain], registered: Registered, now: datetime) -> "Decision | None":
        """What is left to do when these domains have to wait; None when all of them have to.

        A domain that the certificate there covers must not lose it, so the new one is called after another domain
        then, and both serve. Where there is no other the renewal waits, as long as there is time.
        """
        left = tuple(domain for domain in self.domains if domain not in held)
        there, leader = self.replaces, self.certificate.domain
        if not left:
            return None
        if there and self.is_growing and all(map(there.covers, left)):
            return _keep(there, left)
        if there and there.not_after > now and any(there.covers(domain) for domain in self.domains if domain in held):
            others = [domain for domain in left if domain != leader]
            if not others and renewal.warning(there) > now:
                return None
            leader = next(iter(others), leader)
        names = grouping.names(left, self.tls.certificates, registered)
        return replace(
            self,
            certificate=CertificateId(self.certificate.authority, leader),
            names=names,
            domains=left,
            by_dns=self.by_dns & frozenset(names),
        )


@dataclass(frozen=True, slots=True)
class Wait(Decision):
    """The CA is not asked yet; the domains are served with what there is."""

    kind: str  # why, for programs
    until: datetime | None = None  # no try before; None: whenever the reason is gone
    advice: tuple[Advice, ...] = ()


NO_ZONE = "it needs dns-01, and server.toml has no [dns.zones]"


def decide(
    manifest: Manifest,
    *,
    authorities: Sequence[str],
    existing: Mapping[CertificateId, Certificate],
    now: datetime,
    dns: Dns,
    registered: Registered,
    renews: bool = True,
    revoked: Mapping[str, str] | None = None,
) -> list[Decision]:
    """One decision for each certificate of the app, in the order of app.toml.

    ``dns``: the zones that can be changed. Not ``renews``: a certificate that is valid stays, whatever its age and its
    key. ``revoked``: reasons of the certificates that are to be revoked, by serial number.
    """
    revoked, domains, kept = revoked or {}, secured(manifest), list[Decision]()
    mine = [one for one in existing.values() if one.id.authority in authorities]
    if not renews:
        kept = _kept(domains, [one for one in mine if one.not_after > now and one.serial not in revoked])
        domains = [domain for domain in domains if not any(domain in one.domains for one in kept)]
    found = grouping.groups(manifest, domains, existing, registered)
    return kept + [_decide(group, manifest.tls, authorities, mine, now, dns, registered, revoked) for group in found]


def secured(manifest: Manifest) -> list[Domain]:
    """The domains that are to have HTTPS, in the order of app.toml."""
    return [domain for site in manifest.sites if site.https is not Https.OFF for domain in site.domains]


def wanted(manifest: Manifest, authorities: Sequence[str], live: Publication | None) -> list[CertificateId]:
    """The certificates that may serve the manifest: those called after its domains, of any of the CAs, and those live.

    What is live goes on being served as long as nothing better is there: also one that is called after a domain that
    the manifest no longer has, or of a CA that the settings no longer have.
    """
    called = [CertificateId(authority, domain) for domain in secured(manifest) for authority in authorities]
    return list(dict.fromkeys([*called, *(live.certificates if live else ())]))


def serving(
    manifest: Manifest,
    authorities: Sequence[str],
    existing: Mapping[CertificateId, Certificate],
    registered: Registered,
    now: datetime,
) -> dict[Domain, Certificate]:
    """Which certificate serves each domain that one covers: its group's, or the newest until that is there.

    One that is valid comes before any other, and then one of the CAs that the settings have.
    """
    found: dict[Domain, Certificate] = {}
    for group in grouping.groups(manifest, secured(manifest), existing, registered):
        names = grouping.names(group.domains, manifest.tls.certificates, registered)

        def rank(
            one: Certificate, leader: Domain = group.leader, names: tuple[Domain, ...] = names
        ) -> tuple[bool, bool, bool, datetime]:
            is_its_own = one.id.domain == leader and reasons.fits(one, names, manifest.tls, now)
            return one.not_after > now, one.id.authority in authorities, is_its_own, one.issued

        for domain in group.domains:
            if covering := [one for one in existing.values() if one.covers(domain)]:
                found[domain] = max(covering, key=rank)
    return found


def _decide(
    group: Group,
    tls: Tls,
    authorities: Sequence[str],
    mine: Sequence[Certificate],
    now: datetime,
    dns: Dns,
    registered: Registered,
    revoked: Mapping[str, str],
) -> Decision:
    names = grouping.names(group.domains, tls.certificates, registered)
    first = CertificateId(authorities[0], group.leader)
    by_dns = challenges.names_by_dns(names, tls.challenge, dns)
    named = [one for one in mine if one.id.domain == group.leader]
    there = max(named, key=lambda one: (all(map(one.covers, names)), one.issued), default=None)
    why, besides = (reasons.reason_to_issue(there, those, tls, now) for those in (names, ()))
    if there and there.serial in revoked:
        why = besides = f"to be revoked: {revoked[there.serial]}"
    if (why or not there) and by_dns and not dns.zones:
        return Wait(first, names, group.domains, NO_ZONE, "zone")
    if why or not there:
        return Issue(
            first, names, group.domains, why or "", tls, tuple(authorities), by_dns, there, is_growing=besides is None
        )
    return _keep(there, group.domains)


def _kept(domains: Sequence[Domain], valid: Sequence[Certificate]) -> list[Decision]:
    """The newest certificate that covers each domain, whatever it is called after and however it was made."""
    found: dict[CertificateId, tuple[Certificate, list[Domain]]] = {}
    for domain in domains:
        if covering := [one for one in valid if one.covers(domain)]:
            newest = max(covering, key=lambda one: one.issued)
            found.setdefault(newest.id, (newest, []))[1].append(domain)
    return [_keep(there, tuple(those)) for there, those in found.values()]


def _keep(there: Certificate, domains: tuple[Domain, ...]) -> Keep:
    due = renewal.due(there)
    return Keep(there.id, there.names, domains, f"next renewal {due:%Y-%m-%d}", due, renewal.why(there))
