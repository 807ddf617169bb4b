"""The ACME runner against a real Pebble that validates through a real nginx, which knows none of the domains."""

import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hookrunner.core import settings as settings_file
from hookrunner.core.problems import Refusal
from hookrunner.edges.ca.issuer import issue
from hookrunner.edges.ca.order import Order
from hookrunner.edges.records import FileStore
from hookrunner.model.app import KeyType
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import Domain
from hookrunner.model.publication import CertificateId
from hookrunner.model.server import Acme, Authority, Settings
from tests.lab.server import Server

NOW = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
Outcomes = dict[str, Certificate | Refusal]


Key = ec.EllipticCurvePrivateKey


def order(name: str, key: Key | None = None) -> Order:
    """An order with a CSR of its own, and a key that nobody needs unless given."""
    domain = Domain.parse(name)
    names = x509.SubjectAlternativeName([x509.DNSName(domain.name)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(names, critical=False)
    csr = builder.sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    pem = csr.public_bytes(serialization.Encoding.PEM).decode()
    return Order(CertificateId("pebble", domain), (domain,), KeyType.ECDSA_P256, pem)


def settings_of(server: Server) -> Settings:
    """The settings that the server was booted with."""
    return settings_file.parse(server.config.read_bytes())


def run(server: Server, store: FileStore, names: Sequence[str], acme: Acme | None = None) -> Outcomes:
    """Ask for a certificate for each name; how each ended."""
    settings = settings_of(server)
    results = issue(
        [order(name) for name in names],
        acme=acme or settings.acme,
        settings=settings,
        store=store,
        now=NOW,
    )
    return {str(result.order.certificate.domain): result.outcome for result in results}


def tokens(server: Server) -> list[str]:
    """What the webroot holds."""
    return [path.name for path in settings_of(server).challenges.rglob("*") if path.is_file()]


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    """An empty store."""
    return FileStore(tmp_path / "records")


def test_domains_that_nginx_has_never_heard_of_get_certificates(server: Server, store: FileStore) -> None:
    """Every order ends in a certificate for its names, with what its leaf says, and no token stays behind."""
    names = [f"first-{n}.issuer.example" for n in range(5)]
    outcomes = run(server, store, names)
    assert sorted(outcomes) == names
    for name, outcome in outcomes.items():
        assert isinstance(outcome, Certificate)
        leaf, *issuers = x509.load_pem_x509_certificates(outcome.chain.encode())
        alternative = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert alternative.get_values_for_type(x509.DNSName) == [name]
        assert issuers
        assert (outcome.names, outcome.issued, outcome.key) == ((Domain(name),), NOW, KeyType.ECDSA_P256)
        assert (outcome.not_before, outcome.not_after) == (leaf.not_valid_before_utc, leaf.not_valid_after_utc)
        assert int(outcome.serial, 16) == leaf.serial_number
    assert tokens(server) == []


def test_one_account_is_made_and_kept(server: Server, store: FileStore) -> None:
    """The second run signs with the account of the first; its record is for its owner alone."""
    run(server, store, ["one.account.example"])
    authority = settings_of(server).acme.authority
    first = store.get(f"accounts/{authority.name}")
    assert first is not None
    assert first.value["directory"] == authority.directory
    assert first.value["uri"].startswith(authority.directory.removesuffix("dir"))
    (file,) = (store.folder / "accounts").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert isinstance(run(server, store, ["two.account.example"])["two.account.example"], Certificate)
    assert store.get(f"accounts/{authority.name}") == first


def test_an_account_whose_answer_was_lost_is_found_again(server: Server, store: FileStore) -> None:
    """When the key was kept and the CA's answer was not, the same account is found by its key."""
    run(server, store, ["one.lost.example"])
    name = f"accounts/{settings_of(server).acme.authority.name}"
    first = store.get(name)
    assert first is not None
    store.put(name, first.value | {"uri": None})
    assert isinstance(run(server, store, ["two.lost.example"])["two.lost.example"], Certificate)
    again = store.get(name)
    assert again is not None
    assert again.value == first.value


def test_one_refused_domain_never_stops_another(server: Server, store: FileStore) -> None:
    """A blocked name, and one without an address, are refused with the CA's reason; the others are issued."""
    nowhere = "nowhere.refused.example"
    server.pebble.dns("set-servfail", host=nowhere)
    outcomes = run(server, store, ["a.refused.example", "blocked-domain.example", nowhere, "b.refused.example"])
    assert isinstance(outcomes["a.refused.example"], Certificate)
    assert isinstance(outcomes["b.refused.example"], Certificate)
    blocked, lost = outcomes["blocked-domain.example"], outcomes[nowhere]
    assert isinstance(blocked, Refusal)
    assert isinstance(lost, Refusal)
    assert blocked.kind == "rejectedIdentifier"
    assert "blocked-domain.example" in blocked.detail
    assert lost.kind in ("dns", "connection", "unauthorized")
    assert nowhere in lost.detail
    assert tokens(server) == []


def test_a_csr_for_another_name_is_the_cas_to_refuse(server: Server, store: FileStore) -> None:
    """A CSR that is none ends its own order only."""
    settings = settings_of(server)
    orders = [replace(order("broken.csr.example"), csr="no CSR"), order("fine.csr.example")]
    found = {
        str(r.order.certificate.domain): r.outcome
        for r in issue(orders, acme=settings.acme, settings=settings, store=store, now=NOW)
    }
    assert isinstance(found["broken.csr.example"], Refusal)
    assert isinstance(found["fine.csr.example"], Certificate)


def test_nothing_to_order_is_nothing_to_do(server: Server, store: FileStore) -> None:
    """Without orders there is no result and no account."""
    assert run(server, store, []) == {}
    assert store.list("") == []


def test_a_ca_that_cannot_be_reached_refuses_every_order(server: Server, store: FileStore) -> None:
    """Nobody at the directory's address: each order says so, and no account was made."""
    port = server.ports.take()
    acme = settings_of(server).acme._replace(authority=Authority("gone", "gone", f"https://127.0.0.1:{port}/dir"))
    outcomes = run(server, store, ["a.gone.example", "b.gone.example"], acme)
    assert outcomes == {name: Refusal("unreachable", "Connection refused") for name in outcomes}
    assert sorted(outcomes) == ["a.gone.example", "b.gone.example"]
    assert store.list("") == []


def test_a_bundle_that_does_not_hold_the_cas_root_is_told(server: Server, store: FileStore, tmp_path: Path) -> None:
    """A missing bundle, one that is none, no bundle, and a stranger's root: each refused with its reason."""
    acme = settings_of(server).acme
    (tmp_path / "empty.pem").write_text("nothing\n")
    (tmp_path / "stranger.pem").write_text(server.pebble.root())
    reasons = {
        tmp_path / "missing.pem": f"acme.ca_bundle {tmp_path}/missing.pem: No such file or directory",
        tmp_path / "empty.pem": f"acme.ca_bundle {tmp_path}/empty.pem: ",
        tmp_path / "stranger.pem": "its certificate is not trusted: ",
        None: "its certificate is not trusted: ",
    }
    for bundle, reason in reasons.items():
        (refusal,) = run(server, store, ["a.bundle.example"], acme._replace(ca_bundle=bundle)).values()
        assert isinstance(refusal, Refusal)
        assert refusal.kind == "unreachable"
        assert refusal.detail.startswith(reason)
        assert len(refusal.detail) < 200


def test_most_nonces_may_be_rejected(boot: Callable[..., Server], store: FileStore) -> None:
    """A CA that rejects six nonces of ten still issues."""
    server = boot(pebble_env={"PEBBLE_WFE_NONCEREJECT": "60"})
    outcomes = run(server, store, ["a.nonce.example", "b.nonce.example"])
    assert {name: type(outcome) for name, outcome in outcomes.items()} == dict.fromkeys(outcomes, Certificate)


def test_the_environments_bundle_neither_helps_nor_hurts(
    server: Server, store: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """REQUESTS_CA_BUNDLE and its like change nothing: the settings alone say who is trusted."""
    settings = settings_of(server)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(tmp_path / "missing.pem"))
    assert isinstance(run(server, store, ["a.env.example"])["a.env.example"], Certificate)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(settings.acme.ca_bundle))
    (refusal,) = run(server, store, ["b.env.example"], settings.acme._replace(ca_bundle=None)).values()
    assert isinstance(refusal, Refusal)
    assert refusal.kind == "unreachable"


@pytest.fixture
def impostor(server: Server, tmp_path: Path) -> Iterator[Callable[[int, str, bytes], Acme]]:
    """An HTTPS server with a trusted certificate that answers everything alike; the settings that name it."""
    running: list[ThreadingHTTPServer] = []

    def start(status: int, kind: str, body: bytes) -> Acme:
        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_HEAD = do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        web = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(server.folder / "pebble.pem", server.folder / "pebble.key")
        web.socket = context.wrap_socket(web.socket, server_side=True)
        running.append(web)
        threading.Thread(target=web.serve_forever, args=(0.05,)).start()
        url = f"https://127.0.0.1:{web.server_port}/dir"
        return settings_of(server).acme._replace(authority=Authority("impostor", "impostor", url))

    yield start
    for web in running:
        web.shutdown()
        web.server_close()


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (200, "text/html", b"<!doctype html><title>Welcome</title>"),
        (200, "application/json", b"[]"),
        (200, "application/json", b"null"),
        (200, "application/json", b'"text"'),
        (200, "application/json", b"{}"),
        (200, "application/json", b'{"newNonce": 1, "newAccount": [], "newOrder": {}}'),
        (200, "application/json", b"\xff\xfe"),
        (200, "application/json", b""),
        (404, "text/html", b"not here"),
        (500, "text/plain", b"broken"),
    ],
    ids=["HTML", "list", "null", "text", "empty object", "wrong types", "no UTF-8", "no body", "404", "500"],
)
def test_a_directory_that_is_none_is_told(
    server: Server, store: FileStore, impostor: Callable[[int, str, bytes], Acme], status: int, kind: str, body: bytes
) -> None:
    """Whatever stands at the directory's URL that is not ACME refuses each order as such, and raises nothing."""
    outcomes = run(server, store, ["a.impostor.example", "b.impostor.example"], impostor(status, kind, body))
    assert len(outcomes) == 2
    for refusal in outcomes.values():
        assert isinstance(refusal, Refusal)
        assert refusal.kind == "protocol"
