"""`apps`: the bare repositories that people push to."""

import getpass
import socket

import click

from hookrunner.cli.context import Context, app_name, own_command, pass_context
from hookrunner.cli.files import Unusable
from hookrunner.cli.tables import show_json, show_table
from hookrunner.core import wording
from hookrunner.flows import create, observe


@click.group()
def apps() -> None:
    """The apps of this server."""


@apps.command("create")
@click.argument("name")
@pass_context
def _create(context: Context, name: str) -> None:
    """Make the app NAME: a bare repository with both hooks. nginx hears of it with its first push."""
    app = app_name(name)
    try:
        repository = create.app(
            app,
            settings=context.settings,
            store=context.store,
            command=own_command(),
            config=context.config,
            now=context.now,
        )
    except create.AlreadyThere as error:
        raise Unusable([wording.error(str(error))], 1) from error
    click.echo(f"created {repository.path}")
    click.echo("")
    click.echo("In the repository that is to be deployed, with an app.toml in it (hookrunner new):")
    click.echo(f"    git remote add server {getpass.getuser()}@{socket.gethostname()}:{repository.path}")
    click.echo("    git push server main")


@apps.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@pass_context
def _list(context: Context, *, as_json: bool) -> None:
    """List the apps, with what is live."""
    every = [observe.status(context.store, app) for app in observe.apps(context.store)]
    if as_json:
        show_json(
            "apps",
            [
                {
                    "name": str(app.app),
                    "repository": str(context.settings.repository(app.app)),
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
                    str(context.settings.repository(app.app)),
                )
                for app in every
            ],
        )
