"""The schema of app.toml: every bad manifest is refused with all of its problems, every good one becomes a Manifest."""

import time
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hookrunner.core.claims import Claims
from hookrunner.core.manifest.parse import (
    ALIASES,
    APP_KEYS,
    HEADER_KEYS,
    REDIRECT_KEYS,
    ROUTE_KEYS,
    SITE_KEYS,
    TLS_KEYS,
    ManifestError,
    parse,
)
from hookrunner.core.manifest.policy import Policy
from hookrunner.model.app import Certificates, Challenge, Folder, Https, KeyType, Manifest, Route, Site, Tls, Upstream
from hookrunner.model.names import AppName, Domain
from hookrunner.model.rules import Header, HeaderRule, Redirect, Target, UrlPattern

DOMAINS = 'domains = ["a.org"]\n'
ROOT = 'root = "."\n'
MINIMAL = DOMAINS + ROOT
KNOWN = (
    "known: domains, canonical, root, proxy, fallback, https, hsts, max_body, timeout, routes, redirects, headers, "
    "sites, tls, deploy"
)
NO_CONTENT = 'has neither "root" nor "proxy"; write root = "public" or proxy = "http://127.0.0.1:8000"'
NO_PATH = 'is not a path; it starts with "/", and a "*" stands at its end only'
TOO_MANY = "has too many rules: domains × (2 × redirects + 6 × (routes + headers)) is at most 10,000"

Problems = list[tuple[int | None, str]]


def problems(content: str | bytes, policy: Policy | None = None) -> Problems:
    """Line and text of all that `parse` finds wrong; [] when it finds nothing."""
    try:
        parse(content if isinstance(content, bytes) else content.encode(), policy)
    except ManifestError as error:
        return [(problem.line, problem.text) for problem in error.problems]
    return []


