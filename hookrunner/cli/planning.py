"""`plan`: what a deploy would do, without doing it."""

import sys

import click

from hookrunner.cli.context import Context, apps_like, pass_context
from hookrunner.cli.decisions import decision_json
from hookrunner.cli.files import Unusable
from hookrunner.cli.output import Printer
from hookrunner.cli.tables import show_json
from hookrunner.core import refs, wording
from hookrunner.flows import plan as planning
from hookrunner.flows.inspect import NoManifest, Unfit
from hookrunner.flows.receive import unfit


@click.command()
@click.argument("app", shell_complete=apps_like)
@click.option("--rev", metavar="REV", help="A branch, tag or commit instead of the deploy branch.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@pass_context
def plan(context: Context, app: str, rev: str | None, *, as_json: bool) -> None:
    """Show what a deploy of APP would do, and why. Changes nothing.

    `git push -o dry-run` shows the same of a commit that is not on the server yet.
    """
    name = context.app(app)
    repository = context.repository(name)
    ref, commit = context.revision(repository, rev)
    try:
        planned = planning.plan(
            repository, commit, app=name, settings=context.settings, store=context.store, now=context.now
        )
    except NoManifest as error:
        raise Unusable(
            [wording.error(f"{refs.short(ref)} {commit[:7]} has no {error.manifest}, nothing would be deployed")]
        ) from None
    except Unfit as error:
        raise Unusable(list(unfit(error))) from error
    if as_json:
        show_json("plan", {"app": str(name), "ref": ref, **_json(planned)})
        return
    sys.stdout.flush()
    printer = Printer(1)
    for line in planned.lines(name, ref, repository.subject(commit), context.now):
        printer.say(line)


def _json(planned: planning.Plan) -> dict[str, object]:
    return {
        "commit": planned.commit,
        "certificates": [decision_json(decision) for decision in planned.decisions],
        "domains": [str(domain) for domain in planned.manifest.domains],
        "added": [str(domain) for domain in planned.added],
        "removed": [str(domain) for domain in planned.removed],
        "reloads": int(planned.reloads),
        "left_out": dict(planned.dropped),
        "units": list(planned.activation.units),
        "activate": [list(argv) for argv in planned.activation.activate],
    }
