"""Rules for single paths: what becomes a pattern, a redirect's target or a header, and what is refused in words."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hookrunner.model.names import Invalid
from hookrunner.model.rules import Header, Target, UrlPattern

QUICK = settings(max_examples=400, derandomize=True, deadline=None, database=None)

LONGEST_PATH = "/" + "a" * 999
PATTERNS = [
    pytest.param("/", ("/", False), "/", id="the start page"),
    pytest.param("/*", ("/", True), "/*", id="everything"),
    pytest.param("/old", ("/old", False), "/old", id="one path"),
    pytest.param("/old/", ("/old/", False), "/old/", id="one path with a slash at its end"),
    pytest.param("/old*", ("/old", True), "/old*", id="a beginning in the middle of a segment"),
    pytest.param("/old/*", ("/old/", True), "/old/*", id="a folder"),
    pytest.param("/a%20b", ("/a b", False), "/a%20b", id="a space, encoded"),
    pytest.param("/a b", ("/a b", False), "/a%20b", id="a space as it is"),
    pytest.param("/über", ("/über", False), "/%C3%BCber", id="an umlaut as it is"),
    pytest.param("/%C3%BCber", ("/über", False), "/%C3%BCber", id="an umlaut, encoded"),
    pytest.param("/%c3%bcber*", ("/über", True), "/%C3%BCber*", id="an umlaut, encoded in lower case"),
    pytest.param("/%41%7e", ("/A~", False), "/A~", id="encoded without need"),
    pytest.param("/a%3Fb%23c", ("/a?b#c", False), "/a%3Fb%23c", id="question mark and hash, encoded"),
    pytest.param("/100%25", ("/100%", False), "/100%25", id="a percent sign"),
    pytest.param("/a%2541", ("/a%41", False), "/a%2541", id="a percent sign before two digits"),
    pytest.param("/%252e%252e/*", ("/%2e%2e/", True), "/%252e%252e/*", id="dots, encoded twice"),
    pytest.param("/a!&()+,:=@~b", ("/a!&()+,:=@~b", False), "/a!&()+,:=@~b", id="what a path has unencoded"),
    pytest.param("/.well-known/x", ("/.well-known/x", False), "/.well-known/x", id="a name that begins with a dot"),
    pytest.param("/a../...", ("/a../...", False), "/a../...", id="dots that climb nowhere"),
    pytest.param(LONGEST_PATH, (LONGEST_PATH, False), LONGEST_PATH, id="the longest path"),
    pytest.param("/" + "ü" * 499, ("/" + "ü" * 499, False), "/" + "%C3%BC" * 499, id="the longest path of umlauts"),
    pytest.param(f"{LONGEST_PATH}*", (LONGEST_PATH, True), f"{LONGEST_PATH}*", id="the longest beginning"),
]

NO_PATH = 'is not a path; it starts with "/", and a "*" stands at its end only'
NORMALISED = 'holds "..", "." or "//" as a part, which no request still has when it is matched'
NO_UTF_8 = "is not UTF-8 once it is percent-decoded"
NO_PATTERNS = [
    pytest.param("", NO_PATH, id="nothing"),
    pytest.param("*", NO_PATH, id="a star alone"),
    pytest.param("old", NO_PATH, id="no slash"),
    pytest.param(" /old", NO_PATH, id="a space first"),
    pytest.param("https://a.org/old", NO_PATH, id="a URL"),
    pytest.param("/a*b", NO_PATH, id="a star inside"),
    pytest.param("/a/*/b*", NO_PATH, id="a star inside and one at the end"),
    pytest.param("/**", NO_PATH, id="two stars"),
    pytest.param("/a%2a", "holds '*', which a path cannot", id="a star, encoded"),
    pytest.param("/a?b", "holds a query; a rule is for a path, whatever the query", id="a query"),
    pytest.param("/a?", "holds a query; a rule is for a path, whatever the query", id="an empty query"),
    pytest.param("/a#b", NO_PATH, id="a fragment"),
    pytest.param("/..", NORMALISED, id="up"),
    pytest.param("/a/../b", NORMALISED, id="up inside"),
    pytest.param("/%2e%2e/b", NORMALISED, id="up, encoded"),
    pytest.param("/a/.%2E", NORMALISED, id="up, encoded by half"),
    pytest.param("/a/./b", NORMALISED, id="a dot"),
    pytest.param("/a/.", NORMALISED, id="a dot at the end"),
    pytest.param("/%2e/b", NORMALISED, id="a dot, encoded"),
    pytest.param("//", NORMALISED, id="two slashes alone"),
    pytest.param("/a//b", NORMALISED, id="two slashes"),
    pytest.param(
        "/a%2Fb", 'holds "%2F", an encoded slash, which no request still has when it is matched', id="an encoded slash"
    ),
    pytest.param(
        "/%2fb*", 'holds "%2f", an encoded slash, which no request still has when it is matched', id="in lower case"
    ),
    pytest.param("/%zz", 'holds "%zz", which is no percent-encoded byte', id="no hexadecimal digits"),
    pytest.param("/%4", 'holds "%4", which is no percent-encoded byte', id="one digit"),
    pytest.param("/100%", 'holds "%", which is no percent-encoded byte', id="a percent sign at the end"),
    pytest.param("/%%41", 'holds "%%4", which is no percent-encoded byte', id="two percent signs"),
    pytest.param("/%４1", 'holds "%４1", which is no percent-encoded byte', id="digits of another script"),
    pytest.param("/%00", "holds '\\x00', which a path cannot", id="NUL, encoded"),
    pytest.param("/%0a", "holds '\\n', which a path cannot", id="a newline, encoded"),
    pytest.param("/%7F", "holds '\\x7f', which a path cannot", id="DEL, encoded"),
    pytest.param("/%22", "holds '\"', which a path cannot", id="a quote, encoded"),
    pytest.param("/%27", 'holds "\'", which a path cannot', id="an apostrophe, encoded"),
    pytest.param("/%5C", "holds '\\\\', which a path cannot", id="a backslash, encoded"),
    pytest.param("/%24host", "holds '$', which a path cannot", id="a dollar sign, encoded"),
    pytest.param("/%3b", "holds ';', which a path cannot", id="a semicolon, encoded"),
    pytest.param("/%7Ba", "holds '{', which a path cannot", id="a brace, encoded"),
    *(pytest.param(f"/a{c}b", NO_PATH, id=f"with {c!a}") for c in "\"'\\$;{}\n\r\t\0\x1b\x7f"),
    pytest.param("/a\n", NO_PATH, id="a newline at the end"),
    pytest.param("/a*\n", NO_PATH, id="a newline behind the star"),
    pytest.param("/%ff", NO_UTF_8, id="a byte that is no UTF-8"),
    pytest.param("/%c0%af", NO_UTF_8, id="an overlong slash"),
    pytest.param("/%ed%a0%80", NO_UTF_8, id="a surrogate, encoded"),
    pytest.param("/\udc80", NO_UTF_8, id="a surrogate"),
    pytest.param(f"{LONGEST_PATH}a", "is longer than 1000 bytes", id="too long"),
    pytest.param(f"{LONGEST_PATH}a*", "is longer than 1000 bytes", id="too long a beginning"),
    pytest.param("/" + "ü" * 500, "is longer than 1000 bytes", id="too long in bytes"),
]


@pytest.mark.parametrize(("text", "expected", "spelling"), PATTERNS)
def test_a_pattern_is_decoded(text: str, expected: tuple[str, bool], spelling: str) -> None:
    """However a path is written, it becomes the one that nginx compares, and its spelling parses to it again."""
    pattern = UrlPattern.parse(text)
    assert pattern == expected
    assert str(pattern) == spelling
    assert UrlPattern.parse(spelling) == pattern


@pytest.mark.parametrize(("text", "words"), NO_PATTERNS)
def test_what_no_request_could_match_is_refused_in_words(text: str, words: str) -> None:
    """What is no path, is never asked for as written or could mean something to nginx is refused, with the reason."""
    with pytest.raises(Invalid) as caught:
        UrlPattern.parse(text)
    assert str(caught.value) == words


@QUICK
@given(
    st.one_of(
        st.text(max_size=12).map("/{}".format),
        st.text("/.%*aA25Fü ~", max_size=12).map("/{}".format),
        st.binary(max_size=6).map(lambda octets: "/" + "".join(f"%{octet:02x}" for octet in octets)),
        st.text(max_size=12),
    )
)
@example("/" + " " * 999)
def test_any_pattern_is_refused_or_settled(text: str) -> None:
    """Any text is refused as Invalid, or can be quoted for nginx as it is, and its spelling parses to it again."""
    try:
        pattern = UrlPattern.parse(text)
    except Invalid:
        return
    assert pattern.path.startswith("/")
    assert not set(pattern.path) & set("\"'\\${};*")
    assert min(pattern.path) >= " "
    assert not {".", ".."} & set(pattern.path.split("/"))
    assert str(pattern).isascii()
    assert UrlPattern.parse(str(pattern)) == pattern


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param("/a", "/a", True, id="a path itself"),
        pytest.param("/%61", "/a", True, id="a path as it is and encoded"),
        pytest.param("/a", "/ab", False, id="a path and a longer one"),
        pytest.param("/a", "/a/", False, id="a path and one with a slash"),
        pytest.param("/a", "/A", False, id="another case"),
        pytest.param("/a", "/a*", False, id="a path and what begins with it"),
        pytest.param("/a*", "/a", True, id="a beginning and the path alone"),
        pytest.param("/a*", "/ab/c", True, id="a beginning and a longer path"),
        pytest.param("/a*", "/a*", True, id="a beginning itself"),
        pytest.param("/a*", "/a/*", True, id="a beginning and a longer one"),
        pytest.param("/a/*", "/a*", False, id="a beginning and a shorter one"),
        pytest.param("/a/*", "/a", False, id="a folder and the path without its slash"),
        pytest.param("/a/*", "/a/", True, id="a folder and the path with its slash"),
        pytest.param("/*", "/*", True, id="everything itself"),
        pytest.param("/*", "/", True, id="everything and the start page"),
        pytest.param("/", "/*", False, id="the start page and everything"),
    ],
)
def test_which_patterns_cover_another(one: str, other: str, expected: bool) -> None:
    """A path covers itself alone, a beginning all that begins so."""
    assert UrlPattern.parse(one).covers(UrlPattern.parse(other)) is expected


A_ORG = "https://a.org"
TARGETS = [
    pytest.param("/", "/", None, "/", id="the start page"),
    pytest.param("/new", "/new", None, "/new", id="a path"),
    pytest.param("/new/:splat", "/new/:splat", None, "/new/:splat", id="a path with the rest"),
    pytest.param("/:splat", "/:splat", None, "/:splat", id="the rest alone"),
    pytest.param("/a?b=:splat#c", "/a?b=:splat#c", None, "/a", id="query and fragment"),
    pytest.param("/?" + ":splat" * 10, "/?" + ":splat" * 10, None, "/", id="the rest ten times"),
    pytest.param("/a//b/../c", "/a//b/../c", None, "/a//b/../c", id="a path that is not normalised"),
    pytest.param("/%2F%00", "/%2F%00", None, "/%2F%00", id="encoded bytes stay"),
    pytest.param("/über?ü#ü", "/%C3%BCber?%C3%BC#%C3%BC", None, "/%C3%BCber", id="an umlaut"),
    pytest.param("/\u2028\u202e", "/%E2%80%A8%E2%80%AE", None, "/%E2%80%A8%E2%80%AE", id="marks that hide"),
    pytest.param("http://a.org", "http://a.org", "a.org", "/", id="http"),
    pytest.param(A_ORG, A_ORG, "a.org", "/", id="https"),
    pytest.param(f"{A_ORG}/x/:splat", f"{A_ORG}/x/:splat", "a.org", "/x/:splat", id="a URL with a path"),
    pytest.param(f"{A_ORG}?x", f"{A_ORG}?x", "a.org", "/", id="a URL with a query alone"),
    pytest.param(f"{A_ORG}#:80", f"{A_ORG}#:80", "a.org", "/", id="a URL with a fragment alone"),
    pytest.param("https://A.Org./X", f"{A_ORG}/X", "a.org", "/X", id="case and a dot at the end"),
    pytest.param(
        "https://bücher.example/ä",
        "https://xn--bcher-kva.example/%C3%A4",
        "xn--bcher-kva.example",
        "/%C3%A4",
        id="an internationalised host",
    ),
    pytest.param("http://a.org:80/x", "http://a.org:80/x", "a.org", "/x", id="the port of http"),
    pytest.param(f"{A_ORG}:443", f"{A_ORG}:443", "a.org", "/", id="the port of https"),
    pytest.param(f"{A_ORG}:1/x", f"{A_ORG}:1/x", None, None, id="the lowest port"),
    pytest.param(f"{A_ORG}:65535/x", f"{A_ORG}:65535/x", None, None, id="the highest port"),
    pytest.param(f"{A_ORG}:00443/x", f"{A_ORG}:443/x", "a.org", "/x", id="a port with zeros"),
    pytest.param("http://192.0.2.1/x", "http://192.0.2.1/x", "192.0.2.1", "/x", id="IPv4"),
    pytest.param("http://[2001:db8::1]/x", "http://[2001:db8::1]/x", "[2001:db8::1]", "/x", id="IPv6"),
    pytest.param("http://[::1]:3000/x", "http://[::1]:3000/x", None, None, id="IPv6 with a port"),
    pytest.param("http://localhost:3000/x", "http://localhost:3000/x", None, None, id="localhost"),
    pytest.param("/" + "a" * 1999, "/" + "a" * 1999, None, "/" + "a" * 1999, id="the longest path"),
]

NEITHER = 'is neither a path like "/new" nor an http or https URL'
ANOTHER_HOST = 'begins with "//", which leads to another host; write https:// before it'
PORT = "has a port that is not between 1 and 65535"
LDH = "is not a domain name: labels hold letters, digits and inner hyphens only"


def encode(character: str) -> str:
    """What is said about a character that no URL holds."""
    return f"holds {character!a}; write it percent-encoded"


NO_TARGETS = [
    pytest.param("", NEITHER, id="nothing"),
    pytest.param("new", NEITHER, id="no slash"),
    pytest.param("a.org/x", NEITHER, id="no scheme"),
    pytest.param(" /new", NEITHER, id="a space first"),
    pytest.param("javascript:alert(1)", NEITHER, id="javascript"),
    pytest.param("data:text/html,x", NEITHER, id="data"),
    pytest.param("ftp://a.org/", NEITHER, id="ftp"),
    pytest.param("https:/a.org", NEITHER, id="one slash"),
    pytest.param("https:///x", NEITHER, id="no host"),
    pytest.param("//evil.example", ANOTHER_HOST, id="another host"),
    pytest.param("///evil.example", ANOTHER_HOST, id="another host behind three slashes"),
    pytest.param("/\\evil.example", ANOTHER_HOST, id="another host behind a backslash"),
    pytest.param("/\t/evil.example", encode("\t"), id="another host behind a tab, which browsers take out"),
    pytest.param("https://a@b.org/", NEITHER, id="a user"),
    pytest.param("https://a:b@c.org/", NEITHER, id="a user with a password"),
    pytest.param("https://a.org\\@b.org/", NEITHER, id="a user behind a backslash"),
    pytest.param("https://a.org\\b/", LDH, id="a backslash in the host"),
    pytest.param("https://a.org:splat", NEITHER, id="the rest as a port"),
    pytest.param("https://a.org:splat/x", NEITHER, id="the rest as a port before a path"),
    pytest.param("https://:splat/x", NEITHER, id="the rest as a host"),
    pytest.param("https://:splat.a.org/x", NEITHER, id="the rest as a label"),
    pytest.param("/" + ":splat" * 11, 'holds ":splat" more than 10 times', id="the rest eleven times"),
    pytest.param("https://a.org:/x", NEITHER, id="no port"),
    pytest.param("https://a.org:0/x", PORT, id="port 0"),
    pytest.param("https://a.org:65536/x", PORT, id="port 65536"),
    pytest.param("https://a.org:655360/x", NEITHER, id="six digits"),
    pytest.param("https://a.org:８0/x", NEITHER, id="a port in digits of another script"),
    pytest.param("https://[::1%25eth0]/", NEITHER, id="a zone"),
    pytest.param("https://[::1/", NEITHER, id="one bracket"),
    pytest.param("https://[]/", NEITHER, id="empty brackets"),
    pytest.param("https://[:::::]/", 'leads to "[:::::]", which is not an IP address', id="no IPv6 in brackets"),
    pytest.param("https://1.2.3.256/", 'leads to "1.2.3.256", which is not an IP address', id="no IPv4"),
    pytest.param("https://.../", 'leads to "...", which is not an IP address', id="dots"),
    pytest.param("https://*.a.org/", 'holds "*"; what the "*" of "from" stood for is ":splat"', id="a wildcard"),
    pytest.param("https://intranet/", "is a single label; a public domain has a dot in it", id="a single label"),
    pytest.param("https://a b.org/", "holds white space", id="a space in the host"),
    pytest.param("https://a.org\n", "holds white space", id="a newline behind the host"),
    pytest.param("https://a.org/x\ny", NEITHER, id="a newline in a URL"),
    pytest.param("https://$host/", LDH, id="a variable as a host"),
    pytest.param('https://a.org";/', LDH, id="a quote in the host"),
    *(pytest.param(f"/a{c}b", encode(c), id=f"with {c!a}") for c in " \"'\\$;{}<>^`|\n\r\t\0\x1b\x7f\ud800"),
    pytest.param("/a\n", encode("\n"), id="a newline at the end"),
    pytest.param("/${hookrunner_splat}", encode("$"), id="a variable"),
    pytest.param("/100%", 'holds "%", which is no percent-encoded byte', id="a percent sign"),
    pytest.param("/a?%zz", 'holds "%zz", which is no percent-encoded byte', id="no hexadecimal digits"),
    pytest.param("/" + "a" * 2000, "is longer than 2000 characters", id="too long"),
    pytest.param("/" + "ü" * 334, "is longer than 2000 characters", id="too long once it is encoded"),
]


@pytest.mark.parametrize(("text", "url", "host", "path"), TARGETS)
def test_a_target_is_encoded(text: str, url: str, host: str | None, path: str | None) -> None:
    """A target becomes plain ASCII that parses to itself, and knows which host and path it leads to."""
    target = Target.parse(text)
    assert (str(target), target.host, target.path) == (url, host, path)
    assert Target.parse(url) == target


@pytest.mark.parametrize(("text", "words"), NO_TARGETS)
def test_where_a_redirect_cannot_lead_is_refused_in_words(text: str, words: str) -> None:
    """What is no http address, hides another host or could mean something to nginx is refused, with the reason."""
    with pytest.raises(Invalid) as caught:
        Target.parse(text)
    assert str(caught.value) == words


@QUICK
@given(
    st.one_of(
        st.text(max_size=15),
        st.text(max_size=15).map("/{}".format),
        st.text(max_size=15).map("https://a.org{}".format),
        st.text("/\\:@?#[].%a2splat", max_size=15).map("https://{}".format),
        st.from_regex(r"https?://[a-zß-ü0-9.-]{1,8}(:[0-9]{1,5})?(/[a-z:.%25]{0,5})?", fullmatch=True),
    )
)
def test_any_target_is_refused_or_settled(text: str) -> None:
    """Any text is refused as Invalid, or is printable ASCII, safe to quote for nginx, that parses to itself."""
    try:
        target = Target.parse(text)
    except Invalid:
        return
    assert target.url.startswith(("/", "http://", "https://"))
    assert not target.url.startswith("//")
    assert set(target.url) <= set(map(chr, range(0x21, 0x7F))) - set("\"'\\${};")
    assert Target.parse(target.url) == target


HEADERS = [
    pytest.param("X-Frame-Options", "DENY", "DENY", id="plain"),
    pytest.param("content-security-policy", "default-src 'self'; img-src *", None, id="a policy"),
    pytest.param("X-A", 'say "a\\b"; {c} #d', None, id="what nginx has a meaning for"),
    pytest.param("Cache-Control", "", None, id="taken away"),
    pytest.param("X-A", "  ", "", id="spaces alone"),
    pytest.param("X-A", "  a  b ", "a  b", id="spaces around it"),
    pytest.param("X-A", "für ☃", None, id="more than ASCII"),
    pytest.param("Content-Type", "text/plain", None, id="a type"),
    pytest.param("X_1.a-B", "v", None, id="a name of all that names have"),
    pytest.param("x" * 200, "v", None, id="the longest name"),
    pytest.param("X-A", "a" * 3500, None, id="the longest value"),
    pytest.param("X-A", '"' * 1750, None, id="the longest value of quotes"),
]

CONTROL = 'holds a control character or "$"'
SERVERS_OWN = [
    "Accept-Ranges", "Connection", "Content-Encoding", "Content-Length", "Content-Range", "Date", "ETag", "Keep-Alive",
    "Last-Modified", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Server", "TE", "Trailer",
    "Transfer-Encoding", "Upgrade",
]  # fmt: skip
ELSEWHERE = {
    "Alt-Svc": "it would send visitors to another server",
    "Location": "write [[redirects]]",
    "Set-Cookie": "it would give every visitor the same cookie; the program behind the site sets cookies",
    "Strict-Transport-Security": 'write hsts = "180d"',
}
NO_HEADERS = [
    *(
        pytest.param(name, "v", f'"{name}" is not for a site to set, the server makes it', id=name)
        for header in SERVERS_OWN
        for name in (header, header.upper(), header.lower())
    ),
    *(
        pytest.param(name, "v", f'"{name}" is not for a header rule: {why}', id=name)
        for header, why in ELSEWHERE.items()
        for name in (header, header.upper(), header.lower())
    ),
    pytest.param("Server", "", '"Server" is not for a site to set, the server makes it', id="Server taken away"),
    pytest.param("", "v", '"" is not a header name', id="no name"),
    *(
        pytest.param(f"X{c}A", "v", f'"X{c}A" is not a header name', id=f"a name with {c!a}")
        for c in " :;\"'\\${}#,/()<>@[]?=\n\r\t\0\x7fü"
    ),
    pytest.param("#X-A", "v", '"#X-A" is not a header name', id="a name that begins a comment"),
    pytest.param("'X-A", "v", '"\'X-A" is not a header name', id="a name that begins a quoted word"),
    pytest.param("X-A\n", "v", '"X-A\n" is not a header name', id="a newline behind the name"),
    pytest.param("x" * 201, "v", f'"{"x" * 201}" is not a header name', id="too long a name"),
    *(
        pytest.param("X-A", f"a{c}b", CONTROL, id=f"a value with {c!a}")
        for c in "$\0\t\n\v\f\r\x1b\x7f\x80\x85\x9f\ud800"
    ),
    pytest.param("X-A", "a\n", CONTROL, id="a newline at the end"),
    pytest.param("X-A", "a\r\nSet-Cookie: b=c", CONTROL, id="a second header"),
    pytest.param("X-A", "${host}", CONTROL, id="a variable"),
    pytest.param("X-A", "a" * 3501, "is longer than 3500 bytes", id="too long"),
    pytest.param("X-A", "ü" * 1751, "is longer than 3500 bytes", id="too long in bytes"),
    pytest.param("X-A", '"' * 1751, "is longer than 3500 bytes", id="too long once it is quoted"),
    pytest.param("X-A", "\\" * 1751, "is longer than 3500 bytes", id="too many backslashes"),
    pytest.param("Content-Type", "", "is empty; a response needs a type", id="no type"),
    pytest.param("content-type", "  ", "is empty; a response needs a type", id="a type of spaces"),
]


@pytest.mark.parametrize(("name", "value", "expected"), HEADERS)
def test_a_header_is_kept_as_it_is_written(name: str, value: str, expected: str | None) -> None:
    """A value keeps its quotes, semicolons and backslashes, and loses the spaces around it alone."""
    header = Header.parse(name, value)
    assert header == (name, value if expected is None else expected)
    assert header.key == name.lower()


@pytest.mark.parametrize(("name", "value", "words"), NO_HEADERS)
def test_what_a_site_cannot_set_is_refused_in_words(name: str, value: str, words: str) -> None:
    """What the server must say itself, or could mean something to nginx or a client, is refused in any case."""
    with pytest.raises(Invalid) as caught:
        Header.parse(name, value)
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        pytest.param("X-Frame-Options", "DENY", True, id="of security"),
        pytest.param("X-A", "max-age=1", True, id="of another name"),
        pytest.param("Cache-Control", "public, max-age=31536000, immutable", False, id="stored for a year"),
        pytest.param("cache-control", "MAX-AGE = 1", False, id="stored, in another case"),
        pytest.param("Cache-Control", 'max-age="060"', False, id="stored, quoted"),
        pytest.param("Cache-Control", "max-age=0, s-maxage=60", False, id="stored between"),
        pytest.param("Cache-Control", "max-age=0", True, id="stored for no time"),
        pytest.param("Cache-Control", "no-store", True, id="not stored"),
        pytest.param("Cache-Control", "", True, id="taken away"),
    ],
)
def test_what_lets_answers_be_stored_is_not_for_errors(name: str, value: str, expected: bool) -> None:
    """An error response has every header but the one that would have a 404 stored."""
    assert Header.parse(name, value).is_for_errors is expected