BAD = [
    pytest.param(
        "",
        [
            (None, 'has no "domains"; write domains = ["example.org"]'),
            (None, NO_CONTENT),
        ],
        id="empty file",
    ),
    pytest.param("domains = [\n", [(1, "is not TOML: Invalid value")], id="not TOML"),
    pytest.param(
        "a=1 b=2\n",
        [(1, "is not TOML: Expected newline or end of document after a statement")],
        id="two keys on a line",
    ),
    pytest.param(DOMAINS + ROOT + ROOT, [(3, "is not TOML: Cannot overwrite a value")], id="a key twice"),
    pytest.param(
        DOMAINS + ROOT + "timeout = 2026-02-31\n", [(3, "is not TOML: Invalid date or datetime")], id="impossible date"
    ),
    pytest.param(
        DOMAINS + ROOT + 'colour = "red"\n',
        [(3, '"colour" is not a key; ' + KNOWN)],
        id="unknown",
    ),
    pytest.param(
        'domans = ["a.org"]\n' + DOMAINS + ROOT, [(1, '"domans" is not a key; did you mean "domains"?')], id="misspelt"
    ),
    pytest.param(
        'domain = ["a.org"]\n' + ROOT, [(1, '"domain" is not a key; did you mean "domains"?')], id="alias domain"
    ),
    pytest.param('host = ["a.org"]\n' + ROOT, [(1, '"host" is not a key; did you mean "domains"?')], id="alias host"),
    pytest.param(
        'hosts = ["a.org"]\n' + ROOT, [(1, '"hosts" is not a key; did you mean "domains"?')], id="alias hosts"
    ),
    pytest.param(
        'hostname = ["a.org"]\n' + ROOT, [(1, '"hostname" is not a key; did you mean "domains"?')], id="alias hostname"
    ),
    pytest.param(
        'server_name = ["a.org"]\n' + ROOT,
        [(1, '"server_name" is not a key; did you mean "domains"?')],
        id="alias server_name",
    ),
    pytest.param(
        DOMAINS + 'publish = "dist"\n', [(2, '"publish" is not a key; did you mean "root"?')], id="alias publish"
    ),
    pytest.param(
        DOMAINS + 'proxy_pass = "http://127.0.0.1:8000"\n',
        [(2, '"proxy_pass" is not a key; did you mean "proxy"?')],
        id="alias proxy_pass",
    ),
    pytest.param(DOMAINS + ROOT + "ssl = true\n", [(3, '"ssl" is not a key; did you mean "https"?')], id="alias ssl"),
    pytest.param(
        DOMAINS + ROOT + "x-note = 1\n",
        [(3, '"x-note" is not a key; ' + KNOWN)],
        id="x- key that is no table",
    ),
    pytest.param(
        'publish = "dist"\nssl = true\n',
        [
            (None, 'has no "domains"; write domains = ["example.org"]'),
            (1, '"publish" is not a key; did you mean "root"?'),
            (2, '"ssl" is not a key; did you mean "https"?'),
        ],
        id="another tool's word for one key does not hide that a second key is missing",
    ),
    pytest.param(
        'domains = ["a.org", "a.org"]\nroot = ".."\n',
        [(1, '"a.org" is named twice'), (2, "leaves the repository; name a folder inside it")],
        id="a domain named twice beside a bad root",
    ),
    pytest.param(ROOT, [(None, 'has no "domains"; write domains = ["example.org"]')], id="no domains"),
    pytest.param(
        DOMAINS,
        [(None, NO_CONTENT)],
        id="no content",
    ),
    pytest.param(
        DOMAINS + ROOT + 'proxy = "http://127.0.0.1:8000"\n',
        [(3, 'stands beside "root"; "/" is served by one of them')],
        id="root beside proxy",
    ),
    pytest.param(
        'domains = "a.org"\nroot = 1\nhttps = true\ntls = 5\n',
        [
            (1, 'is a text; it takes a list: ["…"]'),
            (2, "is a number; it takes a text in quotes"),
            (3, "is true or false; it takes a text in quotes"),
            (4, "is a number; it is a table"),
        ],
        id="wrong types",
    ),
    pytest.param(
        'domains = ["a.org", 5]\n' + ROOT,
        [(1, "holds a number; it takes a list of texts in quotes")],
        id="domains holding a number",
    ),
    pytest.param(
        DOMAINS + ROOT + 'https = "automatic"\n',
        [(3, '"automatic" is not a value of this key; did you mean "auto"?')],
        id="https value",
    ),
    pytest.param(
        DOMAINS + ROOT + 'https = "none"\n',
        [(3, '"none" is not a value of this key; it takes auto | required | off')],
        id="https value far",
    ),
    pytest.param(
        DOMAINS + ROOT + "[tls]\n"
        'key = "rsa"\n'
        'certificates = "per_domain"\n'
        'challenge = "tls-alpn-01"\n'
        'profile = "a b"\n',
        [
            (4, '"rsa" is not a value of this key; it takes ecdsa-p256 | ecdsa-p384 | rsa-2048 | rsa-4096'),
            (5, '"per_domain" is not a value of this key; did you mean "per-domain"?'),
            (6, '"tls-alpn-01" is not a value of this key; it takes auto | http-01 | dns-01'),
            (7, "is not the name of an ACME profile"),
        ],
        id="tls values",
    ),
    pytest.param(
        DOMAINS + ROOT + '[tls]\nkeys = "rsa-2048"\nemail = "a@b.org"\n',
        [
            (4, '"keys" is not a key of [tls]; did you mean "key"?'),
            (5, '"email" is not a key of [tls]; known: certificates, challenge, key, profile'),
        ],
        id="tls unknown",
    ),
    pytest.param(
        DOMAINS + '[tls]\nkey = "rsa-2048"\n' + ROOT,
        [
            (None, NO_CONTENT),
            (4, "`root` stands under [tls]; move it above line 2"),
        ],
        id="misplaced under tls",
    ),
    pytest.param(
        DOMAINS + ROOT + 'profile = "x"\nstatus = 302\nfor = "/a"\n[tls]\nto = "/b"\ndomain = "a.org"\n',
        [
            (3, "`profile` stands at the top; move it under [tls]"),
            (4, "`status` stands at the top; move it under [[redirects]]"),
            (5, "`for` stands at the top; move it under [[headers]]"),
            (7, "`to` stands under [tls]; move it under [[redirects]]"),
            (8, "`domain` stands under [tls] and means `domains`; move it above line 6"),
        ],
        id="keys of tables",
    ),
    pytest.param(
        DOMAINS + ROOT + '[routes."/api/*"]\nproxy = "http://127.0.0.1:8000"\nmax_body = "1g"\n',
        [(5, "`max_body` stands under [routes./api/*]; move it above line 3")],
        id="misplaced under a route",
    ),
    pytest.param(
        DOMAINS + ROOT + '[[redirects]]\nfrom = "/a"\nto = "/b"\nfallback = "index.html"\n',
        [(6, "`fallback` stands under [[redirects]]; move it above line 3")],
        id="misplaced under redirects",
    ),
    pytest.param(
        DOMAINS + ROOT + '[[headers]]\nfor = "/a"\nhttps = "auto"\n[headers.values]\nX-A = "b"\n',
        [(5, "`https` stands under [[headers]]; move it above line 3")],
        id="misplaced under headers",
    ),
    pytest.param(
        DOMAINS + ROOT + '[routes]\n"/a" = { root = "a" }\nfallback = "index.html"\n',
        [(5, "`fallback` stands under [routes]; move it above line 3")],
        id="misplaced under routes",
    ),
    pytest.param(
        DOMAINS + ROOT + '[routes.canonical]\nroot = "a"\n',
        [(3, "`canonical` stands under [routes]; move it above line 3")],
        id="a route table named like a key",
    ),
    pytest.param(
        DOMAINS + ROOT + '[[headers]]\nfor = "/a"\n[headers.values]\nX-A = "b"\nhsts = "180d"\n',
        [(7, "`hsts` stands under [headers.values]; move it above line 3")],
        id="misplaced under a header's values",
    ),
    pytest.param(
        "[[sites]]\n" + DOMAINS + ROOT + '[sites.routes]\n"/a" = { root = "a" }\nhttps = "off"\n'
        '[[sites.redirects]]\nfrom = "/b"\nto = "/c"\nfallback = "index.html"\n'
        '[[sites.headers]]\nfor = "/*"\n[sites.headers.values]\nX-A = "b"\ntimeout = "1h"\n',
        [
            (6, "`https` stands under [sites.routes]; move it above line 4"),
            (10, "`fallback` stands under [[sites.redirects]]; move it above line 4"),
            (15, "`timeout` stands under [sites.headers.values]; move it above line 4"),
        ],
        id="misplaced under the tables of a site",
    ),
    pytest.param(
        '[[sites]]\ndomains = ["a.org"]\nroot = "."\n[[sites.redirects]]\nfrom = "/a"\nto = "/b"\n'
        '[[sites]]\ndomains = ["b.org"]\nroot = "."\n[[sites.redirects]]\nfrom = "/a"\nto = "/b"\nhttps = "off"\n',
        [(13, "`https` stands under [[sites.redirects]]; move it above line 10")],
        id="misplaced under a table of the second site",
    ),
    pytest.param(
        DOMAINS + ROOT + '[deploy]\nhttps = "off"\nunit = "x"\n',
        [
            (4, "`https` stands under [deploy]; move it above line 3"),
            (5, '"unit" is not a key of [deploy], which has none yet'),
        ],
        id="misplaced under deploy",
    ),
    pytest.param(
        '[[sites]]\ndomains = ["a.org"]\nroot = "."\n[sites.tls]\nkey = "rsa-2048"\n',
        [(4, "`tls` stands under [[sites]]; move it to the top of the file")],
        id="misplaced in a site",
    ),
    pytest.param(
        DOMAINS + "[[sites]]\n" + DOMAINS + ROOT,
        [(1, "`domains` stands at the top beside [[sites]]; move it into a [[sites]] table")],
        id="site keys beside sites",
    ),
    pytest.param(
        DOMAINS + ROOT + "[sites]\n" + ROOT,
        [
            (1, "`domains` stands at the top beside [[sites]]; move it into a [[sites]] table"),
            (2, "`root` stands at the top beside [[sites]]; move it into a [[sites]] table"),
            (3, "is a table; it is an array of tables, each under its own [[header]]"),
        ],
        id="sites is no array",
    ),
    pytest.param('domains = ["a.org\\n"]\n' + ROOT, [(1, '"a.org\\x0a" holds white space')], id="newline"),
    pytest.param(
        'domains = ["a\\u202eb.org"]\n' + ROOT,
        [(1, '"a\\u202eb.org" is not a domain name: labels hold letters, digits and inner hyphens only')],
        id="bidi",
    ),
    pytest.param('domains = ["a.org", "A.org."]\n' + ROOT, [(1, '"a.org" is named twice')], id="same twice"),
    pytest.param(
        'domains = ["a.org", "a.org", "b.org", "a.org", "b.org"]\n' + ROOT,
        [(1, '"a.org" is named twice'), (1, '"b.org" is named twice')],
        id="two names more than once, told once for each",
    ),
    pytest.param(
        'domains = ["bücher.org", "xn--bcher-kva.org"]\n' + ROOT,
        [(1, '"xn--bcher-kva.org" is named twice')],
        id="same as IDN",
    ),
    pytest.param(
        '[[sites]]\ndomains = ["a.org"]\nroot = "."\n[[sites]]\n' + DOMAINS + ROOT,
        [(5, '"a.org" is named twice')],
        id="same in two sites",
    ),
    pytest.param(
        DOMAINS + ROOT + 'canonical = "b.org"\n',
        [(3, '"b.org" is not one of the domains')],
        id="a foreign canonical domain",
    ),
    pytest.param(
        'domains = ["a.org", "*.a.org"]\ncanonical = "*.a.org"\n' + ROOT,
        [(2, "is a wildcard; name the one domain that the others redirect to")],
        id="a wildcard as canonical domain",
    ),
    pytest.param(
        DOMAINS + ROOT + 'hsts = "180d"\nhttps = "off"\n',
        [(3, 'goes with HTTPS, and https is "off"')],
        id="hsts without HTTPS",
    ),
    pytest.param(
        DOMAINS + ROOT + 'max_body = "10x"\ntimeout = 60\nhsts = "0s"\n',
        [
            (3, 'is not a size; write a number and k, m or g, like "10m"'),
            (4, "is a number; it takes a text in quotes"),
            (5, "is not between 1 second and 10 years"),
        ],
        id="no sizes and durations",
    ),
    pytest.param(
        DOMAINS + ROOT + 'max_body = "1048577g"\ntimeout = "3651d"\nhsts = "1w"\n',
        [
            (3, "is not between 1 KiB and 1 PiB"),
            (4, "is not between 1 second and 10 years"),
            (5, 'is not a duration; write a number and s, m, h or d, like "60s"'),
        ],
        id="too large sizes and durations",
    ),
    pytest.param(
        DOMAINS + 'root = "../x"\nfallback = "../a.html"\n',
        [
            (2, "leaves the repository; name a folder inside it"),
            (3, "leaves the repository; name a folder inside it"),
        ],
        id="root and fallback outside",
    ),
    pytest.param(
        DOMAINS + 'proxy = "http://localhost:8000"\n',
        [
            (
                2,
                '"http://localhost:8000" is not an IP address with a port, like http://127.0.0.1:8000; '
                "host names are not allowed",
            )
        ],
        id="a host name as proxy",
    ),
    pytest.param(
        DOMAINS + 'proxy = "http://127.0.0.1:8000"\nfallback = "index.html"\n',
        [(3, "goes with root; an upstream answers every path itself")],
        id="fallback beside proxy",
    ),
    pytest.param(
        DOMAINS + ROOT + "[routes]\n"
        '"api" = { root = "a" }\n'
        '"/x" = { }\n'
        '"/y" = 5\n'
        '"/z" = { root = "a", prot = 1 }\n'
        '"/w" = { root = "a", proxy = "unix:/a", timeout = "x" }\n',
        [
            (4, f'"api" {NO_PATH}'),
            (5, NO_CONTENT),
            (6, '"/y" is a number; it is a table'),
            (7, '"prot" is not a key of [routes./z]; did you mean "root"?'),
            (8, 'stands beside "root"; "/w" is served by one of them'),
            (8, 'is not a duration; write a number and s, m, h or d, like "60s"'),
        ],
        id="routes",
    ),
    pytest.param(
        DOMAINS + ROOT + "[routes]\n"
        '"/a" = { root = "a" }\n'
        '"/a/*" = { root = "a" }\n'
        '"/a*" = { root = "a" }\n'
        '"/%61/*" = { root = "b" }\n'
        '["routes"."/%61"]\nroot = "b"\n',
        [
            (7, '"/%61/*" is the path of another route'),
            (8, '"/%61" is the path of another route'),
        ],
        id="routes with the same path",
    ),
    pytest.param(
        DOMAINS + ROOT + "[[redirects]]\n"
        'to = "/b"\n'
        "[[redirects]]\n"
        'from = "/a"\n'
        'to = "/b/:splat"\n'
        "[[redirects]]\n"
        'from = "/a/*/b"\n'
        'to = "javascript:1"\n'
        "status = 200\n"
        'note = "x"\n',
        [
            (3, 'has no "from"; write from = "/old"'),
            (7, 'holds ":splat", which needs a "*" at the end of "from"'),
            (9, NO_PATH),
            (10, 'is neither a path like "/new" nor an http or https URL'),
            (11, "is 200; a redirect is one of 301, 302, 303, 307, 308"),
            (12, '"note" is not a key of [[redirects]]; known: from, to, status'),
        ],
        id="redirects",
    ),
    pytest.param(
        DOMAINS + ROOT + "[[headers]]\n"
        "[[headers]]\n"
        'for = "a"\n'
        "[headers.values]\n"
        'Content-Length = "1"\n'
        'Strict-Transport-Security = "x"\n'
        'X-A = "$host"\n'
        '"X B" = "c"\n'
        "X-C = 1\n"
        "[[headers]]\n"
        'for = "/a"\n'
        'values = "X-A: b"\n',
        [
            (3, 'has no "for"; write for = "/assets/*"'),
            (3, "has no values; write [headers.values] below it"),
            (5, NO_PATH),
            (7, '"Content-Length" is not for a site to set, the server makes it'),
            (8, '"Strict-Transport-Security" is not for a header rule: write hsts = "180d"'),
            (9, 'holds a control character or "$"'),
            (10, '"X B" is not a header name'),
            (11, "is a number; it takes a text in quotes"),
            (14, "is a text; it is a table"),
        ],
        id="headers",
    ),
    pytest.param(
        DOMAINS + ROOT + '[[headers]]\nfor = "/a"\n[headers.values]\nX-A = "1"\nx-a = "1"\nX-a = ""\n'
        '[[headers]]\nfor = "/a"\n[headers.values]\nX-A = "2"\n',
        [
            (7, '"x-a" is the header "X-A" once more'),
            (8, '"X-a" is the header "X-A" once more'),
        ],
        id="a header named twice by case",
    ),
    pytest.param(
        DOMAINS + ROOT + '[[redirects]]\nfrom = "/b"\nto = "/c"\n[[redirects]]\nfrom = "/*"\nto = "/index.html"\n',
        [(7, 'leads to itself: "/index.html" is matched by "/*" again')],
        id="a redirect to itself",
    ),
    pytest.param(
        DOMAINS + ROOT + '[[redirects]]\nto = "/ü/:splat"\nfrom = "/a/*"\n[[redirects]]\nfrom = "/ü*"\nto = "/a/"\n',
        [(5, "leads in a circle: /%C3%BC/:splat → /a/")],
        id="redirects in a circle",
    ),
    pytest.param(
        '[[sites]]\ndomains = ["a.org"]\nroot = "."\n[[sites]]\ndomains = ["b.org"]\nroot = "."\n'
        '[[sites.redirects]]\nfrom = "/x"\nto = "/y"\n[[sites.redirects]]\nfrom = "/b"\nto = "https://x.c.org/c"\n'
        '[[sites]]\ndomains = ["*.c.org"]\nroot = "."\n[[sites.redirects]]\nfrom = "/c"\nto = "https://b.org/b"\n',
        [(11, "leads in a circle: https://x.c.org/c → https://b.org/b")],
        id="redirects in a circle through two sites",
    ),
    pytest.param(
        DOMAINS + ROOT + 'https = "on"\n[[redirects]]\nfrom = "/a"\nto = "/a"\n',
        [(3, '"on" is not a value of this key; it takes auto | required | off')],
        id="a redirect to itself is told once the rest is right",
    ),
    pytest.param(
        'domain = ["a.org"]\n'
        'domains = ["b c.org", "ok.org", "10.0.0.1"]\n'
        'root = "../public"\n'
        'https = "on"\n'
        "\n"
        "[tls]\n"
        'key = "rsa-1024"\n'
        'canonical = "ok.org"\n',
        [
            (1, '"domain" is not a key; did you mean "domains"?'),
            (2, '"b c.org" holds white space'),
            (2, '"10.0.0.1" is an IP address; name a domain'),
            (3, "leaves the repository; name a folder inside it"),
            (4, '"on" is not a value of this key; it takes auto | required | off'),
            (7, '"rsa-1024" is not a value of this key; did you mean "rsa-2048"?'),
            (8, "`canonical` stands under [tls]; move it above line 6"),
        ],
        id="everything at once",
    ),
]

