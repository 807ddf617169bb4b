"""Keys and certificates on disk: a pair is one thing, and a key is never readable for others."""

import os
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from hookrunner.model.app import KeyType
from hookrunner.model.names import Domain, Invalid
from hookrunner.model.publication import CertificateId, CsrRequest
from hookrunner.publisher.keys import KeyFolder, KeyLost
from hookrunner.publisher.undo import Undo
from tests.publisher.made import CA, Authority, install

NAME = Domain("a.example")
ID = CertificateId(CA, NAME)
SERVED = frozenset({NAME})


@pytest.fixture
def keys(tmp_path: Path) -> KeyFolder:
    """An empty folder of keys."""
    return KeyFolder(tmp_path / "certificates")


def request(*names: str, key: KeyType = KeyType.ECDSA_P256) -> CsrRequest:
    """A request for the certificate ``ID``."""
    return CsrRequest(ID, tuple(map(Domain, names or (NAME.name,))), key)


def public(pem: str) -> bytes:
    """The public key of a CSR."""
    key = x509.load_pem_x509_csr(pem.encode()).public_key()
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def pairs(keys: KeyFolder) -> dict[str, list[str]]:
    """What the numbered folders hold."""
    folder = keys.root / ID.folder
    return {p.name: sorted(f.name for f in p.iterdir()) for p in sorted(folder.iterdir()) if not p.is_symlink()}


@pytest.mark.parametrize("kind", [KeyType.ECDSA_P256, KeyType.ECDSA_P384, KeyType.RSA_2048])
def test_a_csr_has_the_names_and_the_key_that_were_asked_for(keys: KeyFolder, kind: KeyType) -> None:
    """An empty subject, the names as alternative names, signed by a key of that type."""
    csr = x509.load_pem_x509_csr(keys.csr(request("a.example", "*.b.example", key=kind)).encode())
    names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.example", "*.b.example"]
    assert list(csr.subject) == []
    assert csr.is_signature_valid
    family, size = kind.value.split("-")
    assert csr.public_key().key_size == int(size.removeprefix("p"))  # type: ignore[union-attr]
    assert type(csr.public_key()).__name__.lower().startswith("rsa" if family == "rsa" else "ec")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_key_is_for_its_owner_alone(keys: KeyFolder, umask: int) -> None:
    """Whatever the umask: key 0600, its folders 0700, the chain 0644."""
    before = os.umask(umask)
    try:
        chain = Authority().sign(keys.csr(request()))
        install(keys, ID, chain, SERVED)
    finally:
        os.umask(before)
    folder = keys.root / ID.folder
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (folder, folder / "1", *(folder / "1").iterdir())}
    assert modes == {"a.example": "0o700", "1": "0o700", "key.pem": "0o600", "fullchain.pem": "0o644"}


