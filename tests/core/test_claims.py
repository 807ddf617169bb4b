"""A domain, or an upstream, belongs to one app."""

import pytest

from hookrunner.core.claims import Claims
from hookrunner.model.app import Upstream
from hookrunner.model.names import AppName, Domain, Invalid

TO_MOVE = "; to move it, take it out of the app.toml of wiki and push that first"
SHOP, WIKI = AppName("shop"), AppName("wiki")


def held(*names: str, by: AppName = WIKI) -> Claims:
    """Claims of one app on domains."""
    return Claims(domains={Domain(name): by for name in names})


@pytest.mark.parametrize(
    ("claims", "domain"),
    [
        (Claims(), "a.org"),
        (held("a.org", by=SHOP), "a.org"),
        (held("a.org"), "b.org"),
        (held("a.org"), "b.a.org"),
        (held("a.org"), "*.a.org"),
        (held("b.a.org"), "a.org"),
        (held("*.a.org"), "a.org"),
        (held("*.a.org"), "c.b.a.org"),
        (held("c.b.a.org"), "*.a.org"),
        (held("*.a.org"), "*.b.a.org"),
        (held("*.a.org", by=SHOP), "b.a.org"),
        (held("b.a.org", by=SHOP), "*.a.org"),
    ],
)
def test_a_free_domain(claims: Claims, domain: str) -> None:
    """A domain is free when no other app holds it, the wildcard over it or, for a wildcard, a name under it."""
    claims.check_domain(Domain(domain), SHOP)


@pytest.mark.parametrize(
    ("claims", "domain", "text"),
    [
        (held("a.org"), "a.org", f"belongs to the app wiki{TO_MOVE}"),
        (held("*.a.org"), "*.a.org", f"belongs to the app wiki{TO_MOVE}"),
        (held("*.a.org"), "b.a.org", f"overlaps *.a.org, which belongs to the app wiki{TO_MOVE}"),
        (held("b.a.org"), "*.a.org", f"overlaps b.a.org, which belongs to the app wiki{TO_MOVE}"),
        (
            Claims(domains={Domain("b.a.org"): SHOP, Domain("c.a.org"): WIKI}),
            "*.a.org",
            f"overlaps c.a.org, which belongs to the app wiki{TO_MOVE}",
        ),
        (
            Claims(domains={Domain("b.a.org"): SHOP, Domain("*.a.org"): WIKI}),
            "b.a.org",
            f"overlaps *.a.org, which belongs to the app wiki{TO_MOVE}",
        ),
    ],
)
def test_a_domain_of_another_app(claims: Claims, domain: str, text: str) -> None:
    """A domain that another app holds, or that overlaps one of its, is refused with the holder's name."""
    with pytest.raises(Invalid) as caught:
        claims.check_domain(Domain(domain), SHOP)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    "upstream", ["http://127.0.0.1:3001", "http://10.0.0.2:3000", "http://10.0.0.1:3001", "unix:/run/shop.sock"]
)
def test_a_free_upstream(upstream: str) -> None:
    """An upstream is free when no other app holds the same one."""
    claims = Claims(upstreams={"loopback:3000": WIKI, "10.0.0.1:3000": WIKI, "unix:/run/wiki.sock": WIKI})
    claims.check_upstream(Upstream.parse(upstream), SHOP)


@pytest.mark.parametrize(
    "upstream",
    [
        "http://127.0.0.1:3000",
        "http://127.8.8.8:3000",
        "http://[::1]:3000",
        "http://10.0.0.1:3000",
        "unix:/run/wiki.sock",
    ],
)
def test_an_upstream_of_another_app(upstream: str) -> None:
    """An upstream that another app holds is refused, a port at whichever loopback address; its holder may go on."""
    claims = Claims(upstreams={"loopback:3000": WIKI, "10.0.0.1:3000": WIKI, "unix:/run/wiki.sock": WIKI})
    claims.check_upstream(Upstream.parse(upstream), WIKI)
    with pytest.raises(Invalid) as caught:
        claims.check_upstream(Upstream.parse(upstream), SHOP)
    assert str(caught.value) == "belongs to the app wiki"


def test_a_holder_that_is_not_named() -> None:
    """Where a key reaches this app alone, what it is told names no other."""
    claims = Claims({Domain("*.a.org"): WIKI}, {"loopback:3000": WIKI}, names_holders=False)
    for domain, text in (
        ("*.a.org", "belongs to another app"),
        ("b.a.org", "overlaps a domain of another app"),
    ):
        with pytest.raises(Invalid) as caught:
            claims.check_domain(Domain(domain), SHOP)
        assert str(caught.value) == text
    with pytest.raises(Invalid, match=r"belongs to another app\Z"):
        claims.check_upstream(Upstream.parse("http://127.0.0.1:3000"), SHOP)
