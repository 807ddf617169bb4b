"""Certificates that were made elsewhere: taken over with their keys, served by the next push, and no CA is asked."""

import datetime as dt
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.conftest import Boot
from tests.lab.server import Clone, Server

NOW = dt.datetime.now(dt.UTC)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Made(NamedTuple):
    """A certificate as files hold it."""

    leaf: str
    issuers: str
    key: str


class Authority:
    """Another CA: a root that is nowhere, and one that signs."""

    def __init__(self, days: float = 400) -> None:
        root, self._key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        self._name = named("Another CA")
        self.root = signed(named("Root"), named("Root"), root, root, is_authority=True)
        self.issuer = signed(self._name, named("Root"), self._key, root, is_authority=True, days=days)

    def issue(
        self,
        *names: str,
        key: Key | None = None,
        days: float = 60,
        begun: int = 30,
        use: x509.ObjectIdentifier | None = None,
    ) -> Made:
        """A leaf for names."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        leaf = signed(named("leaf"), self._name, key, self._key, names=names, days=days, begun=begun, use=use)
        return Made(pem(leaf), pem(self.issuer), key_pem(key))


def named(text: str) -> x509.Name:
    """A distinguished name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def signed(
    subject: x509.Name, issuer: x509.Name, key: Key, by: Key, *,
    names: Sequence[str] = (), days: float = 60, begun: int = 30, is_authority: bool = False,
    use: x509.ObjectIdentifier | None = None,
) -> x509.Certificate:  # fmt: skip
    """A certificate."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - dt.timedelta(days=begun))
        .not_valid_after(NOW + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(list(map(x509.DNSName, names))), critical=False)
    if use:
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
    return builder.sign(by, hashes.SHA256())


def pem(certificate: x509.Certificate) -> str:
    """As PEM."""
    return certificate.public_bytes(Encoding.PEM).decode()


def key_pem(key: Key, passphrase: bytes = b"") -> str:
    """As PEM, in the older form that many programs write."""
    lock = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, lock).decode()


def served(server: Server, name: str) -> x509.Certificate:
    """The leaf that is served; nobody here trusts its CA."""
    from hookrunner.edges import tls

    return x509.load_der_x509_certificate(tls.leaf(name, "127.0.0.1", server.https_port))


def site(server: Server, app: str, *domains: str, tls: str = "") -> Clone:
    """An app with these domains, not pushed yet."""
    clone = server.app(app)
    shown = ", ".join(f'"{domain}"' for domain in domains)
    clone.commit({"app.toml": f'domains = [{shown}]\nroot = "public"\n{tls}', "public/index.html": app})
    return clone


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Another CA."""
    return Authority()


def certbot(folder: Path, name: str, made: Made) -> Path:
    """As certbot leaves it: links in live/ to numbered files in archive/."""
    archive, live = folder / "archive" / name, folder / "live" / name
    archive.mkdir(parents=True)
    live.mkdir(parents=True)
    for file, text in {
        "cert": made.leaf,
        "chain": made.issuers,
        "fullchain": made.leaf + made.issuers,
        "privkey": made.key,
    }.items():
        (archive / f"{file}1.pem").write_text(text)
        (live / f"{file}.pem").symlink_to(f"../../archive/{name}/{file}1.pem")
    (live / "README").write_text("-----BEGIN nothing")
    return folder / "live"


def dokku(folder: Path, app: str, made: Made) -> Path:
    """As Dokku leaves it."""
    tls = folder / app / "tls"
    tls.mkdir(parents=True)
    (tls / "server.crt").write_text(made.leaf + made.issuers)
    (tls / "server.key").write_text(made.key)
    return tls


def piku(folder: Path, app: str, made: Made) -> Path:
    """As piku leaves it, beside its nginx files."""
    nginx = folder / ".piku" / "nginx"
    nginx.mkdir(parents=True)
    (nginx / f"{app}.crt").write_text(made.leaf + made.issuers)
    (nginx / f"{app}.key").write_text(made.key)
    (nginx / f"{app}.conf").write_text("server { }")
    return nginx


def plain(folder: Path, name: str, made: Made) -> Path:
    """As one buys it: a certificate, the bundle of its issuers, a key."""
    folder.mkdir()
    (folder / f"{name}.cer").write_text(made.leaf)
    (folder / "bundle.crt").write_text(made.issuers)
    (folder / "private.key").write_text(made.key)
    return folder


