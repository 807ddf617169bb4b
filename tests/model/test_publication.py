"""What goes to the publisher and back: the same values after JSON, and nothing else gets through."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hookrunner.model.app import Folder, Https, KeyType, Route, Site, Upstream
from hookrunner.model.names import AppName, Domain, Invalid
from hookrunner.model.publication import (
    CertificateId,
    CsrRequest,
    Publication,
    Published,
    PublishedSite,
    Reason,
    Refused,
    ServedName,
)
from hookrunner.model.rules import Header, HeaderRule, Redirect, Target, UrlPattern

QUICK = settings(
    max_examples=300, derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
A, B, STAR = Domain("a.example"), Domain("b.example"), Domain("*.a.example")
ID_A, ID_STAR = CertificateId("letsencrypt", A), CertificateId("localhost-14000-dir", STAR)
RELEASE = f"12-{7:040x}"
RULES = Site(
    (A, B),
    Folder("public"),
    canonical=A,
    fallback="app/index.html",
    hsts=86400,
    max_body=10,
    timeout=3600,
    routes=(
        Route(UrlPattern("/api/", True), Upstream("127.0.0.1", 8001), 5),
        Route(UrlPattern("/ä b", False), Folder("docs")),
    ),
    redirects=(
        Redirect(UrlPattern("/old/", True), Target("/new/:splat")),
        Redirect(UrlPattern("/", False), Target("https://b.example:8443/?x=1#y"), 308),
    ),
    headers=(HeaderRule(UrlPattern("/", True), (Header("X-A", 'a; "b" \\'), Header("Server-Timing", ""))),),
)
FILES = PublishedSite((ServedName(A, ID_A), ServedName(B, None)), RULES)
PROXIED = PublishedSite((ServedName(STAR, ID_STAR),), Site((STAR,), Upstream("::1", 8000), https=Https.REQUIRED))
SOCKET = PublishedSite((), Site((), Upstream("/run/a.sock", None), https=Https.OFF))
DEFAULTS = {"canonical", "fallback", "hsts", "max_body", "timeout", "routes", "redirects", "headers", "previous"}

VALUES: list[Any] = [
    CsrRequest(ID_A, (A,), KeyType.ECDSA_P256),
    CsrRequest(ID_STAR, (STAR, A), KeyType.RSA_4096),
    FILES,
    PROXIED,
    SOCKET,
    Publication(
        AppName("shop"), RELEASE, (FILES, PROXIED, SOCKET), {ID_A: "PEM\n", ID_STAR: "PEM 2\n"}, f"11-{6:040x}"
    ),
    Publication(AppName("shop"), f"1-{0:064x}", (), {}),
    Published(1, {A: None, B: "another certificate answers"}),
    Published(0, {}),
    Refused(Reason.KEY, ("one", "two"), (ID_A, ID_STAR)),
    *(Refused(reason, ()) for reason in Reason),
]


@pytest.mark.parametrize("value", VALUES)
def test_json_carries_the_whole_value(value: Any) -> None:
    """What is written as JSON reads back as the same value."""
    assert type(value).from_json(json.loads(json.dumps(value.to_json()))) == value


@pytest.mark.parametrize("value", VALUES)
def test_json_has_every_key_and_no_other(value: Any) -> None:
    """A document that lacks a key without a default, or has one more, is refused."""
    data = value.to_json()
    for key in data.keys() - DEFAULTS:
        with pytest.raises(Invalid, match="missing"):
            type(value).from_json({k: v for k, v in data.items() if k != key})
    with pytest.raises(Invalid, match="unknown keys: 'command'"):
        type(value).from_json({**data, "command": "id"})


def test_a_publication_lists_what_its_sites_hold() -> None:
    """A publication lists names and upstreams of all its sites, in the order of app.toml."""
    publication = Publication(AppName("shop"), RELEASE, (FILES, PROXIED, SOCKET), {})
    assert publication.names == (ServedName(A, ID_A), ServedName(B, None), ServedName(STAR, ID_STAR))
    assert publication.upstreams == (Upstream("127.0.0.1", 8001), Upstream("::1", 8000), Upstream("/run/a.sock", None))
    assert publication.folders == {Folder("public"), Folder("docs")}


@pytest.mark.parametrize(
    ("text", "authority", "domain", "folder"),
    [
        ("letsencrypt/a.example", "letsencrypt", "a.example", "letsencrypt/a.example"),
        ("localhost-14000-dir/*.a.example", "localhost-14000-dir", "*.a.example", "localhost-14000-dir/_.a.example"),
        ("ca.example_1/A.example.", "ca.example_1", "a.example", "ca.example_1/a.example"),
        (f"{'a' * 100}/a.example", "a" * 100, "a.example", f"{'a' * 100}/a.example"),
    ],
)
def test_a_certificate_is_a_ca_and_a_domain(text: str, authority: str, domain: str, folder: str) -> None:
    """CA/DOMAIN names a certificate, and its folder is plain."""
    certificate = CertificateId.parse(text)
    assert certificate == CertificateId(authority, Domain(domain))
    assert certificate.folder == folder
    assert CertificateId.parse(str(certificate)) == certificate


@pytest.mark.parametrize(
    "text",
    ["", "/", "a.example", "/a.example", "letsencrypt/", "../a.example", "./a.example", ".a/a.example", "-a/a.example",
     "Letsencrypt/a.example", "a b/a.example", "a\n/a.example", "a/b/a.example", "a/../a.example", "a/a.example/",
     "a/a.example\n", "a/192.0.2.1", "ü/a.example", f"{'a' * 101}/a.example"],
)  # fmt: skip
def test_no_certificate_leaves_its_folder(text: str) -> None:
    """What is not a CA's plain folder name and a domain names no certificate."""
    with pytest.raises(Invalid):
        CertificateId.parse(text)


