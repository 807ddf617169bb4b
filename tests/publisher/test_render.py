"""Rendering: typed values in, nginx's words out; what stands in a file is what was asked for."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from hookrunner.core.authorities import authority
from hookrunner.model.app import Https
from hookrunner.model.names import Domain
from hookrunner.model.publication import CertificateId
from hookrunner.model.server import Acme, Nginx, Settings
from hookrunner.publisher import render
from tests.publisher.made import CA, publication, site

NGINX = Nginx(listen=("192.0.2.1", "2001:db8::1"))
SETTINGS = Settings(Acme("a@b.example", authority("letsencrypt"), 16), Path("/srv/state"), NGINX)
RELEASE = f"1-{1:040x}"
OLD, NEW = (1, 22, 1), (1, 25, 1)
SLOT = "0123abcd0001"
A = CertificateId(CA, Domain("a.example"))


def lines(text: str, word: str) -> list[str]:
    """The directives that begin with ``word``."""
    return [line.strip() for line in text.splitlines() if line.strip().startswith(f"{word} ")]


def test_the_first_line_proves_an_untouched_file() -> None:
    """A file is ours and current only with the same inputs and not one byte changed."""
    asked = publication("shop", RELEASE, site("a.example"))
    made_from = render.inputs(asked, SETTINGS)
    text = render.app_file(asked, SETTINGS, OLD, SLOT)
    head, body = text.split("\n", 1)
    assert head == f"# {made_from} {hashlib.sha256(body.encode()).hexdigest()} {SLOT}"
    assert render.slot_in_use(text, made_from) == SLOT
    for other in (text + " ", text.replace("a.example", "b.example"), "", "\n", text.split("\n", 1)[1]):
        assert render.slot_in_use(other, made_from) is None
    assert render.slot_in_use(text, render.inputs(publication("shop", RELEASE, site("b.example")), SETTINGS)) is None


def test_inputs_are_all_that_matters_and_nothing_else() -> None:
    """Another release is no other file; another chain, site, port, folder or address is."""
    asked = publication("shop", RELEASE, site("a.example", ("b.example", A)))
    same = render.inputs(asked, SETTINGS)
    assert render.inputs(replace(asked, release=f"2-{2:040x}"), SETTINGS) == same
    assert render.inputs(asked, SETTINGS._replace(nginx=NGINX._replace(reload=("x",), test=("y",)))) == same
    others = [
        (replace(asked, chains={A: "chain"}), SETTINGS),
        (replace(asked, sites=(site("b.example", "a.example"),)), SETTINGS),
        (replace(asked, sites=(site("a.example", "b.example"),)), SETTINGS),
        (replace(asked, sites=(site("a.example", ("b.example", A), https=Https.REQUIRED),)), SETTINGS),
        (asked, SETTINGS._replace(state=Path("/elsewhere"))),
        (asked, SETTINGS._replace(nginx=NGINX._replace(http_port=8080))),
        (asked, SETTINGS._replace(nginx=NGINX._replace(public_https_port=8443))),
        (asked, SETTINGS._replace(nginx=NGINX._replace(listen=("192.0.2.2",)))),
    ]
    found = [render.inputs(*other) for other in others]
    assert len({same, *found}) == len(others) + 1


def test_nginx_files_name_current_and_never_a_release() -> None:
    """By links of the file's own, so that a push of content alone changes no file, and a new file meets a new release."""
    text = render.app_file(publication("shop", RELEASE, site("a.example", root="public")), SETTINGS, OLD, SLOT)
    assert RELEASE not in text
    assert lines(text, "root") == [
        'root "/srv/state/challenges";',
        'root "/srv/state/apps/shop/current-0123abcd0001/public";',
        'root "/srv/state/apps/shop/previous-0123abcd0001/public";',
        'root "/srv/state/apps/shop/current-0123abcd0001/public";',
    ]


