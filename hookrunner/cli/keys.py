"""`keys`: who may push."""

from pathlib import Path
from typing import IO

import click

from hookrunner.cli import files
from hookrunner.cli.context import Context, app_name, pass_context
from hookrunner.cli.files import Unusable
from hookrunner.cli.tables import show_json, show_table
from hookrunner.core import keys as grammar
from hookrunner.core import wording
from hookrunner.edges import keys as there
from hookrunner.model.key import Key
from hookrunner.model.names import AppName, Invalid

_MOST = 20_000  # characters that are read of a key


@click.group()
def keys() -> None:
    """The SSH keys that may push."""


@keys.command("add")
@click.argument("name")
@click.argument("file", type=click.File(), default="-")
@click.option("--app", "apps", metavar="APP", multiple=True, help="Only this app; repeat it for several.")
@pass_context
def _add(context: Context, name: str, file: IO[str], apps: tuple[str, ...]) -> None:
    """Let the key in FILE, an id_ed25519.pub, push. Without FILE it is read from standard input.

    NAME says whose it is, like ada@laptop: deploys are recorded under it. With --app the key reaches those apps alone,
    in what it may push to and in what it is shown; each of them needs allowed_domains in the settings, so that its
    app.toml cannot name every domain.
    """
    path = _file(context)
    limit = _limit(context, apps)
    try:
        key = grammar.public(file.read(_MOST), name, limit)
    except (Invalid, UnicodeDecodeError) as error:
        why = "is no text" if isinstance(error, UnicodeDecodeError) else error
        raise Unusable([wording.error(f"the key {name} {why}")]) from error
    with there.alone(path):
        try:
            text = grammar.added(there.text(path), key)
        except Invalid as error:
            raise Unusable([wording.error(f"the key {name} {error}")], 1) from error
        there.write(path, text)
    click.echo(f"{name} may push to {_reach(key)}: {key.kind} {key.fingerprint}")


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@pass_context
def _list(context: Context, *, as_json: bool) -> None:
    """List the keys that may push, with what they reach."""
    every = list(grammar.read(there.text(_file(context))))
    if as_json:
        show_json(
            "keys",
            [
                {
                    "name": key.name,
                    "type": key.kind,
                    "fingerprint": key.fingerprint,
                    "apps": None if key.apps is None else key.limit,
                    "options": key.options,
                }
                for key in every
            ],
        )
    elif not every:
        click.echo("nobody may push yet; hookrunner keys add NAME < id_ed25519.pub")
    else:
        rows = [(key.name or "-", _reach(key), key.kind, f"{key.fingerprint} {key.options}".rstrip()) for key in every]
        show_table(("NAME", "REACHES", "TYPE", "FINGERPRINT"), rows)


@keys.command("remove")
@click.argument("key", metavar="NAME|FINGERPRINT")
@pass_context
def _remove(context: Context, key: str) -> None:
    """Do not let a key push any more. What runs already goes on to its end."""
    path = _file(context)
    with there.alone(path):
        text = there.text(path)
        found = grammar.matching(text, key)
        if not found:
            hint = wording.hint("hookrunner keys list shows them")
            raise Unusable([wording.error(f'there is no key "{key}"'), hint])
        if len(found) > 1:
            those = [wording.detail(one.fingerprint) for one in found]
            hint = wording.hint("give the fingerprint of the one that is meant")
            raise Unusable([wording.error(f'{len(found)} keys have the name "{key}"'), *those, hint])
        there.write(path, grammar.without(text, found[0]))
    click.echo(f"{found[0].name or found[0].fingerprint} may not push any more")


def _file(context: Context) -> Path:
    """The file of deploy keys; raises :class:`Unusable` where there is no server. Its settings may be broken."""
    if not context.config.exists():
        files.load(context.config)
    return files.deploy_keys(context.config)


def _limit(context: Context, names: tuple[str, ...]) -> frozenset[AppName] | None:
    """What the key is limited to; raises :class:`Unusable` for an app that could name every domain."""
    if not names:
        return None
    limit = frozenset(map(app_name, names))
    settings = files.load(context.config)  # and stay root, whose file it is
    lines = []
    for app in sorted(limit):
        if settings.app(app).may_name_any:
            lines.append(wording.error(f"{app} may name any domain, so that a key cannot be limited to it"))
            lines.append(wording.hint(f'write into {context.config}, under [apps.{app}]: allowed_domains = ["…"]'))
    if lines:
        raise Unusable(lines, 1)
    return limit


def _reach(key: Key) -> str:
    return "every app" if key.apps is None else ", ".join(key.limit) or "nothing"
