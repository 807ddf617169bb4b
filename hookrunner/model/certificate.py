"""What is known of a certificate that was issued."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from hookrunner.model import times
from hookrunner.model.app import KeyType
from hookrunner.model.names import Domain
from hookrunner.model.publication import CertificateId


@dataclass(frozen=True, slots=True)
class Certificate:
    """A leaf with its chain; the key is the publisher's."""

    id: CertificateId
    names: tuple[Domain, ...]
    key: KeyType
    not_before: datetime
    not_after: datetime
    issued: datetime
    serial: str  # hexadecimal
    chain: str  # PEM, the leaf first

    def covers(self, domain: Domain) -> bool:
        """Whether it is good for ``domain``."""
        return any(name.covers(domain) for name in self.names)

    def to_json(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "id": str(self.id),
            "names": [str(name) for name in self.names],
            "key": str(self.key),
            "not_before": times.written(self.not_before),
            "not_after": times.written(self.not_after),
            "issued": times.written(self.issued),
            "serial": self.serial,
            "chain": self.chain,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read a record that :meth:`to_json` made."""
        return cls(
            id=CertificateId.parse(data["id"]),
            names=tuple(map(Domain.parse, data["names"])),
            key=KeyType(data["key"]),
            not_before=times.read(data["not_before"]),
            not_after=times.read(data["not_after"]),
            issued=times.read(data["issued"]),
            serial=data["serial"],
            chain=data["chain"],
        )
