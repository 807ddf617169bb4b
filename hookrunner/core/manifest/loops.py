"""Redirects that lead to one another for ever, as far as the file alone shows it."""

from collections.abc import Sequence
from typing import NamedTuple

from hookrunner.model.app import Site
from hookrunner.model.names import Domain, Invalid
from hookrunner.model.rules import SPLAT, Redirect, UrlPattern


class Place(NamedTuple):
    """A redirect of a manifest: which site's, and which of it."""

    site: int
    redirect: int


def loops(sites: Sequence[Site]) -> list[list[Place]]:
    """Every circle of redirects, each once, from its first redirect in the order of the file."""
    found: list[list[Place]] = []
    done: set[Place] = set()
    for start in (Place(s, r) for s, site in enumerate(sites) for r in range(len(site.redirects))):
        way: list[Place] = []
        place: Place | None = start
        while place is not None and place not in done:
            done.add(place)
            way.append(place)
            place = _next(sites, place)
        if place in way:
            circle = way[way.index(place) :]
            first = circle.index(min(circle))
            found.append(circle[first:] + circle[:first])
    return found


def _next(sites: Sequence[Site], place: Place) -> Place | None:
    """The redirect that takes all requests which this one sends on, or None."""
    redirect = sites[place.site].redirects[place.redirect]
    number = place.site if redirect.to.url.startswith("/") else _site_of(sites, redirect)
    asked = _asked(redirect)
    if number is None or asked is None:
        return None
    for index, other in enumerate(sites[number].redirects):
        if other.from_path.covers(asked):
            return Place(number, index)
    return None


def _site_of(sites: Sequence[Site], redirect: Redirect) -> int | None:
    host = redirect.to.host
    if host is None:
        return None
    domain = Domain(host)
    exact = (number for number, site in enumerate(sites) if domain in site.domains)
    covering = (number for number, site in enumerate(sites) if any(one.covers(domain) for one in site.domains))
    return next(exact, next(covering, None))


def _asked(redirect: Redirect) -> UrlPattern | None:
    """The requests that follow: one path, or all that begin like the target up to its ``:splat``."""
    path = redirect.to.path
    if path is None:
        return None
    start, splat, _ = path.partition(SPLAT)
    try:
        return UrlPattern.parse(f"{start}{'*' if splat else ''}")
    except Invalid:  # a path that is normalised on the way
        return None
