"""Takes certificates over that others made, each under every name that it has: the first push then asks no CA."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from hookrunner.edges import certificates
from hookrunner.edges.pairing import Pair
from hookrunner.edges.publisher import InProcess
from hookrunner.edges.records import Store
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import Domain
from hookrunner.model.publication import CertificateId
from hookrunner.model.server import Settings


class Outcome(NamedTuple):
    """What became of one name: its certificate, or why it was not taken."""

    domain: Domain
    certificate: Certificate | None
    why: str = ""


def prepared(
    pairs: Sequence[Pair], besides: Sequence[Domain], settings: Settings, publisher: InProcess, now: datetime
) -> Iterator[Outcome]:
    """Keep the keys, which is root's to do; of several certificates for a name the one that ends last.

    ``besides`` their names also for these, where one covers them. What is yielded is not on record before
    :func:`remember`.
    """
    authority, seen = settings.acme.authority.name, set[Domain]()
    for pair in pairs:
        for domain in (*pair.names, *(one for one in besides if any(name.covers(one) for name in pair.names))):
            if domain in seen:
                continue
            seen.add(domain)
            certificate = _certificate(pair, CertificateId(authority, domain), now)
            publisher.adopt(certificate.id, pair.chain, pair.key)
            yield Outcome(domain, certificate)
    for domain in besides:
        if domain not in seen:
            yield Outcome(domain, None, "is covered by none of them")


def remember(outcomes: Sequence[Outcome], store: Store, now: datetime) -> Iterator[Outcome]:
    """Put them on record, but where there is one already that lasts as long."""
    wanted = [one.certificate.id for one in outcomes if one.certificate]
    existing = certificates.existing(store, wanted)
    for outcome in outcomes:
        certificate = outcome.certificate
        if certificate is None:
            yield outcome
            continue
        there = existing.get(certificate.id)
        if there and there.serial == certificate.serial:
            yield Outcome(outcome.domain, there, "taken over before")
        elif there and there.not_after >= certificate.not_after and there.not_after > now:
            yield Outcome(outcome.domain, None, f"has one until {there.not_after:%Y-%m-%d}, which stays")
        else:
            certificates.save(store, certificate, [outcome.domain])
            yield outcome


def _certificate(pair: Pair, certificate: CertificateId, now: datetime) -> Certificate:
    return Certificate(
        id=certificate,
        names=pair.names,
        key=pair.kind,
        not_before=pair.leaf.not_valid_before_utc,
        not_after=pair.leaf.not_valid_after_utc,
        issued=now,
        serial=f"{pair.leaf.serial_number:x}",
        chain=pair.chain,
        is_imported=True,
    )
