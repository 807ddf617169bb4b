"""Private keys and the certificates made for them: a numbered folder for each pair, and `current` points to one.

``<certificates>/<ca>/<name>/current -> <n>/`` with ``key.pem`` (0600 from its creation) and ``fullchain.pem``.
A folder without a chain is a key whose certificate is still being asked for.
"""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from hookrunner import durable
from hookrunner.model.app import KeyType
from hookrunner.model.inspection import Pair
from hookrunner.model.names import Domain, Invalid
from hookrunner.model.publication import CertificateId, CsrRequest
from hookrunner.publisher.undo import Undo

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_CURRENT, _KEY, _CHAIN = "current", "key.pem", "fullchain.pem"
_OTHERS = 0o077  # the mode bits of everybody but the owner
_PUBLIC = 0o644
_KEPT = 2  # pairs: the one in use and the one before it


class KeyLost(Exception):
    """No key here belongs to a chain."""


class KeyFolder:
    """All keys and certificates of the server."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def chain(self, certificate: CertificateId) -> Path:
        """The path of the chain that nginx reads."""
        return self._current(certificate) / _CHAIN

    def key(self, certificate: CertificateId) -> Path:
        """The path of the key that nginx reads."""
        return self._current(certificate) / _KEY

    def csr(self, request: CsrRequest) -> str:
        """A CSR in PEM (RFC 2986). Its key is new, or the one that an earlier request left without a certificate."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization

        folder = self.root / request.certificate.folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = self._pending(folder, request.key) or self._make(folder, request.key)
        names = x509.SubjectAlternativeName([x509.DNSName(name.name) for name in request.names])
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        signed = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM).decode()

    def is_installed(self, certificate: CertificateId, chain: str) -> bool:
        """Whether ``chain`` is what nginx reads, beside a key."""
        return _text(self.chain(certificate)) == chain and self.key(certificate).exists()

    def install(self, certificate: CertificateId, chain: str, served: frozenset[Domain], undo: Undo) -> bool:
        """Have ``undo`` make ``chain`` with its key the current pair; False when it is already.

        Raises :class:`KeyLost`, and :class:`Invalid` for a chain that is none or does not cover what is served.
        """
        if self.is_installed(certificate, chain):
            return False
        link = self._current(certificate)
        from cryptography import x509  # 26 ms, and most pushes bring no new chain

        try:
            leaf = x509.load_pem_x509_certificates(chain.encode())[0]
        except ValueError as error:
            raise Invalid(f"{certificate}: not a certificate chain: {error}") from error
        covered = _names(leaf)
        if missing := [name for name in sorted(served) if not any(c.covers(name) for c in covered)]:
            raise Invalid(f"{certificate} does not cover {', '.join(map(str, missing))}")
        pair = self._pair_of(link.parent, leaf)
        if pair is None:
            raise KeyLost(str(certificate))
        if _text(pair / _CHAIN) != chain:
            undo.write(pair / _CHAIN, chain)
        undo.point(link, pair.name)
        return True

    def inspect(self, certificate: CertificateId) -> Pair:
        """Which certificate is there, and whether nginx can use it with its key."""
        from cryptography import x509

        text, path = _text(self.chain(certificate)), self.key(certificate)
        try:
            leaf = x509.load_pem_x509_certificates((text or "").encode())[0]
        except ValueError:
            return Pair("", "there is no certificate in its folder")
        serial, key = f"{leaf.serial_number:x}", _load(path)
        if key is None:
            return Pair(serial, "its key is gone or damaged")
        if key.public_key() != leaf.public_key():
            return Pair(serial, "its key belongs to another certificate")
        if path.stat().st_mode & _OTHERS:
            return Pair(serial, f"{path} can be read by others")
        return Pair(serial)

    def adopt(self, certificate: CertificateId, chain: str, key: str) -> None:
        """Keep a pair that was made elsewhere; nginx gets it with the next publication. Safe to repeat.

        Whoever calls it has seen that the key belongs to the leaf.
        """
        from cryptography import x509

        folder = self.root / certificate.folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._pair_of(folder, x509.load_pem_x509_certificates(chain.encode())[0]) is None:
            pair = self._new(folder)
            durable.replace(pair / _CHAIN, chain.encode(), _PUBLIC)
            durable.replace(pair / _KEY, key.encode(), 0o600)
            durable.sync_folder(folder)

    def read(self, certificate: CertificateId) -> tuple[str, str] | None:
        """The chain and the key in use, as PEM; None where there is no such pair."""
        chain, key = _text(self.chain(certificate)), _text(self.key(certificate))
        return (chain, key) if chain and key else None

    def prune(self, certificate: CertificateId) -> None:
        """Remove the pairs that are neither in use nor the one before."""
        link = self._current(certificate)
        finished = [folder for folder in _numbered(link.parent) if (folder / _CHAIN).exists()]
        in_use = str(link.readlink())
        for folder in finished[_KEPT:]:
            if folder.name != in_use:
                shutil.rmtree(folder)

    def forget(self, certificate: CertificateId) -> None:
        """Remove all pairs; at once, so that no half of one stays."""
        folder = self.root / certificate.folder
        aside = folder.with_name(f".{folder.name}.gone")
        shutil.rmtree(aside, ignore_errors=True)
        if folder.is_dir():
            folder.rename(aside)
            shutil.rmtree(aside)

    def _current(self, certificate: CertificateId) -> Path:
        return self.root / certificate.folder / _CURRENT

    def _pending(self, folder: Path, kind: KeyType) -> "PrivateKey | None":
        for pair in _numbered(folder):
            if not (pair / _CHAIN).exists() and (key := _load(pair / _KEY)) and _kind(key) is kind:
                return key
        return None

    def _make(self, folder: Path, kind: KeyType) -> "PrivateKey":
        from cryptography.hazmat.primitives import serialization

        key = _generate(kind)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        durable.replace(self._new(folder) / _KEY, pem, 0o600)
        durable.sync_folder(folder)
        return key

    def _new(self, folder: Path) -> Path:
        newest = next(iter(_numbered(folder)), None)
        pair = folder / str(int(newest.name) + 1 if newest else 1)
        pair.mkdir(mode=0o700)
        return pair

    def _pair_of(self, folder: Path, leaf: "x509.Certificate") -> Path | None:
        wanted = leaf.public_key()
        for pair in _numbered(folder):
            key = _load(pair / _KEY)
            if key and key.public_key() == wanted:
                return pair
        return None


