"""Has the CA issue what was decided: CSRs from the publisher, orders in parallel, every result kept at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from hookrunner.core import budget, obstacles
from hookrunner.core.certificates import Issue
from hookrunner.core.problems import Refusal
from hookrunner.edges import certificates, orders
from hookrunner.edges.publisher import Publisher
from hookrunner.edges.records import Store
from hookrunner.flows.outlook import Outlook, spending
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import AppName, Domain
from hookrunner.model.obstacle import Obstacle
from hookrunner.model.publication import CertificateId, CsrRequest
from hookrunner.model.server import Settings


@dataclass(frozen=True, slots=True)
class Result:
    """How one order ended: a certificate, or what stands in its way; after so many seconds."""

    app: AppName
    domain: Domain
    outcome: Certificate | Obstacle
    took: float


def issue(
    outlooks: Sequence[Outlook], *, settings: Settings, store: Store, publisher: Publisher, now: datetime
) -> Iterator[Result]:
    """Every certificate that the outlooks ask for, as they come."""
    wanted = {one.certificate: (outlook, one) for outlook in outlooks for one in outlook.issues}
    if not wanted:
        return
    from hookrunner.edges.ca import issuer

    issues = [one for _, one in wanted.values()]
    csrs = publisher.csrs([CsrRequest(one.certificate, one.names, one.key) for one in issues])
    placed = [issuer.Order(one.certificate, one.names, one.key, csr) for one, csr in zip(issues, csrs, strict=True)]
    counted = _count(list(wanted.values()), settings, store, now)
    for result in issuer.issue(placed, settings=settings.acme, webroot=settings.challenges, store=store, now=now):
        certificate = result.order.certificate
        outlook, _ = wanted[certificate]
        if isinstance(result.outcome, Refusal):
            outcome: Certificate | Obstacle = _refused(result.outcome, certificate, outlook, store, now)
            _correct(result.outcome, counted.get(certificate), store)
        else:
            outcome = result.outcome
            certificates.save(store, outcome)
        yield Result(outlook.app, certificate.domain, outcome, result.took)


def _refused(refusal: Refusal, certificate: CertificateId, outlook: Outlook, store: Store, now: datetime) -> Obstacle:
    domain = certificate.domain
    obstacle = obstacles.after_refusal(
        refusal,
        domain,
        certificates.obstacle(store, domain, certificate.authority),
        authority=certificate.authority,
        now=now,
        dns=outlook.digests.get(domain, ""),
        domains=outlook.names,
    )
    certificates.save_obstacle(store, obstacle)
    return obstacle


_Counted = tuple[str, budget.Spent]


def _count(
    wanted: Sequence[tuple[Outlook, Issue]], settings: Settings, store: Store, now: datetime
) -> dict[CertificateId, _Counted]:
    """Count the orders before they are sent, where the CA's limits are known."""
    authority = settings.acme.authority.name
    if authority not in budget.KNOWN:
        return {}
    counted: dict[CertificateId, _Counted] = {}
    for outlook, one in wanted:
        spent = spending(one, outlook, now)
        counted[one.certificate] = orders.place(store, authority, spent), spent
    return counted


def _correct(refusal: Refusal, counted: _Counted | None, store: Store) -> None:
    """A refused order is counted as the CA counts it."""
    if counted is None:
        return
    key, spent = counted
    if refusal.is_about_the_name:
        orders.failed(store, key, spent)
    elif not refusal.was_counted:
        orders.taken_back(store, key)
