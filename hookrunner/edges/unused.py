"""Since when certificates are of no use to any site."""

from datetime import datetime

from hookrunner.edges.records import Store
from hookrunner.model import times
from hookrunner.model.publication import CertificateId


def since(store: Store) -> dict[CertificateId, datetime]:
    """All of them."""
    return {
        CertificateId.parse(record.key.partition("/")[2]): times.read(record.value["since"])
        for record in store.list("unused")
    }


def mark(store: Store, certificate: CertificateId, now: datetime) -> None:
    """From now on."""
    store.put(f"unused/{certificate}", {"since": times.written(now)})


def unmark(store: Store, certificate: CertificateId) -> None:
    """It is of use again, or gone."""
    store.delete(f"unused/{certificate}")
