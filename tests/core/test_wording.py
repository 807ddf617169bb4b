"""The words of the push output."""

from datetime import UTC, datetime

import pytest

from hookrunner.core import wording
from hookrunner.core.manifest.toml import Problem
from hookrunner.core.wording import Kind, Line
from hookrunner.model.deploy import Deploy
from hookrunner.model.names import AppName


@pytest.mark.parametrize(
    ("line", "made"),
    [
        (wording.step("x"), Line(Kind.STEP, "x")),
        (wording.detail("x"), Line(Kind.DETAIL, "x")),
        (wording.hint("x"), Line(Kind.HINT, "x")),
        (wording.error("x"), Line(Kind.ERROR, "x")),
        (wording.row("a", "x", 7), Line(Kind.DETAIL, "x", "a", 7)),
    ],
)
def test_each_line_has_its_kind(line: Line, made: Line) -> None:
    """A line says what it is; a row has a label in a column too."""
    assert line == made


@pytest.mark.parametrize(
    ("labels", "width"),
    [([], 0), (["a", "abc", "ab"], 3), (["a" * 40], 40), (["a" * 41], 0), (["ab", "a" * 41], 2)],
    ids=["none", "the longest", "40", "41", "a long one beside a short one"],
)
def test_column(labels: list[str], width: int) -> None:
    """A column is as wide as its longest label, and one of more than 40 characters does not count."""
    assert wording.column(iter(labels)) == width


def test_one_mistake() -> None:
    """A mistake of the whole file is said of the file."""
    lines = list(wording.problems("app.toml", [Problem(None, "", "is UTF-16")], "nothing was deployed"))
    assert lines == [
        Line(Kind.ERROR, "app.toml has 1 mistake, nothing was deployed"),
        Line(Kind.DETAIL, "it is UTF-16"),
    ]


def test_several_mistakes() -> None:
    """Each line is quoted once with all that is wrong with it, and line numbers share a column."""
    found = [
        Problem(None, "", 'has neither "root" nor "proxy"'),
        Problem(1, 'domains = ["a", "b"]', '"a" is a single label'),
        Problem(1, 'domains = ["a", "b"]', '"b" is a single label'),
        Problem(12, "hsts = 1", "is a number"),
    ]
    assert list(wording.problems("server.toml", found, "nothing was done")) == [
        Line(Kind.ERROR, "server.toml has 4 mistakes, nothing was done"),
        Line(Kind.DETAIL, 'it has neither "root" nor "proxy"'),
        Line(Kind.DETAIL, 'domains = ["a", "b"]', "line 1", 7),
        Line(Kind.DETAIL, '"a" is a single label', "", 7),
        Line(Kind.DETAIL, '"b" is a single label', "", 7),
        Line(Kind.DETAIL, "hsts = 1", "line 12", 7),
        Line(Kind.DETAIL, "is a number", "", 7),
    ]


def test_still_live() -> None:
    """After a failure the reader learns which deploy is served, or that none is."""
    live = Deploy(AppName("shop"), 2, "91bc3de" + "0" * 33, "refs/heads/main", datetime(2026, 1, 1, tzinfo=UTC))
    assert wording.still_live(live) == "deploy 2 (91bc3de) is still live"
    assert wording.still_live(None) == "nothing is live yet"


@pytest.mark.parametrize(
    ("elapsed", "text"), [(0.0, "0.0 s"), (0.04, "0.0 s"), (0.16, "0.2 s"), (3.0, "3.0 s"), (125.71, "125.7 s")]
)
def test_seconds(elapsed: float, text: str) -> None:
    """Durations are told in tenths of seconds."""
    assert wording.seconds(elapsed) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0 names"), (1, "1 name"), (2, "2 names")])
def test_counted(count: int, text: str) -> None:
    """One is singular, all else is plural."""
    assert wording.counted(count, "name") == text
