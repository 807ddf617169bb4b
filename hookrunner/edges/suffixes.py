"""The registered domain of a name, by the Public Suffix List (publicsuffix.org)."""

import functools
from pathlib import Path
from typing import Any

from hookrunner.model.names import Domain


def registered(domain: Domain) -> str:
    """Where its records are edited and what a CA counts by: ``app.park-spot.co`` gives ``park-spot.co``.

    A public suffix itself is its own.
    """
    return _list(domain.base.rpartition(".")[2]).privatesuffix(domain.base) or domain.base


@functools.cache
def _list(top: str) -> Any:
    """The rules for the names under a top-level domain: all of them take a tenth of a second to read."""
    import publicsuffixlist

    with Path(publicsuffixlist.PSLFILE).open(encoding="utf-8") as lines:
        own = (line for line in lines if line.split(" ", 1)[0].rstrip().rpartition(".")[2] == top)
        # An A-label stands for a word that the list has in its own script.
        return publicsuffixlist.PublicSuffixList(lines if top.startswith("xn--") else own)
