"""The nearest right word, for a person who made a typing error."""

from collections.abc import Sequence


def word(written: str, words: Sequence[str]) -> str | None:
    """The one of ``words`` that was probably meant."""
    import difflib  # only a person who made a mistake waits for it

    return next(iter(difflib.get_close_matches(written.lower(), words, 1, 0.6)), None)