def at(data: Any, path: tuple[Any, ...], value: object) -> Any:
    """``data`` with ``value`` at ``path``."""
    changed = json.loads(json.dumps(data))
    place = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return changed


PUBLICATION = VALUES[5].to_json()
CSR = VALUES[0].to_json()
HEX = "0" * 40
BAD: list[tuple[Callable[[object], object], Any, tuple[Any, ...], list[Any]]] = [
    (CsrRequest.from_json, CSR, ("certificate",), [None, 1, [], {}, "a.example", "../a.example"]),
    (CsrRequest.from_json, CSR, ("names",), [None, "a.example", {}, [None], [1], [["a.example"]], ["localhost"]]),
    (CsrRequest.from_json, CSR, ("key",), [None, 1, [], {}, "", "rsa-1024", "ECDSA-P256"]),
    (Publication.from_json, PUBLICATION, ("app",), [None, 1, [], {}, "", "../shop", "Shop", "00-hookrunner"]),
    (Publication.from_json, PUBLICATION, ("release",),
     [None, 1, [], {}, "", "current", "../1", HEX, f"0-{HEX}", f"01-{HEX}", f"-1-{HEX}", f"1-{HEX}0", f"1-{HEX}\n",
      f"1-{HEX[1:]}", f"1-{'g' * 40}", f"1-{'A' * 40}", f"1/{HEX}", f"1234567890-{HEX}", f"1-{HEX}/.."]),
    (Publication.from_json, PUBLICATION, ("sites",), [None, 1, {}, "", [None], [[]], [{}], ["a"]]),
    (Publication.from_json, PUBLICATION, ("chains",),
     [None, 1, [], "", {"a.example": ""}, {"../a.example": ""}, {str(ID_A): None}, {str(ID_A): 1}, {str(ID_A): [""]}]),
    (Publication.from_json, PUBLICATION, ("sites", 0, "names"),
     [None, {}, "ab", ["ab"], [[]], [["a.example"]], [["a.example", None, None]], [[None, None]], [["a.example", 1]],
      [["a.example", ""]], [["a.example", "x"]], [["a;b.example", None]], [{"a.example": None}]]),
    (Publication.from_json, PUBLICATION, ("sites", 0, "root"), [None, 1, [], {}, "", "..", "/etc", "a;", ".git"]),
    (Publication.from_json, PUBLICATION, ("sites", 0, "proxy"), ["http://127.0.0.1:8000"]),
    (Publication.from_json, PUBLICATION, ("sites", 1, "proxy"), [None, 1, [], {}, "", "http://localhost:80", "unix:a"]),
    (Publication.from_json, PUBLICATION, ("sites", 0, "https"), [None, True, 1, [], {}, "", "on", "AUTO"]),
    (Publication.from_json, PUBLICATION, ("sites", 0, "max_body"), [None, True, 0, -1, 1.0, "1", [], {}]),
    (Publication.from_json, PUBLICATION, ("sites", 0, "timeout"), [None, True, 0, -1, 1.0, "1", [], {}]),
    (Publication.from_json, PUBLICATION, ("sites", 0, "max_body"), [1024**5 + 1]),
    (Publication.from_json, PUBLICATION, ("sites", 0, "timeout"), [10 * 365 * 86400 + 1]),
    (Publication.from_json, PUBLICATION, ("sites", 0, "hsts"), [None, True, 0, -1, "1", 10 * 365 * 86400 + 1]),
    (Publication.from_json, PUBLICATION, ("sites", 0, "canonical"), [None, 1, "", "c.example", "*.a.example"]),
    (Publication.from_json, PUBLICATION, ("sites", 0, "fallback"), [None, 1, "", ".", "a/", "../x", "/x", "a;"]),
    (Publication.from_json, PUBLICATION, ("sites", 0, "routes"), [None, {}, "", [None], [[]], [{}]]),
    (Publication.from_json, PUBLICATION, ("sites", 0, "routes", 0, "path"), [None, 1, "", "x", "/..", '/"', "/$a"]),
    (Publication.from_json, PUBLICATION, ("sites", 0, "routes", 0, "proxy"), [None, 1, "http://localhost:1"]),
    (Publication.from_json, PUBLICATION, ("sites", 0, "routes", 1, "root"), [None, 1, "..", "/etc"]),
    (Publication.from_json, PUBLICATION, ("sites", 0, "routes", 0, "timeout"), [None, 0, -1, "1s"]),
    (Publication.from_json, PUBLICATION, ("sites", 0, "redirects"),
     [None, {}, "", [None], [[]], [["/a", "/b"]], [["/a", "/b", 200]], [["/a", "/b", "301"]], [["/a", "//b", 301]],
      [["/a", "/b/:splat", 301]], [["a", "/b", 301]], [["/a", "ftp://b", 301]], [["/a", '/"; return 200 "', 301]]]),
    (Publication.from_json, PUBLICATION, ("sites", 0, "headers"),
     [None, {}, "", [None], [[]], [["/a"]], [["/a", {}]], [["/a", [["X"]]]], [["/a", [["X", 1]]]],
      [["/a", [["X", "$host"]]]], [["/a", [["X", "a\nb"]]]], [["/a", [["Connection", "x"]]]], [["/a", [["X;", "x"]]]],
      [["/a", [["X", "\ud800"]]]], [["x", [["X", "x"]]]]]),
    (Publication.from_json, PUBLICATION, ("previous",), [None, 1, "", "current", "../1", f"1-{'g' * 40}"]),
    (Published.from_json, VALUES[7].to_json(), ("reloads",), [None, True, -1, 1.0, "1", [], {}]),
    (Published.from_json, VALUES[7].to_json(), ("checked",), [None, [], "", {"localhost": None}, {"a.example": 1}]),
    (Refused.from_json, VALUES[9].to_json(), ("reason",), [None, 1, [], {}, "", "why"]),
    (Refused.from_json, VALUES[9].to_json(), ("words",), [None, "one", {}, [None], [1], [[]]]),
    (Refused.from_json, VALUES[9].to_json(), ("lost",), [None, "a/a.example", {}, [None], [1], ["a.example"]]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("parse", "data"),
    [
        pytest.param(parse, at(data, path, value), id=f"{'.'.join(map(str, path))}-{ascii(value)[:50]}")
        for parse, data, path, values in BAD
        for value in values
    ],
)
def test_a_wrong_value_is_refused(parse: Callable[[object], object], data: object) -> None:
    """A document with one value of the wrong type or form is refused as Invalid."""
    with pytest.raises(Invalid):
        parse(data)


KINDS = [CsrRequest, PublishedSite, Publication, Published, Refused]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("data", [None, True, 0, 1.5, "", "{}", [], [{}], {}, {"": None}])
def test_what_is_no_such_document_is_refused(kind: Any, data: object) -> None:
    """JSON of another shape is refused as Invalid."""
    with pytest.raises(Invalid):
        kind.from_json(data)


WORDS = st.sampled_from(
    ["a.example", "*.a.example", "letsencrypt/a.example", RELEASE, "shop", "public", "http://127.0.0.1:1", "auto",
     "ecdsa-p256", "app", "release", "sites", "chains", "names", "root", "proxy", "https", "max_body", "timeout",
     "canonical", "fallback", "hsts", "routes", "redirects", "headers", "path", "/a/*", "/:splat", "previous",
     "certificate", "key", "xn--", "xn--a.example", "é.example", "\ud800", "..", "/", "", "\x00", "ca/é.xn--", "²"]
)  # fmt: skip
TEXT = st.one_of(WORDS, st.text(max_size=8), st.text(st.characters(), max_size=4))
JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=8,
)


