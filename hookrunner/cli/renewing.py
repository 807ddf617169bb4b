"""`renew`: what the timer runs."""

import functools
import itertools
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import click

from hookrunner.cli import deploying
from hookrunner.cli.context import Context, apps_like, pass_context
from hookrunner.cli.decisions import decision_json
from hookrunner.cli.output import Printer, open_log
from hookrunner.cli.tables import show_json
from hookrunner.core import wording
from hookrunner.core.certificates import Issue
from hookrunner.core.wording import Kind, Line
from hookrunner.edges import runs
from hookrunner.edges.processes import ProgramFailed
from hookrunner.edges.publisher import Publisher, publisher_of
from hookrunner.edges.records import Damaged
from hookrunner.flows import renewals
from hookrunner.flows.recover import recover
from hookrunner.flows.renew import Renewed, Run
from hookrunner.flows.tidy import tidy, txt_records
from hookrunner.model.deploy import Deploy, State
from hookrunner.model.names import AppName
from hookrunner.model.publication import CertificateId
from hookrunner.model.server import Settings


@click.command()
@click.argument("app", shell_complete=apps_like, required=False)
@click.option("--dry-run", is_flag=True, help="Say what would be renewed, when and why; ask no CA, change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; the log goes to standard error.")
@pass_context
def renew(context: Context, app: str | None, *, dry_run: bool, as_json: bool) -> None:
    """Secure the names that wait for their certificate, and renew what is due.

    For a timer: every five minutes is right. The DNS is asked first, the CA only for names that are ready; nginx is
    reloaded once. A name that goes on waiting is no failure. Deploys whose process died are taken up, and a push whose
    client died before the hook was called.
    """
    settings, store = context.settings, context.store
    sys.stdout.flush()
    if dry_run:
        _show(context, context.apps(app), as_json=as_json)
        return
    out = 2 if as_json else 1
    apps, publisher = context.apps(app), publisher_of(settings, store)
    publisher.recover()
    printer, sound, failed = Printer(out), list[AppName](), 0
    for name in apps:
        try:
            failed += sum(deploy.state is State.FAILED for deploy in _recovered(context, name, out))
        except Damaged as error:  # one app's trouble is not the others'
            printer.say(wording.error(f"{name} is passed over: {error}"))
            failed += 1
            continue
        except (ProgramFailed, OSError) as error:  # nor is its repository's its certificates'
            printer.say(wording.error(f"{name}: its deploys could not be looked at: {error}"))
            failed += 1
        sound.append(name)
    keep = functools.partial(keep_log, settings)
    renewed = Run(settings, store, publisher, printer.say, keep, context.now).over(sound)
    is_failed = renewed.failed or renewed.unrevoked or failed > 0
    if app is None:
        for gone in _tidied(context, publisher):
            printer.say(wording.step(f"{gone.domain}: removed, no site uses it for 30 days"))
        for why in txt_records(settings, store):
            printer.say(Line(Kind.WARNING, f"a TXT record of dns-01 was left in the DNS: {why}"))
        runs.ended(store, runs.Run(datetime.now(UTC), is_failed))
    if as_json:
        facts = {"secured": renewed.secured, "waiting": renewed.waiting, "failed": is_failed}
        show_json("renewal", facts)
    else:
        printer.say(_verdict(renewed))
    sys.exit(1 if is_failed else 0)


def keep_log(settings: Settings, deploy: Deploy, lines: Sequence[Line]) -> None:
    """Write the log of a deploy that was carried out here."""
    descriptor = open_log(settings.log(deploy.app, deploy.number))
    try:
        log = Printer(descriptor)
        for line in lines:
            log.say(line)
    finally:
        os.close(descriptor)


def _tidied(context: Context, publisher: Publisher) -> list[CertificateId]:
    try:
        return tidy(context.settings, context.store, publisher, context.now)
    except Damaged:  # which was said above; what is in use is not known
        return []


def _show(context: Context, names: Sequence[AppName], *, as_json: bool) -> None:
    """What would be renewed, when and why."""
    looked = renewals.preview(names, settings=context.settings, store=context.store, now=context.now)
    if as_json:
        facts = [{"app": str(name), **decision_json(decision)} for name, decision in looked]
        show_json("renewal", {"certificates": facts})
        return
    printer = Printer(1)
    if not looked:
        printer.say(Line(Kind.SUCCESS, "no live app has or wants a certificate"))
        return
    width = wording.column(str(domain) for _, decision in looked for domain in decision.domains)
    for name, those in itertools.groupby(looked, key=lambda one: one[0]):
        printer.say(wording.step(f"{name}: certificates"))
        for _, decision in those:
            for domain in decision.domains:
                words = f"{renewals.words(decision, context.now)}{decision.shared(domain)}"
                printer.say(wording.row(str(domain), words, width))
    due = sum(isinstance(decision, Issue) for _, decision in looked)
    printer.say(Line(Kind.SUCCESS, f"{wording.counted(due, 'certificate')} would be asked for, nothing was done"))


def _recovered(context: Context, app: AppName, out: int) -> Iterator[Deploy]:
    """Carry out what was asked for and nobody carries out any more."""
    repository = context.repository(app)
    if not repository.path.is_dir():  # a bare repository of somebody else's, which is gone
        return
    for queued in recover(app, repository, store=context.store, now=context.now):
        log = open_log(context.settings.log(app, queued.number))
        try:
            printer = Printer(out, log)
            with printer.alive():
                yield deploying.run(queued, repository, context.settings, context.now, printer)
        finally:
            os.close(log)


def _verdict(renewed: Renewed) -> Line:
    secured, waiting = renewed.secured, renewed.waiting
    if renewed.failed:
        return wording.error("a new certificate could not be served, the sites are as they were")
    if renewed.unrevoked:
        return wording.error("a certificate is not revoked yet, it is tried again")
    done = wording.counted(secured, "new certificate") if secured else "nothing was due"
    wait = f", {wording.counted(waiting, 'name')} {'waits' if waiting == 1 else 'wait'}" if waiting else ""
    return Line(Kind.WARNING if waiting else Kind.SUCCESS, f"{done}{wait}")
