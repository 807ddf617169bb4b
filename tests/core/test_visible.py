"""Text from outside cannot fool a terminal or a reader."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookrunner.core.visible import LONGEST, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("Add the app domain", "Add the app domain"),
        ("Straße, 日本語, 🎉, e\u0301", "Straße, 日本語, 🎉, e\u0301"),
        ("\\x1b", "\\x1b"),
        ("a\nb\r\tc", "a\\x0ab\\x0d\\x09c"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("\0\x7f\x9b", "\\x00\\x7f\\x9b"),
        ("soft\xadhyphen", "soft\\xadhyphen"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("a\u200bb\ufeffc\u2066", "a\\u200bb\\ufeffc\\u2066"),
        ("a\u2028b\u2029c", "a\\u2028b\\u2029c"),
        ("\ue000\U000f0000", "\\ue000\\U000f0000"),
        ("\U000e0041", "\\U000e0041"),
        ("\u0378", "\\u0378"),
        ("caf\udce9", "caf\\xe9"),
        ("\ud800", "\\ud800"),
    ],
)
def test_visible(text: str, shown: str) -> None:
    """Controls, bidi and zero-width marks and bytes that are no text are escaped; all else stays as it is."""
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("\n", 4, "\\x0a"),
        ("\n", 3, "\\x…"),
        ("a\nb", 5, "a\\x0…"),
        ("x" * 200, LONGEST, "x" * 200),
        ("x" * 201, LONGEST, "x" * 199 + "…"),
        ("x" * 1_000_000, LONGEST, "x" * 199 + "…"),
    ],
    ids=["fits", "cut", "escaped, fits", "escaped, cut", "cut in an escape", "200", "201", "a million"],
)
def test_cut(text: str, limit: int, shown: str) -> None:
    """A text is cut at the limit, escapes counted as they are shown."""
    assert visible(text, limit=limit) == shown


@given(st.text(st.characters()))
def test_nothing_hidden_comes_through(text: str) -> None:
    """Whatever comes in, what goes out is one line of at most 200 characters that can be encoded and seen."""
    shown = visible(text)
    assert len(shown) <= 200
    assert shown.encode().decode() == shown
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
