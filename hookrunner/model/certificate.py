"""What is known of a certificate that was issued."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

from hookrunner.model import times
from hookrunner.model.app import KeyType
from hookrunner.model.names import Domain
from hookrunner.model.publication import CertificateId


class Window(NamedTuple):
    """When the CA would like a certificate to be renewed (RFC 9773 section 4.1), and the moment chosen within."""

    start: datetime
    end: datetime
    moment: datetime
    explanation: str = ""  # URL

    def to_json(self) -> dict[str, Any]:
        """The JSON form."""
        start, end, moment = map(times.written, (self.start, self.end, self.moment))
        return {"start": start, "end": end, "moment": moment, "explanation": self.explanation}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read a record that :meth:`to_json` made."""
        return cls(times.read(data["start"]), times.read(data["end"]), times.read(data["moment"]), data["explanation"])


class Ari(NamedTuple):
    """What the CA said of a certificate's renewal, and from when it may be asked again."""

    again: datetime
    window: Window | None = None  # None: it said nothing yet
    failures: int = 0  # one after another

    def to_json(self) -> dict[str, Any]:
        """The JSON form."""
        window = self.window.to_json() if self.window else None
        return {"again": times.written(self.again), "window": window, "failures": self.failures}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read a record that :meth:`to_json` made."""
        window = Window.from_json(data["window"]) if data["window"] else None
        return cls(times.read(data["again"]), window, data["failures"])


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
    profile: str = ""  # the ACME profile that was asked for
    order: str = ""  # the URL of its order
    ari: Ari | None = None
    is_imported: bool = False  # it was made elsewhere: taken as it is, until it is due

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
            "profile": self.profile,
            "order": self.order,
            "ari": self.ari.to_json() if self.ari else None,
            "is_imported": self.is_imported,
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
            profile=data.get("profile", ""),
            order=data.get("order", ""),
            ari=Ari.from_json(data["ari"]) if data.get("ari") else None,
            is_imported=data.get("is_imported", False),
        )
