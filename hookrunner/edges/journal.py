"""The orders under way: what is on record before the step that needs it, so that a killed run is gone on with.

A certificate's entry is written before its order is sent, told the order's URL (RFC 8555 section 7.4) before anything
is done with it, and closed when the certificate is on record.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self

from hookrunner.edges.records import Store
from hookrunner.model import times
from hookrunner.model.app import KeyType
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import Domain
from hookrunner.model.publication import CertificateId

_KEPT = timedelta(days=7)  # CAs keep an order about as long


class Entry(NamedTuple):
    """An order that was sent, or is about to be."""

    certificate: CertificateId
    names: tuple[Domain, ...]
    key: KeyType
    profile: str
    csr: str  # PEM
    begun: datetime
    account: str = ""  # URL; "" before it was sent
    order: str = ""  # URL; "" until the CA has answered

    def fits(self, names: tuple[Domain, ...], key: KeyType, profile: str) -> bool:
        """Whether it is the order for this."""
        return (self.names, self.key, self.profile) == (names, key, profile)

    def to_json(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "certificate": str(self.certificate),
            "names": [str(name) for name in self.names],
            "key": str(self.key),
            "profile": self.profile,
            "csr": self.csr,
            "begun": times.written(self.begun),
            "account": self.account,
            "order": self.order,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read a record that :meth:`to_json` made."""
        return cls(
            certificate=CertificateId.parse(data["certificate"]),
            names=tuple(map(Domain.parse, data["names"])),
            key=KeyType(data["key"]),
            profile=data["profile"],
            csr=data["csr"],
            begun=times.read(data["begun"]),
            account=data["account"],
            order=data["order"],
        )


def write(store: Store, entry: Entry) -> None:
    """Put it on record."""
    store.put(_key(entry.certificate), entry.to_json())


def close(store: Store, certificate: CertificateId) -> None:
    """There is nothing to go on with any more."""
    store.delete(_key(certificate))


def entries(store: Store, wanted: Iterable[CertificateId]) -> dict[CertificateId, Entry]:
    """Those of the ``wanted`` certificates whose order was broken off."""
    records = (store.get(_key(certificate)) for certificate in wanted)
    found = (Entry.from_json(record.value) for record in records if record)
    return {entry.certificate: entry for entry in found}


def sweep(store: Store, certificates: Iterable[Certificate], now: datetime) -> None:
    """Close what nobody comes back to: orders of the ``certificates``, and those that the CA has dropped too."""
    done = {certificate.order for certificate in certificates}
    for record in store.list("journal"):
        if record.value["order"] in done - {""} or times.read(record.value["begun"]) <= now - _KEPT:
            store.delete(record.key)


def _key(certificate: CertificateId) -> str:
    return f"journal/{certificate}"
