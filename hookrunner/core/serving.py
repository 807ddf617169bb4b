"""What nginx is to serve, given the certificates that really exist."""

from collections.abc import Mapping

from hookrunner.model.app import Https, Manifest, Site
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import AppName, Domain
from hookrunner.model.publication import CertificateId, Publication, PublishedSite, ServedName


def publication(
    app: AppName,
    release: str,
    manifest: Manifest,
    *,
    authority: str,
    existing: Mapping[CertificateId, Certificate],
) -> Publication:
    """TLS for the names that a certificate covers, HTTP for the others."""
    sites = tuple(_site(site, authority, existing) for site in manifest.sites)
    used = {name.certificate for site in sites for name in site.names if name.certificate}
    return Publication(app, release, sites, {certificate: existing[certificate].chain for certificate in sorted(used)})


def _site(site: Site, authority: str, existing: Mapping[CertificateId, Certificate]) -> PublishedSite:
    names = tuple(ServedName(domain, _certificate(site, domain, authority, existing)) for domain in site.domains)
    return PublishedSite(names, site.content, site.https, site.max_body, site.timeout)


def _certificate(
    site: Site, domain: Domain, authority: str, existing: Mapping[CertificateId, Certificate]
) -> CertificateId | None:
    if site.https is Https.OFF:
        return None
    own = CertificateId(authority, domain)
    return own if own in existing and existing[own].covers(domain) else None
