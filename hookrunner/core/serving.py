"""What nginx is to serve, given the certificates that really exist."""

from collections.abc import Mapping
from dataclasses import replace

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
    certificates: Mapping[Domain, Certificate],
    before: Publication | None = None,
    path: str = MANIFEST,
) -> Publication:
    """TLS for the domains that have a certificate, HTTP for the others.

    Files that this release no longer has are looked for in the release ``before``, if that one served every folder
    that this one serves: what was never on the web does not come there because it is old. ``path`` is the manifest's.
    """
    sites = tuple(_site(site, certificates) for site in manifest.sites if site.domains)
    chains = {one.id: one.chain for one in certificates.values()}
    used = sorted({name.certificate for site in sites for name in site.names if name.certificate})
    made = Publication(app, release, sites, {one: chains[one] for one in used}, manifest=path)
    has_before = before and before.release != release and made.folders <= before.folders
    return replace(made, previous=before.release) if before and has_before else made


def secured(
    live: Publication,
    *,
    certificates: Mapping[Domain, Certificate],
    existing: Mapping[CertificateId, Certificate],
) -> Publication:
    """The same release and sites, with the certificates that exist now. Names keep one that has no successor."""
    kept = {name.domain: name.certificate if name.certificate in existing else None for name in live.names}
    sites = tuple(
        replace(
            published,
            names=tuple(
                ServedName(n.domain, _certificate(published.site, n.domain, certificates) or kept[n.domain])
                for n in published.names
            ),
        )
        for published in live.sites
    )
    used = sorted({name.certificate for site in sites for name in site.names if name.certificate})
    return replace(live, sites=sites, chains={certificate: existing[certificate].chain for certificate in used})


def _site(site: Site, certificates: Mapping[Domain, Certificate]) -> PublishedSite:
    names = tuple(ServedName(domain, _certificate(site, domain, certificates)) for domain in site.domains)
    return PublishedSite(names, site)


def _certificate(site: Site, domain: Domain, certificates: Mapping[Domain, Certificate]) -> CertificateId | None:
    there = certificates.get(domain) if site.https is not Https.OFF else None
    return there.id if there else None
