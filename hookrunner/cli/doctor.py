"""`doctor`: what would stop the next push or renewal, and what to type about it."""

import sys
from pathlib import Path

import click

from hookrunner.cli.context import Context, own_command, pass_context
from hookrunner.cli.output import Printer
from hookrunner.cli.tables import show_json
from hookrunner.core import units, wording
from hookrunner.core.findings import Check
from hookrunner.core.setup import Facts
from hookrunner.core.wording import Kind, Line
from hookrunner.flows import setup as flow
from hookrunner.flows.doctor.checks import examine
from hookrunner.flows.doctor.patient import Patient

_WIDTH = 12  # of a check's name


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@pass_context
def doctor(context: Context, *, as_json: bool) -> None:
    """Look at all that the next push and renewal need, and say what to do.

    nginx and its ports, other files that have a name of an app, the publisher, the timer, owners and modes, disk,
    clock, resolvers, the CA and the account there, the zones of dns-01, names that wait for this server, certificates,
    hooks, git. Changes nothing. Exits with 1 when there is a finding, so that a monitor can run it.
    """
    patient = Patient(context.settings, context.config, own_command(), context.now, _facts(context))
    sys.stdout.flush()
    if as_json:
        checks = list(examine(patient))
        findings = [(check.name, one) for check in checks for one in check.findings]
        show_json("findings", [{"check": name, "text": one.text, "mend": list(one.mend)} for name, one in findings])
    else:
        checks = _show(patient)
    sys.exit(1 if any(check.findings for check in checks) else 0)


def _facts(context: Context) -> Facts | None:
    """The machine that `setup` made; None where it did not."""
    if context.settings.nginx.publisher != units.SOCKET:
        return None
    wanted = flow.Wanted(context.config, own_command(), Path(sys.executable))
    return flow.facts(wanted, context.settings, context.config.read_text(errors="replace"))


def _show(patient: Patient) -> list[Check]:
    printer, checks = Printer(1), list[Check]()
    with printer.alive():
        for check in examine(patient):
            checks.append(check)
            if not check.findings:
                printer.say(Line(Kind.DETAIL, check.sound, label=check.name, width=_WIDTH))
            for finding in check.findings:
                printer.say(Line(Kind.WARNING, f"{check.name}: {finding.text}"))
                for mend in finding.mend:
                    printer.say(wording.hint(f"  {mend}"))
    found = sum(len(check.findings) for check in checks)
    if found:
        printer.say(wording.error(f"{wording.counted(found, 'finding')}, each with what mends it"))
    else:
        printer.say(Line(Kind.SUCCESS, "nothing stands in the way of the next push or renewal"))
    return checks
