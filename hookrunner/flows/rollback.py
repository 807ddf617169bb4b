"""Where a rollback goes back to, and what it takes away."""

from collections.abc import Iterator
from datetime import datetime

from hookrunner.core import refs, rollbacks, wording
from hookrunner.core.verdict import off_the_web
from hookrunner.core.wording import Line
from hookrunner.edges import deploys
from hookrunner.edges.git import Repository
from hookrunner.edges.records import Store
from hookrunner.flows.releases import is_in_place
from hookrunner.model.app import Manifest
from hookrunner.model.deploy import Deploy
from hookrunner.model.names import AppName
from hookrunner.model.publication import Publication
from hookrunner.model.server import Settings


class NoTarget(Exception):
    """There is nothing to go back to, or not to what was named."""


class NoDeploy(NoTarget):
    """The app has no deploy of that number."""


def waits(app: AppName, *, store: Store, now: datetime) -> bool:
    """Whether a deploy is under way, so that what to go back from is known only when it has ended."""
    return any(d.is_open and deploys.is_alive(store, d) for d in deploys.since(store, app, now))


def live(app: AppName, store: Store) -> Deploy:
    """What the records call live; raises :class:`NoTarget`."""
    found = deploys.publication(store, app)
    if found is None:
        raise NoTarget(f"nothing of {app} is live, so there is nothing to go back from")
    return found[0]


def before(app: AppName, *, settings: Settings, store: Store) -> Deploy:
    """The last good deploy; raises :class:`NoTarget`."""
    now = live(app, store)
    if not is_in_place(app, now.release, settings):
        return now  # a later deploy died after its switch
    target = rollbacks.target(now, deploys.history(store, app))
    if target is None:
        raise NoTarget(f"no good deploy came before {now.number}, which is live")
    return target


def named(app: AppName, number: int, *, settings: Settings, store: Store) -> Deploy:
    """The deploy of this number; raises :class:`NoTarget`."""
    target = deploys.get(store, app, number)
    if target is None:
        raise NoDeploy(f"{app} has no deploy {number}")
    if target.is_open:
        raise NoTarget(f"deploy {number} has not ended yet")
    now = deploys.publication(store, app)
    if now and now[0].number == number and is_in_place(app, now[0].release, settings):
        raise NoTarget(f"deploy {number} is what is live")
    return target


def takes_away(
    deploy: Deploy, manifest: Manifest, served: Publication | None, repository: Repository
) -> Iterator[Line]:
    """What a rollback to this manifest takes off the web, and what its branch still holds: said before it is done."""
    kept = set(manifest.domains)
    yield from off_the_web([name for name in served.names if name.domain not in kept] if served else [])
    tip = repository.commit(deploy.ref)
    if tip and tip != deploy.commit:
        yield wording.detail(f"{refs.short(deploy.ref)} still holds {tip[:7]}; its next commit deploys from there,")
        yield wording.detail(f"and `hookrunner deploy {deploy.app}` deploys that again")
