"""Whatever an app.toml says: it is refused, or nginx takes what is rendered and serves only what was asked for."""

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hookrunner.core import serving
from hookrunner.core import settings as settings_file
from hookrunner.core.manifest.parse import ManifestError, parse
from hookrunner.model.app import KeyType, Manifest
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import AppName
from hookrunner.model.publication import CertificateId, CsrRequest, Publication
from hookrunner.model.server import Settings
from hookrunner.publisher import nginx, render
from hookrunner.publisher.keys import KeyFolder
from tests.lab.nginx import Nginx
from tests.publisher.made import CA, Authority, install

RELEASE = f"1-{1:040x}"
SLOT = "0123abcd0001"
NOW = datetime(2026, 11, 23, tzinfo=UTC)
QUICK = settings(
    max_examples=120,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True).filter(lambda t: t[2:4] != "--")
DOMAIN = st.builds(
    lambda star, labels, top: f"{'*.' if star else ''}{'.'.join([*labels, top])}",
    st.booleans(), st.lists(LABEL, min_size=1, max_size=3), st.sampled_from(["example", "org", "xn--p1ai"]),
)  # fmt: skip
LETTER = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="$\"'\\{};/")
ROOT = st.lists(st.text(LETTER, min_size=1, max_size=12), min_size=1, max_size=3).map("/".join)
PROXY = st.one_of(
    st.builds(lambda host, port: f"http://{host}:{port}",
              st.sampled_from(["127.0.0.1", "[::1]", "10.1.2.3", "[2001:db8::7]"]), st.integers(1, 65535)),
    st.from_regex(r"unix:/run/[A-Za-z0-9_@+.-]{1,30}\.sock", fullmatch=True),
)  # fmt: skip
HTTPS = st.sampled_from(["auto", "required", "off"])

BREAKING = st.sampled_from(
    [";", "}", "{", '"', "'", "\\", "$host", "${x}", "#", "\n", "\r\n", "\x00", " ", "*", "~", "..", "/", "//", "%00",
     "include /etc/passwd;", "; } server { listen 1;", "unix:", "http://", "127.0.0.1", "[::1]", ":80", ".example", "a",
     "_", "-", "@", "é", "。", "\u202e", "ß", "²", "xn--", ".git", ".", "localhost", "\x7f", "\x85", "\u2028"]
)  # fmt: skip
HOSTILE = st.lists(st.one_of(BREAKING, st.text(max_size=5)), max_size=6).map("".join)


class Bench:
    """An nginx that is only ever asked to test, and a certificate for any name."""

    def __init__(self, folder: Path) -> None:
        self.nginx = Nginx(folder / "nginx")
        lines = [
            f"state = {json.dumps(str(folder / 'state'))}", "[acme]", 'email = "a@b.example"', "[nginx]",
            f"sites = {json.dumps(str(self.nginx.sites))}", 'listen = ["127.0.0.1"]', "http_port = 31998",
            "https_port = 31999", f"program = {json.dumps(self.nginx.program)}",
        ]  # fmt: skip
        self.settings: Settings = settings_file.parse("\n".join(lines).encode())
        self.version = nginx.Server(self.settings.nginx).version
        self._pair = KeyFolder(folder / "pair")
        self._authority = Authority()

    def secure(self, manifest: Manifest) -> dict[CertificateId, Certificate]:
        """A certificate for every second name, on disk."""
        found: dict[CertificateId, Certificate] = {}
        keys = KeyFolder(self.settings.certificates)
        for domain in manifest.domains[::2]:
            identity = CertificateId(CA, domain)
            chain = self._authority.sign(keys.csr(CsrRequest(identity, (domain,), KeyType.ECDSA_P256)))
            install(keys, identity, chain, frozenset({domain}))
            found[identity] = Certificate(identity, (domain,), KeyType.ECDSA_P256, NOW, NOW, NOW, "1", chain)
        return found

    def rendered(self, manifest: Manifest) -> tuple[Publication, str, str]:
        """The publication, the app's file, and what nginx says to it ("" when it is content)."""
        certificates = {one.id.domain: one for one in self.secure(manifest).values()}
        asked = serving.publication(AppName("shop"), RELEASE, manifest, certificates=certificates)
        names = {name.domain.name for name in asked.names}
        default = render.default_file(self.settings, self.version, generation="0" * 32, names=names)
        text = render.app_file(asked, self.settings, self.version, SLOT)
        (self.nginx.sites / "00-hookrunner.conf").write_bytes(default.encode())
        (self.nginx.sites / "shop.conf").write_bytes(text.encode())
        done = subprocess.run(self.nginx.test, capture_output=True, text=True, check=False, timeout=30)
        return asked, text, "" if done.returncode == 0 and "conflicting" not in done.stderr else done.stderr


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """One for all examples."""
    with TemporaryDirectory(prefix="hookrunner-") as folder:
        Path(folder).chmod(0o755)
        yield Bench(Path(folder))


