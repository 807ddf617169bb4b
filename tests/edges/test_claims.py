"""Claims: a domain or an upstream belongs to the app that came first, until it is given back."""

import subprocess
import sys
from pathlib import Path

import pytest

from hookrunner.edges import claims
from hookrunner.edges.records import FileStore
from hookrunner.model.app import Folder, Manifest, Site, Upstream
from hookrunner.model.names import AppName, Domain, Invalid

SHOP, BLOG = AppName("shop"), AppName("blog")


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    """An empty store."""
    return FileStore(tmp_path / "records")


def manifest(*domains: str, proxy: str | None = None) -> Manifest:
    """One site."""
    content = Upstream.parse(proxy) if proxy else Folder(".")
    return Manifest((Site(tuple(map(Domain.parse, domains)), content),))


def held(store: FileStore) -> tuple[dict[str, str], dict[str, str]]:
    """All claims, as texts."""
    read = claims.read_claims(store)
    return {str(d): str(a) for d, a in read.domains.items()}, {u: str(a) for u, a in read.upstreams.items()}


def test_what_is_taken_is_held(store: FileStore) -> None:
    """Domains, wildcards included, and upstreams of every kind are the app's once taken, and again is no change."""
    for _ in range(2):
        claims.take(store, SHOP, manifest("a.example", "*.b.example", proxy="http://127.0.0.1:8000"))
        claims.take(store, SHOP, manifest("a.example", proxy="unix:/run/shop/web.sock"))
        claims.take(store, SHOP, manifest("a.example", proxy="http://[2001:db8::1]:80"))
    assert held(store) == (
        {"*.b.example": "shop", "a.example": "shop"},
        {"loopback:8000": "shop", "unix:/run/shop/web.sock": "shop", "[2001:db8::1]:80": "shop"},
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [("a.example", "a.example"), ("*.a.example", "x.a.example"), ("x.a.example", "*.a.example"), ("*.a.example",) * 2],
)
def test_a_domain_of_another_app_is_refused(store: FileStore, first: str, second: str) -> None:
    """Equal names, a wildcard over a held name and a name under a held wildcard are refused, and nothing is taken."""
    claims.take(store, SHOP, manifest(first))
    with pytest.raises(Invalid, match="shop"):
        claims.take(store, BLOG, manifest("free.example", second, proxy="http://127.0.0.1:9000"))
    assert held(store) == ({first: "shop"}, {})


def test_names_that_do_not_overlap_go_to_different_apps(store: FileStore) -> None:
    """A wildcard covers one label: neither its base nor a name two labels below conflicts."""
    claims.take(store, SHOP, manifest("*.a.example"))
    claims.take(store, BLOG, manifest("a.example", "x.y.a.example"))
    assert set(held(store)[0]) == {"*.a.example", "a.example", "x.y.a.example"}


def test_an_upstream_of_another_app_is_refused(store: FileStore) -> None:
    """One port is one upstream, by whichever loopback address it is written."""
    claims.take(store, SHOP, manifest("a.example", proxy="http://127.0.0.1:8000"))
    for proxy in ("http://127.0.0.1:8000", "http://127.0.0.2:8000", "http://[::1]:8000"):
        with pytest.raises(Invalid, match="belongs to the app shop"):
            claims.take(store, BLOG, manifest("b.example", proxy=proxy))
    assert held(store) == ({"a.example": "shop"}, {"loopback:8000": "shop"})


def test_giving_back_frees_all_but_what_is_kept(store: FileStore) -> None:
    """What is given back can be taken by another app; what is kept, and what others hold, stays."""
    claims.take(store, SHOP, manifest("a.example", "b.example", proxy="http://127.0.0.1:8000"))
    claims.take(store, SHOP, manifest("a.example", proxy="http://127.0.0.1:8001"))
    claims.take(store, BLOG, manifest("c.example", proxy="http://127.0.0.1:8002"))
    claims.give_back(store, SHOP, but=([Domain("a.example")], [Upstream("127.0.0.1", 8001)]))
    assert held(store) == (
        {"a.example": "shop", "c.example": "blog"},
        {"loopback:8001": "shop", "loopback:8002": "blog"},
    )
    claims.take(store, BLOG, manifest("b.example", proxy="http://127.0.0.1:8000"))
    claims.give_back(store, SHOP, but=((), ()))
    assert held(store)[0] == {"b.example": "blog", "c.example": "blog"}


def test_of_apps_that_ask_at_once_one_gets_all(store: FileStore) -> None:
    """Overlapping lists of names, taken by several processes at once, go whole to one and not at all to the others."""
    code = """
import sys
from pathlib import Path
from hookrunner.edges import claims
from hookrunner.edges.records import FileStore
from hookrunner.model.app import Folder, Manifest, Site
from hookrunner.model.names import AppName, Domain, Invalid
app = sys.argv[2]
names = ["shared.example", *(f"{app}-{n}.example" for n in range(10))]
names = names if app == "app0" else names[::-1]
sys.stdin.readline()
try:
    site = Site(tuple(map(Domain, names)), Folder("."))
    claims.take(FileStore(Path(sys.argv[1])), AppName(app), Manifest((site,)))
    print("took")
except Invalid:
    print("refused")
"""
    argv = [sys.executable, "-c", code, str(store.folder)]
    started = [
        subprocess.Popen([*argv, f"app{n}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for n in range(4)
    ]
    for process in started:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=30)[0].strip() for process in started]
    assert sorted(answers) == ["refused", "refused", "refused", "took"]
    domains = held(store)[0]
    assert len(domains) == 11
    assert set(domains.values()) == {f"app{answers.index('took')}"}
