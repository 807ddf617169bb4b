"""`setup`: this machine as a deploy server, in steps that each say what they did."""

import difflib
import sys
from pathlib import Path

import click

import hookrunner
from hookrunner.cli import files
from hookrunner.cli.context import Context, own_command, pass_context
from hookrunner.cli.files import Unusable
from hookrunner.cli.output import Printer
from hookrunner.core import keys, units, wording
from hookrunner.core import settings as schema
from hookrunner.core import setup as items
from hookrunner.core.setup import Aside, Facts, File, Folder, Link, Running, User
from hookrunner.core.wording import Kind, Line
from hookrunner.edges import distribution, host
from hookrunner.edges.publisher import InProcess
from hookrunner.edges.records import FileStore
from hookrunner.flows import setup as flow
from hookrunner.flows.setup import Setup, Step, Wanted

_WIDTH = 11  # of the word before each item


@click.command()
@click.option("--email", metavar="ADDRESS", help="Your address for the CA.")
@click.option("--agree-tos", is_flag=True, help="You accept the terms of the CA.")
@click.option("--directory", metavar="CA", help="letsencrypt, letsencrypt-staging or an ACME directory's https URL.")
@click.option("--root-keys/--no-root-keys", default=None, help="root's SSH keys may push.")
@click.option("--user", metavar="NAME", help="The user of hooks and repositories [git].")
@click.option("--dry-run", is_flag=True, help="Print every change and make none.")
@click.option("--undo", is_flag=True, help="Take it all away, and leave the data.")
@pass_context
def setup(
    context: Context,
    email: str | None,
    agree_tos: bool,
    directory: str | None,
    root_keys: bool | None,
    user: str | None,
    dry_run: bool,
    undo: bool,
) -> None:
    """Make this machine a deploy server. As root; safe to repeat.

    From hookrunner in a virtual environment of root's, like /opt/hookrunner: a user git, the settings, nginx, the
    publisher that alone is root, the timer, and what an SSH key may do. It asks for what the options do not say.
    """
    config, command = context.config, own_command()
    obstacles = flow.obstacles(place=Path(sys.prefix), package=Path(hookrunner.__file__).parent)
    if lines := list(obstacles):
        raise Unusable(lines, 1)
    text = _settings_text(config, email, directory, is_agreed=agree_tos or undo, is_dry=dry_run or undo)
    settings = files.parsed(config, text.encode())
    wanted = Wanted(
        config, command, Path(sys.executable), user, with_roots_keys=not undo and _roots_keys(root_keys, is_dry=dry_run)
    )
    printer = Printer(1)
    try:
        facts = flow.facts(wanted, settings, text)
        nginx = ".".join(map(str, facts.nginx_version))
        printer.say(
            wording.step(f"{distribution.system()}, nginx {nginx}, hookrunner {hookrunner.__version__} in {sys.prefix}")
        )
        run = Setup(facts, InProcess(settings, FileStore(settings.records)), is_dry=dry_run)
        if undo:
            _undone(run, printer)
        else:
            _made(run, printer)
    except flow.Failed as error:
        raise Unusable(error.lines, 1) from error


def _made(run: Setup, printer: Printer) -> None:
    changes = 0
    for section in items.sections(run.facts):
        printer.say(wording.step(section.title))
        for step in run.steps(section):
            changes += step.differed is not None
            _say(step, printer, is_dry=run.is_dry)
    if run.is_dry:
        changed = wording.counted(changes, "change") if changes else "nothing"
        printer.say(Line(Kind.SUCCESS, f"{changed} to make, and none was made"))
        return
    already = "" if changes else "already, nothing was changed"
    printer.say(Line(Kind.SUCCESS, f"this machine is a deploy server {already}".rstrip()))
    _what_next(run.facts)


def _undone(run: Setup, printer: Printer) -> None:
    printer.say(wording.step("taken away"))
    is_there = False
    for step in run.undo():
        _say_undone(step, printer, is_dry=run.is_dry)
        is_there = True
    printer.say(wording.step("left, because it is yours"))
    for words in flow.left(run.facts):
        printer.say(wording.detail(words))
    what = (
        "hookrunner would be off this machine, and nothing was changed"
        if run.is_dry
        else "hookrunner is off this machine"
    )
    printer.say(Line(Kind.SUCCESS, what if is_there else "there is nothing to take away"))


