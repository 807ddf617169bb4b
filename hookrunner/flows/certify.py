"""From decisions to certificates, said name by name: what a push and the timer have in common."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hookrunner.core import wording
from hookrunner.core.certificates import Decision, Keep, Wait
from hookrunner.core.wording import Line
from hookrunner.edges.publisher import Publisher
from hookrunner.edges.records import Store
from hookrunner.flows import issue
from hookrunner.flows.outlook import Outlook, words
from hookrunner.model.names import AppName, Domain
from hookrunner.model.obstacle import Advice, Obstacle
from hookrunner.model.server import Acme, Settings

Say = Callable[[AppName, Line], None]


@dataclass(slots=True)
class Certified:
    """What became of one app's decisions."""

    issued: list[Domain] = field(default_factory=list)  # what the new certificates are called after
    renewals_waiting: int = 0  # certificates that are due, and good as long as they last
    waiting: dict[Domain, str] = field(default_factory=dict)  # names that have to wait, and for which kind of reason
    advice: list[Advice] = field(default_factory=list)


def certify(
    outlooks: Sequence[Outlook],
    *,
    settings: Settings,
    store: Store,
    publisher: Publisher,
    now: datetime,
    say: Say,
    only_news: bool = False,
) -> dict[AppName, Certified]:
    """Carry the decisions out, say each result as it comes, and remember what waits.

    ``only_news``: say nothing of certificates that stay.
    """
    made = {outlook.app: Certified() for outlook in outlooks}
    widths = {one.app: wording.column(str(domain) for domain in one.manifest.domains) for one in outlooks}
    for outlook in outlooks:
        _begin(outlook, settings.acme, made[outlook.app], widths[outlook.app], now, say, only_news=only_news)
        outlook.remember(store, now)
    first = settings.acme.authority
    advised: set[tuple[AppName, str]] = set()
    for result in issue.issue(outlooks, settings=settings, store=store, publisher=publisher, now=now):
        if isinstance(result, issue.AskedNext):
            for why in result.why:
                say(result.app, wording.detail(why))
            say(result.app, wording.asking(result.authority, result.count))
            continue
        certified = made[result.app]
        if isinstance(result.outcome, Obstacle):
            text = f"refused: {wording.with_next_try(result.outcome.why, result.outcome.until, now)}"
            for domain in result.domains:
                _blocked(certified, domain, result.outcome.kind, outlooks)
            if (result.app, result.outcome.kind) not in advised:  # one hint a kind: a hundred names have one cause
                certified.advice += result.outcome.advice
            advised.add((result.app, result.outcome.kind))
        else:
            certified.issued.append(result.outcome.id.domain)
            authority = result.outcome.id.authority
            by = f" by {settings.acme.title(authority)}" if authority != first.name else ""
            text = f"issued{by} in {wording.seconds(result.took)}, until {result.outcome.not_after:%Y-%m-%d}"
        for domain in result.domains:
            say(result.app, wording.row(str(domain), text, widths[result.app]))
    return made


def _begin(
    outlook: Outlook, acme: Acme, certified: Certified, width: int, now: datetime, say: Say, *, only_news: bool
) -> None:
    if all(isinstance(decision, Keep) for decision in outlook.decisions):
        return
    for authority, count in Counter(one.authorities[0] for one in outlook.issues).items():
        names = sum(len(one.names) for one in outlook.issues if one.authorities[0] == authority)
        say(outlook.app, wording.asking(acme.title(authority), count, names))
    for decision in outlook.decisions:
        for domain in decision.domains:
            if isinstance(decision, Wait) or (isinstance(decision, Keep) and not only_news):
                say(outlook.app, wording.row(str(domain), _said(decision, domain, outlook, now), width))
            if isinstance(decision, Wait):
                _blocked(certified, domain, decision.kind, [outlook])
        if isinstance(decision, Wait):
            certified.advice += decision.advice
    certified.advice += outlook.advice


def _blocked(certified: Certified, domain: Domain, kind: str, outlooks: Sequence[Outlook]) -> None:
    if any(domain in outlook.serving for outlook in outlooks):
        certified.renewals_waiting += 1
    else:
        certified.waiting[domain] = kind


def _said(decision: Decision, domain: Domain, outlook: Outlook, now: datetime) -> str:
    if not isinstance(decision, Wait):
        return f"unchanged, {decision.why}"
    there = outlook.serving.get(domain)
    if there is None:
        return f"waiting: {words(decision, now)}"
    return f"renewal waits: {words(decision, now)}; valid until {there.not_after:%Y-%m-%d}"