LONG_LABEL = "a" * 64
LONG_NAME = ".".join(["a" * 62] * 4) + ".aa"
LONG_SOCKET = "unix:/run/" + "a" * 103


def of_rules(domains: int, redirects: int, *, below: str = "d.org") -> str:
    """The keys of a site with that many domains and redirects, and one route and one header rule."""
    names = ", ".join(f'"{number}.{below}"' for number in range(domains))
    ways = ", ".join(f'{{ from = "/{number}", to = "/" }}' for number in range(redirects))
    routes = '{ "/r" = { root = "." } }'
    headers = '[{ for = "/h", values = { } }]'
    return f'domains = [{names}]\nroot = "."\nredirects = [{ways}]\nroutes = {routes}\nheaders = {headers}\n'


BAD_AND_LONG = [
    pytest.param(
        f'domains = ["{LONG_LABEL}.org"]\n{ROOT}',
        [(1, f'"{LONG_LABEL[:59]}…" has a label of more than 63 characters')],
        id="a label of 64 characters",
    ),
    pytest.param(
        f'domains = ["{LONG_NAME}"]\n{ROOT}',
        [(1, f'"{LONG_NAME[:59]}…" is longer than 253 characters')],
        id="a name of 254 characters",
    ),
    pytest.param(
        f'{DOMAINS}proxy = "{LONG_SOCKET}"\n',
        [(2, f'"{LONG_SOCKET}" is longer than the 107 characters that a socket\'s path can have')],
        id="a socket path of 108 characters",
    ),
    pytest.param(
        MINIMAL + f"[[redirects]]\nfrom = '/a'\nto = '/b'\nstatus = 0x{'f' * 5000}\n",
        [(6, "is far too large; it takes a number from 100 to 599")],
        id="a number that str() refuses",
    ),
    pytest.param(of_rules(100, 42), [(None, TOO_MANY)], id="too many rules"),
    pytest.param(
        f"[[sites]]\n{of_rules(50, 91)}[[sites]]\n{MINIMAL}", [(1, TOO_MANY)], id="too many rules of all sites"
    ),
]


