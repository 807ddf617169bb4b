"""Whose is what: a domain, or an upstream, belongs to one app."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from hookrunner.model.app import Upstream
from hookrunner.model.names import AppName, Domain, Invalid


class Claims(NamedTuple):
    """All claims on the server."""

    domains: Mapping[Domain, AppName] = MappingProxyType({})
    upstreams: Mapping[str, AppName] = MappingProxyType({})  # by Upstream.claim
    names_holders: bool = True  # whether a message may say whose something is

    def check_domain(self, domain: Domain, app: AppName) -> None:
        """Raise :class:`Invalid` when another app holds ``domain``, a wildcard over it or a name under it."""
        holder = self.domains.get(domain)
        if holder and holder != app:
            raise Invalid(f"belongs to {self._whose(holder)}{self._to_move(holder)}")
        over = [domain.parent_wildcard] if not domain.is_wildcard else list(filter(domain.covers, self.domains))
        for claimed in over:
            other = self.domains.get(claimed)
            if other and other != app:
                what = f"{claimed}, which belongs to" if self.names_holders else "a domain of"
                raise Invalid(f"overlaps {what} {self._whose(other)}{self._to_move(other)}")

    def check_upstream(self, upstream: Upstream, app: AppName) -> None:
        """Raise :class:`Invalid` when another app holds ``upstream``."""
        holder = self.upstreams.get(upstream.claim)
        if holder and holder != app:
            raise Invalid(f"belongs to {self._whose(holder)}")

    def _whose(self, holder: AppName) -> str:
        return f"the app {holder}" if self.names_holders else "another app"

    def _to_move(self, holder: AppName) -> str:
        if not self.names_holders:
            return ""
        return f"; to move it, take it out of the app.toml of {holder} and push that first"
