"""Typed sites to nginx files. What reaches a template is a parsed value; text from outside never does."""

import hashlib
import json
import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import hookrunner
from hookrunner.model.publication import Publication
from hookrunner.model.server import Settings
from hookrunner.publisher.blocks import blocks, port
from hookrunner.publisher.directives import Releases, quoted
from hookrunner.publisher.keys import KeyFolder
from hookrunner.publisher.locations import hidden
from hookrunner.publisher.nginx import MARKER_HOST, listens

if TYPE_CHECKING:
    import jinja2

# Mozilla's intermediate configuration (5.7), less the finite-field DH suites, which need parameters of their own.
CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
)

_HASH_BUCKET = 64  # bytes: nginx's default on most processors
_HASH_OVERHEAD = 32


def inputs(publication: Publication, settings: Settings) -> str:
    """A fingerprint of all that the app's file is made from, so that an unchanged one need not be rendered."""
    calls = ("test", "reload", "publisher")
    nginx = {key: value for key, value in settings.nginx._asdict().items() if key not in calls}
    facts = [
        hookrunner.__version__, [site.to_json() for site in publication.sites], nginx, str(settings.state),
        settings.responder,
        listens(settings.nginx.listen, settings.nginx.http_port), publication.manifest,
        [[str(name), chain] for name, chain in publication.chains.items()],
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def slot(publication: Publication, text: str) -> str:
    """The slot for the publication's file, where ``text`` is the one before: see :class:`Releases`.

    The slot begins with a fingerprint of what is served for a path. Where that stays, and names or certificates alone
    change, the slot stays too; then old and new workers go over to the release in the same instant.
    """
    rules = [site.to_json() | {"names": [], "canonical": None} for site in publication.sites]
    begins = hashlib.sha256(json.dumps([rules, publication.manifest], sort_keys=True).encode()).hexdigest()[:8]
    before = _HEAD.match(text)
    return before[1] if before and before[1].startswith(begins) else f"{begins}{os.urandom(2).hex()}"


def slot_in_use(text: str, made_from: str) -> str | None:
    """The slot of a file of ours, untouched, from these :func:`inputs`; None for any other ``text``."""
    found = _HEAD.match(text)
    return found[1] if found and found[0] == _head(made_from, text[found.end() + 1 :], found[1]) else None


def app_file(publication: Publication, settings: Settings, version: tuple[int, int, int], slot: str) -> str:
    """``<sites>/NAME.conf``. ``slot`` tells its links from those of the file before: see :class:`Releases`."""
    keys = KeyFolder(settings.certificates)
    server = _server(settings, version)
    releases = Releases.of(settings, publication, slot)
    body = _template("app.conf.j2", settings).render(
        app=publication.app,
        own_lines=settings.nginx.sites / f"{publication.app}.d" / "*.conf",
        blocks=[block for site in publication.sites for block in blocks(site, releases, settings.nginx)],
        chain=keys.chain,
        key=keys.key,
        hidden=hidden(publication.manifest),
        live=settings.current(publication.app),
        current=releases.current,
        logs=settings.nginx.logs,
        holdings=[json.dumps(holding) for holding in holdings_of(publication)],
        **server,
    )
    body = _tidy(body)
    return f"{_head(inputs(publication, settings), body, slot)}\n{body}"


def default_file(settings: Settings, version: tuple[int, int, int], *, generation: str, names: Iterable[str]) -> str:
    """``<sites>/00-hookrunner.conf``: unknown hosts, the challenge for any host, and the generation marker."""
    longest = max((len(name) for name in names), default=0) + _HASH_OVERHEAD
    bucket = _HASH_BUCKET
    while bucket < longest:
        bucket *= 2
    return _template("default.conf.j2", settings).render(
        generation=generation,
        marker=MARKER_HOST,
        # Written only when it is needed: it may stand once in http {}, and the owner may have it there.
        bucket=bucket if bucket > _HASH_BUCKET else None,
        **_server(settings, version),
    )


def _tidy(text: str) -> str:
    """Indented by its blocks, without the blank lines that macros leave.

    Lines end where "\\n" is and nowhere else: Jinja's own ``indent`` breaks them at U+2028 too, which a value may hold.
    """
    depth, whole, lines = 0, True, list[str]()
    for line in filter(None, (line.strip(" ") for line in text.split("\n"))):
        depth -= line == "}"
        lines.append(f"{'' if depth or line == '}' else chr(10)}{'    ' * (depth + (not whole))}{line}\n")
        depth += line.endswith("{")
        whole = line.endswith((";", "{", "}")) or line.startswith("#")
    return "".join(lines).lstrip("\n")


_HOLDING = re.compile(r'^# holds (".*")$', re.MULTILINE)  # one a line: nginx reads no comment over 4096 bytes


def holdings_of(publication: Publication) -> list[str]:
    """What nginx serves with it: its domains, its certificates, and the upstreams that it proxies to."""
    held = [*(str(name.domain) for name in publication.names), *map(str, publication.chains)]
    return list(dict.fromkeys([*held, *(upstream.claim for upstream in publication.upstreams)]))


def holdings(text: str) -> list[str]:
    """The same out of an app's file: the publisher's own memory of who has what, which no other user can write."""
    return [json.loads(holding) for holding in _HOLDING.findall(text)]


_HEAD = re.compile(r"# [0-9a-f]{64} [0-9a-f]{64} ([0-9a-f]{12})$", re.MULTILINE)


def _head(made_from: str, body: str, slot: str) -> str:
    return f"# {made_from} {hashlib.sha256(body.encode()).hexdigest()} {slot}"


def _server(settings: Settings, version: tuple[int, int, int]) -> dict[str, Any]:
    nginx = settings.nginx
    return {
        "http": listens(nginx.listen, nginx.http_port),
        "https": listens(nginx.listen, nginx.https_port),
        "http2_directive": version >= (1, 25, 1),
        "challenges": settings.challenges,
        "responder": settings.responder,
        "ciphers": CIPHERS,
        "trusted_proxies": nginx.trusted_proxies,
        "public_http": port(nginx.public_http_port, 80),
        "public_https": port(nginx.public_https_port, 443),
        "public_http_port": nginx.public_http_port,
        "public_https_port": nginx.public_https_port,
    }


def get_ready() -> None:
    """Import what rendering needs and a process that renders nothing does without."""
    import jinja2

    del jinja2


def _template(name: str, settings: Settings) -> "jinja2.Template":
    import jinja2

    compiled = settings.certificates / ".templates"  # nobody else can write there, and compiling takes 40 ms
    if settings.certificates.is_dir():
        compiled.mkdir(mode=0o700, exist_ok=True)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("hookrunner.publisher"),
        bytecode_cache=jinja2.FileSystemBytecodeCache(str(compiled)) if compiled.is_dir() else None,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 — nginx files, and every value is parsed
    )
    environment.filters["quoted"] = quoted
    return environment.get_template(name)
