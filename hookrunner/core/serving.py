"""What nginx is to serve, given the certificates that really exist."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hookrunner.core import certificates
from hookrunner.model.app import Https, Manifest, Site
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import AppName, Domain
from hookrunner.model.publication import CertificateId, Publication, PublishedSite, ServedName
from hookrunner.model.registration import MANIFEST


def publication(
    app: AppName,
    release: str,
    manifest: Manifest,
    *,
    authorities: Sequence[str],
    existing: Mapping[CertificateId, Certificate],
    before: Publication | None = None,
    path: str = MANIFEST,
) -> Publication:
    """TLS for the names that a certificate covers, HTTP for the others.

    Files that this release no longer has are looked for in the release ``before``, if that one served every folder
    that this one serves: what was never on the web does not come there because it is old. ``path`` is the manifest's.
    """
    sites = tuple(_site(site, authorities, existing) for site in manifest.sites if site.domains)
    used = {name.certificate for site in sites for name in site.names if name.certificate}
    chains = {certificate: existing[certificate].chain for certificate in sorted(used)}
    made = Publication(app, release, sites, chains, manifest=path)
    has_before = before and before.release != release and made.folders <= before.folders
    return replace(made, previous=before.release) if before and has_before else made


def secured(
    live: Publication, *, authorities: Sequence[str], existing: Mapping[CertificateId, Certificate]
) -> Publication:
    """The same release and sites, with the certificates that exist now. Names keep one that has no successor."""
    kept = {name.domain: name.certificate if name.certificate in existing else None for name in live.names}
    sites = tuple(
        replace(
            published,
            names=tuple(
                ServedName(n.domain, _certificate(published.site, n.domain, authorities, existing) or kept[n.domain])
                for n in published.names
            ),
        )
        for published in live.sites
    )
    used = sorted({name.certificate for site in sites for name in site.names if name.certificate})
    return replace(live, sites=sites, chains={certificate: existing[certificate].chain for certificate in used})


def _site(site: Site, authorities: Sequence[str], existing: Mapping[CertificateId, Certificate]) -> PublishedSite:
    names = tuple(ServedName(domain, _certificate(site, domain, authorities, existing)) for domain in site.domains)
    return PublishedSite(names, site)


def _certificate(
    site: Site, domain: Domain, authorities: Sequence[str], existing: Mapping[CertificateId, Certificate]
) -> CertificateId | None:
    if site.https is Https.OFF:
        return None
    there = certificates.current(domain, authorities, existing)
    return there.id if there and there.covers(domain) else None
