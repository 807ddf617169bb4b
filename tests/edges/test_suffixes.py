"""Registered domains: what the whole Public Suffix List says, although a part of it is read."""

import publicsuffixlist
import pytest

from hookrunner.edges import suffixes
from hookrunner.model.names import Domain


@pytest.mark.parametrize(
    ("name", "registered"),
    [
        ("app.park-spot.co", "park-spot.co"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("example.co.uk", "example.co.uk"),
        ("co.uk", "co.uk"),
        ("*.example.org", "example.org"),
        ("me.github.io", "me.github.io"),
        ("www.city.kawasaki.jp", "city.kawasaki.jp"),
        ("a.b.kawasaki.jp", "a.b.kawasaki.jp"),
        ("a.b.unheard-of", "b.unheard-of"),
        ("a.bücher.example", "xn--bcher-kva.example"),
        ("a.b.公司.cn", "b.xn--55qx5d.cn"),
        ("a.b.公司.中国", "xn--55qx5d.xn--fiqs8s"),
        ("a.b.gov.香港", "gov.xn--j6w193g"),
    ],
)
def test_registered(name: str, registered: str) -> None:
    """By hand, and by the library over all of its rules."""
    domain = Domain.parse(name)
    assert suffixes.registered(domain) == registered
    whole = publicsuffixlist.PublicSuffixList()
    assert (whole.privatesuffix(domain.base) or domain.base) == registered
