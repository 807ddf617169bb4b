"""`deploy` and `rollback`: what a push does, without a push, and back again."""

import os
import sys
from typing import Any, NoReturn

import click

from hookrunner.cli import deploying, files
from hookrunner.cli.context import Context, apps_like, pass_context
from hookrunner.cli.files import Unusable
from hookrunner.cli.output import Printer, open_log
from hookrunner.cli.tables import show_json
from hookrunner.core import wording
from hookrunner.edges import deploys as records
from hookrunner.edges import people
from hookrunner.flows import rollback as going_back
from hookrunner.model.deploy import Cause, State
from hookrunner.model.names import AppName


@click.command()
@click.argument("app", shell_complete=apps_like)
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
@click.argument("app", shell_complete=apps_like)
@click.argument("number", metavar="[DEPLOY]", required=False, type=click.IntRange(min=1))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; the log goes to standard error.")
@pass_context
def rollback(context: Context, app: str, number: int | None, *, as_json: bool) -> None:
    """Go back to an earlier release of APP: its content and its domains.

    Without DEPLOY it is the last good one of another commit; again, the one before that. `hookrunner deploys APP`
    lists them. It is a new deploy: app.toml, limits and claims are checked again, and certificates that are still
    valid stay. The branch keeps the newer commit, and the next push deploys from there.
    """
    name, store, settings = context.app(app), context.store, context.settings
    try:
        if number:
            target = going_back.named(name, number, settings=settings, store=store)
        elif going_back.waits(name, store=store, now=context.now):
            live = going_back.live(name, store)
            _carry_out(context, name, commit=live.commit, ref=live.ref, cause=Cause.ROLLBACK, as_json=as_json)
        else:
            target = going_back.before(name, settings=settings, store=store)
    except going_back.NoTarget as error:
        lines = [wording.error(str(error)), wording.hint(f"hookrunner deploys {name} lists them")]
        raise Unusable(lines, 2 if isinstance(error, going_back.NoDeploy) else 1) from error
    if context.repository(name).commit(target.commit) is None:
        raise Unusable([wording.error(f"the commit of deploy {target.number} is not in the repository any more")], 1)
    wanted: dict[str, Any] = {"commit": target.commit, "ref": target.ref, "back_to": target.number}
    _carry_out(context, name, cause=Cause.ROLLBACK, as_json=as_json, **wanted)


def _carry_out(
    context: Context, app: AppName, *, retry: bool = False, as_json: bool = False, **wanted: Any
) -> NoReturn:
    who = people.person(os.environ, files.deploy_keys(context.config))
    queued = records.queue(context.store, app, now=context.now, who=who, **wanted)
    printer = Printer(2 if as_json else 1, open_log(context.settings.log(app, queued.number)))
    with printer.alive():
        ended = deploying.run(queued, context.repository(app), context.settings, context.now, printer, retry=retry)
    if as_json:
        show_json("deploy", ended.to_json())
    sys.exit(0 if ended.state in (State.DONE, State.PARTLY) else 1)
