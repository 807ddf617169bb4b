"""What is pushed to break out: refused before the branch moves, or harmless, as the running nginx shows."""

import os
from pathlib import Path

import pytest

from tests.lab.server import Clone, Server
from tests.serving.web import HTTP1, Request, ask

GOOD = 'domains = ["hostile.example"]\nroot = "public"\nhttps = "off"\n'


@pytest.fixture(scope="session")
def clone(server: Server) -> Clone:
    """An app with one good deploy."""
    made = server.app("hostile")
    made.commit({"app.toml": GOOD, "public/index.html": "fine"})
    assert made.push().status == 0
    return made


def redirect(source: str, target: str, more: str = "") -> str:
    """A manifest with one redirect."""
    return f"{GOOD}[[redirects]]\nfrom = {source}\nto = {target}\n{more}"


def header(name: str, value: str) -> str:
    """A manifest with one header."""
    return f'{GOOD}[[headers]]\nfor = "/*"\n[headers.values]\n{name} = {value}\n'


def route(path: str, rest: str = 'root = "public"') -> str:
    """A manifest with one route."""
    return f"{GOOD}[routes]\n{path} = {{ {rest} }}\n"


REFUSED = {
    "redirect-challenge": (redirect('"/.well-known/acme-challenge/a*"', '"/x"'), "which the server answers itself"),
    "redirect-challenge-encoded": (redirect('"/%2ewell-known/acme%2Dchallenge/*"', '"/x"'), "the server answers itself"),
    "route-challenge": (route('"/.well-known/acme-challenge/*"'), "is below /.well-known/acme-challenge/, which the server"),
    "header-challenge": (GOOD + '[[headers]]\nfor = "/.well-known/acme-challenge/x"\n', "which the server answers itself"),
    "redirect-error-page": (redirect('"/.hookrunner/0/404"', '"/x"'), "is below /.hookrunner/, which the server"),
    "redirect-quote": (redirect('"/a"', "'/x\"; return 200 \"pwned'"), "holds '\"'; write it percent-encoded"),
    "redirect-newline": (redirect('"/a"', r'"/x\nX-Evil: yes"'), r"holds '\n'; write it percent-encoded"),
    "redirect-carriage-return": (redirect('"/a"', r'"/x\r\nSet-Cookie: a=b"'), r"holds '\r'"),
    "redirect-variable": (redirect('"/a"', '"/$document_root"'), "holds '$'"),
    "redirect-variable-braces": (redirect('"/a"', '"/${host}"'), "holds '$'"),
    "redirect-semicolon": (redirect('"/a"', '"/x;"'), "holds ';'"),
    "redirect-brace": (redirect('"/a"', '"/x}"'), "holds '}'"),
    "redirect-backslash": (redirect('"/a"', r"'/x\'"), r"holds '\\'"),
    "redirect-javascript": (redirect('"/a"', '"javascript:alert(1)"'), "is neither a path like"),
    "redirect-data": (redirect('"/a"', '"data:text/html,x"'), "is neither a path like"),
    "redirect-ftp": (redirect('"/a"', '"ftp://x.example/"'), "is neither a path like"),
    "redirect-other-host": (redirect('"/a"', '"//evil.example"'), "leads to another host; write https:// before it"),
    "redirect-backslash-host": (redirect('"/a"', r"'/\evil.example'"), "leads to another host"),
    "redirect-splat-host": (redirect('"/a*"', '"https://:splat/"'), "is neither a path like"),
    "redirect-splat-port": (redirect('"/a*"', '"https://x.example:splat"'), "is neither a path like"),
    "redirect-splat-nowhere": (redirect('"/a"', '"/:splat"'), 'holds ":splat", which needs a "*"'),
    "redirect-status": (redirect('"/a"', '"/b"', "status = 200\n"), "is 200; a redirect is one of 301, 302"),
    "redirect-from-quote": (redirect("'/a\" {'", '"/b"'), "is not a path"),
    "redirect-from-regex": (redirect('"~ ^/a"', '"/b"'), "is not a path"),
    "redirect-itself": (redirect('"/a"', '"/a"'), 'leads to itself: "/a" is matched by "/a" again'),
    "redirect-growing": (redirect('"/a/*"', '"/a/b/:splat"'), "leads to itself"),
    "redirect-everything": (redirect('"/*"', '"/index.html"'), "leads to itself"),
    "redirect-own-host": (redirect('"/*"', '"http://hostile.example/:splat"'), "leads to itself"),
    "redirect-circle": (
        redirect('"/a"', '"/b"', '[[redirects]]\nfrom = "/b"\nto = "/%61"\n'),
        "leads in a circle: /b → /%61",
    ),
    "header-newline": (header("X-A", r'"a\r\nX-Evil: yes"'), 'holds a control character or "$"'),
    "header-nul": (header("X-A", r'"a\u0000b"'), "holds a control character"),
    "header-c1": (header("X-A", r'"a\u0085b"'), "holds a control character"),
    "header-variable": (header("X-A", '"$http_cookie"'), "holds a control character"),
    "header-name": (header("'X; return 200'", '"a"'), "is not a header name"),
    "header-name-newline": (header(r'"X\nY"', '"a"'), "is not a header name"),
    "header-framing": (header("Content-Length", '"0"'), "is not for a site to set, the server makes it"),
    "header-transfer": (header("transfer-encoding", '"chunked"'), "is not for a site to set"),
    "header-connection": (header("CONNECTION", '"close"'), "is not for a site to set"),
    "header-upgrade": (header("Upgrade", '"h2c"'), "is not for a site to set"),
    "header-trailer": (header("Trailer", '"X"'), "is not for a site to set"),
    "header-hsts": (header("Strict-Transport-Security", '"max-age=1"'), 'write hsts = "180d"'),
    "header-alt-svc": (header("Alt-Svc", "'h3=\":443\"'"), "it would send visitors to another server"),
    "header-cookie": (header("Set-Cookie", '"a=b"'), "it would give every visitor the same cookie"),
    "header-long": (header("X-A", f'"{"x" * 3501}"'), "is longer than 3500 bytes"),
    "route-dots": (route('"/../x"'), 'holds "..", "." or "//" as a part'),
    "route-encoded-dots": (route('"/%2e%2e/x"'), 'holds "..", "." or "//" as a part'),
    "route-inner-dots": (route('"/a/../../x/*"'), 'holds "..", "." or "//" as a part'),
    "route-encoded-slash": (route('"/a%2Fb"'), "an encoded slash"),
    "route-nul": (route('"/a%00"'), "which a path cannot"),
    "route-root": (route('"/a"', 'root = "../x"'), "leaves the repository"),
    "route-twice": (f'{route(chr(34) + "/api/*" + chr(34))}"/%61pi/*" = {{ root = "public" }}\n', "path of another route"),
    "route-star": (route('"/a*b"'), "is not a path"),
    "route-nginx": (route('"/ { return 200 pwned; } location /b"'), "is not a path"),
    "fallback-leaves": (f'{GOOD}fallback = "../app.toml"\n', "leaves the repository"),
    "fallback-hidden": (f'{GOOD}fallback = ".env"\n', "is never served"),
    "fallback-missing": (f'{GOOD}fallback = "none.html"\n', "is not a file of the pushed commit: public/none.html"),
    "size-unlimited": (f'{GOOD}max_body = "0k"\n', "is not between 1 KiB and 1 PiB"),
    "size-bare": (f'{GOOD}max_body = "10"\n', "is not a size"),
    "size-number": (f"{GOOD}max_body = 10\n", "is a number; it takes a text in quotes"),
    "size-unit": (f'{GOOD}max_body = "10mb"\n', "is not a size"),
    "size-huge": (f'{GOOD}max_body = "99999999999g"\n', "is not between"),
    "time-none": (f'{GOOD}timeout = "0s"\n', "is not between 1 second and 10 years"),
    "time-milliseconds": (f'{GOOD}timeout = "100ms"\n', "is not a duration"),
    "time-months": (f'{GOOD}timeout = "1M"\n', "is not a duration"),
    "time-bare": (f'{GOOD}timeout = "60"\n', "is not a duration"),
    "time-huge": (f'{GOOD}timeout = "999999999d"\n', "is not between"),
    "hsts-nginx": (f"{GOOD}hsts = '1d\"; return 200 \"'\n", "is not a duration"),
    "canonical-foreign": (f'{GOOD}canonical = "other.example"\n', "is not one of the domains"),
    "canonical-wildcard": (f'{GOOD}canonical = "*.hostile.example"\n', "is a wildcard"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_tries_to_leave_its_place_is_refused(server: Server, clone: Clone, name: str) -> None:
    """The push is refused with the reason, the branch stays where it was, and the site goes on as it was."""
    manifest, said = REFUSED[name]
    clone.commit({"app.toml": manifest})
    push = clone.push()
    clone.git("reset", "--quiet", "--hard", "server/main")
    assert push.status != 0
    assert said in " ".join(push.output.split()), push.output
    assert ask(server, Request("hostile.example", "/"), HTTP1).body == b"fine"


def link(clone: Clone, path: str, target: str) -> None:
    """Make a symbolic link in the work tree."""
    place = clone.folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(target)


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../../../../etc/passwd", "../.env", "../app.toml"])
def test_an_error_page_that_leads_elsewhere_is_refused(clone: Clone, target: str) -> None:
    """Below a root, a link to what is never served stops the push, also as 404.html."""
    clone.commit({".env": "secret"})
    link(clone, "public/404.html", target)
    clone.commit()
    push = clone.push()
    clone.git("reset", "--quiet", "--hard", "server/main")
    assert push.status != 0
    assert "public/404.html" in push.output


def test_an_error_page_that_is_a_link_within_the_release(server: Server, clone: Clone) -> None:
    """Below a root, a link to another served file is that file."""
    clone.commit({"public/errors/404.html": "linked page"})
    link(clone, "public/404.html", "errors/404.html")
    clone.commit()
    assert clone.push().status == 0
    answer = ask(server, Request("hostile.example", "/none"), HTTP1)
    assert (answer.status, answer.body) == (404, b"linked page")


@pytest.mark.parametrize("target", ["/etc/hostname", ".env", "app.toml", "page.html"])
def test_a_502_page_that_is_a_link_is_not_followed(server: Server, target: str) -> None:
    """A site without a root has its page at the top, where links lead anywhere: none is followed."""
    name = f"linked-{target.strip('/.').replace('/', '-').replace('.', '-')}"
    clone = server.app(name)
    down = server.ports.take()
    manifest = f'domains = ["{name}.example"]\nproxy = "http://127.0.0.1:{down}"\nhttps = "off"\n'
    clone.commit({"app.toml": manifest, ".env": "secret", "page.html": "page"})
    link(clone, "502.html", target)
    clone.commit()
    assert clone.push().status == 0
    answer = ask(server, Request(f"{name}.example", "/"), HTTP1)
    assert (answer.status, b"502 Bad Gateway" in answer.body) == (502, True)


def test_overlapping_rules_are_served_without_surprise(server: Server) -> None:
    """Rules of every kind on the same paths are one location each, and nginx takes them."""
    clone = server.app("overlap")
    rules = "".join(
        f'[[redirects]]\nfrom = "{path}"\nto = "/to{number}"\n[[headers]]\nfor = "{path}"\n[headers.values]\nX-N = "{number}"\n'
        for number, path in enumerate(("/a", "/a/", "/a*", "/a/*", "/a/b", "/a/b*", "/x"))
    )
    routes = "".join(f'"{path}" = {{ root = "." }}\n' for path in ("/a", "/a/", "/a*", "/a/*", "/*"))
    manifest = f'domains = ["overlap.example"]\nroot = "."\nhttps = "off"\n[routes]\n{routes}{rules}'
    clone.commit({"app.toml": manifest, "index.html": "home"})
    assert clone.push().status == 0
    for path, number in (("/a", 0), ("/a/", 1), ("/ab", 2), ("/a/c", 2), ("/a/b", 2), ("/a/bc", 2), ("/x", 6)):
        answer = ask(server, Request("overlap.example", path), HTTP1)
        assert answer.all("location") == [f"/to{number}"], path
    assert ask(server, Request("overlap.example", "/"), HTTP1).body == b"home"


def test_the_most_that_an_app_may_ask_for(server: Server) -> None:
    """A manifest at its limit is deployed, and nginx answers from both ends of it."""
    clone = server.app("most")
    ways = ", ".join(f'{{ from = "/{number}", to = "/t{number}" }}' for number in range(1600))
    manifest = f'domains = ["most.example"]\nroot = "."\nhttps = "off"\nredirects = [{ways}]\n'
    clone.commit({"app.toml": manifest})
    assert (Path(clone.folder) / "app.toml").stat().st_size < 64 * 1024
    assert clone.push().status == 0
    for number in (0, 1599):
        answer = ask(server, Request("most.example", f"/{number}"), HTTP1)
        assert answer.all("location") == [f"/t{number}"]
    assert os.environ.get("CI") != "true" or server.run("status", "most").returncode == 0