@pytest.mark.parametrize("layout", [certbot, dokku, piku, plain])
def test_the_first_push_serves_it_and_asks_no_ca(
    server: Server, authority: Authority, tmp_path: Path, layout: object
) -> None:
    """Both names of one certificate, with its whole chain; then nothing is due, and a second push changes nothing."""
    app = getattr(layout, "__name__", "")
    names = (f"{app}.import.example", f"www.{app}.import.example")
    made = authority.issue(*names)
    place = layout(tmp_path / "old", app, made)  # type: ignore[operator]
    said = server.run("certificates", "import", str(place))
    assert said.stdout.splitlines()[-1] == "success: 2 names have their certificate, the next push serves it"
    push = site(server, f"im-{app}", *names).push()
    assert push.verdict.startswith("success: deploy 1 is live")
    assert "Asking" not in push.output
    for name in names:
        assert pem(served(server, name)) == made.leaf
    (chain, *_) = (server.state / "certificates").glob(f"*/{names[0]}/current/fullchain.pem")
    assert chain.read_text() == made.leaf + made.issuers
    assert (chain.parent / "key.pem").stat().st_mode & 0o777 == 0o600
    assert "nothing was due" in server.run("renew", f"im-{app}").stdout
    assert "unchanged" in server.run("deploy", f"im-{app}").stdout
    assert "taken over before" in server.run("certificates", "import", str(place)).stdout


def test_its_renewal_is_as_app_toml_wants_it(server: Server, authority: Authority, tmp_path: Path) -> None:
    """An RSA certificate of two names stays until it is due; then each name has one of its own from the CA."""
    key = rsa.generate_private_key(65537, 2048)
    made = authority.issue("a.due.example", "b.due.example", key=key, days=30.05, begun=60)  # due within the hour
    server.run("certificates", "import", str(plain(tmp_path / "old", "due", made)))
    clone = site(server, "im-due", "a.due.example", "b.due.example")
    assert "success: deploy 1 is live" in clone.push().verdict
    assert pem(served(server, "a.due.example")) == made.leaf
    assert "2 new certificates" in server.run("renew", "im-due", later=dt.timedelta(hours=2)).stdout
    for name in ("a.due.example", "b.due.example"):
        assert server.leaf(name)
        assert served(server, name).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value.get_values_for_type(x509.DNSName) == [name]


@pytest.mark.parametrize("kind", ["san", "wildcard"])
def test_one_for_several(server: Server, authority: Authority, tmp_path: Path, kind: str) -> None:
    """A SAN or wildcard certificate serves an app that wants one."""
    names = (f"a.{kind}.example", f"b.{kind}.example")
    made = authority.issue(*(names if kind == "san" else (f"*.{kind}.example",)))
    options = [word for name in names for word in ("--for", name)] if kind == "wildcard" else []
    server.run("certificates", "import", str(plain(tmp_path / "old", kind, made)), *options)
    tls = '[tls]\ncertificates = "san"\n' if kind == "san" else ""
    push = site(server, f"im-{kind}", *names, tls=tls).push()
    assert push.verdict.startswith("success: ")
    assert "Asking" not in push.output
    assert {pem(served(server, name)) for name in names} == {made.leaf}


def bad(authority: Authority) -> dict[str, tuple[Made, str]]:
    """What cannot be used, and why."""
    good, other = authority.issue("bad.example"), authority.issue("bad.example")
    edwards, large = key_pem(ec.generate_private_key(ec.SECP521R1())), rsa.generate_private_key(65537, 3072)
    own, koblitz = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256K1())
    alone = signed(named("x"), named("x"), own, own, names=["bad.example"])
    locked = ec.generate_private_key(ec.SECP256R1())
    return {
        "another's key": (good._replace(key=other.key), "its key is not there (bad.example)"),
        "no key": (good._replace(key=""), "its key is not there (bad.example)"),
        "half a key": (good._replace(key=good.key[:60] + good.key[80:]), "the key is damaged"),
        "a key with a passphrase": (authority.issue("bad.example", key=locked)._replace(key=key_pem(locked, b"x")), "the key has a passphrase"),
        "a self-signed one": (Made(pem(alone), "", key_pem(own)), "it is self-signed, no visitor trusts it"),
        "one that has ended": (authority.issue("bad.example", days=-1), "ended on"),
        "an IP address": (authority.issue("192.0.2.1"), 'it names "192.0.2.1", which is an IP address'),
        "no names": (authority.issue(), "it names no domain"),
        "a key of an odd size": (authority.issue("bad.example", key=large), "its key is rsa-3072; known are"),
        "another curve": (good._replace(key=edwards), "its key is not there"),
        "nothing": (Made("", "", ""), "no certificate in"),
        "one that is not valid yet": (authority.issue("bad.example", begun=-20), "it is not valid before"),
        "no issuer": (good._replace(issuers=""), "the certificate that signed it is not there"),
        "an issuer that has ended": (Authority(days=-1).issue("bad.example"), "the certificate that signed it ended on"),
        "a client's": (authority.issue("bad.example", use=ExtendedKeyUsageOID.CLIENT_AUTH), "it is not for web servers"),
        "a curve that no browser has": (authority.issue("bad.example", key=koblitz), "its key is ecdsa-p256k1; known are"),
        "a damaged one": (good._replace(leaf=good.leaf[:100] + good.leaf[120:]), "a certificate in it cannot be read"),
    }  # fmt: skip


