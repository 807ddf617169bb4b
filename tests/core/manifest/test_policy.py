"""What the server lets one app ask for, refused with who holds it or where the owner can allow it."""

from pathlib import Path

import pytest

from hookrunner.core.authorities import authority
from hookrunner.core.claims import Claims
from hookrunner.core.manifest.policy import Policy
from hookrunner.model.app import Folder, Upstream
from hookrunner.model.names import AppName, Domain, Invalid
from hookrunner.model.server import Acme, AppSettings, Dns, Limits, Nginx, Pattern, Settings

SHOP, WIKI = AppName("shop"), AppName("wiki")
TREE = {
    "app.toml": "100644",
    "public": "040000",
    "public/html": "040000",
    "public/index.html": "100644",
    "run.sh": "100755",
    "latest": "120000",
    "public/docs": "120000",
    "theme": "160000",
}


def patterns(*texts: str) -> tuple[Pattern, ...]:
    """`allowed_domains = […]`."""
    return tuple(Pattern(Domain.parse(text)) for text in texts)


def policy(
    allowed: tuple[Pattern, ...] | None = None, proxies: tuple[str, ...] = (), claims: Claims | None = None
) -> Policy:
    """The policy for shop on a server with nginx on 8080 and 8443 and the responder on 8888."""
    settings = Settings(
        acme=Acme("you@example.org", authority("letsencrypt"), 16),
        state=Path("/var/lib/hookrunner"),
        nginx=Nginx(http_port=8080, https_port=8443),
        limits=Limits(domains=7),
        apps={SHOP: AppSettings(allowed, tuple(map(Upstream.parse, proxies)))},
    )
    return Policy.of(settings, SHOP, claims or Claims(), TREE)


def test_policy_of_the_settings() -> None:
    """The policy holds the app's own settings, and the ports that nginx and the responder listen on."""
    assert policy(patterns("a.org"), ("unix:/tmp/x",)) == Policy(
        app=SHOP,
        allowed_domains=patterns("a.org"),
        proxies=(Upstream("/tmp/x", None),),  # noqa: S108 - a text
        reserved_ports=frozenset({8080, 8443, 8888}),
        most_domains=7,
        claims=Claims(names_holders=False),  # it has allowed_domains, so that a key may be limited to it
        tree=TREE,
        dns=Dns(),
        manifest="app.toml",
    )


def test_an_app_that_the_settings_do_not_name_gets_the_defaults() -> None:
    """An app without a table of its own may name any domain and has no further upstreams."""
    settings = Settings(Acme("you@example.org", authority("letsencrypt"), 16), Path("/srv"))
    made = Policy.of(settings, WIKI, Claims(), {})
    assert (made.allowed_domains, made.proxies, made.most_domains) == (None, (), 100)


@pytest.mark.parametrize(
    ("allowed", "domain"),
    [
        (None, "any.example"),
        (patterns("a.org"), "a.org"),
        (patterns("*.a.org"), "b.a.org"),
        (patterns("*.a.org"), "c.b.a.org"),
        (patterns("*.a.org"), "*.a.org"),
        (patterns("*.a.org"), "*.b.a.org"),
        (patterns("a.org", "b.org"), "b.org"),
    ],
)
def test_an_allowed_domain(allowed: tuple[Pattern, ...] | None, domain: str) -> None:
    """A pattern allows its domain, and with `*.` everything below it at any depth; without patterns all goes."""
    policy(allowed).check_domain(Domain.parse(domain))


@pytest.mark.parametrize(
    ("allowed", "domain", "names"),
    [
        (patterns("a.org"), "b.a.org", "a.org"),
        (patterns("a.org"), "*.a.org", "a.org"),
        (patterns("*.a.org"), "a.org", "*.a.org"),
        (patterns("*.a.org"), "aa.org", "*.a.org"),
        (patterns("*.a.org"), "*.org.example", "*.a.org"),
        (patterns("a.org", "*.b.org"), "c.org", "a.org, *.b.org"),
        ((), "a.org", "none"),
    ],
)
def test_a_domain_that_is_not_allowed(allowed: tuple[Pattern, ...], domain: str, names: str) -> None:
    """A domain outside the patterns is refused with the patterns, and an empty list allows none."""
    with pytest.raises(Invalid) as caught:
        policy(allowed).check_domain(Domain.parse(domain))
    assert str(caught.value) == f"is not one of the domains that the server allows shop: {names}"


def test_a_domain_that_another_app_holds() -> None:
    """A claim of another app is found through the policy."""
    with pytest.raises(Invalid) as caught:
        policy(claims=Claims(domains={Domain("a.org"): WIKI})).check_domain(Domain("a.org"))
    assert str(caught.value) == (
        "belongs to the app wiki; to move it, take it out of the app.toml of wiki and push that first"
    )


@pytest.mark.parametrize("folder", [".", "public", "public/html"])
def test_a_folder_of_the_commit(folder: str) -> None:
    """A folder of the pushed commit, and the whole of it, may be served."""
    policy().check_folder(Folder.parse(folder))


@pytest.mark.parametrize(
    ("folder", "text"),
    [
        ("dist", "is not in the pushed commit; git keeps no empty folders"),
        ("public/dist", "is not in the pushed commit; git keeps no empty folders"),
        ("run.sh", "is not a folder: run.sh is a file"),
        ("public/index.html", "is not a folder: public/index.html is a file"),
        ("public/index.html/x", "is not a folder: public/index.html is a file"),
        ("latest", "leads through the link latest; name the folder itself"),
        ("latest/html", "leads through the link latest; name the folder itself"),
        ("public/docs/en", "leads through the link public/docs; name the folder itself"),
    ],
)
def test_no_folder_of_the_commit(folder: str, text: str) -> None:
    """What is missing, a file or behind a link is refused with what it is."""
    with pytest.raises(Invalid) as caught:
        policy().check_folder(Folder.parse(folder))
    assert str(caught.value) == text


