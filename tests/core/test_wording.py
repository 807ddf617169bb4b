"""The words of the push output."""

from datetime import UTC, datetime

import pytest

from hookrunner.core import publishing, wording
from hookrunner.core.manifest.toml import Problem
from hookrunner.core.wording import Kind, Line
from hookrunner.model.app import Folder, Https
from hookrunner.model.deploy import Deploy
from hookrunner.model.names import AppName, Domain
from hookrunner.model.publication import CertificateId, Publication, PublishedSite, Reason, Refused, ServedName


def test_the_kinds_of_lines() -> None:
    """Each kind of line has its own maker, and a row has its label in a column."""
    assert [
        wording.step("a"),
        wording.detail("b"),
        wording.hint("c"),
        wording.error("d"),
        wording.row("e", "f", 9),
    ] == [
        Line(Kind.STEP, "a"),
        Line(Kind.DETAIL, "b"),
        Line(Kind.HINT, "c"),
        Line(Kind.ERROR, "d"),
        Line(Kind.DETAIL, "f", "e", 9),
    ]


@pytest.mark.parametrize(
    ("labels", "width"), [([], 0), (["a", "abc"], 3), (["a" * 40, "b"], 40), (["a" * 41, "bb"], 2), (["a" * 41], 0)]
)
def test_a_column(labels: list[str], width: int) -> None:
    """A column is as wide as its longest label, but for labels of more than 40 characters."""
    assert wording.column(labels) == width


def test_problems() -> None:
    """Every mistake stands under its line, the line is quoted once, and what has no line comes without one."""
    found = [
        Problem(None, "", 'has no "root"'),
        Problem(1, "domain = 1", "is no key"),
        Problem(10, "x = 2", "is odd"),
        Problem(10, "x = 2", "is even"),
    ]
    assert list(wording.problems("app.toml", found, "nothing was deployed")) == [
        Line(Kind.ERROR, "app.toml has 4 mistakes, nothing was deployed"),
        Line(Kind.DETAIL, 'it has no "root"'),
        Line(Kind.DETAIL, "domain = 1", "line 1", 7),
        Line(Kind.DETAIL, "is no key", "", 7),
        Line(Kind.DETAIL, "x = 2", "line 10", 7),
        Line(Kind.DETAIL, "is odd", "", 7),
        Line(Kind.DETAIL, "is even", "", 7),
    ]
    assert next(wording.problems("app.toml", found[:1], "that is all")).text == "app.toml has 1 mistake, that is all"


def test_what_is_still_live() -> None:
    """After a failure, what goes on being served is named."""
    deploy = Deploy(AppName("a"), 9, "91bc3de" + "0" * 33, "refs/heads/main", datetime(2026, 1, 1, tzinfo=UTC))
    assert wording.still_live(deploy) == "deploy 9 (91bc3de) is still live"
    assert wording.still_live(None) == "nothing is live yet"


@pytest.mark.parametrize(
    ("reason", "kept", "lines"),
    [
        (
            Reason.TEST,
            0,
            [
                (Kind.ERROR, "nginx does not pass its test, because of shop"),
                (Kind.DETAIL, "/etc/x:1"),
                (Kind.DETAIL, "unknown directive"),
                (Kind.DETAIL, "kept: the release, for the next try"),
                (Kind.HINT, "mend what nginx names, then push again"),
            ],
        ),
        (
            Reason.FOREIGN,
            1,
            [
                (Kind.ERROR, "nginx does not pass its test, and not because of shop"),
                (Kind.DETAIL, "/etc/x:1"),
                (Kind.DETAIL, "unknown directive"),
                (Kind.DETAIL, "it fails in the same way without this deploy"),
                (Kind.DETAIL, "kept: the release and 1 new certificate, for the next try"),
                (Kind.HINT, "on the server, as root: mend or move that file, nginx -t"),
            ],
        ),
        (
            Reason.CONFLICT,
            2,
            [
                (Kind.ERROR, "another nginx file serves a name of shop"),
                (Kind.DETAIL, "/etc/x:1"),
                (Kind.DETAIL, "unknown directive"),
                (Kind.DETAIL, "kept: the release and 2 new certificates, for the next try"),
                (Kind.HINT, "on the server, as root: take the name out of that file"),
            ],
        ),
        (
            Reason.REQUEST,
            0,
            [
                (Kind.ERROR, "the publisher refuses shop"),
                (Kind.DETAIL, "/etc/x:1"),
                (Kind.DETAIL, "unknown directive"),
                (Kind.DETAIL, "kept: the release, for the next try"),
            ],
        ),
    ],
)
def test_a_refusal(reason: Reason, kept: int, lines: list[tuple[Kind, str]]) -> None:
    """A refused publication says whose fault it is, nginx's own words, what was kept and what to do."""
    answer = Refused(reason, ("/etc/x:1", "unknown directive"))
    assert [(line.kind, line.text) for line in publishing.refused(answer, "shop", kept)] == lines


@pytest.mark.parametrize("reason", Reason)
def test_every_refusal_has_words(reason: Reason) -> None:
    """No reason to refuse is left without an error line."""
    assert next(publishing.refused(Refused(reason, ()), "shop", 0)).kind is Kind.ERROR


@pytest.mark.parametrize(
    ("https_port", "http_port", "urls"),
    [
        (443, 80, ["https://a.org", "http://b.org"]),
        (8443, 8080, ["https://a.org:8443", "http://b.org:8080"]),
    ],
)
def test_urls(https_port: int, http_port: int, urls: list[str]) -> None:
    """Each name has the URL at which it answers, with the port unless it is the usual one."""
    a = Domain("a.org")
    names = (ServedName(a, CertificateId("ca", a)), ServedName(Domain("b.org"), None))
    site = PublishedSite(names, Folder("."), Https.AUTO, 1, 1)
    publication = Publication(AppName("shop"), "1-" + "0" * 40, (site,), {})
    assert list(publishing.urls(publication, https_port, http_port)) == urls


def test_small_words() -> None:
    """Durations and counts read as people write them."""
    assert (wording.seconds(0.234), wording.seconds(12)) == ("0.2 s", "12.0 s")
    assert (wording.counted(1, "name"), wording.counted(0, "name")) == ("1 name", "0 names")
