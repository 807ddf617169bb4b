"""Carries a deploy out with the real parts, for the hook and for the command."""

from datetime import datetime

from hookrunner.cli.output import Printer
from hookrunner.core import machine, wording
from hookrunner.edges.git import Repository
from hookrunner.edges.publisher import publisher_of
from hookrunner.edges.records import FileStore
from hookrunner.flows.deploy import Run
from hookrunner.model.deploy import Deploy, State
from hookrunner.model.server import Settings


def run(
    deploy: Deploy,
    repository: Repository,
    settings: Settings,
    now: datetime,
    printer: Printer,
    *,
    retry: bool = False,
) -> Deploy:
    """Run the deploy to its verdict; never a traceback. ``retry``: ask the CA at once for what it refused."""
    store = FileStore(settings.records)
    try:
        return Run(
            deploy=deploy,
            settings=settings,
            store=store,
            repository=repository,
            publisher=publisher_of(settings, store),
            say=printer.say,
            now=now,
            retry=retry,
        ).to_the_end()
    except Exception as error:
        # Not even the verdict could be recorded: no space left, or no permission.
        for line in machine.trouble(error):
            printer.say(line)
        printer.say(wording.hint("it is taken up by the next run of `hookrunner renew`"))
        printer.say(wording.error(f"deploy {deploy.number} broke off, its record could not be written"))
        return deploy.at(State.FAILED)
