"""The registered domain of a name, by the Public Suffix List (publicsuffix.org)."""

import functools
from typing import Any

from hookrunner.model.names import Domain


def registered(domain: Domain) -> str:
    """Where its records are edited and what a CA counts by: ``app.park-spot.co`` gives ``park-spot.co``.

    A public suffix itself is its own.
    """
    return _list().privatesuffix(domain.base) or domain.base


@functools.cache
def _list() -> Any:
    from publicsuffixlist import PublicSuffixList  # 30 ms, for a name that lacks something

    return PublicSuffixList()
