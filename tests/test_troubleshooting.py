"""docs/troubleshooting.md holds every hint that can be printed."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hookrunner.core import machine, problems, publishing
from hookrunner.core.problems import Refusal
from tests.core import test_preflight

ROOT = Path(__file__).resolve().parent.parent
PAGE = " ".join((ROOT / "docs" / "troubleshooting.md").read_text().split())


def literals() -> Iterator[str]:
    """What stands in the code as a hint: the argument of ``hint(…)``, a variable of that name, `Unsuitable`'s second."""
    for file in sorted((ROOT / "hookrunner").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(attr="hint") | ast.Name(id="hint"), args=[said, *_]):
                    yield from words(said)
                case ast.Assign(targets=[ast.Name(id="hint")], value=said):
                    yield from words(said)
                case ast.Call(func=ast.Name(id="Unsuitable"), args=[_, said]):
                    yield from words(said)


def words(node: ast.expr) -> Iterator[str]:
    """The constant parts of a text, but for scraps."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    for part in parts:
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and len(part.value.strip()) > 4:
            yield part.value.strip()


def preflights() -> Iterator[str]:
    """Every advice of the tables that test preflight."""
    for param in (*test_preflight.DNS, *test_preflight.LOOKS):
        for advice in param.values[-1]:  # type: ignore[union-attr]
            yield re.sub(r"\bpark-spot\.co", "ZONE", advice.text.replace("app.park-spot.co", "NAME"))


HINTS = sorted(
    {
        *literals(),
        *preflights(),
        *(problems.hint(Refusal(kind, ""), "NAME") for kind in problems._HINTS),
        *publishing._REFUSED_HINTS.values(),
        *machine._HINTS.values(),
    }
)


@pytest.mark.parametrize("hint", HINTS)
def test_a_hint_is_explained(hint: str) -> None:
    """By its symptom, in its own words."""
    assert hint in PAGE