@pytest.mark.parametrize(("manifest", "expected"), [*BAD, *BAD_AND_LONG])
def test_every_problem_is_told_with_its_line(manifest: str, expected: Problems) -> None:
    """All that is wrong with a manifest is reported at once, each problem with its line, in the order of lines."""
    assert problems(manifest) == expected


def test_the_longest_names_that_are_allowed() -> None:
    """A label of 63 characters, a name of 253 and a socket path of 107 are the longest that pass."""
    names = ["a" * 63 + ".org", ".".join(["a" * 62] * 4) + ".a"]
    text = f'domains = ["{names[0]}", "{names[1]}"]\nproxy = "unix:/run/{"a" * 102}"\n'
    assert [str(domain) for domain in parse(text.encode()).domains] == names


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(of_rules(100, 41), id="of one site"),
        pytest.param(of_rules(100, 47) + 'canonical = "0.d.org"\n', id="where all domains but one redirect"),
        pytest.param(f"[[sites]]\n{of_rules(50, 81)}[[sites]]\n{of_rules(50, 1, below='e.org')}", id="of two sites"),
    ],
)
def test_the_most_rules_that_are_allowed(text: str) -> None:
    """10,000 locations, counted for each domain that has them, are the most that pass."""
    assert problems(text) == []


@pytest.mark.parametrize(("alias", "right"), ALIASES.items())
def test_words_of_other_tools_are_known(alias: str, right: str) -> None:
    """What users of other tools write first is answered with this tool's word, and with nothing else about it."""
    keys = {"domains": '["a.org"]', "root": '"."'}
    keys.pop("root" if right == "proxy" else right, None)
    text = f"{alias} = 1\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
    assert problems(text) == [(1, f'"{alias}" is not a key; did you mean "{right}"?')]


