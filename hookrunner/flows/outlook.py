"""What becomes of the certificates of one app or of many: look at records, DNS and web, then decide."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hookrunner.core import budget, obstacles, wording
from hookrunner.core.certificates import Decision, Issue, Wait, current, decide, wanted
from hookrunner.core.problems import is_of_one_ca
from hookrunner.edges import certificates, journal, revocations
from hookrunner.edges.records import Store
from hookrunner.model.app import Manifest
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import AppName, Domain
from hookrunner.model.obstacle import Advice, Obstacle
from hookrunner.model.publication import CertificateId
from hookrunner.model.server import Acme, Settings

if TYPE_CHECKING:
    from hookrunner.flows.preflight import Preflight

BUDGET = "budget"
_ORDER_IS_FRESH = timedelta(hours=1)  # it was looked at before it was sent, and need not be again


@dataclass(slots=True)
class Outlook:
    """One app's decisions, and what they rest on."""

    app: AppName
    manifest: Manifest
    authorities: tuple[str, ...]
    existing: Mapping[CertificateId, Certificate]
    decisions: list[Decision]
    asked: str  # a digest of the app's domains, and of what the CAs are told beside them
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

    def current(self, domain: Domain) -> Certificate | None:
        """The certificate that ``domain`` is served with, if there is one."""
        return current(domain, self.authorities, self.existing)

    def remember(self, store: Store, now: datetime) -> None:
        """Write down what waits, for status, report and the next run."""
        for wait in self.waits:
            authority = wait.certificate.authority
            for domain in wait.names:
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
    revoked = revocations.asked_for(store)
    outlooks = [_decided(app, manifest, settings, store, now, revoked, renews=renews) for app, manifest in apps]
    domains = [issue.certificate.domain for outlook in outlooks for issue in outlook.issues]
    if not domains:
        return outlooks
    from hookrunner.edges.ca import roots
    from hookrunner.flows.preflight import Preflight, is_wanted

    roots.read_ahead()
    _resume(outlooks, store, now)
    with ExitStack() as stack:
        preflight = stack.enter_context(Preflight(settings, store, now)) if is_wanted(settings) else None
        if preflight:
            answers = preflight.answers(domains)
            for outlook in outlooks:
                outlook.digests = {i.certificate.domain: answers[i.certificate.domain].digest for i in outlook.issues}
        for outlook in outlooks:
            _hold(outlook, store, now, retry=retry)
        if preflight:
            _preflight(preflight, outlooks)
    _afford(outlooks, store, now)
    return outlooks


def _decided(
    app: AppName,
    manifest: Manifest,
    settings: Settings,
    store: Store,
    now: datetime,
    revoked: Mapping[str, str],
    *,
    renews: bool,
) -> Outlook:
    authorities = settings.acme.authorities
    existing = certificates.existing(store, wanted(manifest, authorities))
    decisions = decide(
        manifest,
        authorities=authorities,
        existing=existing,
        now=now,
        dns=settings.dns,
        renews=renews,
        revoked=revoked,
    )
    return Outlook(app, manifest, authorities, existing, decisions, _asked(manifest, settings.acme))


def _asked(manifest: Manifest, acme: Acme) -> str:
    """A digest of all that the CAs are told, which may be mended after a refusal."""
    accounts = [(one.email, *(one.eab or ())) for one in acme.every]
    told = [*manifest.domains, manifest.tls.key, manifest.tls.profile, *(part for those in accounts for part in those)]
    return obstacles.digest(map(str, told))


def _resume(outlooks: Sequence[Outlook], store: Store, now: datetime) -> None:
    """An order that a run was killed over is gone on with, at its CA; it was ready to be sent a moment ago."""
    for outlook in outlooks:
        those = [certificate for issue in outlook.issues for certificate in issue.certificates]
        under_way = journal.entries(store, those)
        for place, decision in enumerate(outlook.decisions):
            if not isinstance(decision, Issue):
                continue
            for certificate in decision.certificates:
                entry = under_way.get(certificate)
                if entry and entry.order and abs(now - entry.begun) < _ORDER_IS_FRESH:
                    others = [name for name in decision.authorities if name != certificate.authority]
                    outlook.decisions[place] = replace(decision.at(certificate.authority, *others), resumes=True)
                    break


