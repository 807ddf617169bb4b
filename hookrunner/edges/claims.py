"""Claims as records: who holds a domain or an upstream. Taken by write-if-absent, under one lock."""

from collections.abc import Iterable

from hookrunner.core.claims import Claims
from hookrunner.edges.records import ABSENT, Store
from hookrunner.model.app import Manifest, Upstream
from hookrunner.model.names import AppName, Domain

_LOCK = "claims"
_DOMAINS, _UPSTREAMS = "claims/domains", "claims/upstreams"


def read_claims(store: Store) -> Claims:
    """All claims of the server."""

    def held(prefix: str) -> dict[str, AppName]:
        return {
            record.key.removeprefix(f"{prefix}/"): AppName.parse(record.value["app"]) for record in store.list(prefix)
        }

    domains = {Domain.parse(name): app for name, app in held(_DOMAINS).items()}
    return Claims(domains, held(_UPSTREAMS))


def take(store: Store, app: AppName, manifest: Manifest) -> None:
    """Claim what ``manifest`` names. Raises :class:`~hookrunner.model.names.Invalid` when another app was first."""
    with store.lock(_LOCK):
        claims = read_claims(store)
        for domain in manifest.domains:
            claims.check_domain(domain, app)
        for upstream in manifest.upstreams:
            claims.check_upstream(upstream, app)
        wanted = [f"{_DOMAINS}/{domain}" for domain in manifest.domains if domain not in claims.domains]
        wanted += [f"{_UPSTREAMS}/{u.claim}" for u in manifest.upstreams if u.claim not in claims.upstreams]
        for key in dict.fromkeys(wanted):
            store.put(key, {"app": str(app)}, if_revision=ABSENT)


def give_back(store: Store, app: AppName, *, but: tuple[Iterable[Domain], Iterable[Upstream]]) -> None:
    """Drop every claim of the app except these domains and upstreams."""
    domains = {str(domain) for domain in but[0]}
    upstreams = {upstream.claim for upstream in but[1]}
    with store.lock(_LOCK):
        for prefix, kept in ((_DOMAINS, domains), (_UPSTREAMS, upstreams)):
            for record in store.list(prefix):
                if record.value["app"] == str(app) and record.key.removeprefix(f"{prefix}/") not in kept:
                    store.delete(record.key, if_revision=record.revision)
