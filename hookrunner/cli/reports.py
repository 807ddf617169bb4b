"""`status` and `report`: what is live, and how the certificates stand."""

import sys
from datetime import datetime

import click

from hookrunner.cli import prometheus
from hookrunner.cli.context import Context, apps_like, pass_context
from hookrunner.cli.output import Printer
from hookrunner.cli.tables import advice_json, day, moment, show_json, show_table
from hookrunner.core import obstacles, renewal, wording
from hookrunner.core.visible import visible
from hookrunner.flows import observe
from hookrunner.flows.observe import AppStatus, NameStatus, Standing


@click.command()
@click.argument("app", shell_complete=apps_like, required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@pass_context
def status(context: Context, app: str | None, *, as_json: bool) -> None:
    """Show what is live: deploy, names and their state, what waits and why."""
    every = [observe.status(context.store, one) for one in context.apps(app)]
    if as_json:
        show_json("apps", [_app_json(one) for one in every])
        return
    if not every:
        click.echo("no apps yet; hookrunner apps create NAME makes one")
    for number, one in enumerate(every):
        if number:
            click.echo("")
        _show_app(one, context.now)


@click.command()
@click.argument("app", shell_complete=apps_like, required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--metrics", is_flag=True, help="Print Prometheus text.")
@pass_context
def report(context: Context, app: str | None, *, as_json: bool, metrics: bool) -> None:
    """Show the certificates: names, CA, expiry, next renewal.

    Exits with 1 when a domain waits for its certificate, when a renewal failed, or when a certificate may expire
    first, so that a monitor can run it.
    """
    names = [
        (one.app, name) for one in (observe.status(context.store, a) for a in context.apps(app)) for name in one.names
    ]
    wanted = [(owner, name) for owner, name in names if name.standing is not Standing.HTTP]
    if as_json and metrics:
        raise click.UsageError("--json and --metrics are two forms of one thing; choose one")
    if metrics:
        prometheus.show(wanted, context.now)
    elif as_json:
        show_json(
            "certificates",
            [{"app": str(owner), **_certificate_json(name, context.now)} for owner, name in wanted],
        )
    elif not wanted:
        click.echo("no domain has or wants a certificate yet")
    else:
        show_table(
            ("DOMAIN", "APP", "CA", "EXPIRES", "RENEWS", "STATE"),
            [
                (
                    str(name.domain),
                    str(owner),
                    _short(name.certificate.id.authority) if name.certificate else "-",
                    day(name.certificate.not_after if name.certificate else None),
                    day(name.due),
                    _state(name, context.now),
                )
                for owner, name in wanted
            ],
        )
        _show_reasons([name for _, name in wanted if name.why], context.now)
    if any(_state(name, context.now) != "good" for _, name in wanted):
        sys.exit(1)


_CA_SHOWN = 14  # characters: the domains need the room


def _short(authority: str) -> str:
    return authority if len(authority) <= _CA_SHOWN else f"{authority[: _CA_SHOWN - 1]}…"


def _state(name: NameStatus, now: datetime) -> str:
    if name.standing is Standing.WAITING:
        return "waiting"
    if name.certificate is None or name.certificate.not_after <= now:
        return "expired"
    if renewal.warning(name.certificate) <= now:
        return "expires soon"
    return "renewal failed" if _has_failed(name, now) else "good"


def _has_failed(name: NameStatus, now: datetime) -> bool:
    """Whether its certificate could not be renewed, or replaced: by another key or profile, or to be revoked."""
    return bool(name.obstacle and name.due and (name.due <= now or name.obstacle.refusals))


def _show_reasons(waiting: list[NameStatus], now: datetime) -> None:
    width = wording.column(str(name.domain) for name in waiting)
    sys.stdout.flush()
    for number, name in enumerate(waiting):
        if number == 0:
            Printer(1).say(wording.step("Why these wait"))
        Printer(1).say(wording.row(str(name.domain), _why(name, now), width))
    advice = [one for name in waiting if name.obstacle for one in name.obstacle.advice]
    for text in obstacles.hints(advice):
        Printer(1).say(wording.hint(text))


def _why(name: NameStatus, now: datetime) -> str:
    """Why it waits, and until when."""
    return wording.with_next_try(name.why, name.next_try, now)


def _show_app(app: AppStatus, now: datetime) -> None:
    if app.live is None:
        click.echo(f"{app.app}: nothing is live yet")
        _show_last(app)
        return
    ended = f"{app.live.ended:%Y-%m-%d %H:%M} UTC" if app.live.ended else "now"
    click.echo(f"{app.app}: deploy {app.live.number} ({app.live.short}) is live since {ended}")
    if app.last and app.last.number != app.live.number:
        _show_last(app)
    show_table(
        ("DOMAIN", "STATE", "CERTIFICATE"),
        [
            (
                str(name.domain),
                name.standing.value,
                _standing(name, now),
            )
            for name in app.names
        ],
    )


def _standing(name: NameStatus, now: datetime) -> str:
    if name.certificate is None:
        return _why(name, now) or "-"
    until = f"until {day(name.certificate.not_after)}"
    if _has_failed(name, now):
        return f"{until}, renewal waits: {_why(name, now)}"
    return f"{until}, renews {day(name.due)}"


def _show_last(app: AppStatus) -> None:
    if app.last:
        why = f": {visible(app.last.why)}" if app.last.why else ""
        click.echo(f"deploy {app.last.number} ({app.last.short}) {app.last.state}{why}")


def _app_json(app: AppStatus) -> dict[str, object]:
    return {
        "name": str(app.app),
        "deploy": app.live.number if app.live else None,
        "commit": app.live.commit if app.live else None,
        "live_since": moment(app.live.ended) if app.live else None,
        "last_deploy": app.last.to_json() if app.last else None,
        "domains": [
            {
                "name": str(name.domain),
                "state": name.standing.value,
                **_obstacle_json(name),
                "not_after": moment(name.certificate.not_after) if name.certificate else None,
                "next_renewal": moment(name.due),
            }
            for name in app.names
        ],
    }


def _certificate_json(name: NameStatus, now: datetime) -> dict[str, object]:
    certificate = name.certificate
    return {
        "domain": str(name.domain),
        "names": [str(one) for one in certificate.names] if certificate else [str(name.domain)],
        "ca": certificate.id.authority if certificate else None,
        "key": str(certificate.key) if certificate else None,
        "serial": certificate.serial if certificate else None,
        "not_before": moment(certificate.not_before) if certificate else None,
        "not_after": moment(certificate.not_after) if certificate else None,
        "next_renewal": moment(name.due),
        "state": _state(name, now).replace(" ", "_"),
        **_obstacle_json(name),
    }


def _obstacle_json(name: NameStatus) -> dict[str, object]:
    obstacle = name.obstacle
    return {
        "why": name.why or None,
        "kind": obstacle.kind if obstacle else None,
        "hints": advice_json(obstacle.advice) if obstacle else [],
        "since": moment(obstacle.since) if obstacle else None,
        "next_try": moment(name.next_try),
    }
