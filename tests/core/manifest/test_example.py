"""app.toml.example, which `hookrunner new` writes, is right and complete."""

import re
from pathlib import Path

import pytest

from hookrunner.core.manifest.parse import (
    APP_KEYS,
    HEADER_KEYS,
    REDIRECT_KEYS,
    ROUTE_KEYS,
    SITE_KEYS,
    TLS_KEYS,
    parse,
)
from hookrunner.model.app import Folder, Manifest, Route, Site, Upstream
from hookrunner.model.names import Domain
from hookrunner.model.rules import Header, HeaderRule, Redirect, Target, UrlPattern

EXAMPLE = (Path(__file__).parents[3] / "app.toml.example").read_text("utf-8")
DOMAINS = (Domain("park-spot.co"), Domain("www.park-spot.co"))
KEYS = sorted({*SITE_KEYS, *APP_KEYS, *TLS_KEYS, *ROUTE_KEYS, *REDIRECT_KEYS, *HEADER_KEYS} - {"deploy"})


def test_the_example_as_it_stands() -> None:
    """The file as it is written is accepted, and every value in it but the domains and the root is the default."""
    assert parse(EXAMPLE.encode()) == Manifest((Site(DOMAINS, Folder("public")),))


def test_the_example_with_every_key() -> None:
    """With the "#" taken away from every key the file is accepted, and says what its comments say."""
    manifest = parse(re.sub(r"^#(?! )", "", EXAMPLE, flags=re.MULTILINE).encode())
    cached = Header("Cache-Control", "public, max-age=31536000")
    assert manifest.sites == (
        Site(
            DOMAINS,
            Folder("public"),
            canonical=DOMAINS[0],
            fallback="index.html",
            routes=(
                Route(UrlPattern("/api/", True), Upstream("127.0.0.1", 8001), 3600),
                Route(UrlPattern("/docs/", True), Folder("docs/html")),
            ),
            redirects=(Redirect(UrlPattern("/old/", True), Target("/new/:splat"), 302),),
            headers=(HeaderRule(UrlPattern("/assets/", True), (cached,)),),
        ),
    )


def test_the_examples_sites() -> None:
    """The lines about several sites are a file of their own when their comment signs are taken away."""
    lines = EXAMPLE[EXAMPLE.index("# [[sites]]") : EXAMPLE.index("# Tables whose")]
    (site,) = parse(re.sub(r"^# ", "", lines, flags=re.MULTILINE).encode()).sites
    assert (site.domains, site.content) == ((Domain("docs.park-spot.co"),), Folder("docs/html"))
    assert [str(route.path) for route in site.routes] == ["/search"]


@pytest.mark.parametrize("key", KEYS)
def test_the_example_shows_every_key(key: str) -> None:
    """No key of app.toml is missing: each is set or is a table in a line, commented out or not."""
    header = rf"\[+(?:\w+\.)*{key}\]+"
    assert re.search(rf"^(?:# ?)?(?:{header}|(?:.*[{{,] )?{key} = )", EXAMPLE, re.MULTILINE)


def test_the_example_mentions_the_open_prefix() -> None:
    """The reader learns that tables of one prefix are left alone."""
    assert '"x-"' in EXAMPLE