def test_a_key_is_never_readable_not_even_while_it_is_made(keys: KeyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file below the keys is created with 0600 or less but the chain, so no moment shows a key."""
    opened: list[tuple[str, int]] = []
    real = os.open

    def watched(path: object, flags: int, mode: int = 0o777, **more: int) -> int:
        if flags & os.O_CREAT:
            opened.append((os.fspath(path), mode))  # type: ignore[call-overload]
        return real(path, flags, mode, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", watched)
    keys.csr(request())
    assert [oct(mode) for _, mode in opened] == ["0o600"]


def test_an_unfinished_key_is_used_again(keys: KeyFolder) -> None:
    """Until its certificate is there, the same request has the same key; another type has another."""
    first = keys.csr(request())
    assert public(keys.csr(request())) == public(first)
    other = keys.csr(request(key=KeyType.ECDSA_P384))
    assert public(other) != public(first)
    assert public(keys.csr(request())) == public(first)
    assert pairs(keys) == {"1": ["key.pem"], "2": ["key.pem"]}


def test_an_unreadable_key_is_passed_over(keys: KeyFolder) -> None:
    """A key file that was cut short by a crash or filled with rubbish is no key: a new one is made."""
    keys.csr(request())
    (keys.root / ID.folder / "1" / "key.pem").write_text("rubbish")
    (keys.root / ID.folder / "2").mkdir()
    keys.csr(request())
    assert pairs(keys) == {"1": ["key.pem"], "2": [], "3": ["key.pem"]}


def test_a_chain_is_installed_beside_its_key(keys: KeyFolder) -> None:
    """`current` leads to the pair that nginx reads; the same chain again changes nothing."""
    chain = Authority().sign(keys.csr(request()))
    assert install(keys, ID, chain, SERVED)
    assert (keys.chain(ID).read_text(), str((keys.root / ID.folder / "current").readlink())) == (chain, "1")
    assert keys.key(ID).parent.resolve() == keys.chain(ID).parent.resolve()
    assert not install(keys, ID, chain, SERVED)


def test_a_renewal_has_a_new_key_and_can_be_undone(keys: KeyFolder) -> None:
    """The next certificate stands in a fresh folder; undoing leads back to the old one, and to nothing before it."""
    authority = Authority()
    old = authority.sign(first := keys.csr(request()))
    with Undo(keys.root / ".undo") as at_first:
        keys.install(ID, old, SERVED, at_first)
        at_first.make()
        assert keys.chain(ID).read_text() == old
    assert not keys.chain(ID).exists()
    install(keys, ID, old, SERVED)
    new = authority.sign(second := keys.csr(request()))
    assert public(first) != public(second)
    with Undo(keys.root / ".undo") as undo:
        keys.install(ID, new, SERVED, undo)
        undo.make()
        assert (keys.chain(ID).read_text(), str((keys.root / ID.folder / "current").readlink())) == (new, "2")
    assert keys.chain(ID).read_text() == old
    assert install(keys, ID, new, SERVED)
    assert keys.chain(ID).read_text() == new


def test_only_the_pair_in_use_and_the_one_before_are_kept(keys: KeyFolder) -> None:
    """Older pairs are removed; a key whose certificate is being asked for stays."""
    authority = Authority()
    for _ in range(4):
        install(keys, ID, authority.sign(keys.csr(request())), SERVED)
    keys.csr(request())
    keys.prune(ID)
    assert pairs(keys) == {
        "3": ["fullchain.pem", "key.pem"],
        "4": ["fullchain.pem", "key.pem"],
        "5": ["key.pem"],
    }


def test_a_chain_without_its_key_is_lost(keys: KeyFolder) -> None:
    """A chain for a key that is not here, or not here any more, is told as such, and nothing points to it."""
    authority = Authority()
    elsewhere = KeyFolder(keys.root.parent / "elsewhere")
    chain = authority.sign(elsewhere.csr(request()))
    keys.csr(request())
    with pytest.raises(KeyLost, match=rf"^{ID}$"):
        install(keys, ID, chain, SERVED)
    with pytest.raises(KeyLost):
        install(KeyFolder(keys.root.parent / "empty"), ID, chain, SERVED)
    assert not (keys.root / ID.folder / "current").is_symlink()
    mine = authority.sign(keys.csr(request()))
    install(keys, ID, mine, SERVED)
    keys.key(ID).unlink()
    with pytest.raises(KeyLost):
        install(keys, ID, mine, SERVED)


def test_a_chain_must_cover_what_it_serves(keys: KeyFolder) -> None:
    """A certificate for other names is refused by the names it lacks; a wildcard covers one label."""
    authority = Authority()
    chain = authority.sign(keys.csr(request("a.example", "*.b.example")))
    served = frozenset(map(Domain, ("a.example", "x.b.example", "*.b.example")))
    assert install(keys, ID, chain, served)
    wrong = authority.sign(keys.csr(request("a.example", "*.b.example")))
    for name in ("b.example", "x.y.b.example", "c.example"):
        with pytest.raises(Invalid, match=rf"^{ID} does not cover {name}$"):
            install(keys, ID, wrong, frozenset({NAME, Domain(name)}))
    assert keys.chain(ID).read_text() == chain


@pytest.mark.parametrize(
    "chain",
    ["", "rubbish", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "\x00", "ü"],
)
def test_a_chain_that_is_none_is_invalid(keys: KeyFolder, chain: str) -> None:
    """Rubbish instead of a chain is refused before anything is written."""
    keys.csr(request())
    with pytest.raises(Invalid, match="not a certificate chain"):
        install(keys, ID, chain, SERVED)
    assert pairs(keys) == {"1": ["key.pem"]}


def test_a_wildcard_has_a_folder_of_its_own(keys: KeyFolder) -> None:
    """`*.a.example` and `a.example` do not share keys, and no folder's name holds a star."""
    wildcard = CertificateId(CA, Domain("*.a.example"))
    keys.csr(CsrRequest(wildcard, (wildcard.domain,), KeyType.ECDSA_P256))
    keys.csr(request())
    assert sorted(path.name for path in (keys.root / CA).iterdir()) == ["_.a.example", "a.example"]
