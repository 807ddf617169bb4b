"""What is live, and which certificates there are: for status and report."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hookrunner.core import renewal
from hookrunner.edges import certificates, deploys
from hookrunner.edges.records import Store
from hookrunner.model.app import Https
from hookrunner.model.certificate import Certificate
from hookrunner.model.deploy import Deploy
from hookrunner.model.names import AppName, Domain
from hookrunner.model.obstacle import Obstacle
from hookrunner.model.publication import CertificateId, Publication, PublishedSite, ServedName


class Standing(StrEnum):
    """How a name answers."""

    HTTPS = "https"
    HTTP = "http"  # as app.toml wants it
    WAITING = "waiting"  # for its certificate; over HTTP, or 503 when https is required


@dataclass(frozen=True, slots=True)
class NameStatus:
    """One live name."""

    domain: Domain
    standing: Standing
    why: str  # why it waits, or ""
    certificate: Certificate | None
    obstacle: Obstacle | None = None  # what stands in the way of its certificate, or of a renewal

    @property
    def next_try(self) -> datetime | None:
        """When the CA may be asked again; None: as soon as what stands in the way is gone."""
        return self.obstacle.until if self.obstacle else None

    @property
    def due(self) -> datetime | None:
        """When its certificate is renewed."""
        return renewal.due(self.certificate) if self.certificate else None


@dataclass(frozen=True, slots=True)
class AppStatus:
    """One app: what is live, since when, and its last deploy."""

    app: AppName
    live: Deploy | None
    last: Deploy | None
    names: tuple[NameStatus, ...]


def status(store: Store, app: AppName) -> AppStatus:
    """The app as it is."""
    live = deploys.publication(store, app)
    return AppStatus(
        app=app,
        live=live[0] if live else None,
        last=next(deploys.newest_first(store, app), None),
        names=_names(live[1], store) if live else (),
    )


def _names(publication: Publication, store: Store) -> tuple[NameStatus, ...]:
    existing = certificates.existing(store, publication.certificates)
    return tuple(_name(name, site, existing, store) for site in publication.sites for name in site.names)


def _name(
    name: ServedName,
    site: PublishedSite,
    existing: dict[CertificateId, Certificate],
    store: Store,
) -> NameStatus:
    if site.site.https is Https.OFF:
        return NameStatus(name.domain, Standing.HTTP, "", None)
    obstacle = certificates.obstacle(store, name.domain)
    why = obstacle.why if obstacle else ""
    if name.certificate:
        return NameStatus(name.domain, Standing.HTTPS, why, existing.get(name.certificate), obstacle)
    return NameStatus(name.domain, Standing.WAITING, why or "no certificate yet", None, obstacle)