_WORD = re.compile(r"""\s+|\#[^\n]*|"((?:[^"\\]|\\.)*)"|([^\s;{}"']+)|([;{}])""", re.DOTALL)

# Which directives a file of ours may hold, however many rules a manifest has.
DIRECTIVES = {
    "server", "listen", "server_name", "http2", "location", "auth_basic", "allow", "default_type", "root", "if",
    "try_files", "return", "absolute_redirect", "client_max_body_size", "ssl_protocols", "ssl_ciphers", "include",
    "ssl_prefer_server_ciphers", "ssl_session_timeout", "ssl_session_cache", "ssl_session_tickets", "server_tokens",
    "ssl_certificate", "ssl_certificate_key", "proxy_pass", "proxy_http_version", "proxy_set_header", "charset",
    "proxy_connect_timeout", "proxy_read_timeout", "proxy_send_timeout", "proxy_buffering", "proxy_buffers",
    "proxy_request_buffering", "proxy_buffer_size", "proxy_hide_header", "add_header", "error_page", "types", "gzip",
    "charset_types", "gzip_static", "gzip_vary", "gzip_proxied", "gzip_min_length", "gzip_comp_level", "gzip_types",
    "internal", "disable_symlinks",
}  # fmt: skip


def statements(text: str) -> list[list[str]]:
    """The file as nginx reads it: each directive with its words, quotes and escapes resolved; types left out."""
    found: list[list[str]] = [[]]
    at = 0
    while at < len(text):
        match = _WORD.match(text, at)
        assert match, text[at : at + 60]
        at = match.end()
        if match[3]:
            found.append([])
        elif match[1] is not None:
            found[-1].append(re.sub(r'\\(["\\])', r"\1", match[1]))
        elif match[2]:
            found[-1].append(match[2])
    return [words for words in found if words and "/" not in words[0]]


def asked_only(bench: Bench, asked: Publication, text: str) -> None:
    """Names, folders, upstreams, targets and headers are those of the publication, and no directive is a stranger."""
    read = statements(text)
    sites = [published.site for published in asked.sites]
    assert {words[0] for words in read} <= DIRECTIVES

    def of(directive: str) -> set[str]:
        return {" ".join(words[1:]) for words in read if words[0] == directive}

    expected = {name.domain.name for name in asked.names}
    assert set(" ".join(of("server_name")).split()) == expected
    app = bench.settings.app_folder(asked.app)
    folders = {folder.path for folder in asked.folders} | {"."}  # an upstream's error page is at the top
    releases = {str(app / link / folder) for link in (f"current-{SLOT}", f"previous-{SLOT}") for folder in folders}
    assert of("root") <= {str(bench.settings.challenges)} | releases
    assert of("proxy_pass") <= {str(u) if u.port else f"http://{u}" for u in asked.upstreams}
    assert of("include") == {str(bench.nginx.sites / "shop.d" / "*.conf")}
    headers = {f"{h.name} {h.value}" for site in sites for rule in site.headers for h in rule.values}
    ours = {"Cache-Control $hookrunner_cache_control", "Cache-Control "}
    assert {words.removesuffix(" always") for words in of("add_header")} <= {h.strip() for h in headers | ours} | ours
    targets = {
        str(redirect.to).replace(":splat", "${hookrunner_splat}") for site in sites for redirect in site.redirects
    }
    for answer in of("return") - {"404", "503"}:
        status, _, where = answer.partition(" ")
        assert status in {"301", "302", "303", "307", "308"}
        bare = re.sub(r"\$is_args\$args|\$hookrunner_more_args", "", where)
        assert bare in targets or re.fullmatch(r"https?://[^/]+\$request_uri", where)


def toml(domains: list[str], key: str, value: str, https: str, rules: str = "") -> bytes:
    """An app.toml."""
    names = ", ".join(map(quoted, domains))
    return f"domains = [{names}]\n{key} = {quoted(value)}\nhttps = {quoted(https)}\n{rules}".encode()


def quoted(text: str) -> str:
    """A TOML string; JSON's are TOML's, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def rules(path: str, target: str, name: str, value: str, folder: str) -> str:
    """One of each rule."""
    return (
        f"[routes]\n{quoted(path)} = {{ root = {quoted(folder)} }}\n[[redirects]]\nfrom = {quoted(path)}\n"
        f"to = {quoted(target)}\n[[headers]]\nfor = {quoted(path)}\n[headers.values]\n{quoted(name)} = {quoted(value)}\n"
    )


@QUICK
@given(
    st.lists(DOMAIN, min_size=1, max_size=4, unique=True),
    st.one_of(st.tuples(st.just("root"), ROOT), st.tuples(st.just("proxy"), PROXY)),
    HTTPS,
)
def test_what_is_valid_is_served_as_asked(
    bench: Bench, domains: list[str], content: tuple[str, str], https: str
) -> None:
    """Any valid manifest renders to files that pass nginx's test and hold nothing that was not asked for."""
    try:
        manifest = parse(toml(domains, *content, https))
    except ManifestError as error:  # what the strategies cannot avoid: ".." and ".git" as a folder
        assert re.search(r"\.\.|\.git|out of|leaves", str(error)), error
        return
    asked, text, said = bench.rendered(manifest)
    assert said == ""
    assert {name.domain.name for name in asked.names} == set(domains)
    asked_only(bench, asked, text)