def test_a_problem_quotes_its_line() -> None:
    """A problem carries the text of its line, without its indent and cut at 100 characters."""
    with pytest.raises(ManifestError) as caught:
        parse(f'  domain = ["a.org"]\nroot = ".."\nx = "{"y" * 200}"\n'.encode())
    assert [(problem.line, problem.source) for problem in caught.value.problems] == [
        (1, 'domain = ["a.org"]'),
        (2, 'root = ".."'),
        (3, 'x = "' + "y" * 94 + "…"),
    ]


def test_tables_of_others_are_left_alone() -> None:
    """Tables named x-… are nobody's mistake, at the top, in [tls] and in a site."""
    assert problems(MINIMAL + '[x-ci]\nimage = "y"\n[tls.x-note]\na = 1\n[[x-list]]\nb = 2\n') == []
    known = ", ".join((*SITE_KEYS, *APP_KEYS))
    assert problems(f'x-note = "no table"\n{MINIMAL}') == [(1, f'"x-note" is not a key; known: {known}')]
    parse(b'[[sites]]\ndomains = ["a.org"]\nroot = "."\n[sites.x-note]\na = 1\n')


GOOD = [
    pytest.param(
        MINIMAL,
        Manifest((Site((Domain("a.org"),), Folder(".")),)),
        id="the smallest",
    ),
    pytest.param(
        'domains = ["Bücher.example.", "*.A.org", "faß.example"]\nroot = "./public//html/"\nhttps = "required"\n',
        Manifest(
            (
                Site(
                    (Domain("xn--bcher-kva.example"), Domain("*.a.org"), Domain("xn--fa-hia.example")),
                    Folder("public/html"),
                    https=Https.REQUIRED,
                ),
            )
        ),
        id="names become A-labels, folders are normalised",
    ),
    pytest.param(
        DOMAINS + 'proxy = "http://[::ffff:127.0.0.1]:8000"\n[tls]\nkey = "rsa-4096"\nchallenge = "http-01"\n',
        Manifest(
            (Site((Domain("a.org"),), Upstream("127.0.0.1", 8000)),),
            Tls(key=KeyType.RSA_4096, challenge=Challenge.HTTP_01),
        ),
        id="an IPv4-mapped address is the IPv4 address",
    ),
    pytest.param(
        DOMAINS + 'proxy = "unix:/run/parkspot/web.sock"\nhttps = "off"\n[deploy]\n[tls]\nprofile = ""\n',
        Manifest((Site((Domain("a.org"),), Upstream("/run/parkspot/web.sock", None), https=Https.OFF),)),
        id="a socket, and keys at their defaults",
    ),
    pytest.param("domains = []\n", Manifest((Site((), Folder(".")),)), id="no domains, and nothing to serve"),
    pytest.param(
        'domains = []\nproxy = "http://127.0.0.1:8000"\n',
        Manifest((Site((), Upstream("127.0.0.1", 8000)),)),
        id="no domains left",
    ),
    pytest.param(
        '[[sites]]\ndomains = []\n[[sites]]\ndomains = ["b.org"]\nroot = "b"\nhttps = "off"\nhsts = "off"\n[tls]\n',
        Manifest((Site((), Folder(".")), Site((Domain("b.org"),), Folder("b"), https=Https.OFF))),
        id="several sites, one of them without domains",
    ),
    pytest.param(
        DOMAINS + ROOT + 'redirects = [{ from = "/a/*", to = "https://a.org:8443/a/:splat" }]\n',
        Manifest(
            (
                Site(
                    (Domain("a.org"),),
                    Folder("."),
                    redirects=(Redirect(UrlPattern("/a/", True), Target("https://a.org:8443/a/:splat")),),
                ),
            )
        ),
        id="a redirect to another port is no circle",
    ),
]


