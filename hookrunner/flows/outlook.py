"""What becomes of the certificates of one app or of many: look at records, DNS and web, then decide."""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime

from hookrunner.core import obstacles, wording
from hookrunner.core.certificates import Decision, Issue, Keep, Wait, decide, serving, wanted
from hookrunner.edges import certificates, revocations
from hookrunner.edges.records import Store
from hookrunner.edges.suffixes import registered
from hookrunner.flows import affording, holding
from hookrunner.model.app import Manifest
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import AppName, Domain
from hookrunner.model.obstacle import Advice, Obstacle
from hookrunner.model.publication import CertificateId, Publication
from hookrunner.model.server import Settings


@dataclass(slots=True)
class Outlook:
    """One app's decisions, and what they rest on."""

    app: AppName
    manifest: Manifest
    authorities: tuple[str, ...]
    existing: Mapping[CertificateId, Certificate]
    decisions: list[Decision]
    serving: Mapping[Domain, Certificate]  # what each domain is served with, if there is anything
    asked: str  # a digest of the app's domains, and of what the CAs are told beside them
    digests: dict[Domain, str] = field(default_factory=dict)  # of the DNS answers, where the DNS was asked
    renews: bool = True  # False: what is kept may be due, or another than is wanted
    advice: tuple[Advice, ...] = ()  # for names that are ready all the same

    @property
    def issues(self) -> list[Issue]:
        """What the CA is asked for."""
        return [decision for decision in self.decisions if isinstance(decision, Issue)]

    @property
    def waits(self) -> list[Wait]:
        """What it is not asked for yet."""
        return [decision for decision in self.decisions if isinstance(decision, Wait)]

    def remember(self, store: Store, now: datetime) -> None:
        """Write down what waits, for status, report and the next run; forget it for what is as it should be."""
        for decision in self.decisions if self.renews else ():
            if isinstance(decision, Keep):
                for domain in decision.domains:
                    certificates.forget_obstacles(store, domain)
        for wait in self.waits:
            authority = wait.certificate.authority
            for domain in wait.domains:
                before = certificates.obstacle_at(store, domain, authority)
                if before and before.refusals and before.until == wait.until and before.kind == wait.kind:
                    continue  # the refusal itself is still what is remembered
                certificates.save_obstacle(store, self._obstacle(wait, domain, before, authority, now))

    def _obstacle(self, wait: Wait, domain: Domain, before: Obstacle | None, authority: str, now: datetime) -> Obstacle:
        return Obstacle(
            domain=domain,
            authority=authority,
            kind=wait.kind,
            why=wait.why,
            advice=wait.advice,
            since=before.since if before else now,
            seen=now,
            refusals=before.refusals if before else 0,
            until=wait.until,
            dns=self.digests.get(domain, ""),
            asked=self.asked,
        )


def look(
    apps: Iterable[tuple[AppName, Manifest, Publication | None]],
    *,
    settings: Settings,
    store: Store,
    now: datetime,
    retry: bool = False,
    renews: bool = True,
) -> list[Outlook]:
    """Decide for each app, by its manifest and what is live of it.

    The CA is asked for nothing, and nothing is written but a token for the look.
    ``retry``: what the CA refused before is tried at once. Not ``renews``: what is due is left to the next `renew`.
    """
    revoked = revocations.asked_for(store)
    outlooks = [_decided(*one, settings, store, now, revoked, renews=renews) for one in apps]
    domains = [name for outlook in outlooks for issue in outlook.issues for name in (*issue.domains, *issue.names)]
    if not domains:
        return outlooks
    from hookrunner.edges.ca import roots
    from hookrunner.flows.preflight import Preflight, is_wanted

    roots.read_ahead()
    holding.resume(outlooks, store, now)
    with ExitStack() as stack:
        preflight = stack.enter_context(Preflight(settings, store, now)) if is_wanted(settings) else None
        if preflight:
            answers = preflight.answers(domains)
            for outlook in outlooks:
                outlook.digests = {d: answers[d].digest for issue in outlook.issues for d in issue.domains}
        for outlook in outlooks:
            holding.hold(outlook, store, now, retry=retry)
        if preflight:
            holding.look_ahead(preflight, outlooks, now)
    affording.afford(outlooks, store, now)
    return outlooks


def _decided(
    app: AppName,
    manifest: Manifest,
    live: Publication | None,
    settings: Settings,
    store: Store,
    now: datetime,
    revoked: Mapping[str, str],
    *,
    renews: bool,
) -> Outlook:
    authorities = settings.acme.authorities
    existing = certificates.existing(store, wanted(manifest, authorities, live))
    decisions = decide(
        manifest,
        authorities=authorities,
        existing=existing,
        now=now,
        dns=settings.dns,
        registered=registered,
        renews=renews,
        revoked=revoked,
    )
    served = serving(manifest, authorities, existing, registered, now)
    return Outlook(app, manifest, authorities, existing, decisions, served, _asked(manifest, settings), renews=renews)


def _asked(manifest: Manifest, settings: Settings) -> str:
    """A digest of all that the CAs and the zones are told, which may be mended after a refusal."""
    accounts = [part for acme in settings.acme.every for part in (acme.email, *(acme.eab or ()))]
    zones = [part for z in settings.dns.zones for part in (z.name, z.provider, z.always, *z.options.values())]
    tls = manifest.tls
    asked = (*manifest.domains, tls.key, tls.profile, tls.certificates, tls.challenge)
    return obstacles.digest(map(str, [*asked, *accounts, *zones]))


def words(wait: Wait, now: datetime) -> str:
    """Why it waits, and until when."""
    return wording.with_next_try(wait.why, wait.until, now)
