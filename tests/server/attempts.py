"""Attempts to get further than one may, and a table of how each ended."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tests.lab.container import Container


class Attempt(NamedTuple):
    """A script that ends with 0 only if it got through; ``refusal`` is what has to be said against it."""

    what: str
    script: str
    refusal: str  # a regular expression


class Ended(NamedTuple):
    """How an attempt ended."""

    who: str
    what: str
    refused: bool
    said: str


DENIED = "Permission denied|Operation not permitted|not permitted|Read-only file system"


def tried(container: Container, who: str, user: str, attempts: Sequence[Attempt]) -> list[Ended]:
    """Try each as a user with a shell."""
    ended: list[Ended] = []
    for what, script, refusal in attempts:
        done = container.run(f"set -o pipefail; exec 2>&1; {script}", user=user, check=False, timeout=120)
        said = done.stdout + done.stderr
        found = re.search(refusal, said)
        ended.append(Ended(who, what, done.returncode != 0 and found is not None, found[0] if found else said[-200:]))
    return ended


def table(rows: Iterable[Ended]) -> str:
    """A line each."""
    lines = (f"{'refused' if row.refused else 'GOT IN'}  {row.who:12}  {row.what:66.66}  {row.said}" for row in rows)
    return "\n".join(" ".join(line.splitlines())[:160] for line in lines)
