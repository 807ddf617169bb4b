"""Deploys as records: one number each, counted up for the app; and what its publication left live."""

import hashlib
from datetime import datetime
from typing import Any

from hookrunner.edges.records import ABSENT, Conflict, Store
from hookrunner.model import times
from hookrunner.model.app import Certificates, Challenge, KeyType, Manifest, Tls
from hookrunner.model.deploy import Deploy
from hookrunner.model.names import AppName
from hookrunner.model.publication import Publication


def queue(store: Store, app: AppName, *, commit: str, ref: str, now: datetime, cause: str = "push") -> Deploy:
    """A new deploy, under the next number of the app."""
    while True:
        last = store.get(f"numbers/{app}")
        number = last.value["last"] + 1 if last else 1
        try:
            store.put(f"numbers/{app}", {"last": number}, if_revision=last.revision if last else ABSENT)
        except Conflict:
            continue
        deploy = Deploy(app, number, commit, ref, now, cause=cause)
        store.put(_key(deploy), deploy.to_json(), if_revision=ABSENT)
        return deploy


def save(store: Store, deploy: Deploy) -> Deploy:
    """Write the record as it is now."""
    store.put(_key(deploy), deploy.to_json())
    return deploy


def history(store: Store, app: AppName) -> list[Deploy]:
    """All deploys of the app, the newest first."""
    records = store.list(f"deploys/{app}")
    return sorted((Deploy.from_json(record.value) for record in records), key=lambda d: d.number, reverse=True)


def get(store: Store, app: AppName, number: int) -> Deploy | None:
    """One deploy."""
    record = store.get(f"deploys/{app}/{number}")
    return Deploy.from_json(record.value) if record else None


def save_publication(store: Store, deploy: Deploy, publication: Publication, tls: Tls, now: datetime) -> None:
    """Remember what is live, and how its certificates are made. The chains are the certificates' own records."""
    document: dict[str, Any] = publication.to_json() | {"chains": {}}
    store.put(
        f"publications/{deploy.app}",
        {
            "deploy": deploy.number,
            "published": times.written(now),
            "publication": document,
            "tls": [str(word) for word in tls],
            "served": {str(one): digest(chain) for one, chain in publication.chains.items()},
        },
    )


def publication(store: Store, app: AppName) -> tuple[Deploy, Publication] | None:
    """What is live and the deploy that made it so; None before the first."""
    record = store.get(f"publications/{app}")
    if record is None:
        return None
    deploy = get(store, app, record.value["deploy"])
    return (deploy, Publication.from_json(record.value["publication"])) if deploy else None


def is_served(store: Store, publication: Publication) -> bool:
    """Whether what is live is just this, with these very chains."""
    record = store.get(f"publications/{publication.app}")
    if record is None:
        return False
    chains = {str(one): digest(chain) for one, chain in publication.chains.items()}
    live = Publication.from_json(record.value["publication"])
    return record.value.get("served") == chains and live.sites == publication.sites


def live_manifest(store: Store, app: AppName) -> Manifest | None:
    """What the live publication asks for; it needs no repository. None when nothing is live."""
    record = store.get(f"publications/{app}")
    if record is None:
        return None
    sites = Publication.from_json(record.value["publication"]).sites
    words = record.value.get("tls")
    if words is None:  # written by a version that did not keep it
        return Manifest(tuple(published.site for published in sites))
    certificates, challenge, key, profile = words
    tls = Tls(Certificates(certificates), Challenge(challenge), KeyType(key), profile)
    return Manifest(tuple(published.site for published in sites), tls)


def digest(chain: str) -> str:
    """What tells one chain from another."""
    return hashlib.sha256(chain.encode()).hexdigest()


def _key(deploy: Deploy) -> str:
    return f"deploys/{deploy.app}/{deploy.number}"
