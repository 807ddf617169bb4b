"""Whether a certificate that was made elsewhere can be served: with its key, a whole chain, and names of ours."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from hookrunner.model.app import KeyType
from hookrunner.model.names import Domain, Invalid

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_LONGEST_CHAIN = 10


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


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether it is a CA's (RFC 5280 section 4.2.1.9)."""
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


def pair(
    leaf: x509.Certificate, place: Path, known: Sequence[x509.Certificate], keys: Mapping[bytes, PrivateKey]
) -> Pair:
    """The leaf with its chain out of the ``known`` certificates, and its key out of those by :func:`spki`.

    Raises :class:`Unusable` where no visitor would accept it, or nothing here can serve it.
    """
    names = _names(leaf)
    if leaf.issuer == leaf.subject:
        raise Unusable(f"it is self-signed, no visitor trusts it{_for(names)}")
    if not _serves(leaf):
        raise Unusable(f"it is not for web servers, by its extended key usage{_for(names)}")
    key = keys.get(spki(leaf.public_key()))
    if key is None:
        raise Unusable(f"its key is not there{_for(names)}")
    chain = _chain(leaf, known)
    now = datetime.now(UTC)
    for one in chain:
        if one.not_valid_before_utc > now:
            raise Unusable(f"it is not valid before {one.not_valid_before_utc:%Y-%m-%d}{_for(names)}")
        if one.not_valid_after_utc <= now:
            what = "it" if one is leaf else "the certificate that signed it"
            raise Unusable(f"{what} ended on {one.not_valid_after_utc:%Y-%m-%d}{_for(names)}")
    text = "".join(one.public_bytes(Encoding.PEM).decode() for one in chain)
    return Pair(place, names, _kind(key), leaf, text, _written(key))


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


def _kind(key: PrivateKey) -> KeyType:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        name = f"ecdsa-{key.curve.name.replace('secp', 'p').removesuffix('r1')}"
    else:
        name = f"rsa-{key.key_size}"
    try:
        return KeyType(name)
    except ValueError:
        raise Unusable(f"its key is {name}; known are {', '.join(KeyType)}") from None


def _for(names: Sequence[Domain]) -> str:
    return f" ({', '.join(map(str, names[:3]))})" if names else ""


def _written(key: PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def spki(key: object) -> bytes:
    """What a certificate and its key have in common: the public key (DER, RFC 5280 section 4.1.2.7)."""
    assert hasattr(key, "public_bytes")  # noqa: S101 (every kind of public key has it)
    return bytes(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
