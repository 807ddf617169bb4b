"""Certificates as records, and the refusals that stand in the way of one."""

from collections.abc import Iterable
from datetime import datetime

from hookrunner.core.problems import Refusal
from hookrunner.edges.records import Store
from hookrunner.model import times
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import Domain
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


def save_refusal(store: Store, domain: Domain, refusal: Refusal, now: datetime) -> None:
    """Remember why there is no certificate."""
    store.put(_failure(domain), {"kind": refusal.kind, "detail": refusal.detail, "at": times.written(now)})


def refusal(store: Store, domain: Domain) -> Refusal | None:
    """Why there is no certificate for ``domain``, as far as the CA was asked."""
    record = store.get(_failure(domain))
    return Refusal(record.value["kind"], record.value["detail"]) if record else None


def _failure(domain: Domain) -> str:
    return f"failures/{domain}"