def _numbered(folder: Path) -> list[Path]:
    """The numbered folders, the newest first."""
    try:
        names = [entry.name for entry in os.scandir(folder) if entry.name.isdecimal()]
    except FileNotFoundError:
        return []
    return [folder / name for name in sorted(names, key=int, reverse=True)]


def _generate(kind: KeyType) -> "PrivateKey":
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    match kind:
        case KeyType.ECDSA_P256:
            return ec.generate_private_key(ec.SECP256R1())
        case KeyType.ECDSA_P384:
            return ec.generate_private_key(ec.SECP384R1())
        case KeyType.RSA_2048:
            return rsa.generate_private_key(65537, 2048)
        case KeyType.RSA_4096:
            return rsa.generate_private_key(65537, 4096)


def _kind(key: "PrivateKey") -> KeyType | None:
    from cryptography.hazmat.primitives.asymmetric import ec

    name = f"ecdsa-p{key.key_size}" if isinstance(key, ec.EllipticCurvePrivateKey) else f"rsa-{key.key_size}"
    return KeyType(name) if name in list(KeyType) else None


def _load(path: Path) -> "PrivateKey | None":
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError):
        return None
    return key if isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) else None


def _names(leaf: "x509.Certificate") -> list[Domain]:
    from cryptography import x509

    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    found: list[Domain] = []
    for name in names.get_values_for_type(x509.DNSName):
        try:
            found.append(Domain.parse(name))
        except Invalid:  # a name that we never ask for covers nothing of ours
            continue
    return found


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None
