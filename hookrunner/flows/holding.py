"""What of the decisions has to wait: orders under way come first, refusals are remembered, names are looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hookrunner.core import grouping, obstacles
from hookrunner.core.certificates import Decision, Issue, Wait
from hookrunner.core.problems import is_of_one_ca
from hookrunner.edges import certificates, journal
from hookrunner.edges.journal import Entry
from hookrunner.edges.records import Store
from hookrunner.edges.suffixes import registered
from hookrunner.model.names import Domain
from hookrunner.model.obstacle import Advice, Obstacle
from hookrunner.model.publication import CertificateId

if TYPE_CHECKING:
    from hookrunner.flows.outlook import Outlook
    from hookrunner.flows.preflight import Preflight

ORDER = "order"
_ORDER_IS_FRESH = timedelta(hours=1)  # it was looked at before it was sent, and need not be again


def resume(outlooks: "Sequence[Outlook]", store: Store, now: datetime) -> None:
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
        left = decision.at(certificate.authority, *others).without(later, registered, now)
        if isinstance(left, Issue) and (left.certificate, left.names) == (certificate, entry.names):
            waits = [wait(decision, (domain,), ORDER, "the order of the others comes first") for domain in later]
            return [replace(left, resumes=True), *waits]
    return [decision]


def hold(outlook: "Outlook", store: Store, now: datetime, *, retry: bool) -> None:
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
    domain: Domain, authorities: Sequence[str], outlook: "Outlook", store: Store, now: datetime, *, retry: bool
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
    left = issue.without(held, registered, now)
    if left is None:  # and those that nothing holds wait for the others, whose certificate it is too
        rest = tuple(domain for domain in issue.domains if domain not in held)
        return [*waits, *([replace(waits[0], names=rest, domains=rest)] if rest else [])]
    return [left, *waits]


def look_ahead(preflight: "Preflight", outlooks: "Sequence[Outlook]", now: datetime) -> None:
    """A name that the CA would refuse waits, and the domains that need it; what can be done comes with it."""
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
                needs = grouping.names((domain,), decision.tls.certificates, registered)
                needs = tuple(name for name in needs if name in decision.names)  # but what another wildcard covers
                found = [verdicts[name] for name in needs if verdicts[name].kind]
                found += [those[allowed[0]] for name in needs if allowed[0] in (those := forbidden.get(name, {}))]
                if found:
                    waits.append(wait(decision, (domain,), found[0].kind, found[0].why, found[0].advice))
                else:
                    advice += [one for name in needs for one in verdicts[name].advice]
            decisions += _split(decision.at(*allowed), waits, now)
        outlook.decisions, outlook.advice = decisions, tuple(advice)


def wait(
    issue: Issue,
    domains: tuple[Domain, ...],
    kind: str,
    why: str,
    advice: tuple[Advice, ...] = (),
    until: datetime | None = None,
) -> Wait:
    """Some domains of it have to wait."""
    names = issue.names if domains == issue.domains else domains
    return Wait(issue.certificate, names, domains, why, kind, until, advice)
