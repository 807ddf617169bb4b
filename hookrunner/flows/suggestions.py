"""Asks the CAs when the certificates that are in use should be renewed (RFC 9773), each as often as its CA wants."""

from collections.abc import Iterable
from datetime import datetime

from hookrunner.core import renewal
from hookrunner.edges import certificates
from hookrunner.edges.records import Store
from hookrunner.model.publication import CertificateId
from hookrunner.model.server import Settings


def refresh(used: Iterable[CertificateId], *, settings: Settings, store: Store, now: datetime) -> None:
    """Ask about those that it is time for, and write the answers down."""
    asked = [one for one in certificates.existing(store, used).values() if renewal.asks(one, now)]
    if not asked:
        return
    from hookrunner.edges.ca import ari, directory

    for acme in settings.acme.every:
        mine = [one for one in asked if one.id.authority == acme.authority.name]
        facts = directory.facts(store, acme, now) if mine else None
        if facts and facts.has_ari:
            for certificate in ari.suggestions(mine, acme, now):
                certificates.remember(store, certificate)
