"""`deploys` and `wait`: what was deployed, by whom, and how it ended."""

import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import click

from hookrunner.cli.context import Context, apps_like, pass_context
from hookrunner.cli.files import Unusable
from hookrunner.cli.output import say_all
from hookrunner.cli.tables import show_json, show_table
from hookrunner.core import wording
from hookrunner.core.manifest import fields
from hookrunner.edges import deploys as records
from hookrunner.model.deploy import LIVE, Cause, Deploy, State
from hookrunner.model.names import AppName, Invalid

_SHOWN = 20  # deploys
_TICK = 0.1  # seconds between two looks
_TO_APPEAR = 10.0  # seconds that a push may take to be recorded
_LONGEST_LOOK = 1000  # deploys that are searched for a commit


@click.command()
@click.argument("app", shell_complete=apps_like)
@click.argument("number", metavar="[N]", required=False, type=click.IntRange(min=1))
@click.option("--follow", is_flag=True, help="With N: go on until that deploy has ended.")
@click.option(
    "--last", metavar="COUNT", type=click.IntRange(min=1), default=_SHOWN, show_default=True, help="How many to list."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@pass_context
def deploys(context: Context, app: str, number: int | None, *, follow: bool, last: int, as_json: bool) -> None:
    """List the deploys of APP, the newest first; with N, show the log of that one."""
    name = context.app(app)
    if number is None:
        if follow:
            raise click.UsageError("--follow takes the number of a deploy")
        newest = islice(records.newest_first(context.store, name), last)
        _list(context, name, list(newest), as_json=as_json)
        return
    deploy = records.get(context.store, name, number)
    if deploy is None:
        hint = wording.hint(f"hookrunner deploys {name} lists them")
        raise Unusable([wording.error(f"{name} has no deploy {number}"), hint])
    if as_json:
        show_json("deploy", deploy.to_json())
        return
    log = context.settings.log(name, number)
    if not follow and not log.exists():
        hint = wording.hint(f"hookrunner deploys {name} says how it ended")
        raise Unusable([wording.error(f"deploy {number} has no log (any more): {log}"), hint], 1)
    for chunk in _follow(context, deploy, log, once=not follow):
        _write(chunk)
    if deploy.state is State.ABANDONED:  # nobody was there to write the last line
        say_all([wording.verdict(deploy)])


@click.command()
@click.argument("app", shell_complete=apps_like)
@click.option("--commit", metavar="SHA", required=True, help="The commit, or its first 7 digits or more.")
@click.option("--timeout", metavar="DURATION", default="30m", show_default=True, help='How long, like "90s" or "1h".')
@pass_context
def wait(context: Context, app: str, commit: str, timeout: str) -> None:
    """Follow the deploy of a commit to its end, for CI.

    Exits with 0 when the commit is live (domains may wait for their certificates), and with 1 when its deploy failed,
    was superseded by a newer commit, or did not end in time.
    """
    name = context.app(app)
    try:
        until = time.monotonic() + fields.duration(timeout)
    except Invalid as error:
        raise click.UsageError(f'--timeout "{timeout}" {error}') from error
    if not 7 <= len(commit) <= 64 or set(commit.lower()) - set("0123456789abcdef"):
        raise click.UsageError(f'--commit "{commit}" is not a commit\'s id, or its first 7 digits or more')
    deploy = _of_commit(context, name, commit.lower(), min(until, time.monotonic() + _TO_APPEAR))
    for chunk in _follow(context, deploy, context.settings.log(name, deploy.number), until=until):
        _write(chunk)
    ended = records.get(context.store, name, deploy.number) or deploy
    if ended.is_open:
        raise Unusable([wording.error(f"deploy {ended.number} has not ended: it is {ended.state}")], 1)
    sys.exit(0 if ended.state in LIVE else 1)


def _of_commit(context: Context, app: AppName, commit: str, until: float) -> Deploy:
    while True:
        recent = islice(records.newest_first(context.store, app), _LONGEST_LOOK)
        found = [d for d in recent if d.commit.startswith(commit) and d.cause is not Cause.RENEW]
        if len({deploy.commit for deploy in found}) > 1:
            raise Unusable([wording.error(f"{commit} is the beginning of several commits; give more of it")])
        if found:
            return found[0]
        if time.monotonic() > until:
            hint = wording.hint(f"hookrunner deploys {app} lists what was deployed; push it first")
            raise Unusable([wording.error(f"no deploy of {app} has the commit {commit}"), hint], 1)
        time.sleep(_TICK)


def _follow(
    context: Context, deploy: Deploy, log: Path, *, once: bool = False, until: float | None = None
) -> Iterator[bytes]:
    """The log as it grows, until its deploy has ended; ``once``: as far as it goes now."""
    position = 0
    while True:
        now = records.get(context.store, deploy.app, deploy.number)
        is_open = now is not None and now.is_open and not once
        if log.exists():  # after the record was read, so that an ended one is shown whole
            with log.open("rb") as lines:
                lines.seek(position)
                while chunk := lines.read(1 << 16):
                    position += len(chunk)
                    yield chunk
        if not is_open:
            return
        if now and not records.is_alive(context.store, now) and _has_waited(now):
            hint = wording.hint("hookrunner renew takes it up")
            raise Unusable([wording.error(f"the process of deploy {now.number} died"), hint], 1)
        if until is not None and time.monotonic() > until:
            return
        time.sleep(_TICK)


def _has_waited(deploy: Deploy) -> bool:
    """Whether its process, if it has one, must have begun."""
    return (datetime.now(UTC) - deploy.queued).total_seconds() > _TO_APPEAR


def _list(context: Context, app: AppName, newest: list[Deploy], *, as_json: bool) -> None:
    live = records.publication(context.store, app)
    if as_json:
        number = live[0].number if live else None
        show_json(
            "deploys",
            [
                {**deploy.to_json(), "live": deploy.number == number, "died": not _is_alive(context, deploy)}
                for deploy in newest
            ],
        )
        return
    if not newest:
        click.echo(f"nothing of {app} was deployed yet")
        return
    show_table(
        ("DEPLOY", "COMMIT", "WHEN (UTC)", "TOOK", "BY", "NAMES", "NEW", "STATE"),
        [
            (
                str(deploy.number),
                deploy.short,
                f"{deploy.queued:%Y-%m-%d %H:%M}",
                wording.seconds(deploy.seconds) if deploy.seconds is not None else "-",
                _by(deploy),
                str(len(deploy.names)) if deploy.names else "-",
                str(len(deploy.certificates)) if deploy.certificates else "-",
                str(deploy.state) if _is_alive(context, deploy) else f"{deploy.state}, died",
            )
            for deploy in newest
        ],
        folding="BY",
    )
    if live:
        click.echo(f"deploy {live[0].number} ({live[0].short}) is live")


def _is_alive(context: Context, deploy: Deploy) -> bool:
    """Whether it has ended, or a process carries it out."""
    return not deploy.is_open or records.is_alive(context.store, deploy)


def _by(deploy: Deploy) -> str:
    if deploy.cause is Cause.RENEW:
        return "renew"
    did = f"back to {deploy.back_to}, " if deploy.back_to else ""
    return f"{did}{deploy.who}" if str(deploy.who) else did.rstrip(", ") or "-"


def _write(chunk: bytes) -> None:
    sys.stdout.flush()
    while chunk:
        chunk = chunk[os.write(1, chunk) :]