@QUICK
@given(
    st.lists(st.one_of(HOSTILE, HOSTILE.map(lambda text: f"{text}.example")), min_size=1, max_size=2),
    st.sampled_from(["root", "proxy"]),
    HOSTILE,
    st.booleans(),
)
def test_what_is_hostile_is_refused_or_harmless(
    bench: Bench, domains: list[str], key: str, value: str, sound: bool
) -> None:
    """Any text for a domain, a folder or an upstream is an error in the manifest, or passes and adds nothing."""
    try:
        manifest = parse(toml(["a.example"] if sound else domains, key, value, "auto"))
    except ManifestError as error:
        assert error.problems
        return
    asked, text, said = bench.rendered(manifest)
    assert said == ""
    asked_only(bench, asked, text)


SEGMENT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="$\"'\\{};/?#*%"), max_size=9)
PATH = st.builds(
    lambda parts, star: f"/{'/'.join(parts)}{star}", st.lists(SEGMENT, max_size=4), st.sampled_from(["", "*", "/*"])
)
TARGET = st.one_of(
    PATH.map(lambda path: path.replace("*", ":splat")),
    st.builds(lambda host, rest: f"https://{host}{rest}", DOMAIN.filter(lambda d: "*" not in d), PATH),
)
NAME = st.from_regex(r"X-[A-Za-z0-9_.-]{1,20}", fullmatch=True)
VALUE = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="$"), max_size=40)


@QUICK
@given(PATH, TARGET, NAME, VALUE, ROOT, st.booleans())
def test_valid_rules_are_served_as_asked(
    bench: Bench, path: str, target: str, name: str, value: str, folder: str, proxied: bool
) -> None:
    """Any valid route, redirect and header renders to what passes nginx's test and says what was asked for."""
    content = ("proxy", "http://127.0.0.1:8000") if proxied else ("root", "public")
    try:
        manifest = parse(toml(["a.example", "b.example"], *content, "auto", rules(path, target, name, value, folder)))
    except ManifestError as error:  # what the strategies cannot avoid
        assert re.search(r'\.\.|\.git|"//"|splat|itself|leaves|percent-encoded|white space|"\*"', str(error)), error
        return
    asked, text, said = bench.rendered(manifest)
    assert said == ""
    asked_only(bench, asked, text)


@QUICK
@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE, st.sampled_from(["path", "target", "name", "value"]))
def test_hostile_rules_are_refused_or_harmless(
    bench: Bench, path: str, target: str, name: str, value: str, hostile: str
) -> None:
    """Any text for a path, a target or a header is an error in the manifest, or passes and adds nothing."""
    texts = {"path": "/a/*", "target": "/b/:splat", "name": "X-A", "value": "b"}
    texts[hostile] = {"path": f"/{path}", "target": f"/{target}", "name": f"X{name}", "value": value}[hostile]
    try:
        manifest = parse(toml(["a.example"], "root", ".", "auto", rules(**texts, folder="docs")))
    except ManifestError as error:
        assert error.problems
        return
    asked, text, said = bench.rendered(manifest)
    assert said == ""
    asked_only(bench, asked, text)


@pytest.mark.parametrize(
    "root",
    [
        "a b",
        "a#b",
        "ü",
        "例え",
        "a|b",
        "(a)",
        "[a]",
        "a*b?",
        "~user",
        "%2e",
        "a\u2028b",
        "-x",
        "a=b",
        "@",
        "&<>`!",
        " ",
    ],
)
def test_odd_folders_are_folders(bench: Bench, root: str) -> None:
    """Characters that mean something elsewhere stand in the file to the letter."""
    asked, text, said = bench.rendered(parse(toml(["a.example"], "root", root, "off")))
    assert said == ""
    assert ["root", f"{bench.settings.current(asked.app)}-{SLOT}/{root}"] in statements(text)


def test_the_longest_domain_passes(bench: Bench) -> None:
    """253 characters, and as a wildcard, need a larger hash and get it."""
    longest = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 57]) + ".org"
    assert len(longest) == 253
    for domains in ([longest], [f"*.{longest[2:]}"], [longest, "a.example"]):
        assert bench.rendered(parse(toml(domains, "root", ".", "auto")))[2] == ""