def documents(data: Any) -> st.SearchStrategy[Any]:
    """Documents like ``data``, with anything in the place of any part of it."""
    if isinstance(data, dict):
        like: st.SearchStrategy[Any] = st.fixed_dictionaries({key: documents(value) for key, value in data.items()})
        return like | JSON
    if isinstance(data, list):
        return st.tuples(*map(documents, data)).map(list) | JSON
    return st.just(data) | JSON


@QUICK
@given(st.one_of(JSON, documents(PUBLICATION)))
def test_any_json_is_a_publication_or_invalid(data: Any) -> None:
    """Whatever JSON comes, it is refused as Invalid, or it is a publication that JSON carries unchanged."""
    try:
        publication = Publication.from_json(data)
    except Invalid as error:
        assert str(error)
        return
    assert Publication.from_json(json.loads(json.dumps(publication.to_json()))) == publication


@QUICK
@given(st.one_of(JSON, documents(CSR)))
def test_any_json_is_a_request_for_a_csr_or_invalid(data: Any) -> None:
    """Whatever JSON comes, it is refused as Invalid, or it is a request that JSON carries unchanged."""
    try:
        request = CsrRequest.from_json(data)
    except Invalid as error:
        assert str(error)
        return
    assert CsrRequest.from_json(json.loads(json.dumps(request.to_json()))) == request
