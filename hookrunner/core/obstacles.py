"""The memory of failures: when a domain is tried again, so that repeated pushes never spend the CA's limits."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from hookrunner.core.problems import Refusal, hint
from hookrunner.model.names import Domain
from hookrunner.model.obstacle import Advice, Obstacle

_NAMES_FAULT = timedelta(hours=1), timedelta(hours=32)  # the first pause, doubled up to the longest
_CAS_FAULT = timedelta(minutes=5), timedelta(hours=6)
_LONGEST_RETRY_AFTER = timedelta(days=7)  # the longest window that a CA's limits have


def digest(parts: Iterable[str]) -> str:
    """A short text that changes when ``parts`` do, whatever their order."""
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()[:16]


def holds(obstacle: Obstacle, *, now: datetime, dns: str, asked: str, retry: bool = False) -> bool:
    """Whether the CA is not to be asked yet.

    A refusal is forgotten when the DNS answer or what is asked for has changed; what the CA asked for is obeyed.
    ``dns`` is "" where the DNS was not asked. ``retry``: the owner wants it tried at once.
    """
    if obstacle.until is None or obstacle.until <= now or obstacle.seen > now:  # the last: the clock was wrong then
        return False
    if obstacle.is_firm:
        return True
    has_changed = (dns and obstacle.dns and dns != obstacle.dns) or asked != obstacle.asked
    return not (retry or has_changed)


def after_refusal(
    refusal: Refusal,
    domain: Domain,
    before: Obstacle | None,
    *,
    authority: str,
    now: datetime,
    dns: str,
    asked: str,
) -> Obstacle:
    """What is remembered of a refusal: an hour at first, then twice as long each time; ``Retry-After`` is obeyed."""
    refusals = (before.refusals if before else 0) + 1
    first, longest = _NAMES_FAULT if refusal.is_about_the_name else _CAS_FAULT
    until: datetime | None = now + min(first * 2 ** min(refusals - 1, 16), longest)
    if refusal.kind in ("unreachable", "responder"):  # nothing was asked for yet
        refusals, until = before.refusals if before else 0, None
    if refusal.retry_after:
        until = max(until or now, min(refusal.retry_after, now + _LONGEST_RETRY_AFTER))
    advice = hint(refusal, str(domain))
    return Obstacle(
        domain=domain,
        authority=authority,
        kind=refusal.kind,
        why=str(refusal),
        advice=(Advice(advice),) if advice else (),
        since=before.since if before else now,
        seen=now,
        refusals=refusals,
        until=until,
        is_firm=refusal.retry_after is not None,
        dns=dns,
        asked=asked,
    )


def together(obstacles: Sequence[Obstacle]) -> Obstacle:
    """What stands in the way at several CAs, as one: it is gone when one of them is. Of one look, the newest."""
    newest = max(one.seen for one in obstacles)
    seen = [one for one in obstacles if one.seen == newest]
    if len(seen) == 1:
        return seen[0]
    first = min(seen, key=lambda one: (one.until is not None, one.until or one.seen))
    return first._replace(
        why="; ".join(f"{one.authority}: {one.why}" for one in seen),
        advice=tuple(dict.fromkeys(advice for one in seen for advice in one.advice)),
        since=min(one.since for one in seen),
    )


_RECORDS_SHOWN = 12  # below one sentence; more would push the rows off the screen


def hints(advice: Iterable[Advice]) -> Iterator[str]:
    """The advice as lines: each sentence once, its records below it."""
    records: dict[str, dict[str, None]] = {}
    for one in advice:
        records.setdefault(one.text, {})
        if one.record:
            records[one.text][one.record] = None
    for text, those in records.items():
        yield text
        for record in list(those)[:_RECORDS_SHOWN]:
            yield f"  {record}"
        if len(those) > _RECORDS_SHOWN:
            yield f"  and {len(those) - _RECORDS_SHOWN} more"
