"""Who changes a zone, where the other side says nothing: an end in time, and no secret in it."""

import base64
import socket
from pathlib import Path

import pytest

from hookrunner.edges.ca.dns01 import lookups, program, rfc2136
from hookrunner.edges.ca.dns01.errors import DnsFailed
from hookrunner.edges.ca.dns01.lookups import Lookups
from hookrunner.edges.ca.dns01.program import Program
from hookrunner.edges.ca.dns01.records import provider
from hookrunner.edges.ca.dns01.rfc2136 import Rfc2136
from hookrunner.model.names import Domain
from hookrunner.model.server import Dns, Zone
from tests.conftest import or_skipped
from tests.lab.machine import Ports
from tests.lab.named import Named

SECRET = base64.b64encode(b"secret" * 5).decode()


def test_a_server_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection, and that is all."""
    monkeypatch.setattr(rfc2136, "_TIMEOUT", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = str(silent.getsockname()[1])
        options = {
            "server": "127.0.0.1",
            "port": port,
            "key_name": "k",
            "key_secret": SECRET,
            "key_algorithm": "hmac-sha256",
        }
        zone = Zone(Domain("a.example"), "rfc2136", options)
        with pytest.raises(DnsFailed, match=r"^127\.0\.0\.1 does not answer within 1 s$"):
            Rfc2136(zone).present("_acme-challenge.a.example", "value")
    assert SECRET not in repr(zone)


def test_a_program_that_does_not_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is ended; one that fails is told by its last words."""
    monkeypatch.setattr(program, "_TIMEOUT", 0.4)
    script = tmp_path / "set-txt"
    script.write_text('#!/bin/sh\n[ "$1" = present ] && exec sleep 9\necho "no such $2" >&2\nexit 3\n')
    script.chmod(0o755)
    zone = Zone(Domain("a.example"), "exec", {"program": str(script)})
    with pytest.raises(DnsFailed, match=r"set-txt did not end within 0 s$"):
        Program(zone).present("_acme-challenge.a.example", "value")
    with pytest.raises(DnsFailed, match=r"set-txt: no such _acme-challenge\.a\.example$"):
        Program(zone).cleanup("_acme-challenge.a.example", "value")


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [
        (
            "cloudflair",
            {"auth_token": SECRET},
            '"cloudflair" is no DNS provider that dns-lexicon knows; did you mean "cloudflare"?',
        ),
        ("xyzzy", {}, '"xyzzy" is no DNS provider that dns-lexicon knows'),
        ("ddns", {"server": SECRET}, 'the provider ddns has no option "server"; did you mean "ddns_server"?'),
        ("exec", {"program": "/nowhere"}, "/nowhere is not there"),
        ("exec", {"program": "/bin/false"}, "/bin/false: ended with status 1"),
        ("ddns", {"auth_token": SECRET, "ddns_server": "127.0.0.1"}, None),
    ],
)
def test_a_provider_that_cannot_do_it(name: str, options: dict[str, str], why: str | None) -> None:
    """Each says why; what a library says of a secret is not passed on."""
    with pytest.raises(DnsFailed) as caught:
        provider(Zone(Domain("a.example"), name, options)).present("_acme-challenge.a.example", "value")
    assert SECRET not in str(caught.value)
    assert why is None or str(caught.value) == why


def test_a_secret_in_a_url_is_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands there percent-encoded, and the library's error has the URL."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    options = {"auth_username": "ada@example.org", "auth_client_ip": "192.0.2.1", "auth_token": "Sup+er/Secret=="}
    with pytest.raises(DnsFailed, match="ApiKey=…") as caught:
        provider(Zone(Domain("a.example"), "namecheap", options)).present("_acme-challenge.a.example", "value")
    assert "Secret" not in str(caught.value)


def test_a_record_that_never_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers: who was asked, and after how long."""
    monkeypatch.setattr(lookups, "_DEADLINE", 0.5)
    monkeypatch.setattr(lookups, "_PATIENCE", 0.2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        server = ("127.0.0.1", silent.getsockname()[1])
        zone = Zone(Domain("a.example"), "exec", nameservers=(server,))
        with pytest.raises(DnsFailed, match=r"is not at the resolvers after 0 s$"):
            Lookups(Dns(resolvers=(server,))).wait({"_acme-challenge.a.example": ["value"]}, zone)


def test_every_server_of_the_zone_is_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One that lags is named; several values stand side by side, and each goes by itself."""
    monkeypatch.setattr(lookups, "_DEADLINE", 0.5)
    ports = Ports()
    with or_skipped():
        both = [Named(tmp_path / name, ports, "a.example") for name in ("first", "second")]
    try:
        zones = [
            Zone(Domain("a.example"), "rfc2136", {name: str(value) for name, value in named.zone().items()})
            for named in both
        ]
        servers = tuple((named.address, named.port) for named in both)
        zone, name = zones[0]._replace(nameservers=servers), "_acme-challenge.a.example"
        seen = Lookups(Dns(resolvers=servers[:1]))
        for value in ("one", "two"):
            Rfc2136(zones[0]).present(name, value)
        Rfc2136(zones[1]).present(name, "one")
        with pytest.raises(DnsFailed, match=rf"is not at {both[1].server} after 0 s$"):
            seen.wait({name: ["one", "two"]}, zone)
        Rfc2136(zones[1]).present(name, "two")
        seen.wait({name: ["one", "two"]}, zone)
        Rfc2136(zones[0]).cleanup(name, "one")
        assert both[0].texts(name) == ["two"]
    finally:
        for named in both:
            named.stop()
        ports.release()