BAD = list(bad(Authority()))


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_used(server: Server, authority: Authority, tmp_path: Path, what: str) -> None:
    """It says why, in one error, and takes nothing."""
    made, why = bad(authority)[what]
    done = server.run("certificates", "import", str(plain(tmp_path / "old", "x", made)), check=False)
    assert done.returncode == 1
    assert why in " ".join((done.stdout + done.stderr).split())
    assert not list((server.state / "certificates").glob("*/bad.example"))


def test_the_good_are_taken_beside_the_bad(server: Server, authority: Authority, tmp_path: Path) -> None:
    """A file that cannot be read, a name that is none, an order that is turned round: each costs no more than itself."""
    folder = tmp_path / "mixed"
    good = authority.issue("mixed.example", "mail")
    plain(folder, "good", good._replace(leaf=good.issuers + good.leaf, issuers=""))
    (folder / "der.crt").write_bytes(x509.load_pem_x509_certificate(good.leaf.encode()).public_bytes(Encoding.DER))
    (folder / "odd.crt").write_text(good.leaf.replace("MII", "MIX", 1))
    done = server.run("certificates", "import", str(folder))
    said = " ".join(done.stdout.split())
    assert "is DER; openssl x509" in said
    assert "odd.crt: a certificate in it cannot be read" in said
    assert "mixed.example until" in said
    assert said.endswith("success: 1 name has its certificate, the next push serves it")


def test_a_device_is_not_read(server: Server, tmp_path: Path) -> None:
    """Nor a FIFO, which nobody would ever write to."""
    fifo = tmp_path / "fifo.pem"
    os.mkfifo(fifo)
    for place in ("/dev/zero", fifo):
        done = server.run("certificates", "import", str(place), check=False)
        assert (done.returncode, "it is neither a file nor a folder" in done.stderr) == (2, True)


def test_one_is_replaced_by_revoke(boot: Boot, authority: Authority, tmp_path: Path) -> None:
    """The CA here does not know it: it is replaced, and the owner is told where it can be revoked."""
    server = boot()
    server.run("certificates", "import", str(plain(tmp_path / "old", "gone", authority.issue("gone.example"))))
    assert site(server, "gone", "gone.example").push().verdict.startswith("success: ")
    done = server.run("revoke", "gone.example")
    said = " ".join(done.stdout.split())
    assert said.endswith("success: gone.example: replaced; it was made elsewhere, and is revoked there")
    assert server.leaf("gone.example")  # under Pebble's root
    assert "nothing was due" in server.run("renew").stdout


def test_where_nothing_is(server: Server, tmp_path: Path) -> None:
    """A wrong path."""
    done = server.run("certificates", "import", str(tmp_path / "nowhere"), check=False)
    assert (done.returncode, done.stderr.split()[:3]) == (2, ["error:", "cannot", "read"])


def test_what_is_there_and_lasts_longer_stays(boot: Boot, authority: Authority, tmp_path: Path) -> None:
    """A live name keeps its certificate; one that lasts longer is served with the next deploy, without a failed look."""
    server = boot()
    clone = site(server, "stays", "stays.example")
    assert clone.push().verdict.startswith("success: ")
    before = server.leaf("stays.example")
    shorter = certbot(tmp_path / "one", "stays", authority.issue("stays.example", days=5))
    done = server.run("certificates", "import", str(shorter), check=False)
    assert (done.returncode, "which stays" in done.stdout) == (1, True)
    server.run("deploy", "stays")
    assert server.leaf("stays.example") == before
    longer = authority.issue("stays.example", days=9000)
    server.run("certificates", "import", str(certbot(tmp_path / "two", "stays", longer)))
    assert "success: " in server.run("deploy", "stays").stdout
    assert pem(served(server, "stays.example")) == longer.leaf
