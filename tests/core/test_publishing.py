"""How a publication reads, and how its refusal does."""

import pytest

from hookrunner.core.publishing import refused, urls
from hookrunner.core.wording import Kind, Line
from hookrunner.model.app import Folder, Https, Site
from hookrunner.model.names import AppName, Domain
from hookrunner.model.publication import CertificateId, Publication, PublishedSite, Reason, Refused, ServedName

ONCE_MORE = "it fails in the same way without this deploy"
RELEASE = "kept: the release, for the next try"
FILES = "a push that changes files alone still goes live"
REFUSED = [
    (
        Reason.OWN_LINES,
        "nginx does not pass its test, because of the server's own lines for shop",
        [RELEASE, FILES],
        "on the server, as root: mend or move that file, nginx -t",
    ),
    (
        Reason.TEST,
        "nginx does not pass its test, because of shop",
        [RELEASE],
        "mend what nginx names",
    ),
    (
        Reason.FOREIGN,
        "nginx does not pass its test, and not because of shop",
        [ONCE_MORE, RELEASE, FILES],
        "on the server, as root: mend or move that file, nginx -t",
    ),
    (
        Reason.CONFLICT,
        "another nginx file serves a name of shop",
        [RELEASE],
        "on the server, as root: take the name out of that file",
    ),
    (
        Reason.PROGRAM,
        "nginx could not be called",
        [RELEASE, FILES],
        "on the server: apt install nginx, or see program, test and reload under [nginx] in server.toml",
    ),
    (
        Reason.RELOAD,
        "nginx did not take over the new configuration",
        [RELEASE],
        "on the server, as root: nginx -t, systemctl restart nginx",
    ),
    (
        Reason.STOPPED,
        "nginx is not running",
        [RELEASE],
        "on the server, as root: systemctl start nginx",
    ),
    (
        Reason.PORT,
        "nginx is not running, and another program has its port",
        [RELEASE],
        "on the server, as root: ss -ltnp shows what has the port; stop it, systemctl start nginx",
    ),
    (
        Reason.UNIT,
        "a unit of shop does not run",
        [RELEASE],
        "on the server: systemctl status, journalctl -u with the unit's name",
    ),
    (
        Reason.KEY,
        "a certificate does not fit its key",
        [RELEASE],
        "the certificate is issued anew at the next try",
    ),
    (Reason.REQUEST, "the publisher refuses shop", [RELEASE], None),
]


@pytest.mark.parametrize(("reason", "error", "details", "hint"), REFUSED, ids=[str(r[0]) for r in REFUSED])
def test_refused(reason: Reason, error: str, details: list[str], hint: str | None) -> None:
    """A refusal says what is the case, what nginx says, what was kept and what to do, in this order."""
    words = ("/etc/nginx/sites-enabled/old-wiki:14", 'unknown directive "ssl_certficate"')
    assert list(refused(Refused(reason, words), "shop", 0)) == [
        Line(Kind.ERROR, error),
        Line(Kind.DETAIL, "/etc/nginx/sites-enabled/old-wiki:14"),
        Line(Kind.DETAIL, 'unknown directive "ssl_certficate"'),
        *(Line(Kind.DETAIL, text) for text in details),
        *([Line(Kind.HINT, hint)] if hint else []),
    ]


def test_every_reason_has_its_words() -> None:
    """The table above leaves no reason out."""
    assert {row[0] for row in REFUSED} == set(Reason)


@pytest.mark.parametrize(
    ("kept", "text"),
    [
        (0, "kept: the release, for the next try"),
        (1, "kept: the release and 1 new certificate, for the next try"),
        (2, "kept: the release and 2 new certificates, for the next try"),
    ],
)
def test_what_was_kept(kept: int, text: str) -> None:
    """New certificates are not lost with the deploy, and the reader is told so."""
    assert Line(Kind.DETAIL, text) in list(refused(Refused(Reason.TEST, ()), "shop", kept))


@pytest.mark.parametrize(
    ("https_port", "http_port", "shown"),
    [
        (443, 80, ["https://a.org", "http://b.org", "http://*.c.org"]),
        (8443, 8080, ["https://a.org:8443", "http://b.org:8080", "http://*.c.org:8080"]),
        (80, 443, ["https://a.org:80", "http://b.org:443", "http://*.c.org:443"]),
    ],
)
def test_urls(https_port: int, http_port: int, shown: list[str]) -> None:
    """Each name is shown where it answers: over HTTPS with a certificate, with its port unless that is the usual."""
    a, b, c = Domain("a.org"), Domain("b.org"), Domain("*.c.org")
    sites = (
        PublishedSite((ServedName(a, CertificateId("ca", a)), ServedName(b, None)), Site((a, b), Folder("."))),
        PublishedSite((ServedName(c, None),), Site((c,), Folder("."), https=Https.OFF)),
    )
    publication = Publication(AppName("shop"), f"1-{'a' * 40}", sites, {CertificateId("ca", a): "pem"})
    assert list(urls(publication, https_port, http_port)) == shown
