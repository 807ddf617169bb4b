"""The one gate for text from outside: what a terminal or a reader could be fooled by becomes visible."""

import unicodedata

LONGEST = 200  # characters

# Other, Separator-line and Separator-paragraph: controls, bidi and zero-width marks, lone surrogates, unassigned.
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def visible(text: str, *, limit: int = LONGEST) -> str:
    """``text`` on one line with its control, bidi and zero-width characters escaped, cut at ``limit``."""
    shown = "".join(map(_shown, text[: limit + 1]))
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


def _shown(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN:
        return character
    if "\udc80" <= character <= "\udcff":  # a byte that was no UTF-8 (PEP 383)
        return f"\\x{ord(character) - 0xDC00:02x}"
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
