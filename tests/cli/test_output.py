"""How lines are laid out: what a person sees of them is at most 72 columns wide."""

import pytest

from hookrunner.cli.output import layout
from hookrunner.core.wording import Kind, Line, detail, hint, row

WIDE = "世界和平"  # eight columns


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        (Line(Kind.SUCCESS, "short"), ["success: short"]),
        (detail("x" * 65), ["       " + "x" * 65]),
        (detail("x" * 66), ["       " + "x" * 66]),
        (detail(f"{'x' * 60} {'y' * 4}"), ["       " + "x" * 60 + " yyyy"]),
        (detail(f"{'x' * 60} {'y' * 5}"), ["       " + "x" * 60, "       yyyyy"]),
        (hint("  type A  name app  value 203.0.113.7"), ["hint:   type A  name app  value 203.0.113.7"]),
        (hint(f"  {'x' * 63} y"), ["hint:   " + "x" * 63, "hint:     y"]),
        (row("a.org", f"{'x' * 50} yyyy", 8), ["       a.org      " + "x" * 50, "                  yyyy"]),
        (detail(" ".join([WIDE] * 8)), ["       " + " ".join([WIDE] * 7), "       " + WIDE]),
        (detail("e\u0301" * 65), ["       " + "e\u0301" * 65]),
        (detail(f"{'e' + chr(0x301)}{'x' * 59} {'y' * 4}"), ["       e\u0301" + "x" * 59 + " yyyy"]),
        (detail(""), [""]),
    ],
)
def test_rows(line: Line, rows: list[str]) -> None:
    """Whole words, two columns for a wide character and none for a combining one; a longer word stands alone."""
    assert layout(line) == rows
