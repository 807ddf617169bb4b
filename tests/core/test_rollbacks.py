"""Which deploy a rollback goes back to, as a table of histories."""

from datetime import UTC, datetime
from typing import Any

import pytest

from hookrunner.core.rollbacks import target
from hookrunner.model.deploy import Cause, Deploy, State
from hookrunner.model.names import AppName


def good(number: int, commit: str, **facts: Any) -> Deploy:
    """A deploy that went well."""
    base = Deploy(AppName("shop"), number, commit, "refs/heads/main", datetime(2026, 11, 24, tzinfo=UTC), State.DONE)
    return base._replace(release=f"{number}-{commit}")._replace(**facts)


A, B, C = good(1, "a"), good(2, "b"), good(3, "c")
FAILED = good(3, "x", state=State.FAILED, release="")
BACK = good(4, "b", cause=Cause.ROLLBACK, back_to=2)


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        pytest.param([A], None, id="nothing came before"),
        pytest.param([A, B], 1, id="the one before"),
        pytest.param([A, B, FAILED, good(4, "c")], 2, id="never one that failed"),
        pytest.param([A, FAILED._replace(number=2, release="2-x"), C], 1, id="nor one that was live and failed"),
        pytest.param([A, B, C._replace(state=State.ABANDONED), good(4, "d")], 2, id="nor one that was abandoned"),
        pytest.param([A, B._replace(state=State.PARTLY), C], 2, id="names that wait are no failure"),
        pytest.param([A, B._replace(release=""), C], 1, id="nor one without app.toml, which changed nothing"),
        pytest.param([A, B, good(3, "b", cause=Cause.DEPLOY)], 1, id="of another commit, not the same once more"),
        pytest.param([A, B, C, BACK], 1, id="again goes further back, not to what was rolled back from"),
        pytest.param([A, B, C, BACK, good(5, "b", cause=Cause.RENEW, back_to=2)], 1, id="a renewal changes none of it"),
        pytest.param([A, B, C, BACK, good(5, "d")], 4, id="after a new push the rollback is what came before"),
    ],
)
def test_target(history: list[Deploy], expected: int | None) -> None:
    """The newest good deploy of another commit before what is live."""
    found = target(history[-1], history)
    assert (found.number if found else None) == expected
