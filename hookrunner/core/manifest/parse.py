"""The schema of app.toml: a document to a :class:`Manifest`, or a :class:`ManifestError` with every problem."""

from collections.abc import Callable, Iterable

from hookrunner.core.manifest import fields, toml, values
from hookrunner.core.manifest.fields import Table
from hookrunner.core.manifest.policy import Policy
from hookrunner.core.manifest.toml import Document, Problem
from hookrunner.model.app import (
    MAX_BODY,
    TIMEOUT,
    Certificates,
    Challenge,
    Folder,
    HeaderRule,
    Https,
    KeyType,
    Manifest,
    Redirect,
    Route,
    Site,
    Tls,
    Upstream,
)
from hookrunner.model.names import Domain, Invalid

SITE_KEYS = (
    "domains", "canonical", "root", "proxy", "fallback", "https", "hsts", "max_body", "timeout",
    "routes", "redirects", "headers",
)  # fmt: skip
APP_KEYS = ("sites", "tls", "deploy")
TLS_KEYS = ("certificates", "challenge", "key", "profile")
DEPLOY_KEYS = ()
ROUTE_KEYS = ("root", "proxy", "timeout")
REDIRECT_KEYS = ("from", "to", "status")
HEADER_KEYS = ("for", "values")

# Words that users of other tools write first.
ALIASES = {
    "domain": "domains", "host": "domains", "hosts": "domains", "hostname": "domains", "server_name": "domains",
    "publish": "root", "static": "root", "public": "root", "directory": "root",
    "upstream": "proxy", "proxy_pass": "proxy", "reverse_proxy": "proxy", "backend": "proxy",
    "ssl": "https", "client_max_body_size": "max_body", "body_size": "max_body", "spa": "fallback",
}  # fmt: skip


