"""The schema of app.toml: a document to a :class:`Manifest`, or a :class:`ManifestError` with every problem."""

from collections.abc import Iterable

from hookrunner.core.manifest import fields, schema, together, toml, values
from hookrunner.core.manifest.fields import Table
from hookrunner.core.manifest.policy import Policy
from hookrunner.core.manifest.toml import Problem
from hookrunner.model.app import (
    MAX_BODY,
    MOST_LOCATIONS,
    TIMEOUT,
    Certificates,
    Challenge,
    Folder,
    Https,
    KeyType,
    Manifest,
    Route,
    Site,
    Tls,
    Upstream,
)
from hookrunner.model.names import Domain, Invalid
from hookrunner.model.rules import SPLAT, Header, HeaderRule, Redirect, Target, UrlPattern

SITE_KEYS, APP_KEYS, TLS_KEYS, DEPLOY_KEYS = (
    tuple(keys) for keys in (schema.SITE, schema.APP, schema.TLS, schema.DEPLOY)
)
ROUTE_KEYS, REDIRECT_KEYS, HEADER_KEYS = (tuple(keys) for keys in (schema.ROUTE, schema.REDIRECT, schema.HEADER))

# Words that users of other tools write first.
ALIASES = {
    "domain": "domains", "host": "domains", "hosts": "domains", "hostname": "domains", "server_name": "domains",
    "publish": "root", "static": "root", "public": "root", "directory": "root",
    "upstream": "proxy", "proxy_pass": "proxy", "reverse_proxy": "proxy", "backend": "proxy",
    "ssl": "https", "client_max_body_size": "max_body", "body_size": "max_body", "spa": "fallback",
}  # fmt: skip

# Where the keys of the tables belong; those of a site stand above the first of them.
_HOMES = {
    key: f"move it under {table}"
    for table, keys in (("[tls]", TLS_KEYS), ("[[redirects]]", REDIRECT_KEYS), ("[[headers]]", HEADER_KEYS))
    for key in keys
}


