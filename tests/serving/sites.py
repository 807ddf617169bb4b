"""What the request suite asks for: sites, and for each request what has to come back. One row each."""

import gzip
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from tests.serving.deployed import Site
from tests.serving.web import HTTP1, HTTPS1, HTTPS2

BOTH = (HTTPS1, HTTPS2)
LONG = "0123456789abcdef" * 64  # long enough to be compressed
NGINX_404, NGINX_502 = "404 Not Found", "502 Bad Gateway"

SITES = {
    "plain": Site(
        'domains = ["plain.example"]\nroot = "public"\n',
        (
            {
                "public/index.html": "home",
                "public/about.html": "about",
                "public/team/index.html": "team",
                "public/both.html": "page",
                "public/both/index.html": "folder",
                "public/no-index/file.txt": "file",
                "public/404.html": "nothing here",
                "public/ten.txt": "0123456789",
                "public/app.mjs": LONG,
                "public/app.js": LONG,
                "public/site.webmanifest": "{}",
                "public/module.wasm": "\0asm",
                "public/picture.svg": f"<svg>{LONG}</svg>",
                "public/data.json": "{}",
                "public/photo.jpeg": LONG,
                "public/unknown.xyz": "?",
                "public/ready.css": LONG,
                "public/ready.css.gz": gzip.compress(b"made by the build", mtime=0),
                "public/sp ace/ü.txt": "odd",
                "public/.env": "secret",
                "public/.git-like/x": "secret",
                "public/a/.hidden.html": "secret",
                "public/a/.html": "secret",
                "public/app.toml": "secret",
                "public/.well-known/security.txt": "contact",
                "public/.well-known/.hidden": "secret",
                ".env": "secret",
            },
        ),
    ),
    "bare": Site(
        'domains = ["bare.example"]\nroot = "."\n', ({"index.html": "top", "public/x.txt": "x", ".env": "secret"},)
    ),
    "spa": Site(
        """domains = ["spa.example"]
root = "dist"
fallback = "app/shell.html"
[routes]
"/docs/*" = { root = "manual" }
[[headers]]
for = "/users/*"
[headers.values]
X-Users = "yes"
""",
        (
            {
                "dist/app/shell.html": "shell",
                "dist/app.1.js": "one",
                "dist/index.html": "home",
                "manual/docs/a.txt": "a",
            },
            {
                "dist/app/shell.html": "shell 2",
                "dist/app.2.js": "two",
                "dist/index.html": "home",
                "manual/docs/a.txt": "a",
            },
            {
                "dist/app/shell.html": "shell 3",
                "dist/app.3.js": "three",
                "dist/index.html": "home",
                "manual/docs/b.txt": "b",
            },
        ),
    ),
    "names": Site(
        'domains = ["names.example", "www.names.example"]\ncanonical = "names.example"\nroot = "."\nhsts = "180d"\n',
        ({"index.html": "names", "x y.html": "spaced"},),
    ),
    "routes": Site(
        """domains = ["routes.example"]
root = "public"
timeout = "20s"
[routes]
"/api/*" = { proxy = "http://127.0.0.1:PROGRAM" }
"/api/v1/*" = { root = "old" }
"/api/v1/exact" = { proxy = "http://127.0.0.1:PROGRAM" }
"/docs/*" = { root = "manual" }
"/down/*" = { proxy = "http://127.0.0.1:DOWN" }
"/wide*" = { root = "wide" }
"/.well-known/agent" = { proxy = "http://127.0.0.1:PROGRAM" }
"/ü/*" = { root = "manual" }
[[headers]]
for = "/.env"
[headers.values]
X-A = "a"
[[redirects]]
from = "/api/moved"
to = "/elsewhere"
""",
        (
            {
                "public/index.html": "home",
                "public/api.html": "about the api",
                "public/docs/inside.txt": "not reached",
                "public/502.html": "the program is down",
                "public/.env": "secret",
                "old/api/v1/data.json": "[]",
                "manual/docs/index.html": "manual",
                "manual/docs/.env": "secret",
                "manual/docs/app.toml": "secret",
                "manual/ü/a.txt": "umlaut",
                "wide/wide.txt": "wide",
                "wide/wider/x.txt": "wider",
            },
        ),
        has_program=True,
    ),
    "redirects": Site(
        """domains = ["redirects.example"]
root = "public"
hsts = "1d"
[[redirects]]
from = "/old/*"
to = "/new/:splat"
[[redirects]]
from = "/old/special"
to = "/never"
[[redirects]]
from = "/exact"
to = "/target"
status = 308
[[redirects]]
from = "/query"
to = "/search?q=1#found"
status = 302
[[redirects]]
from = "/all/*"
to = "https://other.example/base/:splat?from=redirects"
status = 307
[[redirects]]
from = "/away/*"
to = "https://other.example/"
status = 303
[[redirects]]
from = "/top/*"
to = "/:splat"
[[redirects]]
from = "/alt seite/*"
to = "/neue seite/ü/:splat"
[[redirects]]
from = "/file.txt"
to = "/instead"
[[redirects]]
from = "/glued*"
to = "/free:splat"
[[redirects]]
from = "/twice/*"
to = "/:splat/and/:splat"
[routes]
"/old/api/*" = { root = "public" }
""".replace("/neue seite/ü", "/neue%20seite/ü"),
        ({"public/index.html": "home", "public/file.txt": "file", "public/404.html": "gone"},),
    ),
    "headers": Site(
        r"""domains = ["headers.example"]
root = "public"
[[headers]]
for = "/*"
[headers.values]
X-Frame-Options = "DENY"
X-Odd = 'a "quoted"; \ and; {braces} #hash'
X-Line = "a\u2028b"
X-Later = "first"
Content-Security-Policy = "default-src 'self'; img-src *"
[[headers]]
for = "/assets/*"
[headers.values]
Cache-Control = "public, max-age=31536000, immutable"
x-later = "second"
[[headers]]
for = "/assets/data.bin"
[headers.values]
Content-Type = "application/vnd.example; v=1"
[[headers]]
for = "/open"
[headers.values]
X-Frame-Options = ""
[[headers]]
for = "/private/*"
[headers.values]
Cache-Control = "no-store"
[[headers]]
for = "/"
[headers.values]
X-Home = "yes"
[[headers]]
for = "/quiet.html"
[headers.values]
Cache-Control = ""
[routes]
"/api/*" = { proxy = "http://127.0.0.1:PROGRAM" }
[[headers]]
for = "/api/*"
[headers.values]
X-Program = "ours"
Cache-Control = "no-store"
X-Powered-By = ""
[[headers]]
for = "/api/typed"
[headers.values]
Content-Type = "text/plain"
""",
        (
            {
                "public/index.html": "home",
                "public/open.html": "open",
                "public/quiet.html": "quiet",
                "public/assets/app.js": LONG,
                "public/assets/data.bin": "data",
                "public/private/x.txt": "private",
                "public/404.html": "gone",
            },
        ),
        has_program=True,
    ),
    "program": Site(
        'domains = ["program.example"]\nproxy = "http://127.0.0.1:PROGRAM"\nmax_body = "1k"\nhsts = "1h"\n',
        ({"502.html": "not used", "index.html": "not served"},),
        has_program=True,
    ),
    "down": Site(
        'domains = ["down.example"]\nproxy = "http://127.0.0.1:DOWN"\n', ({"502.html": "back soon", "x.html": "x"},)
    ),
    "mute": Site('domains = ["mute.example"]\nproxy = "http://127.0.0.1:DOWN"\n', ({"x.html": "x"},)),
    "late": Site(
        'domains = ["late.example"]\nproxy = "http://127.0.0.1:PROGRAM"\ntimeout = "1s"\n',
        ({"502.html": "too slow"},),
        has_program=True,
    ),
    "several": Site(
        """[[sites]]
domains = ["one.several.example"]
root = "one"
[sites.routes]
"/two/*" = { root = "both" }
[[sites.headers]]
for = "/*"
[sites.headers.values]
X-Site = "one"

[[sites]]
domains = ["two.several.example", "deux.several.example"]
root = "two"
[[sites.redirects]]
from = "/one"
to = "https://one.several.example/"

[[sites]]
domains = ["*.wild.several.example"]
root = "wild"
https = "off"

[[sites]]
domains = ["http.several.example"]
root = "two"
https = "off"

[[sites]]
domains = ["required.several.example"]
root = "two"
https = "required"
""",
        ({"one/index.html": "one", "two/index.html": "two", "wild/index.html": "wild", "both/two/x.txt": "both"},),
    ),
    "everything-moved": Site(
        'domains = ["moved.example"]\nroot = "."\n[[redirects]]\nfrom = "/*"\nto = "https://new.example/:splat"\n',
        ({"index.html": "old"},),
    ),
    "old-roots": Site(
        'domains = ["roots.example"]\nroot = "b"\n',
        # What the commit before had in "b" was served by nobody; it is not an old file of this site.
        ({"app.toml": 'domains = ["roots.example"]\nroot = "a"\n', "a/x": "a", "b/draft.txt": "draft"}, {"b/x": "b"}),
    ),
}


