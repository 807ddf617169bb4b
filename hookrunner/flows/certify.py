"""From decisions to certificates, said name by name: what a push and the timer have in common."""

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
from hookrunner.model.publication import CertificateId
from hookrunner.model.server import Settings

Say = Callable[[AppName, Line], None]


@dataclass(slots=True)
class Certified:
    """What became of one app's decisions."""

    issued: list[Domain] = field(default_factory=list)
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
    authority = settings.acme.authority
    made = {outlook.app: Certified() for outlook in outlooks}
    widths: dict[AppName, int] = {}
    for outlook in outlooks:
        widths[outlook.app] = wording.column(str(domain) for domain in outlook.manifest.domains)
        _begin(outlook, authority.title, made[outlook.app], widths[outlook.app], now, say, only_news=only_news)
        outlook.remember(store, authority.name, now)
    advised: set[tuple[AppName, str]] = set()
    for result in issue.issue(outlooks, settings=settings, store=store, publisher=publisher, now=now):
        certified = made[result.app]
        if isinstance(result.outcome, Obstacle):
            text = f"refused: {wording.with_next_try(result.outcome.why, result.outcome.until, now)}"
            _blocked(certified, CertificateId(authority.name, result.domain), result.outcome.kind, outlooks)
            if (result.app, result.outcome.kind) not in advised:  # one hint a kind: a hundred names have one cause
                certified.advice += result.outcome.advice
            advised.add((result.app, result.outcome.kind))
        else:
            certified.issued.append(result.domain)
            text = f"issued in {wording.seconds(result.took)}, until {result.outcome.not_after:%Y-%m-%d}"
        say(result.app, wording.row(str(result.domain), text, widths[result.app]))
    return made


def _begin(
    outlook: Outlook, ca: str, certified: Certified, width: int, now: datetime, say: Say, *, only_news: bool
) -> None:
    if all(isinstance(decision, Keep) for decision in outlook.decisions):
        return
    missing = outlook.issues
    if missing:
        say(outlook.app, wording.step(f"Asking {ca} for {wording.counted(len(missing), 'certificate')}"))
    for decision in outlook.decisions:
        if isinstance(decision, Wait) or (isinstance(decision, Keep) and not only_news):
            say(outlook.app, wording.row(str(decision.certificate.domain), _said(decision, outlook, now), width))
        if isinstance(decision, Wait):
            _blocked(certified, decision.certificate, decision.kind, [outlook])
            certified.advice += decision.advice
    certified.advice += outlook.advice


def _blocked(certified: Certified, certificate: CertificateId, kind: str, outlooks: Sequence[Outlook]) -> None:
    if any(certificate in outlook.existing for outlook in outlooks):
        certified.renewals_waiting += 1
    else:
        certified.waiting[certificate.domain] = kind


def _said(decision: Decision, outlook: Outlook, now: datetime) -> str:
    if not isinstance(decision, Wait):
        return f"unchanged, {decision.why}"
    there = outlook.existing.get(decision.certificate)
    if there is None:
        return f"waiting: {words(decision, now)}"
    return f"renewal waits: {words(decision, now)}; valid until {there.not_after:%Y-%m-%d}"