class ManifestError(Exception):
    """An app.toml that cannot be deployed. ``problems`` lists all that is wrong with it, in the order of its lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line or 0))
        super().__init__("; ".join(problem.text for problem in self.problems))


def parse(content: bytes, policy: Policy | None = None) -> Manifest:
    """Return the manifest that ``content`` writes.

    ``policy`` adds what the server lets the app ask for; without it, as on a laptop, any domain or upstream goes.
    Raises :class:`ManifestError`.
    """
    try:
        document = toml.read(content)
    except toml.Unreadable as error:
        raise ManifestError([error.problem]) from error
    problems: list[Problem] = []
    manifest = _manifest(Table(document, (), document.data, problems), policy)
    if problems:
        raise ManifestError(problems)
    return manifest


def _manifest(top: Table, policy: Policy | None) -> Manifest:
    top.refuse_unknown((*SITE_KEYS, *APP_KEYS), aliases=ALIASES, elsewhere=_HOMES)
    tls = _tls(top.table("tls"))
    _deploy(top.table("deploy"))
    tables = [top]
    if top.has("sites"):
        tables = top.tables("sites")
        if top.data["sites"] == []:
            top.wrong("sites", "is an empty list; a site with domains = [] takes the app off the web")
        for key in SITE_KEYS:
            if top.has(key):
                top.wrong(key, f"`{key}` stands at the top beside [[sites]]; move it into a [[sites]] table")
        for table in tables:
            places = _HOMES | dict.fromkeys(APP_KEYS, "move it to the top of the file")
            table.refuse_unknown(SITE_KEYS, aliases=ALIASES, elsewhere=places)
    sites = [_site(table, policy) for table in tables]
    written = list(zip(tables, sites, strict=True))
    together.refuse_twice(written, policy)
    if policy:
        together.check_challenges(written, tls, policy)
    if sum(site.locations for site in sites) > MOST_LOCATIONS:
        text = f"has too many rules: domains × (2 × redirects + 6 × (routes + headers)) is at most {MOST_LOCATIONS:,}"
        top.wrong("sites" if top.has("sites") else None, text)
    elif not top.problems:
        together.refuse_loops(written)
    return Manifest(tuple(sites), tls)


def _site(table: Table, policy: Policy | None) -> Site:
    if not table.has("domains") and not set(table.data) & _aliases("domains"):
        table.wrong(None, 'has no "domains"; write domains = ["example.org"]')
    named: list[Domain] = []
    domains = table.take_each("domains", values.domain(policy, named))
    canonical = table.take("canonical", fields.of_text(Domain.parse), None)
    if domains == ():
        canonical = None  # the app goes off the web, and the rest of the file may stay as it is
    elif canonical and canonical.is_wildcard:
        table.wrong("canonical", "is a wildcard; name the one domain that the others redirect to")
    elif canonical and domains is not None and canonical not in named:
        table.wrong("canonical", f'"{canonical}" is not one of the domains')
    content = _content(table, "/", policy, needed=domains != ())
    fallback = table.take("fallback", values.fallback(policy, content), None)
    https = table.take("https", fields.choice(Https), Https.AUTO)
    hsts = table.take("hsts", values.hsts, 0)
    if hsts and https is Https.OFF:
        table.wrong("hsts", 'goes with HTTPS, and https is "off"')
    return Site(
        domains=domains or (),
        content=content or Folder("."),
        canonical=canonical,
        fallback=fallback,
        https=https,
        hsts=hsts,
        max_body=table.take("max_body", fields.size, MAX_BODY),
        timeout=table.take("timeout", fields.duration, TIMEOUT),
        routes=_routes(table.table("routes"), policy),
        redirects=tuple(r for t in table.tables("redirects") if (r := _redirect(t))),
        headers=tuple(h for t in table.tables("headers") if (h := _header_rule(t))),
    )


def _aliases(*keys: str) -> set[str]:
    return {word for word, right in ALIASES.items() if right in keys}


def _content(table: Table, path: str, policy: Policy | None, *, needed: bool = True) -> Folder | Upstream | None:
    root = table.need("root", values.folder(policy), missing=None)
    proxy = table.need("proxy", values.upstream(policy), missing=None)
    if table.has("root") and table.has("proxy"):
        table.wrong("proxy", f'stands beside "root"; "{path}" is served by one of them')
        return None
    if not table.has("root") and not table.has("proxy"):
        if needed and not set(table.data) & _aliases("root", "proxy"):
            table.wrong(
                None,
                'has neither "root" nor "proxy"; write root = "public" or proxy = "http://127.0.0.1:8000"',
            )
        return None
    return root or proxy


def _routes(table: Table, policy: Policy | None) -> tuple[Route, ...]:
    routes: list[Route] = []
    for written, value in table.data.items():
        try:
            path = UrlPattern.parse(written)
            inner = Table(table.document, (*table.path, written), fields.mapping(value), table.problems)
        except Invalid as error:
            table.wrong(written, _misplaced(table, written) or f'"{written}" {error}')
            continue
        if any(path == other.path for other in routes):
            table.wrong(written, f'"{written}" is the path of another route')
        inner.refuse_unknown(ROUTE_KEYS, aliases=ALIASES, elsewhere=_above(table))
        content = _content(inner, written, policy)
        timeout = inner.need("timeout", fields.duration, missing=None)
        if timeout and isinstance(content, Folder):
            inner.wrong("timeout", "goes with proxy; files need no time")
        if content:
            routes.append(Route(path, content, timeout))
    return tuple(routes)


def _redirect(table: Table) -> Redirect | None:
    table.refuse_unknown(REDIRECT_KEYS, aliases=ALIASES, elsewhere=_above(table))
    source = table.need("from", fields.of_text(UrlPattern.parse), missing='has no "from"; write from = "/old"')
    target = table.need("to", fields.of_text(Target.parse), missing='has no "to"; write to = "/new"')
    status = table.take("status", values.redirect_status, 301)
    if source and target and SPLAT in target.url and not source.is_prefix:
        table.wrong("to", 'holds ":splat", which needs a "*" at the end of "from"')
    return Redirect(source, target, status) if source and target else None


def _header_rule(table: Table) -> HeaderRule | None:
    table.refuse_unknown(HEADER_KEYS, aliases=ALIASES, elsewhere=_above(table))
    path = table.need("for", fields.of_text(UrlPattern.parse), missing='has no "for"; write for = "/assets/*"')
    if not table.has("values"):
        place = ".".join(part for part in table.path if isinstance(part, str))
        table.wrong(None, f"has no values; write [{place}.values] below it")
    values_table = table.table("values")
    parsed: dict[str, Header] = {}
    for name in values_table.data:
        if misplaced := _misplaced(values_table, name):
            values_table.wrong(name, misplaced)
            continue
        header = values_table.need(name, values.header(name), missing=None)
        if header and header.key in parsed:
            values_table.wrong(name, f'"{name}" is the header "{parsed[header.key].name}" once more')
        elif header:
            parsed[header.key] = header
    return HeaderRule(path, tuple(parsed.values())) if path else None


def _misplaced(table: Table, key: str) -> str | None:
    """What to say about a site's key that was written below the header of a table with free keys."""
    line = _first_line(table)
    return f"`{key}` stands under {table.title}; move it above line {line}" if key in SITE_KEYS and line else None


def _tls(table: Table) -> Tls:
    table.refuse_unknown(TLS_KEYS, aliases=ALIASES, elsewhere=_above(table))
    return Tls(
        certificates=table.take("certificates", fields.choice(Certificates), Certificates.PER_DOMAIN),
        challenge=table.take("challenge", fields.choice(Challenge), Challenge.AUTO),
        key=table.take("key", fields.choice(KeyType), KeyType.ECDSA_P256),
        profile=table.take("profile", fields.of_text(values.profile), ""),
    )


def _deploy(table: Table) -> None:
    table.refuse_unknown(DEPLOY_KEYS, aliases=ALIASES, elsewhere=_above(table))


def _above(table: Table) -> dict[str, str]:
    """Advice for keys of others that were written below a table header, and so into that table."""
    line = _first_line(table)
    return _HOMES | (dict.fromkeys((*SITE_KEYS, *APP_KEYS), f"move it above line {line}") if line else {})


def _first_line(table: Table) -> int | None:
    """The header above which the keys of the site stand that ``table`` belongs to."""
    start = table.document.line_of(table.path[:2]) if table.path[0] == "sites" else 0
    return table.document.first_table(after=start or 0)
