"""Who waits for whom: which pushes a newer commit supersedes, and what becomes of deploys whose process died."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from hookrunner.model.deploy import Cause, Deploy, State

MOST_TRIES = 3  # processes that may die over one deploy


def superseded_by(mine: Deploy, others: Iterable[Deploy], tip: str | None) -> Deploy | None:
    """The deploy that has a newer commit of the branch than ``mine``, which still waits; only pushes are superseded.

    The branch's ``tip`` is the newest; of the others the one that was recorded last. Two pushes within a moment may be
    recorded in the wrong order, so the tip also counts when it was first.
    """
    if mine.cause is not Cause.PUSH:
        return None

    def age(deploy: Deploy) -> tuple[bool, int]:
        return deploy.commit == tip, deploy.number

    newer = [
        other
        for other in others
        if other.cause is Cause.PUSH
        and other.ref == mine.ref
        and other.state not in (State.SUPERSEDED, State.ABANDONED)
        and age(other) > age(mine)
        and (other.number > mine.number or other.ended is None or other.ended >= mine.queued)
    ]
    return max(newer, key=age, default=None)


def ahead(mine: Deploy, others: Iterable[Deploy]) -> list[Deploy]:
    """Those that are to be deployed before ``mine``, the oldest first."""
    waiting = (d for d in others if d.state is State.QUEUED and d.number < mine.number)
    return sorted(waiting, key=lambda deploy: deploy.number)


class Fate(StrEnum):
    """What becomes of a deploy whose process died."""

    RESUMED = "resumed"  # it had not begun: another process carries it out
    REPEATED = "repeated"  # it had: it is abandoned, and a new one does the same
    ENDED = "ended"


def fate(dead: Deploy, others: Sequence[Deploy]) -> Fate:
    """Decide. What was asked for after it makes it obsolete; a renewal asks for nothing new."""
    if dead.cause is Cause.RENEW or any(d.number > dead.number and d.cause is not Cause.RENEW for d in others):
        return Fate.ENDED
    if dead.state is State.QUEUED:
        return Fate.RESUMED
    return Fate.REPEATED if dead.tries < MOST_TRIES else Fate.ENDED
