"""What becomes of the certificates of one app or of many: look at records, DNS and web, then decide."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from hookrunner.core import budget, obstacles, wording
from hookrunner.core.certificates import Decision, Issue, Wait, decide, wanted
from hookrunner.edges import certificates
from hookrunner.edges.records import Store
from hookrunner.model.app import Manifest
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import AppName, Domain
from hookrunner.model.obstacle import Advice, Obstacle
from hookrunner.model.publication import CertificateId
from hookrunner.model.server import Settings

if TYPE_CHECKING:
    from hookrunner.flows.preflight import Preflight

BUDGET = "budget"


@dataclass(slots=True)
class Outlook:
    """One app's decisions, and what they rest on."""

    app: AppName
    manifest: Manifest
    existing: Mapping[CertificateId, Certificate]
    decisions: list[Decision]
    digests: dict[Domain, str] = field(default_factory=dict)  # of the DNS answers, where the DNS was asked
    advice: tuple[Advice, ...] = ()  # for names that are ready all the same

    @property
    def issues(self) -> list[Issue]:
        """What the CA is asked for."""
        return [decision for decision in self.decisions if isinstance(decision, Issue)]

    @property
    def waits(self) -> list[Wait]:
        """What it is not asked for yet."""
        return [decision for decision in self.decisions if isinstance(decision, Wait)]

    @property
    def names(self) -> str:
        """A digest of the app's domains."""
        return obstacles.digest(map(str, self.manifest.domains))

    def remember(self, store: Store, authority: str, now: datetime) -> None:
        """Write down what waits, for status, report and the next run."""
        for wait in self.waits:
            for domain in wait.names:
                before = certificates.obstacle(store, domain, authority)
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
            domains=self.names,
        )


def look(
    apps: Iterable[tuple[AppName, Manifest]],
    *,
    settings: Settings,
    store: Store,
    now: datetime,
    retry: bool = False,
    renews: bool = True,
) -> list[Outlook]:
    """Decide for each app. The CA is asked for nothing, and nothing is written but a token for the look.

    ``retry``: what the CA refused before is tried at once. Not ``renews``: what is due is left to the next `renew`.
    """
    authority = settings.acme.authority
    outlooks = [_decided(app, manifest, authority.name, store, now, renews=renews) for app, manifest in apps]
    domains = [issue.certificate.domain for outlook in outlooks for issue in outlook.issues]
    if not domains:
        return outlooks
    from hookrunner.flows.preflight import Preflight, is_wanted

    remembered = {domain: certificates.obstacle(store, domain, authority.name) for domain in domains}
    with ExitStack() as stack:
        preflight = stack.enter_context(Preflight(settings, store, now)) if is_wanted(settings) else None
        if preflight:
            answers = preflight.answers(domains)
            for outlook in outlooks:
                outlook.digests = {i.certificate.domain: answers[i.certificate.domain].digest for i in outlook.issues}
        for outlook in outlooks:
            _hold(outlook, remembered, now, retry=retry)
        if preflight:
            _preflight(preflight, outlooks)
    _afford(outlooks, settings, store, now)
    return outlooks


def _decided(app: AppName, manifest: Manifest, authority: str, store: Store, now: datetime, *, renews: bool) -> Outlook:
    existing = certificates.existing(store, wanted(manifest, authority))
    decisions = decide(manifest, authority=authority, existing=existing, now=now, renews=renews)
    return Outlook(app, manifest, existing, decisions)


def _hold(outlook: Outlook, remembered: Mapping[Domain, Obstacle | None], now: datetime, *, retry: bool) -> None:
    """What the CA refused is not asked for again before its time."""

    def held(decision: Decision) -> Decision:
        domain = decision.certificate.domain
        obstacle = remembered.get(domain)
        if not isinstance(decision, Issue) or not obstacle:
            return decision
        dns = outlook.digests.get(domain, "")
        if not obstacles.holds(obstacle, now=now, dns=dns, domains=outlook.names, retry=retry):
            return decision
        return _wait(decision, obstacle.kind, obstacle.why, obstacle.advice, obstacle.until)

    outlook.decisions = [held(decision) for decision in outlook.decisions]


def _preflight(preflight: "Preflight", outlooks: Sequence[Outlook]) -> None:
    issues = [issue for outlook in outlooks for issue in outlook.issues]
    secured = frozenset(name for outlook in outlooks for one in outlook.existing.values() for name in one.names)
    verdicts = preflight.verdicts([issue.certificate.domain for issue in issues], secured=secured)
    for outlook in outlooks:
        mine = {issue.certificate.domain: verdicts[issue.certificate.domain] for issue in outlook.issues}
        outlook.advice = tuple(one for verdict in mine.values() if not verdict.kind for one in verdict.advice)
        outlook.decisions = [
            _wait(decision, verdict.kind, verdict.why, verdict.advice)
            if (verdict := mine.get(decision.certificate.domain)) and verdict.kind and isinstance(decision, Issue)
            else decision
            for decision in outlook.decisions
        ]


def _afford(outlooks: Sequence[Outlook], settings: Settings, store: Store, now: datetime) -> None:
    """Leave for later what would go over the CA's limits; renewals come first."""
    limits = budget.KNOWN.get(settings.acme.authority.name)
    if not limits or not any(outlook.issues for outlook in outlooks):
        return
    from hookrunner.edges import orders

    ledger = budget.Ledger(limits, orders.spent(store, settings.acme.authority.name, now), now)
    for is_renewal in (True, False):
        for outlook in outlooks:
            for place, decision in enumerate(outlook.decisions):
                if not isinstance(decision, Issue) or (decision.certificate in outlook.existing) is not is_renewal:
                    continue
                if later := ledger.later(spending(decision, outlook, now)):
                    outlook.decisions[place] = _wait(decision, BUDGET, later.why, (), later.until)


def spending(issue: Issue, outlook: Outlook, now: datetime) -> budget.Spent:
    """The order as the CA counts it."""
    from hookrunner.edges import suffixes

    return budget.Spent(
        at=now,
        app=outlook.app,
        names=frozenset(issue.names),
        registered=frozenset(map(suffixes.registered, issue.names)),
        is_renewal=issue.certificate in outlook.existing,
        has_failed=False,
    )


def _wait(issue: Issue, kind: str, why: str, advice: tuple[Advice, ...] = (), until: datetime | None = None) -> Wait:
    return Wait(issue.certificate, issue.names, why, kind, until, advice)


def words(wait: Wait, now: datetime) -> str:
    """Why it waits, and until when."""
    return wording.with_next_try(wait.why, wait.until, now)
