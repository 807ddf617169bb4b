"""A site's rules to nginx locations: for each path that a rule names, all that applies there.

nginx takes one location for a request, and hands nothing down that a location says itself. So what the rules of
app.toml mean together is worked out here: patterns are paths or their beginnings, therefore two of them are nested or
apart, and what holds for the requests of one is known before any request comes.
"""

import posixpath
import re
from collections.abc import Sequence
from operator import itemgetter
from typing import NamedTuple

from hookrunner.model.app import Folder, Route, Site, Upstream
from hookrunner.model.rules import Header, HeaderRule, Redirect, UrlPattern


class Location(NamedTuple):
    """What is done with the requests of ``pattern`` that no longer pattern of the site has."""

    pattern: UrlPattern
    redirect: Redirect | None
    content: Folder | Upstream
    fallback: str | None
    timeout: int  # seconds
    headers: tuple[Header, ...]


class _Rules(NamedTuple):
    """The rules of exactly one pattern, with their places in the file."""

    routes: list[Route]
    redirects: list[tuple[int, Redirect]]
    headers: list[tuple[int, HeaderRule]]


def hidden(manifest: str) -> str:
    """What is never served, as nginx's regular expression: dot files and folders but .well-known, and the manifest."""
    return rf"^/\.(?!well-known/)|./\.|/{re.escape(posixpath.basename(manifest))}\z"


def is_hidden(path: str, manifest: str) -> bool:
    """Whether ``path`` matches :func:`hidden`; nginx's ``\\z`` is Python's ``\\Z``."""
    return bool(re.search(hidden(manifest).replace(r"\z", r"\Z"), path))


def locations(site: Site) -> list[Location]:
    """The locations of ``site``, the one for everything first; none that would only repeat the one around it."""
    rules = _rules(site)
    kept: list[Location] = []
    repeating: dict[UrlPattern, Location] = {}
    around: list[tuple[UrlPattern, Location]] = []  # what covers the next pattern, the widest first
    for pattern in sorted(rules, key=lambda pattern: (pattern.path, not pattern.is_prefix)):
        while around and not around[-1][0].covers(pattern):
            around.pop()
        made = _location(site, pattern, [*(rules[outer] for outer, _ in around), rules[pattern]])
        if around and made._replace(pattern=around[-1][1].pattern) == around[-1][1]:
            repeating[pattern] = made
            made = around[-1][1]
        else:
            kept.append(made)
        around.append((pattern, made))
    return kept + [repeating[bare] for location in kept if (bare := _redirected_by_nginx(location)) in repeating]


def _redirected_by_nginx(location: Location) -> UrlPattern | None:
    """The path that nginx would redirect to ``location`` by itself, unless it has a location of its own.

    That is what it does for a proxied location that ends in a slash (ngx_http_core_module, "location").
    """
    path = location.pattern.path
    is_proxied = isinstance(location.content, Upstream) and not location.redirect
    return UrlPattern(path[:-1], False) if is_proxied and path.endswith("/") and path != "/" else None


def _rules(site: Site) -> dict[UrlPattern, _Rules]:
    rules: dict[UrlPattern, _Rules] = {}

    def of(pattern: UrlPattern) -> _Rules:
        if pattern.path.endswith("/") and pattern.path != "/":
            rules.setdefault(UrlPattern(pattern.path[:-1], False), _Rules([], [], []))
        return rules.setdefault(pattern, _Rules([], [], []))

    of(UrlPattern("/", True))
    for route in site.routes:
        of(route.path).routes.append(route)
    for number, redirect in enumerate(site.redirects):
        of(redirect.from_path).redirects.append((number, redirect))
    for number, rule in enumerate(site.headers):
        of(rule.for_path).headers.append((number, rule))
    return rules


def _location(site: Site, pattern: UrlPattern, applying: Sequence[_Rules]) -> Location:
    """``applying`` are the rules of all patterns that cover this one, the widest first."""
    routes = [route for rules in applying for route in rules.routes]
    redirects = [redirect for rules in applying for redirect in rules.redirects]
    headers: dict[str, Header] = {}
    for _, rule in sorted((one for rules in applying for one in rules.headers), key=itemgetter(0)):
        headers |= {header.key: header for header in rule.values}
    return Location(
        pattern=pattern,
        redirect=min(redirects, key=itemgetter(0))[1] if redirects else None,
        content=routes[-1].content if routes else site.content,
        fallback=None if routes else site.fallback,
        timeout=(routes[-1].timeout if routes else None) or site.timeout,
        headers=tuple(headers.values()),
    )
