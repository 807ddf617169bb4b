"""Whose is what."""

import pytest

from hookrunner.core.claims import Claims
from hookrunner.model.app import Upstream
from hookrunner.model.names import AppName, Domain, Invalid

SHOP, BLOG = AppName("shop"), AppName("blog")
CLAIMS = Claims(
    {Domain("a.org"): BLOG, Domain("*.w.org"): BLOG, Domain("x.y.org"): BLOG, Domain("own.org"): SHOP},
    {"loopback:8000": BLOG, "unix:/run/blog.sock": BLOG, "loopback:8001": SHOP, "10.0.0.1:8000": BLOG},
)


@pytest.mark.parametrize(
    ("domain", "words"),
    [
        ("a.org", "belongs to the app blog"),
        ("*.w.org", "belongs to the app blog"),
        ("b.w.org", "overlaps *.w.org, which belongs to the app blog"),
        ("*.y.org", "overlaps x.y.org, which belongs to the app blog"),
        ("own.org", None),
        ("free.org", None),
        ("www.a.org", None),
        ("*.a.org", None),
        ("w.org", None),
        ("a.b.w.org", None),
        ("*.b.w.org", None),
        ("*.org.uk", None),
    ],
)
def test_domains(domain: str, words: str | None) -> None:
    """A domain that another app holds, a wildcard over it or a name under it, is refused with the app's name."""
    CLAIMS.check_domain(Domain.parse(domain), BLOG if words else SHOP)
    if words:
        with pytest.raises(Invalid) as caught:
            CLAIMS.check_domain(Domain.parse(domain), SHOP)
        assert str(caught.value) == words


@pytest.mark.parametrize(
    ("upstream", "taken"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://127.0.0.9:8000", True),
        ("http://[::1]:8000", True),
        ("unix:/run/blog.sock", True),
        ("http://10.0.0.1:8000", True),
        ("http://127.0.0.1:8001", False),
        ("http://10.0.0.2:8000", False),
        ("unix:/run/shop.sock", False),
    ],
)
def test_upstreams(upstream: str, taken: bool) -> None:
    """An upstream that another app holds is refused, at whichever loopback address it is written."""
    if taken:
        with pytest.raises(Invalid, match=r"^belongs to the app blog$"):
            CLAIMS.check_upstream(Upstream.parse(upstream), SHOP)
        CLAIMS.check_upstream(Upstream.parse(upstream), BLOG)
    else:
        CLAIMS.check_upstream(Upstream.parse(upstream), SHOP)
