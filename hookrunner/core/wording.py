"""The words of the push output: lines with a kind.

Only the command line gives a kind its prefix and a line its width.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from hookrunner.core.manifest.toml import Problem

if TYPE_CHECKING:
    from datetime import datetime

    from hookrunner.model.deploy import Deploy


class Kind(StrEnum):
    """What a line is. The last line of a deploy is an ERROR, a WARNING or a SUCCESS: the verdict."""

    STEP = "step"
    DETAIL = "detail"
    HINT = "hint"
    ERROR = "error"
    WARNING = "warning"
    SUCCESS = "success"


class Line(NamedTuple):
    """One line. With a ``label`` it is a row: the label in a column of ``width``, the text behind it."""

    kind: Kind
    text: str
    label: str | None = None
    width: int = 0


def step(text: str) -> Line:
    """The beginning of something."""
    return Line(Kind.STEP, text)


def detail(text: str) -> Line:
    """More about the line above."""
    return Line(Kind.DETAIL, text)


def hint(text: str) -> Line:
    """What the reader can do."""
    return Line(Kind.HINT, text)


def error(text: str) -> Line:
    """What went wrong."""
    return Line(Kind.ERROR, text)


def row(label: str, text: str, width: int) -> Line:
    """A name and its result."""
    return Line(Kind.DETAIL, text, label, width)


def column(labels: Iterable[str]) -> int:
    """How wide a column of ``labels`` is; long ones do not make it wider."""
    return max((len(label) for label in labels if len(label) <= 40), default=0)


_SHOWN = 500  # mistakes; whoever has more has another file before him


def problems(file: str, found: Sequence[Problem], consequence: str) -> Iterator[Line]:
    """A file that cannot be used: every mistake with its line."""
    count = "1 mistake" if len(found) == 1 else f"{len(found)} mistakes"
    yield error(f"{file} has {count}, {consequence}")
    width = column(f"line {problem.line}" for problem in found if problem.line)
    place = None
    for problem in found[:_SHOWN]:
        if problem.line is None:
            yield detail(f"it {problem.text}")
            continue
        if problem.line != place:
            yield row(f"line {problem.line}", problem.source, width)
            place = problem.line
        yield row("", problem.text, width)
    if len(found) > _SHOWN:
        yield detail(f"and {len(found) - _SHOWN} more")


def still_live(live: "Deploy | None") -> str:
    """What is served after a deploy that failed."""
    return f"deploy {live.number} ({live.short}) is still live" if live else "nothing is live yet"


def verdict(deploy: "Deploy") -> Line:
    """The last line of a deploy that has ended, said again."""
    kinds = {"done": Kind.SUCCESS, "partly": Kind.WARNING, "superseded": Kind.WARNING}
    return Line(kinds.get(deploy.state, Kind.ERROR), deploy.outcome)


def seconds(elapsed: float) -> str:
    """``0.2 s``."""
    return f"{elapsed:.1f} s"


def counted(count: int, noun: str) -> str:
    """``1 name``, ``2 names``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


_LONGEST_REASON = 140  # characters, so that a CA's long words leave room for what follows


def with_next_try(why: str, until: "datetime | None", now: "datetime") -> str:
    """Why something waits, and until when."""
    if until is None:
        return why
    reason = why if len(why) <= _LONGEST_REASON else f"{why[: _LONGEST_REASON - 1]}…"
    return f"{reason}, next try {moment(until, now)}"


def moment(at: "datetime", now: "datetime") -> str:
    """``05:50 UTC`` today, ``2026-11-25 05:50 UTC`` on another day."""
    return f"{at:%H:%M} UTC" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M} UTC"


def asking(authority: str, count: int, names: int = 0) -> Line:
    """The step that asks a CA for so many certificates; for how many ``names``, where some share one."""
    return step(f"Asking {authority} for {counted(count, 'certificate')}{f' with {names} names' * (names > count)}")
