"""What becomes of the certificates of one app or of many: look at records, DNS and web, then decide."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hookrunner.core import budget, grouping, obstacles, wording
from hookrunner.core.certificates import Decision, Issue, Wait, decide, serving, wanted
from hookrunner.core.problems import is_of_one_ca
from hookrunner.edges import certificates, journal, revocations
from hookrunner.edges.journal import Entry
from hookrunner.edges.records import Store
from hookrunner.model.app import Manifest
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import AppName, Domain
from hookrunner.model.obstacle import Advice, Obstacle
from hookrunner.model.publication import CertificateId
from hookrunner.model.server import Acme, Settings

if TYPE_CHECKING:
    from hookrunner.flows.preflight import Preflight

BUDGET, ORDER = "budget", "order"
_ORDER_IS_FRESH = timedelta(hours=1)  # it was looked at before it was sent, and need not be again


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
        """Write down what waits, for status, report and the next run."""
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
    domains = [name for outlook in outlooks for issue in outlook.issues for name in (*issue.domains, *issue.names)]
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
                outlook.digests = {d: answers[d].digest for issue in outlook.issues for d in issue.domains}
        for outlook in outlooks:
            _hold(outlook, store, now, retry=retry)
        if preflight:
            _preflight(preflight, outlooks, now)
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
        registered=registered_domain,
        renews=renews,
        revoked=revoked,
    )
    served = serving(manifest, authorities, existing, registered_domain)
    return Outlook(app, manifest, authorities, existing, decisions, served, _asked(manifest, settings.acme))


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
        fresh = {c: e for c, e in under_way.items() if e.order and abs(now - e.begun) < _ORDER_IS_FRESH}
        outlook.decisions = [new for one in outlook.decisions for new in _resumed(one, fresh, now)]


def _resumed(decision: Decision, fresh: Mapping[CertificateId, Entry], now: datetime) -> list[Decision]:
    if not isinstance(decision, Issue):
        return [decision]
    for certificate in decision.certificates:
        if not (entry := fresh.get(certificate)):
            continue
        others = [name for name in decision.authorities if name != certificate.authority]
        # The names that were not ready then are looked at when this is done.
        later = [domain for domain in decision.domains if not any(name.covers(domain) for name in entry.names)]
        left = decision.at(certificate.authority, *others).without(later, registered_domain, now)
        if isinstance(left, Issue) and (left.certificate, left.names) == (certificate, entry.names):
            waits = [_wait(decision, (domain,), ORDER, "the order of the others comes first") for domain in later]
            return [replace(left, resumes=True), *waits]
    return [decision]


def _hold(outlook: Outlook, store: Store, now: datetime, *, retry: bool) -> None:
    """What a CA refused is not asked for again before its time; another CA may be asked, where that can be of use."""
    decisions: list[Decision] = []
    for decision in outlook.decisions:
        if not isinstance(decision, Issue):
            decisions.append(decision)
            continue
        held: dict[Domain, Obstacle] = {}
        closed: set[str] = set()  # CAs that one of the others may not be asked for at
        for domain in decision.domains:
            there = _held(domain, decision.authorities, outlook, store, now, retry=retry)
            is_free = len(there) < len(decision.authorities) and all(is_of_one_ca(one.kind) for one in there.values())
            if there and not is_free:
                held[domain] = min(there.values(), key=lambda one: one.until or now)
            else:
                closed |= there.keys()
        open_ = [name for name in decision.authorities if name not in closed]
        waits = [
            Wait(
                CertificateId(obstacle.authority, decision.certificate.domain),
                (domain,), (domain,), obstacle.why, obstacle.kind, obstacle.until, obstacle.advice,
            )
            for domain, obstacle in held.items()
        ]  # fmt: skip
        decisions += _split(decision.at(*(open_ or decision.authorities)), waits, now)
    outlook.decisions = decisions


def _held(
    domain: Domain, authorities: Sequence[str], outlook: Outlook, store: Store, now: datetime, *, retry: bool
) -> dict[str, Obstacle]:
    """What holds at which of the CAs."""
    dns = outlook.digests.get(domain, "")
    found = {name: certificates.obstacle_at(store, domain, name) for name in authorities}
    return {
        name: obstacle
        for name, obstacle in found.items()
        if obstacle and obstacles.holds(obstacle, now=now, dns=dns, asked=outlook.asked, retry=retry)
    }


def _split(issue: Issue, waits: Sequence[Wait], now: datetime) -> list[Decision]:
    """What is left of it, and the domains that wait."""
    if not waits:
        return [issue]
    held = {domain for wait in waits for domain in wait.domains}
    left = issue.without(held, registered_domain, now)
    if left is None:  # and those that nothing holds wait for the others, whose certificate it is too
        rest = tuple(domain for domain in issue.domains if domain not in held)
        return [*waits, *([replace(waits[0], names=rest, domains=rest)] if rest else [])]
    return [left, *waits]


def _preflight(preflight: "Preflight", outlooks: Sequence[Outlook], now: datetime) -> None:
    issues = [issue for outlook in outlooks for issue in outlook.issues if not issue.resumes]
    secured = frozenset(name for outlook in outlooks for one in outlook.existing.values() for name in one.names)
    by_dns = frozenset(name for issue in issues for name in issue.by_dns)
    verdicts = preflight.verdicts([name for issue in issues for name in issue.names], secured=secured, by_dns=by_dns)
    for outlook in outlooks:
        advice: list[Advice] = []
        decisions: list[Decision] = []
        for decision in outlook.decisions:
            if not isinstance(decision, Issue) or decision.resumes:
                decisions.append(decision)
                continue
            ready = [name for name in decision.names if not verdicts[name].kind]
            forbidden = {name: preflight.forbidden(name) for name in ready}
            allowed = [ca for ca in decision.authorities if not any(ca in those for those in forbidden.values())]
            if not allowed:  # the first is asked for those that it may issue for
                allowed = [decision.authorities[0]]
            waits: list[Wait] = []
            for domain in decision.domains:
                needs = grouping.names((domain,), decision.tls.certificates, registered_domain)
                found = [verdicts[name] for name in needs if verdicts[name].kind]
                found += [those[allowed[0]] for name in needs if allowed[0] in (those := forbidden.get(name, {}))]
                if found:
                    waits.append(_wait(decision, (domain,), found[0].kind, found[0].why, found[0].advice))
                else:
                    advice += [one for name in needs for one in verdicts[name].advice]
            decisions += _split(decision.at(*allowed), waits, now)
        outlook.decisions, outlook.advice = decisions, tuple(advice)


def registered_domain(domain: Domain) -> str:
    """The registered domain; the list of suffixes is read when there is a first one to tell."""
    from hookrunner.edges import suffixes

    return suffixes.registered(domain)


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
    return _wait(issue, issue.domains, BUDGET, soonest.why, (), soonest.until)


def spending(issue: Issue, outlook: Outlook, now: datetime) -> budget.Spent:
    """The order as the CA counts it."""
    return budget.Spent(
        at=now,
        app=outlook.app,
        names=frozenset(issue.names),
        registered=frozenset(map(registered_domain, issue.names)),
        is_renewal=issue.replaces is not None,
        has_failed=False,
    )


def _wait(
    issue: Issue,
    domains: tuple[Domain, ...],
    kind: str,
    why: str,
    advice: tuple[Advice, ...] = (),
    until: datetime | None = None,
) -> Wait:
    names = issue.names if domains == issue.domains else domains
    return Wait(issue.certificate, names, domains, why, kind, until, advice)


def words(wait: Wait, now: datetime) -> str:
    """Why it waits, and until when."""
    return wording.with_next_try(wait.why, wait.until, now)
