"""Has the CA issue what was decided: CSRs from the publisher, orders in parallel, every result kept at once."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from hookrunner.core.certificates import Issue
from hookrunner.core.problems import Refusal
from hookrunner.edges import certificates
from hookrunner.edges.publisher import Publisher
from hookrunner.edges.records import Store
from hookrunner.model.names import Domain
from hookrunner.model.publication import CsrRequest
from hookrunner.model.server import Settings


def issue(
    wanted: Sequence[Issue], *, settings: Settings, store: Store, publisher: Publisher, now: datetime
) -> Iterator[tuple[Domain, Refusal | datetime, float]]:
    """Each domain with its refusal or the end of its certificate's life, and the seconds it took; as they come."""
    from hookrunner.edges.ca import issuer

    csrs = publisher.csrs([CsrRequest(one.certificate, one.names, one.key) for one in wanted])
    orders = [issuer.Order(one.certificate, one.names, one.key, csr) for one, csr in zip(wanted, csrs, strict=True)]
    for result in issuer.issue(orders, settings=settings.acme, webroot=settings.challenges, store=store, now=now):
        domain = result.order.certificate.domain
        if isinstance(result.outcome, Refusal):
            certificates.save_refusal(store, domain, result.outcome, now)
            yield domain, result.outcome, result.took
        else:
            certificates.save(store, result.outcome)
            yield domain, result.outcome.not_after, result.took
