"""`certificates`: those that were made elsewhere."""

import sys
from pathlib import Path

import click

from hookrunner.cli.context import Context, pass_context
from hookrunner.cli.files import Unusable
from hookrunner.cli.output import Printer
from hookrunner.core import wording
from hookrunner.core.wording import Kind, Line
from hookrunner.flows import importing
from hookrunner.model.names import Domain, Invalid


@click.group()
def certificates() -> None:
    """The certificates of this server; hookrunner report shows them."""


@certificates.command("import")
@click.argument("places", metavar="PATH...", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--for", "covered", metavar="DOMAIN", multiple=True, help="Also for this domain, which a wildcard in it covers."
)
@pass_context
def _import(context: Context, places: tuple[Path, ...], covered: tuple[str, ...]) -> None:
    """Take certificates over that another program made, with their keys.

    PATH is a folder or a file: /etc/letsencrypt/live of certbot, /home/dokku/APP/tls of Dokku, or a certificate and its
    key. Each is checked against its key, and copied; the files stay as they are. The first push that names its
    domains serves it, without a CA, and it is renewed when it is due. What no site uses is removed after 30 days.
    """
    from hookrunner.edges import pems

    domains = [_domain(text) for text in covered]
    settings, publisher = context.as_root()
    try:
        pairs, left = pems.find(places)
    except OSError as error:
        raise Unusable([wording.error(f"cannot read {error.filename}: {error.strerror}")]) from error
    sys.stdout.flush()
    printer = Printer(1)
    prepared = list(importing.prepared(pairs, domains, settings, publisher, context.now))
    outcomes = list(importing.remember(prepared, context.store, context.now))  # as the user git, from here on
    width = wording.column(str(one.domain) for one in outcomes)
    for one in outcomes:
        until = f"until {one.certificate.not_after:%Y-%m-%d}" if one.certificate else ""
        printer.say(wording.row(str(one.domain), ", ".join(filter(None, [until, one.why])), width))
    for place, why in left:
        printer.say(Line(Kind.WARNING, f"{place}: {why}"))
    taken = [one for one in outcomes if one.certificate]
    if not taken:
        nothing = f"no certificate in {', '.join(map(str, places))}"
        raise Unusable([wording.error("none of these can be used" if left or outcomes else nothing)], 1)
    whose = "1 name has its" if len(taken) == 1 else f"{len(taken)} names have their"
    printer.say(Line(Kind.SUCCESS, f"{whose} certificate, the next push serves it"))


def _domain(text: str) -> Domain:
    try:
        return Domain.parse(text)
    except Invalid as error:
        raise Unusable([wording.error(f'--for "{text}" {error}')]) from error
