"""`revoke`: a certificate that must not be trusted any more."""

import sys
from collections.abc import Sequence

import click

from hookrunner.cli import renewing
from hookrunner.cli.context import Context, pass_context
from hookrunner.cli.files import Unusable
from hookrunner.cli.output import Printer
from hookrunner.core import wording
from hookrunner.core.wording import Kind, Line
from hookrunner.edges import revocations
from hookrunner.edges.publisher import publisher_of
from hookrunner.flows import revoke as revoking
from hookrunner.flows.renew import Run
from hookrunner.model.deploy import Deploy
from hookrunner.model.names import Domain, Invalid

REASONS = ("unspecified", "keyCompromise", "affiliationChanged", "superseded", "cessationOfOperation")


@click.command()
@click.argument("domain")
@click.option(
    "--reason",
    type=click.Choice(REASONS),
    default="unspecified",
    metavar="REASON",
    help="Why, for the CA: unspecified (the default), keyCompromise, affiliationChanged, superseded or "
    "cessationOfOperation (RFC 5280). After keyCompromise the CA never takes the key again.",
)
@click.option("--now", "at_once", is_flag=True, help="Revoke it even if it cannot be replaced first.")
@pass_context
def revoke(context: Context, domain: str, reason: str, *, at_once: bool) -> None:
    """Have the CA revoke the certificate of DOMAIN, and replace it.

    A new certificate with a new key is issued and served first, so that no visitor meets a revoked one. Where that
    cannot be had yet, nothing is revoked, and renew goes on with it. One that was imported is replaced alone: whoever
    had it made can have it revoked.
    """
    settings, store = context.settings, context.store
    try:
        wanted = Domain.parse(domain)
    except Invalid as error:
        hint = wording.hint("hookrunner report shows the certificates that there are")
        raise Unusable([wording.error(f'"{domain}" {error}'), hint]) from error
    found = revoking.found(wanted, store)
    if found is None:
        hint = wording.hint("hookrunner report shows the certificates that there are")
        raise Unusable([wording.error(f"there is no certificate of {wanted}"), hint], 1)
    certificate, app = found
    sys.stdout.flush()
    printer = Printer(1)
    revoking.asked(certificate, reason, context.now, store)

    def keep_log(deploy: Deploy, lines: Sequence[Line]) -> None:
        renewing.keep_log(settings, deploy, lines)

    run = Run(
        settings, store, publisher_of(settings, store), printer.say, keep_log, context.now,
        revokes_at_once=certificate.serial if at_once else None,
    )  # fmt: skip
    done = run.over([app] if app else [])
    pending = next((one for one in revocations.every(store) if one.serial == certificate.serial), None)
    if pending and not pending.is_revoked:
        printer.say(wording.error(f"{wanted}: not revoked yet, what stands in the way is above"))
        printer.say(wording.hint(f"renew goes on with it; hookrunner revoke {domain} --now does not wait for it"))
        sys.exit(1)
    if done.failed:
        printer.say(wording.error(f"{wanted}: not all went well, see above"))
        sys.exit(1)
    if certificate.is_imported:
        text = (
            f"{wanted}: {'replaced' if done.secured else 'no longer used'}; it was made elsewhere, and is revoked there"
        )
        printer.say(Line(Kind.SUCCESS if done.secured else Kind.WARNING, text))
        return
    if pending:
        text = f"{wanted}: revoked, and served until there is a new one; renew goes on with that"
        printer.say(Line(Kind.WARNING, text))
        return
    printer.say(Line(Kind.SUCCESS, f"{wanted}: revoked{' and replaced' if done.secured else ''}"))
