"""Takes an app off the server: off the web first, then its claims, its releases and its records."""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from hookrunner import durable
from hookrunner.edges import apps, claims, deploys
from hookrunner.edges.git import Repository
from hookrunner.edges.publisher import Publisher
from hookrunner.edges.records import Store
from hookrunner.flows.create import HOOKS
from hookrunner.model.names import AppName
from hookrunner.model.publication import Refused, ServedName
from hookrunner.model.server import Settings


class NotWithdrawn(Exception):
    """The publisher does not take the app out of nginx; nothing was changed."""

    def __init__(self, refused: Refused) -> None:
        super().__init__("; ".join(refused.words))
        self.refused = refused


@dataclass(frozen=True, slots=True)
class Removed:
    """What became of the app."""

    names: tuple[ServedName, ...]  # that were on the web
    repository: Path  # where its commits are


def remove(app: AppName, *, settings: Settings, store: Store, publisher: Publisher, now: datetime) -> Removed:
    """Remove the app. Its commits and its certificates stay. Raises :class:`NotWithdrawn`."""
    with store.lock(f"apps/{app}"):
        live = deploys.publication(store, app)
        registration = apps.get(store, app)
        answer = publisher.withdraw(app)
        if isinstance(answer, Refused):
            raise NotWithdrawn(answer)
        claims.give_back(store, app, but=((), ()))
        shutil.rmtree(settings.app_folder(app), ignore_errors=True)
        if registration and registration.repository:
            kept = registration.repository
            _take_hooks(kept)
        else:
            kept = _put_aside(settings.repository(app), settings.removed / f"{app}-{now:%Y%m%dT%H%M%SZ}.git")
        apps.forget(store, app)
    return Removed(live[1].names if live else (), kept)


def _take_hooks(path: Path) -> None:
    for hook in HOOKS:
        (path / "hooks" / hook).unlink(missing_ok=True)
    if path.is_dir():
        Repository(path).forget()


def _put_aside(repository: Path, aside: Path) -> Path:
    if repository.exists():
        durable.folders({aside.parent: 0o755})
        repository.rename(aside)
    return aside
