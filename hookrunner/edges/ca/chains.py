"""Whether what the CA sends is the certificate that was asked for. The publisher looks again, and at the key itself."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from hookrunner.core.problems import Refusal
from hookrunner.edges.ca.refusals import Refused
from hookrunner.model.names import Domain

_LONGEST = 10  # certificates


def read(pem: str, csr: str, names: Sequence[Domain]) -> list[x509.Certificate]:
    """The chain, the leaf first (RFC 8555 section 9.1). Raises :class:`Refused` for one that does not fit."""
    try:
        chain = x509.load_pem_x509_certificates(pem.encode())
    except ValueError as error:
        raise _refused("no chain of certificates") from error
    leaf = chain[0]
    if _spki(leaf) != _spki(x509.load_pem_x509_csr(csr.encode())):
        raise _refused("it is for another key")
    if missing := [str(name) for name in names if name.name not in _names(leaf)]:
        raise _refused(f"it does not name {', '.join(missing)}")
    if leaf.not_valid_after_utc <= datetime.now(UTC):
        raise _refused(f"it ended on {leaf.not_valid_after_utc:%Y-%m-%d}")
    if len(chain) > _LONGEST:
        raise _refused(f"its chain is longer than {_LONGEST}")
    for one, issuer in pairwise(chain):
        try:
            one.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise _refused("its chain is not one: a certificate is not signed by the next") from error
    return chain


def written(chain: Sequence[x509.Certificate]) -> str:
    """The chain as PEM, and nothing that may have stood between."""
    return "".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in chain)


def _refused(why: str) -> Refused:
    return Refused(Refusal("chain", why))


def _spki(holder: x509.Certificate | x509.CertificateSigningRequest) -> bytes:
    return holder.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _names(leaf: x509.Certificate) -> list[str]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [name.lower() for name in names.get_values_for_type(x509.DNSName)]