class Row(NamedTuple):
    """A request and what has to come back; ``{https}`` and ``{http}`` in a header stand for the port's part of a URL.

    A header that must not be there is None. A body that begins with "<" is looked for, any other is the whole.
    """

    site: str
    path: str
    status: int
    headers: Mapping[str, str | None] = MappingProxyType({})
    body: str | None = None
    host: str = ""
    method: str = "GET"
    send: tuple[tuple[str, str], ...] = ()
    content: bytes = b""
    over: tuple[str, ...] = BOTH


HTML: dict[str, str | None] = {"content-type": "text/html; charset=utf-8", "cache-control": "no-cache"}
GZIP = (("accept-encoding", "gzip"),)
AT_BASE = "https://other.example/base/"

STATIC = [
    Row("plain", "/", 200, HTML, "home"),
    Row("plain", "/index.html", 200, HTML, "home"),
    Row("plain", "/about", 200, HTML, "about"),
    Row("plain", "/about.html", 200, HTML, "about"),
    Row("plain", "/about?x=1", 200, HTML, "about"),
    Row("plain", "/about/", 404),
    Row("plain", "/team", 301, {"location": "/team/", "cache-control": None}),
    Row("plain", "/team?a=b&c", 301, {"location": "/team/?a=b&c"}),
    Row("plain", "/team/", 200, HTML, "team"),
    Row("plain", "//team", 301, {"location": "/team/"}),
    Row("plain", "//evil.example/..//team", 301, {"location": "/team/"}),
    Row("plain", "/x/../team", 301, {"location": "/team/"}),
    Row("plain", "/both", 200, HTML, "page"),
    Row("plain", "/both/", 200, HTML, "folder"),
    Row("plain", "/no-index/", 404, {}, "nothing here"),
    Row("plain", "/no-index/file.txt", 200, {"cache-control": None}, "file"),
    Row("plain", "/sp%20ace/%C3%BC.txt", 200, {}, "odd"),
    Row("plain", "/sp%20ace", 301, {"location": "/sp%20ace/"}),
    Row("plain", "/ABOUT", 404),
    Row("plain", "/none", 404, {"content-type": "text/html; charset=utf-8"}, "nothing here"),
    Row("plain", "/none.js", 404, {"content-type": "text/html; charset=utf-8"}, "nothing here"),
    Row("plain", "/none", 404, {}, "nothing here", method="POST"),
    Row("plain", "/none", 404, {}, "", method="HEAD"),
    Row("plain", "/404.html", 200, HTML, "nothing here"),
    Row("plain", "/ten.txt", 405, method="POST"),
    Row("plain", "/ten.txt", 200, {"content-length": "10", "accept-ranges": "bytes"}, "", method="HEAD"),
    Row("plain", "/ten.txt", 206, {"content-range": "bytes 2-4/10"}, "234", send=(("range", "bytes=2-4"),)),
    Row("plain", "/ten.txt", 206, {"content-range": "bytes 7-9/10"}, "789", send=(("range", "bytes=-3"),)),
    Row("plain", "/about", 206, {"cache-control": "no-cache"}, "bou", send=(("range", "bytes=1-3"),)),
    Row("plain", "/ten.txt", 416, {"content-range": "bytes */10"}, send=(("range", "bytes=20-"),)),
    Row("plain", "/ten.txt", 200, {"content-type": "text/plain; charset=utf-8", "etag": "*"}),
    Row("plain", "/app.js", 200, {"content-type": "text/javascript; charset=utf-8", "content-encoding": None}, LONG),
    Row("plain", "/app.js", 200, {"content-encoding": "gzip", "vary": "Accept-Encoding"}, send=GZIP),
    Row(
        "plain",
        "/app.mjs",
        200,
        {"content-type": "text/javascript; charset=utf-8", "content-encoding": "gzip"},
        send=GZIP,
    ),
    Row("plain", "/picture.svg", 200, {"content-type": "image/svg+xml", "content-encoding": "gzip"}, send=GZIP),
    Row("plain", "/photo.jpeg", 200, {"content-type": "image/jpeg", "content-encoding": None}, LONG, send=GZIP),
    Row("plain", "/ten.txt", 200, {"content-encoding": None}, "0123456789", send=GZIP),
    Row("plain", "/ready.css", 200, {"content-encoding": None, "vary": "Accept-Encoding"}, LONG),
    Row("plain", "/ready.css", 200, {"content-encoding": "gzip", "content-type": "text/css; charset=utf-8"}, send=GZIP),
    Row("plain", "/ready.css.gz", 200, {"content-type": "application/gzip", "content-encoding": None}),
    Row("plain", "/site.webmanifest", 200, {"content-type": "application/manifest+json; charset=utf-8"}),
    Row("plain", "/module.wasm", 200, {"content-type": "application/wasm"}),
    Row("plain", "/data.json", 200, {"content-type": "application/json; charset=utf-8"}),
    Row("plain", "/unknown.xyz", 200, {"content-type": "application/octet-stream"}),
    Row("plain", "/", 200, {"server": "nginx", "strict-transport-security": None}),
    Row(
        "plain",
        "/",
        301,
        {"location": "https://plain.example{https}/", "strict-transport-security": None},
        over=(HTTP1,),
    ),
    Row("plain", "/a?b", 301, {"location": "https://plain.example{https}/a?b"}, over=(HTTP1,)),
    Row("bare", "/", 200, HTML, "top"),
    Row("bare", "/public/x.txt", 200, {}, "x"),
    Row("bare", "/none", 404, {}, f"<{NGINX_404}"),
]

