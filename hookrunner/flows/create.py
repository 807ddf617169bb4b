"""Makes a server's folders, and an app's bare repository with its hooks."""

import shutil
from pathlib import Path
from typing import NamedTuple

from hookrunner import durable
from hookrunner.edges import apps, deploys
from hookrunner.edges.ca.http01 import WELL_KNOWN
from hookrunner.edges.git import Repository
from hookrunner.edges.records import Store
from hookrunner.edges.shipped import shipped
from hookrunner.model.names import AppName
from hookrunner.model.registration import Registration
from hookrunner.model.server import Settings

HOOKS = ("pre-receive", "post-receive")
_CREATING = "creating"  # an app


class AlreadyThere(Exception):
    """The app, or something at its place, exists."""


class Unsuitable(Exception):
    """What was named cannot become an app. ``hint`` is what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class Caller(NamedTuple):
    """What the hooks call: the full paths of this command and of its settings."""

    command: Path
    config: Path


def folders(settings: Settings) -> list[Path]:
    """Make what is missing of the state folder; the folders that were made. Records are for us alone."""
    private, public = 0o700, 0o755
    wanted = {
        settings.state: public,
        settings.repositories: public,
        settings.apps_folder: public,
        settings.challenges: public,
        settings.challenges / WELL_KNOWN.parent: public,
        settings.challenges / WELL_KNOWN: public,
        settings.records: private,
    }
    return durable.folders(wanted)


def app(wanted: Registration, branch: str | None, *, settings: Settings, store: Store, caller: Caller) -> Repository:
    """Make the app, and its repository, which deploys ``branch``.

    Raises :class:`AlreadyThere`, :class:`Unsuitable`, :class:`~hookrunner.edges.processes.ProgramFailed`.
    """
    folders(settings)
    with store.lock(_CREATING):  # two first pushes: the one must not take away what the other has made
        path = settings.repository(wanted.app)
        if apps.get(store, wanted.app) or path.exists():
            raise AlreadyThere(f"the app {wanted.app} is there already: {path}")
        try:
            repository = Repository.create(path)
            if branch is not None:
                _set_branch(repository, branch)
                wanted = wanted._replace(has_branch=True)
            _register(repository, wanted, settings=settings, store=store, caller=caller)
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)
            raise
    return repository


def hooks(wanted: Registration, path: Path, *, settings: Settings, store: Store, caller: Caller) -> Repository:
    """Make the app out of a bare repository that exists. For the same repository this can be repeated.

    Raises :class:`AlreadyThere`, :class:`Unsuitable`, :class:`~hookrunner.edges.processes.ProgramFailed`.
    """
    repository = Repository(path)
    if not path.is_dir() or not repository.is_bare():
        raise Unsuitable(f"{path} is no bare repository", "git clone --bare makes one")
    known = apps.get(store, wanted.app)
    if known and known.path(settings).resolve() != repository.path:
        raise AlreadyThere(f"the app {wanted.app} is there already, in another repository")
    if (other := repository.config().get("app", str(wanted.app))) != str(wanted.app):
        raise AlreadyThere(f"{path} has the hooks of the app {other} already")
    if elsewhere := repository.hooks_path():
        raise Unsuitable(f"{path} has its hooks in {elsewhere}", "take core.hooksPath out of its configuration")
    if not known and (foreign := [hook for hook in HOOKS if (repository.path / "hooks" / hook).exists()]):
        raise Unsuitable(f"{path} has a {foreign[0]} hook of its own", "move it away; it would be overwritten")
    folders(settings)
    _register(repository, wanted._replace(repository=repository.path), settings=settings, store=store, caller=caller)
    if not known and (tip := repository.commit(repository.head())):
        deploys.passed_over(store, wanted.app, repository.head(), tip)
    return repository


def _set_branch(repository: Repository, branch: str) -> None:
    if not repository.is_branch_name(branch):
        raise Unsuitable(f'"{branch}" is no name for a branch', "git help check-ref-format")
    repository.set_head(f"refs/heads/{branch}")


def _register(
    repository: Repository, wanted: Registration, *, settings: Settings, store: Store, caller: Caller
) -> None:
    install_hooks(repository, wanted.app, command=caller.command, config=caller.config)
    public = (settings.app_folder(wanted.app), settings.releases(wanted.app), settings.log(wanted.app, 0).parent)
    durable.folders(dict.fromkeys(public, 0o755))
    apps.save(store, wanted)


def install_hooks(repository: Repository, name: AppName, *, command: Path, config: Path) -> None:
    """Put the hooks into a bare repository and tell them what to call."""
    folder = repository.path / "hooks"
    folder.mkdir(exist_ok=True)
    for hook in HOOKS:
        shutil.copyfile(shipped("hooks") / hook, folder / hook)
        (folder / hook).chmod(0o755)
    repository.configure({"command": str(command), "config": str(config), "app": str(name)})
    repository.take_push_options()
    repository.protect_checkout()
