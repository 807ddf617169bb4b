"""The command line: options that stand before every command, and how errors leave."""

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

import hookrunner
from hookrunner.cli import files, hook
from hookrunner.cli.files import Unusable
from hookrunner.cli.output import say_all
from hookrunner.core import wording
from hookrunner.edges.git import Repository
from hookrunner.edges.processes import ProgramFailed
from hookrunner.edges.records import FileStore
from hookrunner.flows import observe
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
        """The settings; raises :class:`Unusable`."""
        self._settings = self._settings or files.load(self.config)
        return self._settings

    @property
    def store(self) -> FileStore:
        """The records."""
        return FileStore(self.settings.records)

    def app(self, text: str) -> AppName:
        """An app that exists; raises :class:`Unusable`."""
        app = app_name(text)
        if not observe.is_known(self.store, app):
            known = ", ".join(map(str, observe.apps(self.store))) or "none yet"
            raise Unusable(
                [
                    wording.error(f'there is no app "{app}"'),
                    wording.hint(f"the apps of this server: {known}"),
                    wording.hint(f"hookrunner apps create {app} makes it"),
                ]
            )
        return app

    def apps(self, text: str | None) -> list[AppName]:
        """The one that was named, or all."""
        return [self.app(text)] if text else observe.apps(self.store)

    def repository(self, app: AppName) -> Repository:
        """The app's repository."""
        return Repository(self.settings.repository(app))


pass_context = click.make_pass_decorator(Context)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.option("--config", metavar="FILE", help=f"The server's settings [$HOOKRUNNER_CONFIG, {files.DEFAULT}].")
@click.version_option(hookrunner.__version__, "-V", "--version", message="hookrunner %(version)s")
@click.pass_context
def main(context: click.Context, config: str | None) -> None:
    """A git push deploys, and every domain in app.toml answers over HTTPS."""
    context.obj = Context(config)


@main.command("hook", hidden=True)
@click.argument("name")
@click.argument("app", required=False)
@pass_context
def _hook(context: Context, name: str, app: str | None) -> None:
    """Called by git's hooks."""
    sys.exit(hook.main(name, app, config=context.given_config))


def app_name(text: str) -> AppName:
    """The app's name; raises :class:`Unusable`."""
    try:
        return AppName.parse(text)
    except Invalid as error:
        raise Unusable([wording.error(f'"{text}" is no name for an app: {error}')]) from error


def own_command() -> Path:
    """The full path of this command, for the hooks: sshd and git pass no environment on."""
    for candidate in (Path(sys.argv[0]).absolute(), Path(sys.executable).parent / "hookrunner"):
        if candidate.name == "hookrunner" and os.access(candidate, os.X_OK) and candidate.is_file():
            return candidate
    hint = "pip install it into a virtual environment, and call the command from there"
    raise Unusable([wording.error("hookrunner is not installed as a command"), wording.hint(hint)], 1)


def run(arguments: Sequence[str]) -> int:
    """Run the command line; its exit status. Errors leave as ``error: …`` and ``hint: …``, never as a traceback."""
    from hookrunner.cli import apps, deploys, manifests, reports, server

    for module in (server, manifests, apps, deploys, reports):
        module.add_to(main)
    try:
        main.main(list(arguments), prog_name="hookrunner", standalone_mode=False)
    except Unusable as error:
        say_all(error.lines)
        return error.status
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.Abort:
        say_all([wording.error("broken off")])
        return 1
    except click.ClickException as error:
        return _usage(error)
    except PermissionError as error:
        say_all(
            [
                wording.error(f"no permission for {error.filename}"),
                wording.hint("as root, or as the owner of the state"),
            ]
        )
        return 1
    except (ProgramFailed, OSError) as error:
        say_all([wording.error(str(error))])
        return 1
    return 0


def _usage(error: click.ClickException) -> int:
    lines = [wording.error(error.format_message())]
    context = getattr(error, "ctx", None)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return 2
    lines.append(wording.hint(f"{context.command_path if context else 'hookrunner'} --help"))
    say_all(lines)
    return 2