HIDDEN = [
    Row("plain", path, 404, {}, "nothing here")
    for path in (
        "/.env", "/%2eenv", "/%2Eenv", "//.env", "/x/../.env", "/.git-like/x", "/a/.hidden.html", "/a/.hidden", "/a/",
        "/a/.html", "/app.toml", "/app%2etoml", "/a/../app.toml", "/.well-known/.hidden", "/..", "/.", "/.env/", "/.ENV",
    )
    if path not in ("/..", "/.")
]  # fmt: skip
HIDDEN += [
    Row("plain", "/.well-known/security.txt", 200, {}, "contact"),
    Row("plain", "/..%2f.env", 400),
    Row("plain", "/../.env", 400),
    Row("plain", "/%2e%2e/.env", 400),
    Row("bare", "/.env", 404),
    Row("bare", "/app.toml", 404),
    Row("bare", "/.git/config", 404),
    Row("routes", "/.env", 404),
    Row("routes", "/docs/.env", 404),
    Row("routes", "/docs/app.toml", 404),
    Row("routes", "/.hookrunner/0/404", 404),
    Row("program", "/.hookrunner/0/502", 404),
    Row("spa", "/.env", 404),
    Row("spa", "/users/.env", 404),
]

FALLBACK = [
    Row("spa", "/", 200, HTML, "home"),
    Row("spa", "/about", 200, HTML, "shell 3"),
    Row("spa", "/deep/er/", 200, HTML, "shell 3"),
    Row("spa", "/users/7", 200, HTML | {"x-users": "yes"}, "shell 3"),
    Row("spa", "/users/7", 200, {"content-length": "7"}, "", method="HEAD"),
    Row("spa", "/app.3.js", 200, {}, "three"),
    Row("spa", "/app.2.js", 200, {"content-type": "text/javascript; charset=utf-8"}, "two"),
    Row("spa", "/app.1.js", 404, {}, f"<{NGINX_404}"),
    Row("spa", "/app.9.js", 404),
    Row("spa", "/users/john.doe", 404, {"x-users": "yes"}),
    Row("spa", "/v1.2/users", 200, HTML, "shell 3"),
    Row("spa", "/docs/b.txt", 200, {}, "b"),
    Row("spa", "/docs/a.txt", 200, {}, "a"),
    Row("spa", "/docs/none", 404),
    Row("spa", "/docs", 200, HTML, "shell 3"),
    Row("old-roots", "/x", 200, {}, "b"),
    Row("old-roots", "/draft.txt", 404),
]

