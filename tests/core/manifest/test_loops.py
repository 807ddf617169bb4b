"""Redirects that lead to one another: every circle that the file shows is found, and nothing that ends."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookrunner.core.manifest.loops import loops
from hookrunner.model.app import Folder, Site
from hookrunner.model.names import Domain
from hookrunner.model.rules import Redirect, Target, UrlPattern

Way = tuple[str, str]
Circles = list[list[tuple[int, int]]]  # number of the site, number of its redirect


def site(domain: str, *ways: Way) -> Site:
    """A site of one domain with redirects from and to."""
    redirects = tuple(Redirect(UrlPattern.parse(source), Target.parse(target)) for source, target in ways)
    return Site((Domain.parse(domain),), Folder("."), redirects=redirects)


ENDLESS = [
    pytest.param([("/a", "/a")], [[(0, 0)]], id="to itself"),
    pytest.param([("/a", "/a?b=c")], [[(0, 0)]], id="to itself with a query"),
    pytest.param([("/a", "/a#b")], [[(0, 0)]], id="to itself with a fragment"),
    pytest.param([("/über", "/%C3%BCber")], [[(0, 0)]], id="to itself, encoded"),
    pytest.param([("/*", "/index.html")], [[(0, 0)]], id="everything to one page"),
    pytest.param([("/*", "/")], [[(0, 0)]], id="everything to the start page"),
    pytest.param([("/*", "/?from=:splat")], [[(0, 0)]], id="everything to the start page with the rest as a query"),
    pytest.param([("/*", "/:splat")], [[(0, 0)]], id="everything to where it is"),
    pytest.param([("/a/*", "/a/b/:splat")], [[(0, 0)]], id="a path that grows"),
    pytest.param([("/a*", "/a/:splat")], [[(0, 0)]], id="a beginning that grows"),
    pytest.param([("/a/*", "/a/b")], [[(0, 0)]], id="a folder to its own file"),
    pytest.param([("/a", "/b"), ("/b", "/a")], [[(0, 0), (0, 1)]], id="two steps"),
    pytest.param([("/a/*", "/b/:splat"), ("/b/*", "/a/:splat")], [[(0, 0), (0, 1)]], id="two folders"),
    pytest.param([("/a", "/b"), ("/b", "/c"), ("/c", "/a")], [[(0, 0), (0, 1), (0, 2)]], id="three steps"),
    pytest.param([("/c", "/a"), ("/b", "/c"), ("/a", "/b")], [[(0, 0), (0, 2), (0, 1)]], id="three steps backwards"),
    pytest.param([("/x", "/b"), ("/a", "/b"), ("/b", "/a")], [[(0, 1), (0, 2)]], id="a way that leads into a circle"),
    pytest.param([("/x", "/c"), ("/b", "/c"), ("/c", "/b")], [[(0, 1), (0, 2)]], id="entered at its second redirect"),
    pytest.param(
        [("/a", "/b"), ("/c", "/c"), ("/b", "/a"), ("/d/*", "/d/:splat")],
        [[(0, 0), (0, 2)], [(0, 1)], [(0, 3)]],
        id="several circles",
    ),
    pytest.param([("/a/b", "/c"), ("/a/*", "/a/x/:splat")], [[(0, 1)]], id="an earlier redirect takes but one path"),
    pytest.param([("/a", "https://a.org/a")], [[(0, 0)]], id="to its own domain"),
    pytest.param([("/a", "http://A.org./a")], [[(0, 0)]], id="to its own domain in another spelling"),
    pytest.param([("/a", "https://a.org:443/a")], [[(0, 0)]], id="to its own domain with its port"),
    pytest.param([("/*", "https://a.org")], [[(0, 0)]], id="to its own domain without a path"),
    pytest.param([("/*", "https://a.org/:splat")], [[(0, 0)]], id="everything to its own domain"),
]
ENDING = [
    pytest.param([], id="no redirect"),
    pytest.param([("/a", "/b")], id="one step"),
    pytest.param([("/a", "/b"), ("/b", "/c"), ("/c", "/d")], id="three steps"),
    pytest.param([("/a", "/a/")], id="to the path with a slash"),
    pytest.param([("/a", "/A")], id="to another case"),
    pytest.param([("/a/*", "/:splat")], id="out of a folder"),
    pytest.param([("/a/*", "/a")], id="to the path without its slash"),
    pytest.param([("/a/*", "/b?at=/a/:splat")], id="the path in the query alone"),
    pytest.param([("/a/*", "/b#/a/")], id="the path in the fragment alone"),
    pytest.param([("/*", "https://b.org/:splat")], id="everything to another host"),
    pytest.param([("/*", "https://www.a.org/:splat")], id="everything to a host below"),
    pytest.param([("/*", "https://192.0.2.1/:splat")], id="everything to an address"),
    pytest.param([("/*", "https://a.org:8443/:splat")], id="everything to another port"),
    pytest.param([("/b", "/c"), ("/a", "/b"), ("/b", "/a")], id="the first match wins"),
    pytest.param([("/*", "https://b.org/:splat"), ("/a", "/a")], id="the first match wins over everything after it"),
    pytest.param([("/a/*", "/b/x/:splat"), ("/b/x/*", "/c"), ("/b/*", "/a/:splat")], id="the first that takes it wins"),
]


@pytest.mark.parametrize(("ways", "expected"), ENDLESS)
def test_a_circle_is_found_once(ways: list[Way], expected: Circles) -> None:
    """Each circle is told once, from the first of its redirects in the file, without the ways that lead into it."""
    assert loops([site("a.org", *ways)]) == expected


@pytest.mark.parametrize("ways", ENDING)
def test_what_ends_is_no_circle(ways: list[Way]) -> None:
    """Redirects that leave the site, or arrive at a path that none of them takes, are left alone."""
    assert loops([site("a.org", *ways)]) == []


@pytest.mark.parametrize(
    ("sites", "expected"),
    [
        pytest.param(
            [
                site("a.org", ("/*", "https://b.org/:splat")),
                site("b.org", ("/x", "/y"), ("/*", "https://a.org/:splat")),
            ],
            [[(0, 0), (1, 1)]],
            id="through another site and back",
        ),
        pytest.param(
            [site("a.org", ("/a", "/b")), site("b.org", ("/b", "/a"))],
            [],
            id="a path is one of the same site",
        ),
        pytest.param(
            [site("a.org"), site("b.org", ("/a", "https://a.org/a"))],
            [],
            id="a site without redirects",
        ),
        pytest.param(
            [site("a.org", ("/a", "/a")), site("b.org", ("/a", "/a"))],
            [[(0, 0)], [(1, 0)]],
            id="one in each site",
        ),
        pytest.param(
            [site("*.a.org", ("/*", "https://x.a.org/:splat"))],
            [[(0, 0)]],
            id="a wildcard and a name below it",
        ),
        pytest.param(
            [site("*.a.org", ("/*", "https://a.org/:splat"))],
            [],
            id="a wildcard and the name above it",
        ),
        pytest.param(
            [site("*.a.org", ("/*", "https://y.x.a.org/:splat"))],
            [],
            id="a wildcard and a name two labels below it",
        ),
        pytest.param(
            [site("*.a.org", ("/*", "https://x.a.org/:splat")), site("x.a.org")],
            [],
            id="a name of its own goes before a wildcard",
        ),
        pytest.param(
            [site("bücher.org", ("/a", "https://BÜCHER.org/a"))],
            [[(0, 0)]],
            id="an internationalised name",
        ),
    ],
)
def test_domains_of_the_same_file_are_followed(sites: list[Site], expected: Circles) -> None:
    """A URL of a domain that the file names leads on to the redirects of that domain's site."""
    assert loops(sites) == expected