def _hold(outlook: Outlook, store: Store, now: datetime, *, retry: bool) -> None:
    """What a CA refused is not asked for again before its time; another CA may be asked, where that can be of use."""
    for place, decision in enumerate(outlook.decisions):
        if not isinstance(decision, Issue):
            continue
        domain = decision.certificate.domain
        held: dict[str, Obstacle] = {}
        for authority in decision.authorities:
            obstacle = certificates.obstacle_at(store, domain, authority)
            dns = outlook.digests.get(domain, "")
            if obstacle and obstacles.holds(obstacle, now=now, dns=dns, asked=outlook.asked, retry=retry):
                held[authority] = obstacle
        free = [authority for authority in decision.authorities if authority not in held]
        if free and all(is_of_one_ca(obstacle.kind) for obstacle in held.values()):
            outlook.decisions[place] = decision.at(*free)
        elif held:
            first = min(held.values(), key=lambda one: one.until or now)
            certificate = CertificateId(first.authority, domain)
            outlook.decisions[place] = Wait(
                certificate, decision.names, first.why, first.kind, first.until, first.advice
            )


def _preflight(preflight: "Preflight", outlooks: Sequence[Outlook]) -> None:
    issues = [issue for outlook in outlooks for issue in outlook.issues if not issue.resumes]
    secured = frozenset(name for outlook in outlooks for one in outlook.existing.values() for name in one.names)
    by_dns = frozenset(name for issue in issues for name in issue.by_dns)
    verdicts = preflight.verdicts([issue.certificate.domain for issue in issues], secured=secured, by_dns=by_dns)
    for outlook in outlooks:
        advice: list[Advice] = []
        for place, decision in enumerate(outlook.decisions):
            if not isinstance(decision, Issue) or decision.resumes:
                continue
            domain = decision.certificate.domain
            verdict, forbidden = verdicts[domain], preflight.forbidden(domain)
            allowed = [name for name in decision.authorities if name not in forbidden]
            if not verdict.kind and not allowed:
                verdict = forbidden[decision.authorities[0]]
            if verdict.kind:
                outlook.decisions[place] = _wait(decision, verdict.kind, verdict.why, verdict.advice)
            else:
                outlook.decisions[place] = decision.at(*allowed)
                advice += verdict.advice
        outlook.advice = tuple(advice)


def _afford(outlooks: Sequence[Outlook], store: Store, now: datetime) -> None:
    """Leave for later what would go over a CA's limits, unless another CA can be asked; renewals come first."""
    wanted = {name for outlook in outlooks for issue in outlook.issues for name in issue.authorities}
    if not wanted & budget.KNOWN.keys():
        return
    from hookrunner.edges import orders

    ledgers = {
        name: budget.Ledger(limits, orders.spent(store, name, now), now)
        for name, limits in budget.KNOWN.items()
        if name in wanted
    }
    for is_renewal in (True, False):
        for outlook in outlooks:
            for place, decision in enumerate(outlook.decisions):
                if not isinstance(decision, Issue) or decision.resumes or (decision.replaces is not None) != is_renewal:
                    continue
                outlook.decisions[place] = _afforded(decision, outlook, ledgers, now)


def _afforded(issue: Issue, outlook: Outlook, ledgers: Mapping[str, budget.Ledger], now: datetime) -> Decision:
    """The order at the first of its CAs that has room for it; at the others only if that one refuses."""
    later: list[budget.Later] = []
    for number, name in enumerate(issue.authorities):
        there = ledgers[name].later(spending(issue, outlook, now)) if name in ledgers else None
        if there is None:
            return issue.at(*issue.authorities[number:])
        later.append(there)
    soonest = min(later, key=lambda one: one.until)
    return _wait(issue, BUDGET, soonest.why, (), soonest.until)


def spending(issue: Issue, outlook: Outlook, now: datetime) -> budget.Spent:
    """The order as the CA counts it."""
    from hookrunner.edges import suffixes

    return budget.Spent(
        at=now,
        app=outlook.app,
        names=frozenset(issue.names),
        registered=frozenset(map(suffixes.registered, issue.names)),
        is_renewal=issue.replaces is not None,
        has_failed=False,
    )


def _wait(issue: Issue, kind: str, why: str, advice: tuple[Advice, ...] = (), until: datetime | None = None) -> Wait:
    return Wait(issue.certificate, issue.names, why, kind, until, advice)


def words(wait: Wait, now: datetime) -> str:
    """Why it waits, and until when."""
    return wording.with_next_try(wait.why, wait.until, now)
