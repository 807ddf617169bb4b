"""Claims as records: who holds a domain or an upstream. Taken by write-if-absent, under one lock."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from hookrunner.core.claims import Claims
from hookrunner.edges.records import ABSENT, Store
from hookrunner.model.app import Manifest, Upstream
from hookrunner.model.names import AppName, Domain

_K = TypeVar("_K")

_LOCK = "claims"
_DOMAINS, _UPSTREAMS = "claims/domains", "claims/upstreams"


def read_claims(store: Store) -> Claims:
    """All claims of the server, each read when it is asked for: a push looks at its own few among thousands."""
    return Claims(_Held(store, _DOMAINS, Domain.parse), _Held(store, _UPSTREAMS, str))


def holders(store: Store) -> set[AppName]:
    """The apps that hold a domain or an upstream."""
    return {AppName.parse(record.value["app"]) for prefix in (_DOMAINS, _UPSTREAMS) for record in store.list(prefix)}


class _Held(Mapping[_K, AppName]):
    def __init__(self, store: Store, prefix: str, parse: Callable[[str], _K]) -> None:
        self._store, self._prefix, self._parse = store, prefix, parse

    def __getitem__(self, key: _K) -> AppName:
        record = self._store.get(f"{self._prefix}/{key}")
        if record is None:
            raise KeyError(key)
        return AppName.parse(record.value["app"])

    def __iter__(self) -> Iterator[_K]:
        for record in self._store.list(self._prefix):
            yield self._parse(record.key.removeprefix(f"{self._prefix}/"))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def take(store: Store, app: AppName, manifest: Manifest, *, names_holders: bool = True) -> None:
    """Claim what ``manifest`` names. Raises :class:`~hookrunner.model.names.Invalid` when another app was first."""
    with store.lock(_LOCK):
        claims = read_claims(store)._replace(names_holders=names_holders)
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