@pytest.mark.parametrize(("manifest", "expected"), GOOD)
def test_a_sound_manifest(manifest: str, expected: Manifest) -> None:
    """A manifest that this version can serve becomes exactly these values."""
    assert parse(manifest.encode()) == expected


FULL = """
[tls]
certificates = "per-domain"
challenge = "http-01"
key = "ecdsa-p384"
profile = ""

[[sites]]
domains = ["a.org", "www.a.org"]
canonical = "a.org"
root = "public"
fallback = "app/index.html"
https = "required"
hsts = "180d"
max_body = "1g"
timeout = "5m"

[sites.routes]
"/api/*" = { proxy = "http://[::1]:8001", timeout = "1h" }
"/docs" = { root = "docs/html" }

[[sites.redirects]]
from = "/old/*"
to = "/new/:splat"

[[sites.redirects]]
from = "/gone"
to = "https://b.org/?x=1"
status = 308

[[sites.headers]]
for = "/*"
[sites.headers.values]
Content-Security-Policy = "default-src 'self'; img-src \\"x\\""
X-Powered-By = ""

[[sites]]
domains = ["b.org"]
proxy = "http://127.0.0.1:8000"
hsts = "off"
"""


def test_all_that_is_served() -> None:
    """Every key of a site is parsed into its typed value, and every header rule and redirect keeps its place."""
    policy = Header("Content-Security-Policy", "default-src 'self'; img-src \"x\"")
    assert parse(FULL.encode()) == Manifest(
        (
            Site(
                domains=(Domain("a.org"), Domain("www.a.org")),
                content=Folder("public"),
                canonical=Domain("a.org"),
                fallback="app/index.html",
                https=Https.REQUIRED,
                hsts=180 * 86400,
                max_body=1024**3,
                timeout=300,
                routes=(
                    Route(UrlPattern("/api/", True), Upstream("::1", 8001), 3600),
                    Route(UrlPattern("/docs", False), Folder("docs/html")),
                ),
                redirects=(
                    Redirect(UrlPattern("/old/", True), Target("/new/:splat")),
                    Redirect(UrlPattern("/gone", False), Target("https://b.org/?x=1"), 308),
                ),
                headers=(HeaderRule(UrlPattern("/", True), (policy, Header("X-Powered-By", ""))),),
            ),
            Site((Domain("b.org"),), Upstream("127.0.0.1", 8000)),
        ),
        Tls(challenge=Challenge.HTTP_01, key=KeyType.ECDSA_P384),
    )


