"""Takes away what nobody comes back to: certificates of names that are gone for a month, and what kills left over."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from hookrunner.core import grouping
from hookrunner.core.certificates import secured, wanted
from hookrunner.edges import apps, certificates, deploys, journal, unused
from hookrunner.edges.ca.http01 import WELL_KNOWN
from hookrunner.edges.publisher import Publisher
from hookrunner.edges.records import Store
from hookrunner.edges.suffixes import registered
from hookrunner.model.publication import CertificateId
from hookrunner.model.server import Settings

_KEPT = timedelta(days=30)
_TOKEN_KEPT = timedelta(days=1)  # longer than any order is waited for


def tidy(settings: Settings, store: Store, publisher: Publisher, now: datetime) -> list[CertificateId]:
    """The certificates that were removed. Raises :class:`~hookrunner.edges.records.Damaged`, and removes none then."""
    issued = certificates.every(store)
    journal.sweep(store, issued, now)
    _sweep_tokens(settings, now)
    in_use = _in_use(settings, store)
    marked = unused.since(store)
    there = {one.id for one in issued}
    for certificate in marked.keys() & in_use:
        unused.unmark(store, certificate)
    for certificate in there - in_use - marked.keys():
        unused.mark(store, certificate, now)
    old = [one for one, since in marked.items() if one not in in_use and since <= now - _KEPT]
    gone = publisher.forget(sorted(old)) if old else []
    for certificate in gone:
        certificates.forget(store, certificate)
        unused.unmark(store, certificate)
    return gone


def txt_records(settings: Settings, store: Store) -> Iterator[str]:
    """Take away the records of dns-01 that killed runs have left; why one could not be."""
    if not store.list("txt"):
        return
    from hookrunner.edges.ca.dns01 import records

    yield from records.sweep(settings.dns, store)


def _in_use(settings: Settings, store: Store) -> set[CertificateId]:
    """What serves a site now, or would."""
    used: set[CertificateId] = set()
    authorities = settings.acme.authorities
    for app in apps.every(store):
        live, manifest = deploys.publication(store, app), deploys.live_manifest(store, app)
        used |= set(live[1].certificates) if live else set()
        if manifest:
            existing = certificates.existing(store, wanted(manifest, authorities, live[1] if live else None))
            for group in grouping.groups(manifest, secured(manifest), existing, registered):
                used |= {CertificateId(authority, group.leader) for authority in authorities}
    return used


def _sweep_tokens(settings: Settings, now: datetime) -> None:
    for token in (settings.challenges / WELL_KNOWN).glob("*"):
        if token.stat().st_mtime < (now - _TOKEN_KEPT).timestamp():
            token.unlink(missing_ok=True)
