"""Certificates and keys that others left on this machine: found by what the files hold, not by how they are called.

certbot has ``live/NAME/{fullchain,privkey}.pem``, Dokku ``APP/tls/server.{crt,key}``, piku ``APP.{crt,key}``.
"""

import errno
import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from hookrunner.edges.pairing import Pair, PrivateKey, Unusable, is_authority, pair, spki

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
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\s.*?-----END \1-----", re.DOTALL)


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
    keys: dict[bytes, PrivateKey] = {}
    left: list[Left] = []
    for file in _files(places):
        certificates: list[x509.Certificate] = []
        try:
            for kind, text in _blocks(file):
                if kind in ("CERTIFICATE", "X509 CERTIFICATE"):
                    certificates.append(_certificate(text))
                elif kind.endswith("PRIVATE KEY"):
                    key = _key(text)
                    keys[spki(key.public_key())] = key
        except Unusable as error:
            left.append(Left(file, str(error)))
        if certificates:
            chains.append(_Chain(file, tuple(certificates)))
    pairs: list[Pair] = []
    known = [one for chain in chains for one in chain.certificates]
    for leaf, place in _leaves(chains).items():
        try:
            pairs.append(pair(leaf, place, known, keys))
        except Unusable as error:
            left.append(Left(place, str(error)))
        except _ODD as error:
            left.append(Left(place, f"it is odd: {error}"))
    return sorted(pairs, key=lambda one: one.leaf.not_valid_after_utc, reverse=True), left


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
            if not is_authority(one):
                found.setdefault(one, place)
    return found


def _key(text: str) -> PrivateKey:
    try:
        key = load_pem_private_key(text.encode(), None)
    except TypeError:
        raise Unusable("the key has a passphrase; openssl pkey -in KEY -out PLAIN takes it away") from None
    except _ODD:
        raise Unusable("the key is damaged") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise Unusable("the key is neither ECDSA nor RSA")
    return key