def test_every_domain_of_a_site_leads_to_it() -> None:
    """It does not matter which of the site's domains a URL names."""
    circling = site("a.org", ("/*", "https://www.a.org/:splat"))
    assert loops([circling]) == []
    assert loops([circling._replace(domains=(Domain("a.org"), Domain("www.a.org")))]) == [[(0, 0)]]


paths = st.sampled_from(["/", "/a", "/a/", "/a/b", "/b", "/b/a", "/c"])


@settings(max_examples=500, derandomize=True, deadline=None, database=None)
@given(st.lists(st.tuples(st.builds("{}{}".format, paths, st.sampled_from(["", "*"])), paths), max_size=8))
def test_a_browser_that_goes_on_for_ever_is_in_a_circle(ways: list[Way]) -> None:
    """The circles hold exactly the redirects that a browser which follows them passes again and again."""
    seen: set[int] = set()
    for _, path in ways:
        passed: list[int] = []
        while (number := first_match(ways, path)) is not None and passed.count(number) < 2:
            passed.append(number)
            path = ways[number][1]
        seen |= {number for number in passed if passed.count(number) == 2}
    circles = loops([site("a.org", *ways)])
    assert sorted(place.redirect for circle in circles for place in circle) == sorted(seen)
    assert all(circle[0] == min(circle) for circle in circles)


def first_match(ways: list[Way], path: str) -> int | None:
    """The redirect that answers a request for ``path``."""
    for number, (source, _) in enumerate(ways):
        if path.startswith(source[:-1]) if source.endswith("*") else path == source:
            return number
    return None