NAMES = [
    Row("names", "/", 200, {"strict-transport-security": "max-age=15552000"}, "names"),
    Row("names", "/none", 404, {"strict-transport-security": "max-age=15552000"}),
    Row("names", "/", 301, {"location": "https://names.example{https}/", "strict-transport-security": None}, over=(HTTP1,)),
    Row("names", "/x%20y?a=%20", 301, {"location": "https://names.example{https}/x%20y?a=%20"}, host="www.names.example"),
    Row("names", "/", 301, {"strict-transport-security": "max-age=15552000"}, host="www.names.example"),
    Row("names", "/a", 301, {"location": "https://names.example{https}/a"}, host="www.names.example", over=(HTTP1,)),
    Row("names", "//evil.example/%2e%2e", 301, {"location": "https://names.example{https}//evil.example/%2e%2e"},
        host="www.names.example"),
    Row("names", "/", 0, host="unknown.example", over=(HTTP1,)),
    Row("names", "/.well-known/acme-challenge/x", 404, {"location": None}, host="www.names.example"),
    Row("names", "/.well-known/acme-challenge/x", 404, {"location": None}, host="unknown.example", over=(HTTP1,)),
    Row("everything-moved", "/a/b?c", 301, {"location": "https://new.example/a/b?c"}),
    Row("everything-moved", "/", 301, {"location": "https://new.example/"}),
    Row("everything-moved", "/.well-known/acme-challenge/x", 404, {"location": None}, over=(HTTP1, HTTPS1, HTTPS2)),
    Row("several", "/", 200, {"x-site": "one"}, "one", host="one.several.example"),
    Row("several", "/two/x.txt", 200, {"x-site": "one"}, "both", host="one.several.example"),
    Row("several", "/", 200, {"x-site": None}, "two", host="two.several.example"),
    Row("several", "/", 200, {}, "two", host="deux.several.example"),
    Row("several", "/one", 301, {"location": "https://one.several.example/"}, host="two.several.example"),
    Row("several", "/", 200, {}, "wild", host="any.wild.several.example", over=(HTTP1,)),
    Row("several", "/", 200, {}, "wild", host="a.b.wild.several.example", over=(HTTP1,)),
    Row("several", "/", 0, host="wild.several.example", over=(HTTP1,)),
    Row("several", "/", 200, {"location": None}, "two", host="http.several.example", over=(HTTP1,)),
    Row("several", "/", 503, host="required.several.example", over=(HTTP1,)),
]  # fmt: skip

