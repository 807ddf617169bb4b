"""What every command works with: the settings, the records, and the apps by name."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from hookrunner.cli import files
from hookrunner.cli.files import Unusable
from hookrunner.core import refs, wording
from hookrunner.edges import apps, people
from hookrunner.edges.git import Repository
from hookrunner.edges.publisher import InProcess
from hookrunner.edges.records import FileStore
from hookrunner.model.names import AppName, Invalid
from hookrunner.model.server import Settings


class Context:
    """What a command works with. Settings are read when a command first needs them."""

    def __init__(self, config: str | None) -> None:
        self.config = files.config_path(config)
        self.given_config = config
        self.now = datetime.now(UTC)
        self._settings: Settings | None = None

    @property
    def settings(self) -> Settings:
        """The settings; raises :class:`Unusable`. Where a publisher is root, this process is the hook's user then."""
        if self._settings is None:
            self._settings = files.load(self.config)
            if self._settings.nginx.publisher:
                people.become_owner(self._settings.records)
        return self._settings

    @property
    def store(self) -> FileStore:
        """The records."""
        return FileStore(self.settings.records)

    def as_root(self) -> tuple[Settings, InProcess]:
        """The settings and the publisher of who has the private keys, before this process is the hook's user.

        Raises :class:`Unusable` where that is somebody else.
        """
        settings = files.load(self.config)
        if settings.nginx.publisher and os.geteuid() != 0:
            raise Unusable([wording.error("private keys are root's: type it as root")], 1)
        return settings, InProcess(settings, FileStore(settings.records))

    def app(self, text: str) -> AppName:
        """An app that exists, and that an SSH key which is limited to apps reaches; raises :class:`Unusable`."""
        app = app_name(text)
        if not _reaches(app) or not apps.get(self.store, app):
            known = ", ".join(map(str, self.apps(None))) or "none yet"
            raise Unusable(
                [
                    wording.error(f'there is no app "{app}"'),
                    wording.hint(f"the apps of this server: {known}"),
                    wording.hint(f"hookrunner apps create {app} makes it"),
                ]
            )
        return app

    def apps(self, text: str | None) -> list[AppName]:
        """The one that was named, or all that may be seen."""
        if text:
            return [self.app(text)]
        limit = people.limit(os.environ)
        if limit is None:
            return apps.every(self.store)
        return [app for app in sorted(limit) if apps.get(self.store, app)]  # and read no other's records

    def repository(self, app: AppName) -> Repository:
        """The app's repository."""
        registration = apps.get(self.store, app)
        return Repository(registration.path(self.settings) if registration else self.settings.repository(app))

    def revision(self, repository: Repository, rev: str | None) -> tuple[str, str]:
        """What was asked for, the deploy branch if nothing, and the commit it means; raises :class:`Unusable`."""
        ref = rev or repository.head()
        commit = repository.resolve(ref)
        if commit:
            return ref, commit
        if rev:
            hint = wording.hint("--rev takes a branch, a tag or a commit that was pushed")
            raise Unusable([wording.error(f'"{rev}" is no commit of {repository.path}'), hint])
        branch = refs.short(ref)
        hint = wording.hint(f"git push server {branch}")
        raise Unusable([wording.error(f"nothing was pushed yet: {branch} does not exist"), hint])


def _reaches(app: AppName) -> bool:
    limit = people.limit(os.environ)
    return limit is None or app in limit


def apps_like(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The apps that begin so, for a shell; none where the settings or records cannot be read."""
    try:
        mine = Context(context.find_root().params.get("config"))
        return [CompletionItem(str(app)) for app in mine.apps(None) if str(app).startswith(incomplete)]
    except (Unusable, OSError):
        return []


pass_context = click.make_pass_decorator(Context)


def app_name(text: str) -> AppName:
    """The app's name; raises :class:`Unusable`."""
    try:
        return AppName.parse(text)
    except Invalid as error:
        hint = wording.hint("a name is like my-shop: up to 50 of a to z, 0 to 9, - and _")
        raise Unusable([wording.error(f'"{text}" is no name for an app: {error}'), hint]) from error


def own_command() -> Path:
    """The full path of this command, for the hooks: sshd and git pass no environment on."""
    called = Path(sys.argv[0])
    for candidate in (Path(sys.executable).parent / "hookrunner", called.parent.resolve() / called.name):
        if candidate.name == "hookrunner" and os.access(candidate, os.X_OK) and candidate.is_file():
            return candidate
    hint = "pip install it into a virtual environment, and call the command from there"
    raise Unusable([wording.error("hookrunner is not installed as a command"), wording.hint(hint)], 1)