def _what_next(facts: Facts) -> None:
    if not any(keys.read(facts.keys or "")):
        click.echo("")
        click.echo("Nobody may push yet. With the id_ed25519.pub of a laptop:")
        click.echo("    hookrunner keys add you@laptop < id_ed25519.pub")
    click.echo("")
    if facts.settings.ssh.create_apps:
        click.echo("On your own machine, in the repository of a site; its first push makes the app:")
        click.echo(f"    git remote add server {facts.place.user}@{host.name()}:NAME")
        click.echo("    git push server main")
    else:
        click.echo("Make an app; it says how to push to it:")
        click.echo("    hookrunner apps create NAME")


def _say(step: Step, printer: Printer, *, is_dry: bool) -> None:
    done, would = _WORDS[type(step.item)] if step.item else ("did", "do")
    if step.differed is None:
        word = "there"
    elif is_dry:
        word = f"would {would}"
    else:
        word = done
    printer.say(Line(Kind.DETAIL, step.text, label=word, width=_WIDTH))
    if is_dry and step.differed and isinstance(step.item, File):
        _show(step.item)


def _say_undone(step: Step, printer: Printer, *, is_dry: bool) -> None:
    match step.item:
        case Aside(path, to):
            done, text = "moved", f"{to} to {path}" if to.name != "sites" else step.text
        case Running(unit):
            done, text = "stopped", unit
        case None:
            done, text = str(step.differed), step.text
        case item:
            done, text = "removed", str(item.path if isinstance(item, File | Folder | Link) else item)
    printer.say(Line(Kind.DETAIL, text, label=f"would be {done}" if is_dry else done, width=_WIDTH + 5 * is_dry))


_WORDS = {
    User: ("made", "make"),
    Folder: ("made", "make"),
    File: ("wrote", "write"),
    Link: ("linked", "link"),
    Aside: ("moved", "move"),
    Running: ("started", "start"),
}


def _show(file: File) -> None:
    """What a file would be, or what of it would change."""
    before = file.path.read_text(errors="replace").splitlines() if file.path.is_file() else []
    after = file.text.splitlines()
    lines = list(difflib.unified_diff(before, after, lineterm="", n=1))[2:] if before else after
    for line in lines:
        click.echo(f"         | {line}".rstrip())


def _settings_text(config: Path, email: str | None, directory: str | None, *, is_agreed: bool, is_dry: bool) -> str:
    """server.toml as it is to be: what its owner wrote, with the publisher's socket; or a first one."""
    if config.exists():
        text = config.read_text(errors="replace")
        files.parsed(config, text.encode())
    else:
        if is_dry:
            email = email or "you@example.org"
        text = files.new_settings(email or _asked_email(), directory)
        title = files.parsed(config, text.encode()).acme.authority.title
        if not (is_agreed or is_dry):
            _ask_for_terms(title)
    settings = files.parsed(config, text.encode())
    if settings.nginx.publisher and settings.nginx.publisher != units.SOCKET:
        wrong = f"publisher under [nginx] in {config} is not {units.SOCKET}"
        raise Unusable([wording.error(wrong), wording.hint("take that line out; setup writes it")])
    if settings.nginx.publisher and settings.nginx.logs:
        return text
    return schema.with_nginx(text, {"publisher": str(units.SOCKET), "logs": str(units.LOGS)})


def _asked_email() -> str:
    if not sys.stdin.isatty():
        missing = wording.error("the CA needs your address, and there is nobody to ask")
        raise Unusable([missing, wording.hint("hookrunner setup --email you@example.org --agree-tos")])
    return str(click.prompt("Your e-mail address, for the CA"))


def _ask_for_terms(authority: str) -> None:
    if sys.stdin.isatty() and click.confirm(f"Do you accept the terms of {authority}?"):
        return
    missing = wording.error(f"nothing was changed: certificates of {authority} come with its terms")
    raise Unusable([missing, wording.hint("--agree-tos accepts them")])


def _roots_keys(wanted: bool | None, *, is_dry: bool) -> bool:
    found = flow.roots_keys()
    if wanted is None and found and not is_dry and sys.stdin.isatty():
        return bool(click.confirm(f"May {wording.counted(len(found), 'SSH key')} of root push?", default=True))
    return bool(wanted)
