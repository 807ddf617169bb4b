"""`apps` and `hooks`: the bare repositories that people push to."""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from hookrunner.cli.context import Context, app_name, apps_like, own_command, pass_context
from hookrunner.cli.files import Unusable
from hookrunner.cli.output import Printer
from hookrunner.cli.tables import show_json, show_table
from hookrunner.core import publishing, refs, verdict, wording
from hookrunner.edges import people
from hookrunner.edges.publisher import publisher_of
from hookrunner.flows import create, export, observe, remove
from hookrunner.model.app import file_below
from hookrunner.model.names import Invalid
from hookrunner.model.registration import MANIFEST, Registration


@click.group()
def apps() -> None:
    """The apps of this server."""


_manifest = click.option(
    "--manifest", metavar="PATH", default=MANIFEST, show_default=True, help="The app's manifest in the repository."
)


@apps.command("create")
@click.argument("name")
@_manifest
@click.option("--branch", metavar="NAME", help="The branch that deploys  [default: the first push of main or master]")
@pass_context
def _create(context: Context, name: str, manifest: str, branch: str | None) -> None:
    """Make the app NAME: a bare repository with both hooks. nginx hears of it with its first push.

    Several apps can come from one repository, each with a manifest or a branch of its own: a staging app, or the
    parts of a monorepo.
    """
    app = app_name(name)
    with _refusals():
        repository = create.app(
            Registration(app, context.now, _manifest_path(manifest)),
            branch,
            settings=context.settings,
            store=context.store,
            caller=_caller(context),
        )
    click.echo(f"created {repository.path}")
    click.echo("")
    click.echo(f"In the repository that is to be deployed, with {manifest} in it (see hookrunner new):")
    click.echo(f"    git remote add server {people.address(context.settings.repositories)}{repository.path.name}")
    click.echo(f"    git push server {branch or 'main'}")


@apps.command("remove")
@click.argument("name", shell_complete=apps_like)
@pass_context
def _remove(context: Context, name: str) -> None:
    """Take the app NAME off the web and off the server.

    Its domains are free for other apps, its releases and logs are gone. Its commits are kept, and its certificates, in
    case the domains come back.
    """
    app = context.app(name)
    try:
        removed = remove.remove(
            app,
            settings=context.settings,
            store=context.store,
            publisher=publisher_of(context.settings, context.store),
            now=context.now,
        )
    except remove.NotWithdrawn as error:
        raise Unusable(list(publishing.refused(error.refused, str(app), None)), 1) from error
    sys.stdout.flush()
    for line in verdict.off_the_web(removed.names):
        Printer(1).say(line)
    click.echo(f"removed the app {app}; its commits are kept in {removed.repository}")


@apps.command("export")
@click.argument("name", shell_complete=apps_like)
@pass_context
def _export(context: Context, name: str) -> None:
    """Write all of the app NAME to standard output, as a tar file.

    Its repository, what the settings say of it, its nginx files, and its certificates with their keys: all that another
    server needs to serve it at once, and what you need to leave. README.txt in it says how. A file that it is written
    to is made readable for its owner alone.
    """
    if sys.stdout.isatty():
        hint = wording.hint(f"hookrunner apps export {name} > {name}.tar")
        raise Unusable([wording.error("a tar file is nothing for a terminal"), hint])
    settings, publisher = context.as_root()
    if stat.S_ISREG(os.fstat(1).st_mode):
        os.fchmod(1, 0o600)  # a shell made it for everybody to read, and private keys come into it
    kept = export.secrets(app_name(name), settings, publisher)
    text = context.config.read_text()
    app = context.app(name)  # as the user git, from here on
    export.archive(
        app, kept, sys.stdout.buffer,
        settings=settings, settings_text=text, store=context.store, repository=context.repository(app), now=context.now,
    )  # fmt: skip


@click.group()
def hooks() -> None:
    """The hooks of a repository that exists already."""


@hooks.command("install")
@click.argument("repository", type=click.Path(path_type=Path))
@click.option("--app", "name", required=True, metavar="NAME", help="The app that it becomes.")
@_manifest
@pass_context
def _install(context: Context, repository: Path, name: str, manifest: str) -> None:
    """Make an app out of the bare REPOSITORY: its HEAD is the branch that deploys.

    Nothing is deployed by this. Hooks of its own are not overwritten. Safe to repeat.
    """
    app = app_name(name)
    with _refusals():
        made = create.hooks(
            Registration(app, context.now, _manifest_path(manifest)),
            repository,
            settings=context.settings,
            store=context.store,
            caller=_caller(context),
        )
    click.echo(f"installed both hooks in {made.path}")
    if made.commit(made.head()):
        click.echo(f"`hookrunner deploy {app}` deploys what is there, a push to {refs.short(made.head())} what comes")
    else:
        click.echo(f"a push to {refs.short(made.head())} deploys")


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except create.AlreadyThere as error:
        hint = wording.hint("hookrunner apps list shows what is there")
        raise Unusable([wording.error(str(error)), hint], 1) from error
    except create.Unsuitable as error:
        raise Unusable([wording.error(str(error)), wording.hint(error.hint)]) from error


def _caller(context: Context) -> create.Caller:
    return create.Caller(own_command(), context.config)


def _manifest_path(text: str) -> str:
    try:
        return file_below(text)
    except Invalid as error:
        raise Unusable([wording.error(f'--manifest "{text}" {error}')]) from error


@apps.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@pass_context
def _list(context: Context, *, as_json: bool) -> None:
    """List the apps, with what is live."""
    every = [observe.status(context.store, app) for app in context.apps(None)]
    if as_json:
        show_json(
            "apps",
            [
                {
                    "name": str(app.app),
                    "repository": str(context.repository(app.app).path),
                    "deploy": app.live.number if app.live else None,
                    "commit": app.live.commit if app.live else None,
                    "domains": [str(name.domain) for name in app.names],
                }
                for app in every
            ],
        )
    elif not every:
        click.echo("no apps yet; hookrunner apps create NAME makes one")
    else:
        show_table(
            ("APP", "LIVE", "DOMAINS", "REPOSITORY"),
            [
                (
                    str(app.app),
                    f"deploy {app.live.number} ({app.live.short})" if app.live else "-",
                    str(len(app.names)),
                    str(context.repository(app.app).path),
                )
                for app in every
            ],
        )
