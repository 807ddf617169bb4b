"""Certificates as records, and what stands in the way of one."""

from collections.abc import Iterable

from hookrunner.edges.records import Store
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import Domain
from hookrunner.model.obstacle import Obstacle
from hookrunner.model.publication import CertificateId


def existing(store: Store, wanted: Iterable[CertificateId]) -> dict[CertificateId, Certificate]:
    """Those of the ``wanted`` certificates that were issued and are not forgotten."""
    records = (store.get(f"certificates/{certificate}") for certificate in wanted)
    found = (Certificate.from_json(record.value) for record in records if record)
    return {certificate.id: certificate for certificate in found}


def save(store: Store, certificate: Certificate) -> None:
    """Remember a certificate that was just issued; what stood in its way is forgotten."""
    store.put(f"certificates/{certificate.id}", certificate.to_json())
    store.delete(_failure(certificate.id.domain))


def forget(store: Store, certificate: CertificateId) -> None:
    """Drop a certificate whose key is gone."""
    store.delete(f"certificates/{certificate}")


def save_obstacle(store: Store, obstacle: Obstacle) -> None:
    """Remember why there is no certificate."""
    store.put(_failure(obstacle.domain), obstacle.to_json())


def obstacle(store: Store, domain: Domain, authority: str | None = None) -> Obstacle | None:
    """What stands between ``domain`` and a certificate of this CA, or of any."""
    record = store.get(_failure(domain))
    if record is None or authority not in (None, record.value["authority"]):
        return None
    return Obstacle.from_json(record.value)


def forget_obstacle(store: Store, domain: Domain) -> None:
    """Forget it, and that the owner was told."""
    store.delete(_failure(domain))
    store.delete(f"notices/{domain}")


def _failure(domain: Domain) -> str:
    return f"failures/{domain}"