ROUTES = [
    Row("routes", "/", 200, HTML, "home"),
    Row("routes", "/api", 200, HTML, "about the api"),
    Row("routes", "/api/", 200, {}, '<"path": "/api/"'),
    Row("routes", "/api/users?id=1", 200, {}, '<"path": "/api/users?id=1"'),
    Row("routes", "/api/a%2Fb%20c", 200, {}, '<"path": "/api/a%2Fb%20c"'),
    Row("routes", "/api/.env", 200, {}, '<"path": "/api/.env"'),
    Row("routes", "/api/users", 200, {}, '<"method": "PUT"', method="PUT"),
    Row("routes", "/api/users", 200, {}, '<"length": 5', method="POST", content=b"12345"),
    Row("routes", "/api/v1/data.json", 200, {"content-type": "application/json; charset=utf-8"}, "[]"),
    Row("routes", "/api/v1/none", 404, {}, f"<{NGINX_404}"),
    Row("routes", "/api/v1/exact", 200, {}, '<"path": "/api/v1/exact"'),
    Row("routes", "/api/v1/exact/more", 404),
    Row("routes", "/api/v1", 200, {}, '<"path": "/api/v1"'),
    Row("routes", "/api/moved", 301, {"location": "/elsewhere"}),
    Row("routes", "/api/moved/on", 200, {}, '<"path": "/api/moved/on"'),
    Row("routes", "/docs/", 200, HTML, "manual"),
    Row("routes", "/docs/inside.txt", 404),
    Row("routes", "/docs/../api/x", 200, {}, '<"path": '),
    Row("routes", "/wide.txt", 200, {}, "wide"),
    Row("routes", "/wider/x.txt", 200, {}, "wider"),
    Row("routes", "/.well-known/agent", 200, {}, '<"path": "/.well-known/agent"'),
    Row("routes", "/%C3%BC/a.txt", 200, {}, "umlaut"),
    Row("routes", "/%c3%bc/a.txt", 200, {}, "umlaut"),
    Row("routes", "/down/x", 502, HTML | {"cache-control": None}, "the program is down"),
    Row("routes", "/down/x", 502, {}, "the program is down", method="POST", content=b"x"),
    Row("routes", "/down/x", 502, {}, "", method="HEAD"),
    Row("program", "/", 200, {"strict-transport-security": "max-age=3600"}, '<"path": "/"'),
    Row("program", "/index.html", 200, {}, '<"path": "/index.html"'),
    Row("program", "/x?status=404", 404, {"content-type": "application/json"}, '<"path": "/x?status=404"'),
    Row("program", "/x?status=502", 502, {"content-type": "application/json"}, '<"path": "/x?status=502"'),
    Row("program", "/", 413, {"strict-transport-security": "max-age=3600"}, method="POST", content=b"x" * 1025),
    Row("program", "/", 200, {}, '<"length": 1024', method="POST", content=b"x" * 1024),
    Row("program", "/x?header=Strict-Transport-Security:max-age=9", 200, {"strict-transport-security": "max-age=3600"}),
    Row("program", "/x?header=X-Own:kept", 200, {"x-own": "kept"}),
    Row("down", "/", 502, {"content-type": "text/html; charset=utf-8"}, "back soon"),
    Row("down", "/x.html", 502, {}, "back soon"),
    Row("down", "/", 502, {}, "back soon", method="DELETE"),
    Row("mute", "/", 502, {}, f"<{NGINX_502}"),
    Row("mute", "/", 502, {}, f"<{NGINX_502}", method="POST", content=b"x"),
    Row("late", "/never", 504, {}, "too slow"),
]

