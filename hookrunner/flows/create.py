"""Makes a server's folders, and an app's bare repository with its hooks."""

import shutil
from datetime import datetime
from pathlib import Path

from hookrunner import durable
from hookrunner.edges.ca.http01 import WELL_KNOWN
from hookrunner.edges.git import Repository
from hookrunner.edges.records import Store
from hookrunner.edges.shipped import shipped
from hookrunner.flows import observe
from hookrunner.model.names import AppName
from hookrunner.model.server import Settings

HOOKS = ("pre-receive", "post-receive")


class AlreadyThere(Exception):
    """The app, or something at its place, exists."""


def folders(settings: Settings) -> list[Path]:
    """Make what is missing of the state folder; the folders that were made. Records are for us alone."""
    private, public = 0o700, 0o755
    wanted = {
        settings.state: public,
        settings.state / "repos": public,
        settings.state / "apps": public,
        settings.challenges: public,
        settings.challenges / WELL_KNOWN.parent: public,
        settings.challenges / WELL_KNOWN: public,
        settings.records: private,
    }
    return durable.folders(wanted)


def app(name: AppName, *, settings: Settings, store: Store, command: Path, config: Path, now: datetime) -> Repository:
    """Make the app. Raises :class:`AlreadyThere`, :class:`~hookrunner.edges.processes.ProgramFailed`."""
    path = settings.repository(name)
    if observe.is_known(store, name) or path.exists():
        raise AlreadyThere(f"the app {name} is there already: {path}")
    folders(settings)
    try:
        repository = Repository.create(path)
        install_hooks(repository, name, command=command, config=config)
        public = (settings.app_folder(name), settings.releases(name), settings.log(name, 0).parent)
        durable.folders(dict.fromkeys(public, 0o755))
        observe.add_app(store, name, now)
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise
    return repository


def install_hooks(repository: Repository, name: AppName, *, command: Path, config: Path) -> None:
    """Put the hooks into a bare repository and tell them what to call."""
    folder = repository.path / "hooks"
    folder.mkdir(exist_ok=True)
    for hook in HOOKS:
        shutil.copyfile(shipped("hooks") / hook, folder / hook)
        (folder / hook).chmod(0o755)
    repository.configure({"command": str(command), "config": str(config), "app": str(name)})
    repository.protect_checkout()
