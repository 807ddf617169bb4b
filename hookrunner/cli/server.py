"""`init`: what the settings describe, as files."""

from pathlib import Path

import click

from hookrunner import durable
from hookrunner.cli import files
from hookrunner.cli.context import Context, pass_context
from hookrunner.cli.files import Unusable
from hookrunner.core import wording
from hookrunner.edges.publisher import InProcess
from hookrunner.flows import create


@click.command()
@click.option(
    "--email", metavar="ADDRESS", help="Your address for the CA; writes the settings file when there is none."
)
@click.option("--directory", metavar="CA", help="letsencrypt, letsencrypt-staging or an ACME directory's https URL.")
@pass_context
def init(context: Context, email: str | None, directory: str | None) -> None:
    """Write what the settings describe: state folders and the default nginx server.

    Only files: nothing is tested, reloaded or asked of the network. Safe to repeat.
    """
    if not context.config.exists():
        if not email:
            raise Unusable(
                [
                    wording.error(f"there are no settings at {context.config}"),
                    wording.hint("hookrunner init --email you@example.org writes them"),
                ]
            )
        _write_settings(context.config, email, directory)
        click.echo(f"wrote   {context.config}")
    elif email or directory:
        click.echo(f"kept    {context.config}, it is there already")
    settings = context.settings
    for made in (*create.folders(settings), *InProcess(settings, context.store).prepare()):
        click.echo(f"wrote   {made}")
    click.echo(f"ready   {settings.state}")
    click.echo("")
    click.echo("nginx needs this line inside http { }, once, and then a start or a reload:")
    click.echo(f"    include {settings.nginx.sites}/*.conf;")
    click.echo(f"By deploying you accept the terms of {settings.acme.authority.title}.")


def _write_settings(path: Path, email: str, directory: str | None) -> None:
    text = files.new_settings(email, directory)
    path.parent.mkdir(parents=True, exist_ok=True)
    durable.replace(path, text.encode(), 0o640)
