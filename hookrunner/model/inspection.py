"""What the publisher sees of its own room, for `doctor`: nginx, its files, and the certificates with their keys."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from hookrunner.model.names import Domain
from hookrunner.model.publication import CertificateId


class Pair(NamedTuple):
    """A certificate's folder: the serial of its leaf, and what is wrong with it ("" where nothing is)."""

    serial: str  # lower case hexadecimal; "" where there is no certificate
    wrong: str = ""


class Inspection(NamedTuple):
    """Looked at, and nothing changed."""

    version: str  # of nginx; "" where it cannot be called
    test: tuple[str, ...]  # nginx's words where it does not pass its test
    is_included: bool  # whether nginx reads the files of ``sites``
    is_served: bool  # whether nginx's workers run what stands in them
    foreign: Mapping[Domain, tuple[str, ...]]  # names of apps that files of somebody else's have too
    sites: tuple[str, ...]  # the apps that have an nginx file
    pairs: Mapping[CertificateId, Pair]

    def to_json(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "version": self.version,
            "test": list(self.test),
            "is_included": self.is_included,
            "is_served": self.is_served,
            "foreign": {str(domain): list(files) for domain, files in self.foreign.items()},
            "sites": list(self.sites),
            "pairs": {str(certificate): list(pair) for certificate, pair in self.pairs.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` wrote."""
        return cls(
            version=data["version"],
            test=tuple(data["test"]),
            is_included=data["is_included"],
            is_served=data["is_served"],
            foreign={Domain.parse(name): tuple(files) for name, files in data["foreign"].items()},
            sites=tuple(data["sites"]),
            pairs={CertificateId.parse(name): Pair(*pair) for name, pair in data["pairs"].items()},
        )
