"""`deploy` and `plan`: what a push does, without a push."""

import sys
from datetime import datetime

import click

from hookrunner.cli import deploying
from hookrunner.cli.context import Context, pass_context
from hookrunner.cli.files import Unusable
from hookrunner.cli.output import Printer, open_log
from hookrunner.cli.tables import advice_json, moment, show_json
from hookrunner.core import obstacles, refs, wording
from hookrunner.core.certificates import Decision, Issue, Keep, Wait
from hookrunner.edges import deploys as records
from hookrunner.edges.git import Repository
from hookrunner.flows import outlook
from hookrunner.flows import plan as planning
from hookrunner.flows.inspect import NoManifest, Unfit
from hookrunner.flows.receive import unfit
from hookrunner.model.deploy import Deploy, State


@click.command()
@click.argument("app")
@click.option("--rev", metavar="REV", help="A branch, tag or commit instead of the deploy branch.")
@click.option("--retry", is_flag=True, help="Ask the CA again at once, also for domains that it refused before.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; the log goes to standard error.")
@pass_context
def deploy(context: Context, app: str, rev: str | None, *, retry: bool, as_json: bool) -> None:
    """Deploy APP again, without a push."""
    name = context.app(app)
    repository = context.repository(name)
    ref, commit = _revision(repository, rev)
    queued = records.queue(context.store, name, commit=commit, ref=ref, now=context.now, cause="deploy")
    printer = Printer(2 if as_json else 1, open_log(context.settings.log(name, queued.number)))
    with printer.alive():
        ended = deploying.run(queued, repository, context.settings, context.now, printer, retry=retry)
    if as_json:
        show_json("deploy", _deploy_json(ended))
    sys.exit(1 if ended.state is State.FAILED else 0)


@click.command()
@click.argument("app")
@click.option("--rev", metavar="REV", help="A branch, tag or commit instead of the deploy branch.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@pass_context
def plan(context: Context, app: str, rev: str | None, *, as_json: bool) -> None:
    """Show what a deploy of APP would do, and why. Changes nothing."""
    name = context.app(app)
    repository = context.repository(name)
    ref, commit = _revision(repository, rev)
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
        show_json("plan", {"app": str(name), "ref": ref, **_plan_json(planned)})
        return
    printer = Printer(1)
    sys.stdout.flush()
    printer.say(wording.step(f'{name}: plan for {refs.short(ref)} {commit[:7]} "{repository.subject(commit)}"'))
    width = wording.column(str(domain) for domain in (*planned.manifest.domains, *planned.removed))
    decided = {domain: decision for decision in planned.decisions for domain in decision.names}
    for domain in planned.manifest.domains:
        words = _words(decided[domain], context.now) if domain in decided else 'HTTP only: https = "off"'
        printer.say(wording.row(str(domain), f"{words}{', new here' if domain in planned.added else ''}", width))
    for domain in planned.removed:
        printer.say(wording.row(str(domain), "goes off the web", width))
    for text in obstacles.hints(planned.advice):
        printer.say(wording.hint(text))
    if planned.reloads:
        printer.say(wording.step("nginx would be tested and reloaded once"))
    else:
        printer.say(wording.step("nginx would stay untouched"))


def _revision(repository: Repository, rev: str | None) -> tuple[str, str]:
    """What was asked for and the commit it means."""
    ref = rev or repository.head()
    commit = repository.resolve(ref)
    if commit is None:
        if rev:
            raise Unusable([wording.error(f'"{rev}" is no commit of {repository.path}')])
        raise Unusable(
            [
                wording.error(f"nothing was pushed yet: {refs.short(ref)} does not exist"),
                wording.hint(f"git push server {refs.short(ref)}"),
            ]
        )
    return ref, commit


def _words(decision: Decision, now: datetime) -> str:
    match decision:
        case Issue():
            return f"issue: {decision.why}"
        case Wait():
            return f"wait: {outlook.words(decision, now)}"
        case _:
            return f"keep: {decision.why}"


def _plan_json(planned: planning.Plan) -> dict[str, object]:
    return {
        "commit": planned.commit,
        "certificates": [
            {
                "name": str(decision.certificate.domain),
                "ca": decision.certificate.authority,
                "names": [str(domain) for domain in decision.names],
                "action": type(decision).__name__.lower(),
                "why": decision.why,
                "due": moment(decision.due) if isinstance(decision, Keep) else None,
                "kind": decision.kind if isinstance(decision, Wait) else None,
                "next_try": moment(decision.until) if isinstance(decision, Wait) else None,
                "hints": advice_json(decision.advice) if isinstance(decision, Wait) else [],
            }
            for decision in planned.decisions
        ],
        "domains": [str(domain) for domain in planned.manifest.domains],
        "added": [str(domain) for domain in planned.added],
        "removed": [str(domain) for domain in planned.removed],
        "reloads": int(planned.reloads),
    }


def _deploy_json(deploy: Deploy) -> dict[str, object]:
    took = (deploy.ended - deploy.started).total_seconds() if deploy.ended and deploy.started else None
    return deploy.to_json() | {"seconds": took}