def test_tls() -> None:
    """How the certificates are made."""
    text = MINIMAL + '[tls]\ncertificates = "san"\nchallenge = "dns-01"\nprofile = "shortlived"\n'
    assert parse(text.encode()).tls == Tls(Certificates.SAN, Challenge.DNS_01, profile="shortlived")


def test_lines_inside_sites() -> None:
    """A problem in the second of several tables names that table's line, not the first one's."""
    text = FULL.replace("status = 308", "status = 309").replace('"b.org"', '"b org"')
    assert problems(text) == [
        (29, "is 309; a redirect is one of 301, 302, 303, 307, 308"),
        (38, '"b org" holds white space'),
    ]


POLICY = Policy(
    app=AppName("shop"),
    allowed_domains=None,
    proxies=(),
    reserved_ports=frozenset({80, 443, 8888}),
    most_domains=2,
    claims=Claims({Domain("taken.org"): AppName("blog"), Domain("*.wild.org"): AppName("blog")}, {}),
    tree={"public": "040000", "public/index.html": "100644"},
    manifest="app.toml",
)
TO_MOVE = "; to move it, take it out of the app.toml of blog and push that first"
REFUSED = [
    pytest.param(
        'domains = ["taken.org", "x.wild.org", "bad name", "a.org", "b.org", "c.org"]\nroot = "html"\n',
        [
            (1, f'"taken.org" belongs to the app blog{TO_MOVE}'),
            (1, f'"x.wild.org" overlaps *.wild.org, which belongs to the app blog{TO_MOVE}'),
            (1, '"bad name" holds white space'),
            (1, "has 3 domains; the server allows an app 2"),
            (2, "is not in the pushed commit; git keeps no empty folders"),
        ],
        id="domains and a folder",
    ),
    pytest.param(
        'domains = ["taken.org"]\ncanonical = "taken.org"\nroot = "public"\n',
        [(1, f'"taken.org" belongs to the app blog{TO_MOVE}')],
        id="a refused domain is one of the domains still",
    ),
    pytest.param(
        DOMAINS + 'proxy = "http://127.0.0.2:8888"\n',
        [(2, '"http://127.0.0.2:8888" is port 8888, which nginx or hookrunner itself listens on')],
        id="an upstream",
    ),
    pytest.param(
        DOMAINS + 'root = "public"\nfallback = "app.html"\n',
        [(3, "is not a file of the pushed commit: public/app.html")],
        id="a fallback",
    ),
    pytest.param(
        DOMAINS + 'root = "html"\nfallback = "index.html"\n',
        [(2, "is not in the pushed commit; git keeps no empty folders")],
        id="a folder with a fallback, told once",
    ),
    pytest.param(
        DOMAINS + 'root = "public"\n[routes]\n"/a" = { root = "html" }\n"/b" = { proxy = "http://127.0.0.1:80" }\n',
        [
            (4, "is not in the pushed commit; git keeps no empty folders"),
            (5, '"http://127.0.0.1:80" is port 80, which nginx or hookrunner itself listens on'),
        ],
        id="routes",
    ),
]


@pytest.mark.parametrize(("manifest", "expected"), REFUSED)
def test_the_policy_adds_its_problems(manifest: str, expected: Problems) -> None:
    """With a policy, what the server refuses stands beside what the file gets wrong, each at its line."""
    assert problems(manifest, POLICY) == expected


def test_the_policy_lets_the_rest_pass() -> None:
    """What the server allows and the commit has is a manifest with a policy as without one."""
    text = DOMAINS + 'root = "public"\nfallback = "index.html"\n'
    assert parse(text.encode(), POLICY) == parse(text.encode())


# Property-based: whatever is pushed, either errors are listed or there is a manifest.

WORDS = sorted({*SITE_KEYS, *APP_KEYS, *TLS_KEYS, *ROUTE_KEYS, *REDIRECT_KEYS, *HEADER_KEYS, *ALIASES, "x-y", "/a/*"})
VALUES = [
    "a.org",
    "*.a.org",
    ".",
    "public",
    "../x",
    "http://127.0.0.1:8000",
    "auto",
    "off",
    "/a",
    "/*",
    "/a/:splat",
    "https://a.org/a",
    "10m",
    "60s",
    "$",
    "",
]


