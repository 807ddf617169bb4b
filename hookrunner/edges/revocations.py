"""Certificates that are to be revoked: on record before they are replaced, until their CA has said yes."""

from datetime import datetime
from typing import NamedTuple

from hookrunner.edges.records import Store
from hookrunner.model import times
from hookrunner.model.publication import CertificateId


class Revocation(NamedTuple):
    """One of them."""

    certificate: CertificateId
    serial: str  # hexadecimal
    chain: str  # PEM
    reason: str  # RFC 5280 section 5.3.1, as it is written there
    asked: datetime
    is_revoked: bool = False  # the CA has done it, and it is still to be replaced
    is_imported: bool = False  # its CA does not know us: it is replaced here, and revoked by whoever had it made


def ask(store: Store, revocation: Revocation) -> None:
    """Put it on record."""
    value = {
        "certificate": str(revocation.certificate),
        "chain": revocation.chain,
        "reason": revocation.reason,
        "asked": times.written(revocation.asked),
        "revoked": revocation.is_revoked,
        "imported": revocation.is_imported,
    }
    store.put(f"revocations/{revocation.serial}", value)


def every(store: Store) -> list[Revocation]:
    """All that are asked for and not through."""
    return [
        Revocation(
            CertificateId.parse(record.value["certificate"]),
            record.key.rpartition("/")[2],
            record.value["chain"],
            record.value["reason"],
            times.read(record.value["asked"]),
            record.value["revoked"],
            record.value.get("imported", False),
        )
        for record in store.list("revocations")
    ]


def asked_for(store: Store) -> dict[str, str]:
    """The reason of each, by the certificate's serial number."""
    return {one.serial: one.reason for one in every(store)}


def done(store: Store, serial: str) -> None:
    """The CA has revoked it and it is served no more, or the CA never will."""
    store.delete(f"revocations/{serial}")
