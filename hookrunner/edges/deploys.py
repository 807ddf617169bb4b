"""Deploys as records: one number each, counted up for the app; and what its publication left live."""

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from hookrunner.edges.records import ABSENT, Busy, Conflict, Lock, Store
from hookrunner.model import times
from hookrunner.model.app import Certificates, Challenge, KeyType, Manifest, Tls
from hookrunner.model.deploy import NOBODY, Cause, Deploy, Person, State
from hookrunner.model.names import AppName
from hookrunner.model.publication import CertificateId, Publication


def queue(
    store: Store,
    app: AppName,
    *,
    commit: str,
    ref: str,
    now: datetime,
    cause: Cause = Cause.PUSH,
    who: Person = NOBODY,
    options: tuple[str, ...] = (),
    back_to: int | None = None,
    tries: int = 1,
) -> Deploy:
    """A new deploy, under the next number of the app."""
    while True:
        last = store.get(f"numbers/{app}")
        number = last.value["last"] + 1 if last else 1
        try:
            store.put(f"numbers/{app}", {"last": number}, if_revision=last.revision if last else ABSENT)
        except Conflict:
            continue
        deploy = Deploy(
            app, number, commit, ref, now, cause=cause, who=who, options=options, back_to=back_to, tries=tries
        )
        store.put(_key(deploy), deploy.to_json(), if_revision=ABSENT)
        return deploy


def save(store: Store, deploy: Deploy) -> Deploy:
    """Write the record as it is now."""
    store.put(_key(deploy), deploy.to_json())
    return deploy


def advance(store: Store, deploy: Deploy, after: Deploy) -> bool:
    """Write ``after`` in place of ``deploy``, unless somebody has changed its state meanwhile."""
    record = store.get(_key(deploy))
    if record is None or record.value["state"] != deploy.state:
        return False
    try:
        store.put(_key(deploy), after.to_json(), if_revision=record.revision)
    except Conflict:
        return False
    return True


def carried_out(store: Store, deploy: Deploy) -> AbstractContextManager[Lock]:
    """What the process that carries ``deploy`` out holds from its beginning to its end; waits for another one's end."""
    return store.lock(_key(deploy))


def is_alive(store: Store, deploy: Deploy) -> bool:
    """Whether a process carries it out."""
    try:
        with store.lock(_key(deploy), wait=0):
            return False
    except Busy:
        return True


def history(store: Store, app: AppName) -> list[Deploy]:
    """All deploys of the app, the newest first."""
    records = store.list(f"deploys/{app}")
    return sorted((Deploy.from_json(record.value) for record in records), key=lambda d: d.number, reverse=True)


def newest_first(store: Store, app: AppName) -> Iterator[Deploy]:
    """The same, each read when it is asked for."""
    last = store.get(f"numbers/{app}")
    for number in range(last.value["last"] if last else 0, 0, -1):
        if deploy := get(store, app, number):
            yield deploy


def since(store: Store, app: AppName, moment: datetime) -> list[Deploy]:
    """The deploys that may not have ended by ``moment``, and the one before them; the newest first.

    Deploys begin in their order (renewals do not), so nothing below one that had ended by then is of interest.
    """
    found: list[Deploy] = []
    for deploy in newest_first(store, app):
        found.append(deploy)
        if deploy.cause is not Cause.RENEW and deploy.started and deploy.ended and deploy.ended < moment:
            break
    return found


def get(store: Store, app: AppName, number: int) -> Deploy | None:
    """One deploy."""
    record = store.get(f"deploys/{app}/{number}")
    return Deploy.from_json(record.value) if record else None


def lost(store: Store, app: AppName, ref: str, tip: str) -> bool:
    """Whether the branch moved to ``tip`` and nobody recorded it: a client that died before git's own report."""
    pushes = (d for d in newest_first(store, app) if d.cause is Cause.PUSH and d.ref == ref)
    newest = next((d for d in pushes if d.state is not State.SUPERSEDED), None)
    record = store.get(f"heads/{app}")
    if record and record.value["ref"] == ref and (newest is None or record.value["after"] >= newest.number):
        return bool(record.value["commit"] != tip)
    return newest is None or newest.commit != tip


def passed_over(store: Store, app: AppName, ref: str, tip: str) -> None:
    """Remember that this commit of the branch is there and is not to be deployed."""
    last = store.get(f"numbers/{app}")
    store.put(f"heads/{app}", {"ref": ref, "commit": tip, "after": last.value["last"] if last else 0})


def save_publication(store: Store, deploy: Deploy, publication: Publication, tls: Tls, now: datetime) -> None:
    """Remember what is live, and how its certificates are made. The chains are the certificates' own records."""
    document: dict[str, Any] = publication.to_json() | {"chains": {}}
    there = store.get(f"publications/{deploy.app}")
    before = there.value["publication"]["release"] if there else None
    if there and before == publication.release:
        before = there.value.get("before")
    store.put(
        f"publications/{deploy.app}",
        {
            "deploy": deploy.number,
            "before": before,
            "published": times.written(now),
            "publication": document,
            "tls": [str(word) for word in tls],
            "served": {str(one): digest(chain) for one, chain in publication.chains.items()},
        },
    )


def kept_releases(store: Store, app: AppName) -> set[str]:
    """The live release, and the one before it."""
    record = store.get(f"publications/{app}")
    return set(filter(None, [record.value["publication"]["release"], record.value.get("before")])) if record else set()


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


def serves(store: Store, app: AppName, certificate: CertificateId, chain: str) -> bool:
    """Whether what is live uses this very chain (PEM)."""
    record = store.get(f"publications/{app}")
    return record is not None and record.value.get("served", {}).get(str(certificate)) == digest(chain)


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
