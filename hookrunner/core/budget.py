"""The CA's limits, known in advance: what an order would take out of them, and what has to wait for later."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from hookrunner.model.names import AppName, Domain

LONGEST_WINDOW = timedelta(days=7)


class Limit(NamedTuple):
    """So many in a sliding window."""

    most: int
    window: timedelta


class Limits(NamedTuple):
    """What a CA lets one account have."""

    orders: Limit  # new orders
    registered: Limit  # certificates of one registered domain; one with the names of an earlier one is not counted
    exact: Limit  # certificates with exactly the same names
    failures: Limit  # failed validations of one name


_HOURS_3, _WEEK, _HOUR = timedelta(hours=3), timedelta(days=7), timedelta(hours=1)

# Let's Encrypt's own pages, August 2026: letsencrypt.org/docs/rate-limits and /docs/staging-environment.
KNOWN = {
    "letsencrypt": Limits(Limit(300, _HOURS_3), Limit(50, _WEEK), Limit(5, _WEEK), Limit(5, _HOUR)),
    "letsencrypt-staging": Limits(Limit(1500, _HOURS_3), Limit(30_000, _WEEK), Limit(30_000, _WEEK), Limit(200, _HOUR)),
}


class Spent(NamedTuple):
    """One order that was placed."""

    at: datetime
    app: AppName
    names: frozenset[Domain]
    registered: frozenset[str]
    is_renewal: bool
    has_failed: bool


class Later(NamedTuple):
    """Why an order is left for later, and until when."""

    why: str
    until: datetime


class Ledger:
    """What one account has spent at its CA, with what this run is about to spend."""

    def __init__(self, limits: Limits, spent: Iterable[Spent], now: datetime) -> None:
        self._limits = limits
        self._now = now
        self._spent = [one for one in spent if one.at > now - LONGEST_WINDOW]

    def later(self, wanted: Spent) -> Later | None:
        """Why ``wanted`` has to wait; None, and it is counted, when it fits.

        Half of the account's new orders stay reserved for renewals and for other apps.
        """
        found = [later for later in self._checks(wanted) if later]
        if found:
            return max(found, key=lambda later: later.until)
        self._spent.append(wanted)
        return None

    def _checks(self, wanted: Spent) -> Iterator[Later | None]:
        limits = self._limits
        yield self._over(self._spent, limits.orders, "new orders of this server")
        if not wanted.is_renewal:
            own = [one for one in self._spent if one.app == wanted.app and not one.is_renewal]
            half = Limit(limits.orders.most // 2, limits.orders.window)
            yield self._over(own, half, f"new orders of {wanted.app}, the rest is kept for renewals and other apps")
        same = [one for one in self._spent if one.names == wanted.names]
        issued = [one for one in same if not one.has_failed]
        yield self._over(issued, limits.exact, "certificates of the same names")
        for name in sorted(wanted.names):
            failed = [one for one in self._spent if one.has_failed and name in one.names]
            yield self._over(failed, limits.failures, f"failed tries for {name}")
        if issued:
            return  # the CA counts a certificate with the same names as a renewal
        for domain in sorted(wanted.registered):
            new = [one for one in self._spent if domain in one.registered and not one.is_renewal and not one.has_failed]
            yield self._over(new, limits.registered, f"certificates of {domain}")

    def _over(self, counted: Sequence[Spent], limit: Limit, of_what: str) -> Later | None:
        inside = sorted(one.at for one in counted if one.at > self._now - limit.window)
        if len(inside) < limit.most:
            return None
        free = inside[len(inside) - limit.most] + limit.window
        return Later(f"left for later: {limit.most} {of_what} in {_span(limit.window)}", free)


def _span(window: timedelta) -> str:
    hours = int(window.total_seconds() // 3600)
    if hours % 24 == 0:
        return f"{hours // 24} days"
    return "an hour" if hours == 1 else f"{hours} hours"