REDIRECTS = [
    Row("redirects", "/old/a", 301, {"location": "/new/a", "strict-transport-security": "max-age=86400"}),
    Row("redirects", "/old/", 301, {"location": "/new/"}),
    Row("redirects", "/old", 404, {}, "gone"),
    Row("redirects", "/older", 404),
    Row("redirects", "/old/a/b.html?x=1&y=%20", 301, {"location": "/new/a/b.html?x=1&y=%20"}),
    Row("redirects", "/old/special", 301, {"location": "/new/special"}),
    Row("redirects", "/old/api/x", 301, {"location": "/new/api/x"}),
    Row("redirects", "/old/a%20b%2Fc%C3%BC", 301, {"location": "/new/a%20b%2Fc%C3%BC"}),
    Row("redirects", "/old/%0d%0aX-Evil:%20yes", 301, {"location": "/new/%0d%0aX-Evil:%20yes", "x-evil": None}),
    Row("redirects", "/old/%00", 400),
    Row("redirects", "/old/a;b='c'(d)!*,@$&~", 301, {"location": "/new/a;b='c'(d)!*,@$&~"}),
    Row("redirects", "/%6fld/a", 301, {"location": "/new/a"}),
    Row("redirects", "//old///a", 301, {"location": "/new/a"}),
    Row("redirects", "/old/a//b", 301, {"location": "/new/a//b"}),
    Row("redirects", "/old/a?b?c", 301, {"location": "/new/a?b?c"}),
    Row("redirects", "/old/a\\b", 404),
    Row("redirects", "/old/a[1]|b^{c}`<d>", 301, {"location": "/new/a[1]|b^{c}`<d>"}),
    Row("redirects", '/old/a"b', 301, {"location": '/new/a"b'}),
    Row("redirects", "/exact", 308, {"location": "/target"}),
    Row("redirects", "/exact?x", 308, {"location": "/target?x"}),
    Row("redirects", "/exact", 308, {"location": "/target"}, method="POST", content=b"x"),
    Row("redirects", "/exact/", 404),
    Row("redirects", "/query", 302, {"location": "/search?q=1#found"}),
    Row("redirects", "/query?z=2", 302, {"location": "/search?q=1&z=2#found"}),
    Row("redirects", "/all/x/y", 307, {"location": f"{AT_BASE}x/y?from=redirects"}),
    Row("redirects", "/all/x?b=1", 307, {"location": f"{AT_BASE}x?from=redirects&b=1"}),
    Row("redirects", "/all/@evil.example", 307, {"location": f"{AT_BASE}@evil.example?from=redirects"}),
    Row("redirects", "/away/any/thing", 303, {"location": "https://other.example/"}),
    Row("redirects", "/top/", 301, {"location": "/"}),
    Row("redirects", "/top/x", 301, {"location": "/x"}),
    Row("redirects", "/top//evil.example", 301, {"location": "/evil.example"}),
    Row("redirects", "/top///evil.example/x", 301, {"location": "/evil.example/x"}),
    Row("redirects", "/top/%2Fevil.example", 301, {"location": "/evil.example"}),
    Row("redirects", "/top/%5Cevil.example", 301, {"location": "/%5Cevil.example"}),
    Row("redirects", "/top/\\evil.example", 404),
    Row("redirects", "/top/https://evil.example", 301, {"location": "/https://evil.example"}),
    Row("redirects", "/x/../top/x", 404),
    Row("redirects", "/alt%20seite/a", 301, {"location": "/neue%20seite/%C3%BC/a"}),
    Row("redirects", "/file.txt", 301, {"location": "/instead"}),
    Row("redirects", "/glued", 301, {"location": "/free"}),
    Row("redirects", "/gluedon/x", 301, {"location": "/freeon/x"}),
    Row("redirects", "/twice/a", 301, {"location": "/a/and/a"}),
    Row("redirects", "/", 200, {}, "home"),
    Row("redirects", "/OLD/a", 404),
]