class Raw(str):
    """TOML text that stands for itself."""

    __slots__ = ()


def toml_value(value: Any) -> str:
    """A Python value as TOML writes it."""
    match value:
        case bool():
            return str(value).lower()
        case Raw():
            return str(value)
        case str():
            return '"' + "".join(c if c.isascii() and c.isalnum() else f"\\U{ord(c):08x}" for c in value) + '"'
        case list():
            return f"[{', '.join(map(toml_value, value))}]"
        case dict():
            return "{" + ", ".join(f"{toml_value(k)} = {toml_value(v)}" for k, v in value.items()) + "}"
        case _:
            return str(value)


keys = st.sampled_from(WORDS) | st.text(st.characters(codec="utf-8"), max_size=5)
texts = st.sampled_from(VALUES) | st.text(st.characters(codec="utf-8"), max_size=10)
scalars = texts | st.booleans() | st.integers() | st.floats() | st.dates() | st.just(Raw("0x" + "f" * 5000))
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
shaped = st.fixed_dictionaries(
    {},
    optional={
        "domains": st.lists(texts, max_size=4) | values,
        "root": texts | values,
        "proxy": texts | values,
        "canonical": texts,
        "tls": st.dictionaries(st.sampled_from(TLS_KEYS), values) | values,
        "routes": st.dictionaries(keys, st.dictionaries(st.sampled_from(ROUTE_KEYS), values)) | values,
        "redirects": st.lists(st.dictionaries(st.sampled_from(REDIRECT_KEYS), texts | values), max_size=3) | values,
        "headers": st.lists(st.dictionaries(st.sampled_from(HEADER_KEYS), texts | values), max_size=3) | values,
        "sites": st.lists(st.dictionaries(keys, values, max_size=4), max_size=3) | values,
    },
)
documents = st.dictionaries(keys, values, max_size=6) | shaped


def manifest_or_problems(content: bytes, policy: Policy | None) -> None:
    """Parse; fail unless it is a manifest, or an error with problems in the order of their lines."""
    try:
        assert isinstance(parse(content, policy), Manifest)
    except ManifestError as error:
        assert error.problems
        lines = [problem.line or 0 for problem in error.problems]
        assert lines == sorted(lines)
        assert all(problem.text for problem in error.problems)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
@example(b"\xff\xfe")
@example(b"[" * 50_000)
@example(b"a." * 30_000 + b"a = 1")
@example(b"a = 0x" + b"f" * 60_000)
def test_any_bytes(content: bytes) -> None:
    """Arbitrary bytes become a manifest or listed problems, never another exception."""
    manifest_or_problems(content, POLICY)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from([*WORDS, "=", '"', "'", "[", "]", "{", "}", ",", ".", "\n", "#", '"""', "\\", "1", " "]))
)
def test_any_scraps_of_toml(scraps: list[str]) -> None:
    """Scraps of TOML in any order become a manifest or listed problems, never another exception."""
    manifest_or_problems("".join(scraps).encode(), POLICY)


@settings(max_examples=400, deadline=None)
@given(documents, st.booleans())
def test_any_document(document: dict[str, Any], with_policy: bool) -> None:
    """Any TOML document becomes a manifest or listed problems, never another exception."""
    text = "".join(f"{toml_value(key)} = {toml_value(value)}\n" for key, value in document.items())
    manifest_or_problems(text.encode(), POLICY if with_policy else None)


def redirects(ways: Iterable[tuple[int, int]]) -> bytes:
    """A site with many short redirects."""
    written = ",".join(f'{{from="/{source:x}",to="/{target:x}"}}' for source, target in ways)
    return f"{MINIMAL}redirects=[{written}]\n".encode()


BOMBS = [
    pytest.param(b"[" + b".".join([b"a"] * 8000) + b"]\n" + b"b=1\n" * 6000, id="a deep table of many keys"),
    pytest.param(b'x = [ """\n\' """, { ' + b".".join([b"a"] * 8000) + b" = 1 } ]\n", id="a deep key behind quotes"),
    pytest.param(b'""' + b'.""' * 20_000 + b" = 1", id="a deep key of quoted parts"),
    pytest.param(b'a = "' + b'\\"' * 32_000, id="a string without end"),
    pytest.param(b'a = """' + b'\\"' * 32_000, id="a long string without end"),
    pytest.param(b"a = 1\n" + b"'\"" * 32_000, id="only quotes"),
    pytest.param(b"".join(b"%x=1\n" % number for number in range(8000)), id="8,000 unknown keys"),
    pytest.param(b'domains = ["' + "é".encode() * 30_000 + b'.org"]', id="an endless international name"),
    pytest.param(redirects((number, number) for number in range(2700)), id="2,700 redirects to themselves"),
    pytest.param(redirects((number, max(number - 1, 0)) for number in range(2700)), id="2,700 redirects in a row"),
]


@pytest.mark.parametrize("content", BOMBS)
def test_what_is_made_to_cost_much(content: bytes) -> None:
    """A manifest made to use up the time of the server is refused; a bound in CPU time that only an explosion passes."""
    began = time.process_time()
    assert problems(content)
    assert time.process_time() - began < 30
