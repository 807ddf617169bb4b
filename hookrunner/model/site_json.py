"""A site's way through JSON. Defaults are left out; everything that is there is parsed again."""

from typing import Any

from hookrunner.model import wire
from hookrunner.model.app import (
    LARGEST_BODY,
    LONGEST_DURATION,
    MAX_BODY,
    TIMEOUT,
    Folder,
    Https,
    Route,
    Site,
    Upstream,
    file_below,
)
from hookrunner.model.names import Domain, Invalid
from hookrunner.model.rules import REDIRECT_STATUSES, SPLAT, Header, HeaderRule, Redirect, Target, UrlPattern

_duration = wire.between(1, LONGEST_DURATION)
_size = wire.between(1, LARGEST_BODY)


def to_json(site: Site) -> dict[str, Any]:
    """All but the domains."""
    document: dict[str, Any] = {**_content_to_json(site.content), "https": str(site.https)}
    if site.canonical:
        document["canonical"] = str(site.canonical)
    if site.fallback:
        document["fallback"] = site.fallback
    if site.hsts:
        document["hsts"] = site.hsts
    if site.max_body != MAX_BODY:
        document["max_body"] = site.max_body
    if site.timeout != TIMEOUT:
        document["timeout"] = site.timeout
    if site.routes:
        document["routes"] = [_route_to_json(route) for route in site.routes]
    if site.redirects:
        document["redirects"] = [[str(r.from_path), str(r.to), r.status] for r in site.redirects]
    if site.headers:
        document["headers"] = [[str(h.for_path), [list(header) for header in h.values]] for h in site.headers]
    return document


def read(reading: wire.Reading, domains: tuple[Domain, ...]) -> Site:
    """The site of these domains; raise :class:`Invalid`."""
    site = Site(
        domains=domains,
        content=_content(reading),
        canonical=reading.maybe("canonical", Domain.parse, None),
        fallback=reading.maybe("fallback", file_below, None),
        https=reading.one("https", Https),
        hsts=reading.maybe("hsts", _duration, 0),
        max_body=reading.maybe("max_body", _size, MAX_BODY),
        timeout=reading.maybe("timeout", _duration, TIMEOUT),
        routes=reading.maybe("routes", wire.each(_route), ()),
        redirects=reading.maybe("redirects", wire.each(_redirect), ()),
        headers=reading.maybe("headers", wire.each(_header_rule), ()),
    )
    if site.canonical and (site.canonical.is_wildcard or site.canonical not in domains):
        raise Invalid(f"{site.canonical} cannot be the canonical domain")
    return site


def _content_to_json(content: Folder | Upstream) -> dict[str, str]:
    return {"root" if isinstance(content, Folder) else "proxy": str(content)}


def _content(reading: wire.Reading) -> Folder | Upstream:
    return reading.one("root", Folder.parse) if reading.has("root") else reading.one("proxy", Upstream.parse)


def _route_to_json(route: Route) -> dict[str, Any]:
    timeout = {"timeout": route.timeout} if route.timeout else {}
    return {"path": str(route.path), **_content_to_json(route.content), **timeout}


def _route(value: object) -> Route:
    with wire.Reading(value) as reading:
        return Route(
            reading.one("path", UrlPattern.parse), _content(reading), reading.maybe("timeout", _duration, None)
        )


def _redirect(value: object) -> Redirect:
    path, target, status = wire.items(value, 3)
    redirect = Redirect(UrlPattern.parse(wire.text(path)), Target.parse(wire.text(target)), wire.count(status))
    if redirect.status not in REDIRECT_STATUSES:
        raise Invalid(f"{redirect.status} is not the status of a redirect")
    if SPLAT in redirect.to.url and not redirect.from_path.is_prefix:
        raise Invalid(f"{redirect.from_path} has no * for {SPLAT}")
    return redirect


def _header_rule(value: object) -> HeaderRule:
    path, headers = wire.items(value, 2)
    return HeaderRule(UrlPattern.parse(wire.text(path)), wire.each(_header)(headers))


def _header(value: object) -> Header:
    name, text = wire.items(value, 2)
    return Header.parse(wire.text(name), wire.text(text))
