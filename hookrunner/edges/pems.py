"""Certificates and keys that others left on this machine: found by what the files hold, not by how they are called.

certbot has ``live/NAME/{fullchain,privkey}.pem``, Dokku ``APP/tls/server.{crt,key}``, piku ``APP.{crt,key}``.
"""

import errno
import os
import re
import stat
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
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
from cryptography.x509.oid import ExtendedKeyUsageOID

from hookrunner.model.app import KeyType
from hookrunner.model.names import Domain, Invalid

_PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
# What the library raises for a file that is not as it should be; not all of them are ValueErrors.
_ODD = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)

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
    keys: dict[bytes, tuple[str, _PrivateKey]] = {}
    left: list[Left] = []
    for file in _files(places):
        certificates: list[x509.Certificate] = []
        try:
            for kind, text in _blocks(file):
                if kind in ("CERTIFICATE", "X509 CERTIFICATE"):
                    certificates.append(_certificate(text))
                elif kind.endswith("PRIVATE KEY"):
                    key = _key(text)
                    keys[_spki(key.public_key())] = (_written(key), key)
        except Unusable as error:
            left.append(Left(file, str(error)))
        if certificates:
            chains.append(_Chain(file, tuple(certificates)))
    pairs: list[Pair] = []
    for leaf, place in _leaves(chains).items():
        try:
            pairs.append(_pair(leaf, place, chains, keys))
        except Unusable as error:
            left.append(Left(place, str(error)))
        except _ODD as error:
            left.append(Left(place, f"it is odd: {error}"))
    return sorted(pairs, key=lambda pair: pair.leaf.not_valid_after_utc, reverse=True), left


def _files(places: Sequence[Path]) -> Iterator[Path]:
    seen: set[Path] = set()
    for place in places:
        if not stat.S_ISDIR(mode := place.stat().st_mode) and not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is neither a file nor a folder", str(place))
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
    content = file.read_bytes()
    if content[:2] == b"\x30\x82":  # a DER sequence, as certificates and keys are
        raise Unusable("is DER; openssl x509 (or pkey) -inform der -in FILE -out FILE.pem makes it PEM")
    return [(found[1], found[0] + "\n") for found in _BLOCK.finditer(content.decode("ascii", "replace"))]


def _certificate(text: str) -> x509.Certificate:
    try:
        found = x509.load_pem_x509_certificate(text.encode())
        _ = found.extensions, found.subject, found.issuer  # which are parsed when they are first looked at
    except _ODD as error:
        raise Unusable(f"a certificate in it cannot be read: {error}") from error
    return found


def _leaves(chains: Sequence[_Chain]) -> dict[x509.Certificate, Path]:
    """The certificates that are no CA's, with the file that has most of its chain."""
    longest = sorted(chains, key=lambda chain: len(chain.certificates), reverse=True)
    found: dict[x509.Certificate, Path] = {}
    for place, certificates in longest:
        for one in certificates:
            if not _is_authority(one):
                found.setdefault(one, place)
    return found


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _serves(leaf: x509.Certificate) -> bool:
    """Whether it may be a web server's (RFC 5280 section 4.2.1.12)."""
    try:
        uses = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return ExtendedKeyUsageOID.SERVER_AUTH in uses or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in uses


def _pair(
    leaf: x509.Certificate,
    place: Path,
    chains: Sequence[_Chain],
    keys: dict[bytes, tuple[str, _PrivateKey]],
) -> Pair:
    names = _names(leaf)
    if leaf.issuer == leaf.subject:
        raise Unusable(f"it is self-signed, no visitor trusts it{_for(names)}")
    if not _serves(leaf):
        raise Unusable(f"it is not for web servers, by its extended key usage{_for(names)}")
    found = keys.get(_spki(leaf.public_key()))
    if found is None:
        raise Unusable(f"its key is not there{_for(names)}")
    chain = _chain(leaf, [one for those in chains for one in those.certificates])
    now = datetime.now(UTC)
    for one in chain:
        if one.not_valid_before_utc > now:
            raise Unusable(f"it is not valid before {one.not_valid_before_utc:%Y-%m-%d}{_for(names)}")
        if one.not_valid_after_utc <= now:
            what = "it" if one is leaf else "the certificate that signed it"
            raise Unusable(f"{what} ended on {one.not_valid_after_utc:%Y-%m-%d}{_for(names)}")
    text = "".join(one.public_bytes(Encoding.PEM).decode() for one in chain)
    return Pair(place, names, _kind(found[1]), leaf, text, found[0])


def _chain(leaf: x509.Certificate, known: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """The leaf and those that signed it, without the root. Who signed the leaf has to be there."""
    chain = [leaf]
    while len(chain) < _LONGEST_CHAIN:
        signers = [one for one in known if _signed(chain[-1], one)]
        issuer = max(signers, key=lambda one: one.not_valid_after_utc, default=None)
        if issuer is None and chain == [leaf]:
            raise Unusable("the certificate that signed it is not there; give the file that has the whole chain")
        if issuer is None or issuer.issuer == issuer.subject:
            break
        chain.append(issuer)
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
    except x509.ExtensionNotFound:
        raise Unusable("it names no domain") from None
    found: list[Domain] = []
    wrong = "it names no domain"
    for name in said.get_values_for_type(x509.DNSName):
        try:
            found.append(Domain.parse(name))
        except Invalid as error:  # the others are good all the same
            wrong = f'it names "{name}", which {error}'
    if not found:
        raise Unusable(wrong)
    return tuple(dict.fromkeys(found))


def _key(text: str) -> _PrivateKey:
    try:
        key = load_pem_private_key(text.encode(), None)
    except TypeError:
        raise Unusable("the key has a passphrase; openssl pkey -in KEY -out PLAIN takes it away") from None
    except _ODD:
        raise Unusable("the key is damaged") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise Unusable("the key is neither ECDSA nor RSA")
    return key


def _kind(key: _PrivateKey) -> KeyType:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        name = f"ecdsa-{key.curve.name.replace('secp', 'p').removesuffix('r1')}"
    else:
        name = f"rsa-{key.key_size}"
    try:
        return KeyType(name)
    except ValueError:
        raise Unusable(f"its key is {name}; known are {', '.join(KeyType)}") from None


def _written(key: _PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _spki(key: object) -> bytes:
    assert hasattr(key, "public_bytes")  # noqa: S101 (every kind of public key has it)
    return bytes(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _for(names: Sequence[Domain]) -> str:
    return f" ({', '.join(map(str, names[:3]))})" if names else ""
