"""Certificates and keys that others left on this machine: found by what the files hold, not by how they are called.

certbot has ``live/NAME/{fullchain,privkey}.pem``, Dokku ``APP/tls/server.{crt,key}``, piku ``APP.{crt,key}``.
"""

import os
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from hookrunner.model.app import KeyType
from hookrunner.model.names import Domain, Invalid

_SUFFIXES = {".pem", ".crt", ".cer", ".cert", ".key", ".chain"}
_LARGEST = 256 * 1024  # bytes of a file
_DEEPEST, _MOST = 3, 10_000  # folders below the first, and files
_LONGEST_CHAIN = 10
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\s.*?-----END \1-----", re.DOTALL)


class Unusable(Exception):
    """A pair that is there and cannot be used. The message says why."""


class Pair(NamedTuple):
    """A leaf with its chain and its key, which belong together. ``place`` is the file of the leaf."""

    place: Path
    names: tuple[Domain, ...]
    kind: KeyType
    leaf: x509.Certificate
    chain: str  # PEM, the leaf first
    key: str  # PEM (PKCS#8)


class Left(NamedTuple):
    """A certificate that was found and is not taken, and why."""

    place: Path
    why: str


class _Chain(NamedTuple):
    place: Path
    certificates: tuple[x509.Certificate, ...]


def find(places: Sequence[Path]) -> tuple[list[Pair], list[Left]]:
    """The pairs in these files and folders, the one that ends last first. Raises OSError where there is none."""
    chains: list[_Chain] = []
    keys: dict[bytes, tuple[str, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey]] = {}
    left: list[Left] = []
    for file in _files(places):
        blocks = _blocks(file)
        if certificates := tuple(_certificates(blocks)):
            chains.append(_Chain(file, certificates))
        for kind, text in blocks:
            if kind.endswith("PRIVATE KEY"):
                try:
                    key = _key(text)
                    keys[_spki(key.public_key())] = (_written(key), key)
                except Unusable as error:
                    left.append(Left(file, str(error)))
    pairs: list[Pair] = []
    for leaf, place in _leaves(chains).items():
        try:
            pairs.append(_pair(leaf, place, chains, keys))
        except Unusable as error:
            left.append(Left(place, str(error)))
    return sorted(pairs, key=lambda pair: pair.leaf.not_valid_after_utc, reverse=True), left


def _files(places: Sequence[Path]) -> Iterator[Path]:
    seen: set[Path] = set()
    for place in places:
        place.stat()  # which raises what is wrong with it
        for file in _below(place) if place.is_dir() else [place]:
            if file.resolve() not in seen and len(seen) < _MOST:
                seen.add(file.resolve())
                yield file


def _below(folder: Path) -> Iterator[Path]:
    """The files that may hold some, those of a folder before those of the folders in it."""
    for where, folders, files in os.walk(folder):
        if len(Path(where).relative_to(folder).parts) >= _DEEPEST:
            folders.clear()
        folders.sort()
        for name in sorted(files):
            file = Path(where, name)
            if file.suffix in _SUFFIXES and file.is_file():
                yield file


def _blocks(file: Path) -> list[tuple[str, str]]:
    if file.stat().st_size > _LARGEST:
        return []
    text = file.read_text("ascii", "replace")
    return [(found[1], found[0] + "\n") for found in _BLOCK.finditer(text)]


def _certificates(blocks: Sequence[tuple[str, str]]) -> Iterator[x509.Certificate]:
    for kind, text in blocks:
        if kind in ("CERTIFICATE", "X509 CERTIFICATE"):
            try:
                yield x509.load_pem_x509_certificate(text.encode())
            except ValueError:
                continue


def _leaves(chains: Sequence[_Chain]) -> dict[x509.Certificate, Path]:
    """The first certificate of each file that is no CA's, with the file that has most of its chain."""
    longest = sorted(chains, key=lambda chain: len(chain.certificates), reverse=True)
    found: dict[x509.Certificate, Path] = {}
    for place, (first, *_) in longest:
        if not _is_authority(first):
            found.setdefault(first, place)
    return found


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _pair(
    leaf: x509.Certificate,
    place: Path,
    chains: Sequence[_Chain],
    keys: dict[bytes, tuple[str, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey]],
) -> Pair:
    names = _names(leaf)
    if leaf.issuer == leaf.subject:
        raise Unusable(f"it is self-signed, no visitor trusts it{_for(names)}")
    found = keys.get(_spki(leaf.public_key()))
    if found is None:
        raise Unusable(f"its key is not there{_for(names)}")
    chain = _chain(leaf, [one for those in chains for one in those.certificates])
    text = "".join(one.public_bytes(Encoding.PEM).decode() for one in chain)
    return Pair(place, names, _kind(found[1]), leaf, text, found[0])


def _chain(leaf: x509.Certificate, known: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """The leaf and those that signed it, without the root, as far as they are there."""
    chain = [leaf]
    while len(chain) < _LONGEST_CHAIN:
        issuer = next((one for one in known if _signed(chain[-1], one)), None)
        if issuer is None or issuer.issuer == issuer.subject:
            break
        chain.append(issuer)
    for one, issuer in pairwise(chain):
        one.verify_directly_issued_by(issuer)
    return chain


def _signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    if certificate.issuer != issuer.subject:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _names(leaf: x509.Certificate) -> tuple[Domain, ...]:
    try:
        said = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        raise Unusable("it names no domain") from None
    found: list[Domain] = []
    for name in said.get_values_for_type(x509.DNSName):
        try:
            found.append(Domain.parse(name))
        except Invalid as error:
            raise Unusable(f'it names "{name}", which {error}') from error
    if not found:
        raise Unusable("it names no domain")
    return tuple(dict.fromkeys(found))


def _key(text: str) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    try:
        key = load_pem_private_key(text.encode(), None)
    except TypeError:
        raise Unusable("the key has a passphrase; openssl pkey -in KEY -out PLAIN takes it away") from None
    except (ValueError, UnsupportedAlgorithm):
        raise Unusable("the key is damaged") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise Unusable("the key is neither ECDSA nor RSA")
    return key


def _kind(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> KeyType:
    name = f"ecdsa-p{key.key_size}" if isinstance(key, ec.EllipticCurvePrivateKey) else f"rsa-{key.key_size}"
    try:
        return KeyType(name)
    except ValueError:
        raise Unusable(f"its key is {name}; known are {', '.join(KeyType)}") from None


def _written(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _spki(key: object) -> bytes:
    assert hasattr(key, "public_bytes")  # noqa: S101 (every kind of public key has it)
    return bytes(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _for(names: Sequence[Domain]) -> str:
    return f" ({', '.join(map(str, names[:3]))})" if names else ""