def test_every_block_listens_on_every_address() -> None:
    """HTTP and HTTPS, IPv4 and IPv6, with HTTP/2 as the nginx at hand takes it."""
    asked = publication("shop", RELEASE, site(("a.example", A), "b.example"), chains={A: ""})
    http = ["listen 192.0.2.1:80;", "listen [2001:db8::1]:80;"]
    old = ["listen 192.0.2.1:443 ssl http2;", "listen [2001:db8::1]:443 ssl http2;"]
    new = ["listen 192.0.2.1:443 ssl;", "listen [2001:db8::1]:443 ssl;"]
    assert lines(render.app_file(asked, SETTINGS, OLD, SLOT), "listen") == [*http, *http, *old]
    assert lines(render.app_file(asked, SETTINGS, NEW, SLOT), "listen") == [*http, *http, *new]
    assert lines(render.app_file(asked, SETTINGS, OLD, SLOT), "http2") == []
    assert lines(render.app_file(asked, SETTINGS, NEW, SLOT), "http2") == ["http2 on;"]


def test_a_tls_block_is_written_for_a_certificate_only() -> None:
    """Without one there is no word of TLS; with one, chain and key are of the same pair."""
    plain = render.app_file(publication("shop", RELEASE, site("a.example")), SETTINGS, OLD, SLOT)
    assert "ssl" not in plain
    secured = render.app_file(publication("shop", RELEASE, site(("a.example", A)), chains={A: ""}), SETTINGS, OLD, SLOT)
    folder = f"/srv/state/certificates/{CA}/a.example/current"
    assert lines(secured, "ssl_certificate") == [f'ssl_certificate "{folder}/fullchain.pem";']
    assert lines(secured, "ssl_certificate_key") == [f'ssl_certificate_key "{folder}/key.pem";']
    assert lines(secured, "ssl_protocols") == ["ssl_protocols TLSv1.2 TLSv1.3;"]


@pytest.mark.parametrize(
    ("proxy", "passed"),
    [
        ("http://127.0.0.1:8000", "proxy_pass http://127.0.0.1:8000;"),
        ("http://[::1]:8000", "proxy_pass http://[::1]:8000;"),
        ("unix:/run/shop/web.sock", "proxy_pass http://unix:/run/shop/web.sock;"),
    ],
)
def test_an_upstream_is_passed_to_as_it_is(proxy: str, passed: str) -> None:
    """Address or socket, without a path; of the release there are the error pages alone, and no link of it."""
    text = render.app_file(publication("shop", RELEASE, site("a.example", proxy=proxy)), SETTINGS, OLD, SLOT)
    assert lines(text, "proxy_pass") == [passed]
    assert lines(text, "root") == [
        'root "/srv/state/challenges";',
        *(['root "/srv/state/apps/shop/current-0123abcd0001";'] * 2),
    ]
    assert lines(text, "try_files") == [
        "try_files $uri =404;",
        "try_files /502.html =502;",
        "try_files /502.html =504;",
    ]
    assert (
        lines(text, "disable_symlinks") == ['disable_symlinks on "from=/srv/state/apps/shop/current-0123abcd0001";'] * 2
    )


def test_a_required_site_is_unavailable_until_it_is_secured() -> None:
    """503 for names without a certificate, and nothing of the content."""
    text = render.app_file(publication("shop", RELEASE, site("a.example", https=Https.REQUIRED)), SETTINGS, OLD, SLOT)
    assert lines(text, "return") == ["return 503;"]
    assert "current-" not in text


def test_long_names_get_a_bucket_they_fit_into() -> None:
    """The hash bucket is written only when a name needs it, as the smallest power of two that fits."""

    def bucket(*names: str) -> list[str]:
        text = render.default_file(SETTINGS, OLD, generation="0", names=names)
        return lines(text, "server_names_hash_bucket_size")

    assert bucket() == []
    assert bucket("x" * 32) == []
    assert bucket("x" * 33, "y") == ["server_names_hash_bucket_size 128;"]
    assert bucket("x" * 253) == ["server_names_hash_bucket_size 512;"]
