"""What `doctor` finds: what would stop the next push or renewal, and what mends it."""

from collections.abc import Sequence
from typing import NamedTuple


class Finding(NamedTuple):
    """One thing that is not as it has to be. ``mend`` are commands, or what to do, for whoever has the server."""

    text: str
    mend: tuple[str, ...]


class Check(NamedTuple):
    """What was looked at: ``name`` for programs, ``sound`` what reads where nothing was found."""

    name: str
    sound: str
    findings: tuple[Finding, ...] = ()


def found(text: str, *mend: str) -> Finding:
    """A finding."""
    return Finding(text, mend)


_HERE = "on the server: "


def here(hint: str) -> str:
    """A hint of a push's, for somebody who is on the server already."""
    return hint.removeprefix(_HERE)


def is_for_here(hint: str) -> bool:
    """Whether a hint of a push's is for whoever has the server."""
    return hint.startswith(_HERE)


def check(name: str, sound: str, findings: Sequence[Finding]) -> Check:
    """A check that was made."""
    return Check(name, sound, tuple(findings))
