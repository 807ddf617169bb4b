"""The gate for text from outside."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookrunner.core.visible import LONGEST, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Fix a typo", "Fix a typo"),
        ("grüße, 例え 👋", "grüße, 例え 👋"),
        ("a\u00a0b", "a\u00a0b"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\rb\nc\td", "a\\x0db\\x0ac\\x09d"),
        ("\x00\x7f\x85\x9b", "\\x00\\x7f\\x85\\x9b"),
        ("a\u202eb\u2066c", "a\\u202eb\\u2066c"),
        ("a\u200bb\ufeffc\u2060", "a\\u200bb\\ufeffc\\u2060"),
        ("a\u2028b\u2029c", "a\\u2028b\\u2029c"),
        ("\ue000\U000e0041", "\\ue000\\U000e0041"),
        ("caf\udce9", "caf\\xe9"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_could_fool_a_reader_is_escaped(text: str, shown: str) -> None:
    """Control, bidi, zero-width and unassigned characters become visible; letters of every script stay."""
    assert visible(text) == shown


def test_it_is_cut() -> None:
    """A text of 200 characters stays whole, a longer one is cut to 200 with an ellipsis, escapes counted."""
    assert visible("a" * 200) == "a" * 200
    assert visible("a" * 201) == "a" * 199 + "…"
    assert visible("\n" * 100) == "\\x0a" * 49 + "\\x0" + "…"
    assert visible("abcdef", limit=4) == "abc…"


@given(st.text(st.characters(), max_size=300))
def test_any_text_is_one_short_harmless_line(text: str) -> None:
    """Whatever comes in, one line comes out that can be printed and is not too long."""
    shown = visible(text)
    assert len(shown) <= LONGEST
    assert len(shown.splitlines()) <= 1
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert shown.encode() is not None