def test_a_folder_beside_the_manifest() -> None:
    """Who counts a folder from where app.toml stands is told how it is written."""
    beside = policy()._replace(manifest="public/app.toml")
    with pytest.raises(Invalid) as caught:
        beside.check_folder(Folder.parse("html"))
    assert str(caught.value) == 'is not in the pushed commit; "public/html" is, and folders count from the top'


@pytest.mark.parametrize(
    ("folder", "file"),
    [
        pytest.param("public", "index.html", id="below a folder"),
        pytest.param(".", "public/index.html", id="below the whole repository"),
        pytest.param(".", "run.sh", id="at the top"),
        pytest.param(".", "latest", id="a link"),
    ],
)
def test_a_file_of_the_commit(folder: str, file: str) -> None:
    """A file of the pushed commit may be a fallback; where a link leads is looked at with all links."""
    policy().check_file(Folder.parse(folder), file)


@pytest.mark.parametrize(
    ("folder", "file", "path"),
    [
        pytest.param("public", "app.html", "public/app.html", id="missing"),
        pytest.param(".", "index.html", "index.html", id="in another folder"),
        pytest.param("public", "html", "public/html", id="a folder"),
        pytest.param("public", "html/index.html", "public/html/index.html", id="missing in a folder"),
        pytest.param("public", "index.html/x", "public/index.html/x", id="below a file"),
        pytest.param(".", "latest/index.html", "latest/index.html", id="behind a link"),
        pytest.param(".", "theme", "theme", id="a submodule"),
    ],
)
def test_no_file_of_the_commit(folder: str, file: str, path: str) -> None:
    """What is missing or no file is refused with its path in the repository."""
    with pytest.raises(Invalid) as caught:
        policy().check_file(Folder.parse(folder), file)
    assert str(caught.value) == f"is not a file of the pushed commit: {path}"


@pytest.mark.parametrize(
    "upstream",
    [
        "http://127.0.0.1:1024",
        "http://127.9.9.9:65535",
        "http://[::1]:3000",
        "http://[::ffff:127.0.0.1]:3000",
        "unix:/run/shop.sock",
        "unix:/run/shop/web.sock",
    ],
)
def test_an_upstream_that_needs_no_permission(upstream: str) -> None:
    """Loopback ports from 1024 and the app's own sockets are free."""
    policy().check_upstream(Upstream.parse(upstream))


TABLE = "the server's owner can add it to [apps.shop] proxies in server.toml"
NO_SOCKET = f"is neither /run/shop.sock nor /run/shop/*.sock; {TABLE}"
FOREIGN = [
    ("http://127.0.0.1:1023", f"is a port below 1024; {TABLE}"),
    ("http://10.0.0.1:8000", f"is not on this machine; {TABLE}"),
    ("http://[fe80::1]:8000", f"is not on this machine; {TABLE}"),
    ("http://169.254.169.254:80", f"is not on this machine; {TABLE}"),
    ("unix:/run/wiki.sock", NO_SOCKET),
    ("unix:/run/wiki/web.sock", NO_SOCKET),
    ("unix:/run/shop/deeper/web.sock", NO_SOCKET),
    ("unix:/run/shop/web.socket", NO_SOCKET),
    ("unix:/run/shopping/web.sock", NO_SOCKET),
    ("unix:/run/docker.sock", NO_SOCKET),
    ("unix:/var/run/shop.sock", NO_SOCKET),
]


@pytest.mark.parametrize(("upstream", "text"), FOREIGN)
def test_an_upstream_that_needs_permission(upstream: str, text: str) -> None:
    """All else is refused with the setting that would allow it."""
    with pytest.raises(Invalid) as caught:
        policy().check_upstream(Upstream.parse(upstream))
    assert str(caught.value) == text


@pytest.mark.parametrize("upstream", [upstream for upstream, _ in FOREIGN])
def test_an_upstream_that_the_owner_permits(upstream: str) -> None:
    """What `proxies` lists is allowed."""
    policy(proxies=(upstream,)).check_upstream(Upstream.parse(upstream))


@pytest.mark.parametrize(
    ("upstream", "port"),
    [("http://127.0.0.1:8080", 8080), ("http://127.0.0.2:8443", 8443), ("http://[::1]:8888", 8888)],
)
def test_a_reserved_port(upstream: str, port: int) -> None:
    """nginx itself is never an upstream, not even with the owner's permission."""
    with pytest.raises(Invalid) as caught:
        policy(proxies=(upstream,)).check_upstream(Upstream.parse(upstream))
    assert str(caught.value) == f"is port {port}, which nginx or hookrunner itself listens on"


def test_a_reserved_port_of_another_machine() -> None:
    """The ports are reserved on this machine alone."""
    policy(proxies=("http://10.0.0.1:8080",)).check_upstream(Upstream.parse("http://10.0.0.1:8080"))


def test_an_upstream_that_another_app_holds() -> None:
    """A claim of another app wins over the owner's permission, whichever loopback address is written."""
    claims = Claims(upstreams={"loopback:3000": WIKI})
    with pytest.raises(Invalid) as caught:
        policy(proxies=("http://[::1]:3000",), claims=claims).check_upstream(Upstream.parse("http://[::1]:3000"))
    assert str(caught.value) == "belongs to the app wiki"