class ManifestError(Exception):
    """An app.toml that cannot be deployed. ``problems`` lists all that is wrong with it, in the order of its lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line or 0))
        super().__init__("; ".join(problem.text for problem in self.problems))


def parse(content: bytes, policy: Policy | None = None) -> Manifest:
    """Return the manifest that ``content`` writes, as far as this version can serve it.

    ``policy`` adds what the server lets the app ask for; without it, as on a laptop, any domain or upstream goes.
    Raises :class:`ManifestError`.
    """
    document, manifest, problems = _read(content, policy)
    problems += _not_yet(document)
    if problems:
        raise ManifestError(problems)
    return manifest


def parse_schema(content: bytes) -> Manifest:
    """Like :func:`parse`, keys included that no version serves yet. Raises :class:`ManifestError`."""
    _, manifest, problems = _read(content, None)
    if problems:
        raise ManifestError(problems)
    return manifest


def _read(content: bytes, policy: Policy | None) -> tuple[Document, Manifest, list[Problem]]:
    try:
        document = toml.read(content)
    except toml.Unreadable as error:
        raise ManifestError([error.problem]) from error
    problems: list[Problem] = []
    top = Table(document, (), document.data, problems)
    return document, _manifest(top, policy), problems


def _manifest(top: Table, policy: Policy | None) -> Manifest:
    top.refuse_unknown((*SITE_KEYS, *APP_KEYS), aliases=ALIASES)
    tls = _tls(top.table("tls"))
    _deploy(top.table("deploy"))
    tables = [top]
    if top.has("sites"):
        tables = top.tables("sites")
        for key in SITE_KEYS:
            if top.has(key):
                top.wrong(key, f"`{key}` stands at the top beside [[sites]]; move it into a [[sites]] table")
        for table in tables:
            places = dict.fromkeys(APP_KEYS, "move it to the top of the file")
            table.refuse_unknown(SITE_KEYS, aliases=ALIASES, elsewhere=places)
    sites = [_site(table, policy) for table in tables]
    _refuse_twice(list(zip(tables, sites, strict=True)), policy)
    return Manifest(tuple(sites), tls)


def _site(table: Table, policy: Policy | None) -> Site:
    if not table.has("domains") and not set(table.data) & _aliases("domains"):
        table.wrong(None, 'has no "domains"; write domains = ["example.org"]')
    domains = table.take_each("domains", _domain(policy))
    canonical = table.take("canonical", fields.of_text(Domain.parse), None)
    if canonical and domains is not None and canonical not in domains:
        table.wrong("canonical", f'"{canonical}" is not one of the domains')
    fallback = table.take("fallback", fields.of_text(values.fallback), None)
    content = _content(table, "/", policy)
    if fallback and isinstance(content, Upstream):
        table.wrong("fallback", "goes with root; an upstream answers every path itself")
    return Site(
        domains=domains or (),
        content=content or Folder("."),
        canonical=canonical,
        fallback=fallback,
        https=table.take("https", fields.choice(Https), Https.AUTO),
        hsts=table.take("hsts", values.hsts, 0),
        max_body=table.take("max_body", fields.size, MAX_BODY),
        timeout=table.take("timeout", fields.duration, TIMEOUT),
        routes=_routes(table.table("routes"), policy),
        redirects=tuple(r for t in table.tables("redirects") if (r := _redirect(t))),
        headers=tuple(h for t in table.tables("headers") if (h := _header_rule(t))),
    )


def _aliases(*keys: str) -> set[str]:
    return {word for word, right in ALIASES.items() if right in keys}


def _domain(policy: Policy | None) -> Callable[[str], Domain]:
    def parse_one(text: str) -> Domain:
        domain = Domain.parse(text)
        if policy:
            policy.check_domain(domain)
        return domain

    return parse_one


def _folder(policy: Policy | None) -> Callable[[object], Folder]:
    def parse_one(value: object) -> Folder:
        folder = Folder.parse(fields.text(value))
        if policy:
            policy.check_folder(folder)
        return folder

    return parse_one


def _upstream(policy: Policy | None) -> Callable[[object], Upstream]:
    def parse_one(value: object) -> Upstream:
        text = fields.text(value)
        try:
            upstream = Upstream.parse(text)
            if policy:
                policy.check_upstream(upstream)
        except Invalid as error:
            raise Invalid(f'"{text}" {error}') from error
        return upstream

    return parse_one


def _content(table: Table, path: str, policy: Policy | None) -> Folder | Upstream | None:
    root = table.need("root", _folder(policy), missing=None)
    proxy = table.need("proxy", _upstream(policy), missing=None)
    if table.has("root") and table.has("proxy"):
        table.wrong("proxy", f'stands beside "root"; "{path}" is served by one of them')
        return None
    if not table.has("root") and not table.has("proxy"):
        if not set(table.data) & _aliases("root", "proxy"):
            table.wrong(
                None,
                'has neither "root" nor "proxy"; write root = "public" or proxy = "http://127.0.0.1:8000"',
            )
        return None
    return root or proxy


def _routes(table: Table, policy: Policy | None) -> tuple[Route, ...]:
    routes: list[Route] = []
    for path, value in table.data.items():
        try:
            values.url_path(path)
            inner = Table(table.document, (*table.path, path), fields.mapping(value), table.problems)
        except Invalid as error:
            line = table.document.line_of(("routes",))
            if line and path in SITE_KEYS and table.path == ("routes",):
                table.wrong(path, f"`{path}` stands under [routes]; move it above line {line}")
            else:
                table.wrong(path, f'"{path}" {error}')
            continue
        inner.refuse_unknown(ROUTE_KEYS, aliases=ALIASES)
        content = _content(inner, path, policy)
        timeout = inner.need("timeout", fields.duration, missing=None)
        if content:
            routes.append(Route(path, content, timeout))
    return tuple(routes)


def _redirect(table: Table) -> Redirect | None:
    table.refuse_unknown(REDIRECT_KEYS, elsewhere=_above(table))
    source = table.need("from", fields.of_text(values.url_path), missing='has no "from"; write from = "/old"')
    target = table.need("to", fields.of_text(values.redirect_target), missing='has no "to"; write to = "/new"')
    status = table.take("status", values.redirect_status, 301)
    if source and target and ":splat" in target and not source.endswith("*"):
        table.wrong("to", 'holds ":splat", which needs a "*" at the end of "from"')
    return Redirect(source, target, status) if source and target else None


def _header_rule(table: Table) -> HeaderRule | None:
    table.refuse_unknown(HEADER_KEYS, elsewhere=_above(table))
    path = table.need("for", fields.of_text(values.url_path), missing='has no "for"; write for = "/assets/*"')
    if not table.has("values"):
        table.wrong(None, "has no values; write [headers.values] below it")
    headers = table.table("values")
    parsed: list[tuple[str, str]] = []
    for name in headers.data:
        value = headers.need(name, values.header_value(name), missing=None)
        if value is not None:
            parsed.append((name, value))
    return HeaderRule(path, tuple(parsed)) if path else None


def _tls(table: Table) -> Tls:
    table.refuse_unknown(TLS_KEYS, elsewhere=_above(table))
    return Tls(
        certificates=table.take("certificates", fields.choice(Certificates), Certificates.PER_DOMAIN),
        challenge=table.take("challenge", fields.choice(Challenge), Challenge.AUTO),
        key=table.take("key", fields.choice(KeyType), KeyType.ECDSA_P256),
        profile=table.take("profile", fields.of_text(values.profile), ""),
    )


def _deploy(table: Table) -> None:
    table.refuse_unknown(DEPLOY_KEYS, elsewhere=_above(table))


def _above(table: Table) -> dict[str, str]:
    """Advice for the keys of a site that were written below a table header, and so into that table."""
    line = table.document.first_table()
    return dict.fromkeys((*SITE_KEYS, *APP_KEYS), f"move it above line {line}") if line else {}


def _refuse_twice(sites: list[tuple[Table, Site]], policy: Policy | None) -> None:
    seen: set[Domain] = set()
    for table, site in sites:
        for domain in site.domains:
            if domain in seen:
                table.wrong("domains", f'"{domain}" is named twice')
            seen.add(domain)
    if policy and len(seen) > policy.most_domains:
        table, _ = sites[0]
        table.wrong("domains", f"has {len(seen)} domains; the server allows an app {policy.most_domains}")


def _not_yet(document: Document) -> list[Problem]:
    """The keys that this version understands and does not serve."""
    data = document.data
    paths: list[toml.Path] = [
        (key,)
        for key in (
            "canonical",
            "fallback",
            "hsts",
            "max_body",
            "timeout",
            "routes",
            "redirects",
            "headers",
            "sites",
        )
        if key in data
    ]
    served = {"certificates": ("per-domain",), "challenge": ("auto", "http-01"), "profile": ("",)}
    tls = data.get("tls")
    if isinstance(tls, dict):
        paths += [("tls", key) for key, good in served.items() if key in tls and tls[key] not in good]
    problems = [document.problem(path, f'"{path[-1]}" is not supported yet') for path in paths]
    if data.get("domains") == []:
        problems.append(document.problem(("domains",), "an empty list is not supported yet; name a domain"))
    return problems
