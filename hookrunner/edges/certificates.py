"""Certificates as records, and what stands in the way of one."""

from collections.abc import Iterable

from hookrunner.core.obstacles import together
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


def save(store: Store, certificate: Certificate, domains: Iterable[Domain]) -> None:
    """Remember a certificate that was just issued for ``domains``; what stood in their way is forgotten."""
    remember(store, certificate)
    for domain in domains:
        forget_obstacles(store, domain)


def remember(store: Store, certificate: Certificate) -> None:
    """Write down what is known of it."""
    store.put(f"certificates/{certificate.id}", certificate.to_json())


def every(store: Store) -> list[Certificate]:
    """All that were issued and are not forgotten."""
    return [Certificate.from_json(record.value) for record in store.list("certificates")]


def forget(store: Store, certificate: CertificateId) -> None:
    """Drop a certificate whose key is gone."""
    store.delete(f"certificates/{certificate}")


def save_obstacle(store: Store, obstacle: Obstacle) -> None:
    """Remember why there is no certificate of that CA."""
    store.put(f"{_obstacles(obstacle.domain)}/{obstacle.authority}", obstacle.to_json())


def obstacle_at(store: Store, domain: Domain, authority: str) -> Obstacle | None:
    """What stands between ``domain`` and a certificate of this CA."""
    record = store.get(f"{_obstacles(domain)}/{authority}")
    return Obstacle.from_json(record.value) if record else None


def obstacle(store: Store, domain: Domain) -> Obstacle | None:
    """What stands between ``domain`` and a certificate, of all CAs together."""
    records = store.list(_obstacles(domain))
    return together([Obstacle.from_json(record.value) for record in records]) if records else None


def forget_obstacle(store: Store, domain: Domain) -> None:
    """Forget it, and that the owner was told."""
    forget_obstacles(store, domain)
    store.delete(f"notices/{domain}")


def forget_obstacles(store: Store, domain: Domain) -> None:
    """Forget it; whether the owner was told stays known, so that a recovery is told too."""
    for record in store.list(_obstacles(domain)):
        store.delete(record.key)


def _obstacles(domain: Domain) -> str:
    return f"obstacles/{domain}"
