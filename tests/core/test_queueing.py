"""Who waits for whom, as a table."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hookrunner.core.queueing import MOST_TRIES, Fate, ahead, fate, superseded_by
from hookrunner.model.deploy import Cause, Deploy, State
from hookrunner.model.names import AppName

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MAIN, OTHER = "refs/heads/main", "refs/heads/other"


def push(number: int, commit: str = "", **facts: Any) -> Deploy:
    """A queued push; its commit is named after its number unless told otherwise."""
    when = NOON + timedelta(seconds=number)
    return Deploy(AppName("shop"), number, commit or f"c{number}", MAIN, when)._replace(**facts)


RUNNING, DONE, FAILED = (dict[str, Any](state=state) for state in (State.RUNNING, State.DONE, State.FAILED))
EARLY: dict[str, Any] = {"state": State.DONE, "ended": NOON - timedelta(hours=1)}
LATE: dict[str, Any] = {"state": State.DONE, "ended": NOON + timedelta(hours=1)}

SUPERSEDED = [
    pytest.param(push(2), [push(1)], "c2", None, id="the newest of two"),
    pytest.param(push(1), [push(2)], "c2", 2, id="the older of two"),
    pytest.param(push(1), [push(2), push(3)], "c3", 3, id="by the newest, not by the next"),
    pytest.param(push(1), [push(2, **RUNNING)], "c2", 2, id="by one that was quicker to begin"),
    pytest.param(push(1), [push(2, **FAILED)], "c2", 2, id="by one that failed: the branch holds that"),
    pytest.param(push(1), [push(2, state=State.SUPERSEDED), push(3)], "c3", 3, id="not by a superseded one"),
    pytest.param(push(1), [push(2, state=State.ABANDONED)], "c2", None, id="not by one whose process died"),
    pytest.param(push(2), [push(1, **RUNNING)], "c1", 1, id="recorded in the wrong order: the tip is the newest"),
    pytest.param(push(2), [push(1, **LATE)], "c1", 1, id="the tip was first and has ended meanwhile"),
    pytest.param(
        push(2), [push(1, **EARLY)], "c1", None, id="the tip is an old one that the branch was forced back to"
    ),
    pytest.param(push(1), [push(2)], "c1", None, id="the tip itself is not superseded by what is older"),
    pytest.param(push(1, "same"), [push(2, "same")], "same", 2, id="the same commit twice"),
    pytest.param(push(1), [push(2)], None, 2, id="the branch is gone"),
    pytest.param(push(1), [push(2, ref=OTHER)], "c1", None, id="another branch"),
    pytest.param(push(1), [push(2, cause=Cause.DEPLOY)], "c1", None, id="not by a deploy by hand"),
    pytest.param(push(1, cause=Cause.DEPLOY), [push(2)], "c2", None, id="a deploy by hand never is"),
    pytest.param(push(1, cause=Cause.ROLLBACK), [push(2)], "c2", None, id="a rollback never is"),
]


@pytest.mark.parametrize(("mine", "others", "tip", "by"), SUPERSEDED)
def test_superseded(mine: Deploy, others: list[Deploy], tip: str | None, by: int | None) -> None:
    """Of several pushes that wait only the newest commit of the branch is deployed."""
    found = superseded_by(mine, others, tip)
    assert (found.number if found else None) == by


def test_the_queue_is_in_order() -> None:
    """Whoever waits and came before is before."""
    others = [push(4), push(2, cause=Cause.DEPLOY), push(1), push(5, **RUNNING), push(6), push(3, **DONE)]
    assert [deploy.number for deploy in ahead(push(5), others)] == [1, 2, 4]


FATES = [
    pytest.param(push(1), [], Fate.RESUMED, id="it had not begun"),
    pytest.param(push(1, **RUNNING), [], Fate.REPEATED, id="it had begun"),
    pytest.param(push(1, **RUNNING, tries=MOST_TRIES), [], Fate.ENDED, id="it killed its process too often"),
    pytest.param(push(1), [push(2, **DONE)], Fate.ENDED, id="something newer was deployed"),
    pytest.param(push(1, **RUNNING), [push(2)], Fate.ENDED, id="something newer waits"),
    pytest.param(push(1), [push(2, cause=Cause.RENEW, **DONE)], Fate.RESUMED, id="a renewal is nothing newer"),
    pytest.param(push(3), [push(1, **DONE)], Fate.RESUMED, id="something older was deployed"),
    pytest.param(push(1, cause=Cause.ROLLBACK), [], Fate.RESUMED, id="a rollback"),
    pytest.param(push(1, cause=Cause.RENEW, **RUNNING), [], Fate.ENDED, id="the next run renews by itself"),
]


@pytest.mark.parametrize(("dead", "others", "expected"), FATES)
def test_what_becomes_of_the_dead(dead: Deploy, others: list[Deploy], expected: Fate) -> None:
    """A deploy whose process died is carried out by another, once more, or not at all when it is obsolete."""
    assert fate(dead, [dead, *others]) is expected