EVERYWHERE: dict[str, str | None] = {
    "x-frame-options": "DENY",
    "x-odd": 'a "quoted"; \\ and; {braces} #hash',
    "x-line": "a\u2028b",
    "content-security-policy": "default-src 'self'; img-src *",
}
STORED = "public, max-age=31536000, immutable"

HEADERS = [
    Row("headers", "/", 200, EVERYWHERE | HTML | {"x-later": "first", "x-home": "yes"}, "home"),
    Row("headers", "/index.html", 200, EVERYWHERE | {"x-home": None}),
    Row("headers", "/none", 404, EVERYWHERE, "gone"),
    Row("headers", "/.env", 404, EVERYWHERE, "gone"),
    Row("headers", "/assets/app.js", 200, EVERYWHERE | {"cache-control": STORED, "x-later": "second"}, LONG),
    Row("headers", "/assets/app.js", 200, {"cache-control": STORED, "content-encoding": "gzip"}, send=GZIP),
    Row("headers", "/assets/app.js", 206, {"cache-control": STORED}, "01", send=(("range", "bytes=0-1"),)),
    Row("headers", "/assets/gone.js", 404, EVERYWHERE | {"cache-control": None, "x-later": "second"}, "gone"),
    Row("headers", "/assets/data.bin", 200, {"content-type": "application/vnd.example; v=1", "cache-control": STORED}),
    Row("headers", "/open", 200, HTML | {"x-frame-options": None, "x-later": "first"}, "open"),
    Row("headers", "/open.html", 200, {"x-frame-options": "DENY"}, "open"),
    Row("headers", "/private/x.txt", 200, {"cache-control": "no-store"}, "private"),
    Row("headers", "/private/none", 404, {"cache-control": "no-store"}),
    Row("headers", "/quiet.html", 200, {"cache-control": None, "x-later": "first"}, "quiet"),
    Row("headers", "/api/x?header=X-Program:its", 200, EVERYWHERE | {"x-program": "ours", "cache-control": "no-store"}),
    Row("headers", "/api/x?header=X-Frame-Options:ALLOW", 200, {"x-frame-options": "DENY"}),
    Row("headers", "/api/x?header=X-Powered-By:it", 200, {"x-powered-by": None}),
    Row("headers", "/api/x?header=Cache-Control:max-age=9", 200, {"cache-control": "no-store"}),
    Row("headers", "/api/x?header=X-Own:kept", 200, {"x-own": "kept", "content-type": "application/json"}),
    Row("headers", "/api/x?status=500", 500, EVERYWHERE | {"x-program": "ours", "cache-control": "no-store"}),
    Row("headers", "/api/typed", 200, {"content-type": "text/plain"}),
    Row("headers", "/api", 404, {"x-program": None}),
    Row("headers", "/", 301, {"x-frame-options": None}, over=(HTTP1,)),
]

ROWS = [*STATIC, *HIDDEN, *FALLBACK, *NAMES, *ROUTES, *REDIRECTS, *HEADERS]
