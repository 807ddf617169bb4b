"""docs/security.md: each promise names a test that there is."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "security.md").read_text()
PROMISES = PAGE.partition("## What is promised")[2].partition("\n## ")[0]
ROWS = [line for line in PROMISES.splitlines() if line.startswith("| ")][1:]


def test_there_are_promises() -> None:
    """The table was found."""
    assert len(ROWS) > 12


@pytest.mark.parametrize("row", ROWS)
def test_a_promise_has_a_test(row: str) -> None:
    """In a file that exists, by a name that stands in it."""
    named = re.findall(r"`(tests/[a-z0-9_/]+\.py)::([a-z_0-9]+)`", row)
    assert named, row
    for file, name in named:
        assert f"def {name}(" in (ROOT / file).read_text()
