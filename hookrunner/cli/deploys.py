"""`deploy` and `rollback`: what a push does, without a push, and back again."""

import os
import sys
from typing import Any

import click

from hookrunner.cli import deploying
from hookrunner.cli.context import Context, pass_context
from hookrunner.cli.files import Unusable
from hookrunner.cli.output import Printer, open_log
from hookrunner.cli.tables import show_json
from hookrunner.core import rollbacks, wording
from hookrunner.edges import deploys as records
from hookrunner.edges import people
from hookrunner.flows import releases
from hookrunner.model.deploy import Cause, Deploy, State
from hookrunner.model.names import AppName


@click.command()
@click.argument("app")
@click.option("--rev", metavar="REV", help="A branch, tag or commit instead of the deploy branch.")
@click.option("--retry", is_flag=True, help="Ask the CA again at once, also for domains that it refused before.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; the log goes to standard error.")
@pass_context
def deploy(context: Context, app: str, rev: str | None, *, retry: bool, as_json: bool) -> None:
    """Deploy APP again, without a push."""
    name = context.app(app)
    ref, commit = context.revision(context.repository(name), rev)
    _carry_out(context, name, commit=commit, ref=ref, cause=Cause.DEPLOY, retry=retry, as_json=as_json)


@click.command()
@click.argument("app")
@click.argument("number", metavar="[DEPLOY]", required=False, type=click.IntRange(min=1))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; the log goes to standard error.")
@pass_context
def rollback(context: Context, app: str, number: int | None, *, as_json: bool) -> None:
    """Go back to an earlier release of APP: its content and its domains.

    Without DEPLOY it is the last good one of another commit; again, the one before that. `hookrunner deploys APP`
    lists them. It is a new deploy: app.toml, limits and claims are checked again, and certificates that are still
    valid stay. The branch keeps the newer commit, and the next push deploys from there.
    """
    name = context.app(app)
    if number is None and any(records.is_alive(context.store, d) for d in _open(context, name)):
        live = _live(context, name)  # what to go back to is known when that has ended
        _carry_out(context, name, commit=live.commit, ref=live.ref, cause=Cause.ROLLBACK, as_json=as_json)
    target = _named(context, name, number) if number else _before(context, name)
    commit = context.repository(name).commit(target.commit)
    if commit is None:
        raise Unusable([wording.error(f"the commit of deploy {target.number} is not in the repository any more")], 1)
    _carry_out(
        context, name, commit=commit, ref=target.ref, cause=Cause.ROLLBACK, back_to=target.number, as_json=as_json
    )


def _open(context: Context, app: AppName) -> list[Deploy]:
    return [d for d in records.since(context.store, app, context.now) if d.is_open]


def _live(context: Context, app: AppName) -> Deploy:
    live = records.publication(context.store, app)
    if live is None:
        history = wording.hint(f"hookrunner deploys {app} lists what there was")
        raise Unusable([wording.error(f"nothing of {app} is live, so there is nothing to go back from"), history], 1)
    return live[0]


def _before(context: Context, app: AppName) -> Deploy:
    live = _live(context, app)
    if not releases.is_in_place(app, live.release, context.settings):
        return live  # a later deploy died after its switch
    target = rollbacks.target(live, records.history(context.store, app))
    if target is None:
        history = wording.hint(f"hookrunner deploys {app} lists what there was")
        raise Unusable([wording.error(f"no good deploy came before {live.number}, which is live"), history], 1)
    return target


def _named(context: Context, app: AppName, number: int) -> Deploy:
    target = records.get(context.store, app, number)
    history = wording.hint(f"hookrunner deploys {app} lists them")
    if target is None:
        raise Unusable([wording.error(f"{app} has no deploy {number}"), history])
    if target.is_open:
        raise Unusable([wording.error(f"deploy {number} has not ended yet"), history], 1)
    live = records.publication(context.store, app)
    if live and live[0].number == number and releases.is_in_place(app, live[0].release, context.settings):
        raise Unusable([wording.error(f"deploy {number} is what is live"), history], 1)
    return target


def _carry_out(context: Context, app: AppName, *, retry: bool = False, as_json: bool = False, **wanted: Any) -> None:
    who = people.person(os.environ)
    queued = records.queue(context.store, app, now=context.now, who=who, **wanted)
    printer = Printer(2 if as_json else 1, open_log(context.settings.log(app, queued.number)))
    with printer.alive():
        ended = deploying.run(queued, context.repository(app), context.settings, context.now, printer, retry=retry)
    if as_json:
        show_json("deploy", ended.to_json())
    sys.exit(0 if ended.state in (State.DONE, State.PARTLY) else 1)
