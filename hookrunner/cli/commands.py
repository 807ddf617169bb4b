"""The command line: options that stand before every command, and how errors leave."""

import sys
from collections.abc import Sequence

import click

import hookrunner
from hookrunner.cli import files
from hookrunner.cli.context import Context, pass_context
from hookrunner.cli.files import Unusable
from hookrunner.cli.output import say_all
from hookrunner.core import machine, wording
from hookrunner.edges.processes import ProgramFailed
from hookrunner.edges.publisher import PublisherError
from hookrunner.edges.records import Damaged


class _Commands(click.Group):
    """Commands that are imported when they are called: each of them would wait for all the others."""

    NAMES = (
        "setup", "init", "new", "check", "apps", "keys", "hooks", "plan", "deploy", "rollback", "deploys", "wait",
        "renew", "status", "report", "revoke", "certificates", "doctor", "completion",
    )  # fmt: skip

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which a person needs them."""
        return [*self.NAMES, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        return _command(cmd_name) if cmd_name in self.NAMES else super().get_command(ctx, cmd_name)


def _command(name: str) -> click.Command:
    match name:
        case "setup":
            from hookrunner.cli.setup import setup as command
        case "init":
            from hookrunner.cli.server import init as command
        case "new":
            from hookrunner.cli.manifests import new as command
        case "check":
            from hookrunner.cli.manifests import check as command
        case "apps":
            from hookrunner.cli.apps import apps as command
        case "keys":
            from hookrunner.cli.keys import keys as command
        case "hooks":
            from hookrunner.cli.apps import hooks as command
        case "plan":
            from hookrunner.cli.planning import plan as command
        case "deploy":
            from hookrunner.cli.deploys import deploy as command
        case "rollback":
            from hookrunner.cli.deploys import rollback as command
        case "deploys":
            from hookrunner.cli.history import deploys as command
        case "wait":
            from hookrunner.cli.history import wait as command
        case "renew":
            from hookrunner.cli.renewing import renew as command
        case "revoke":
            from hookrunner.cli.revoking import revoke as command
        case "certificates":
            from hookrunner.cli.certificates import certificates as command
        case "completion":
            from hookrunner.cli.completion import completion as command
        case "doctor":
            from hookrunner.cli.doctor import doctor as command
        case "status":
            from hookrunner.cli.reports import status as command
        case _:
            from hookrunner.cli.reports import report as command
    return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.option("--config", metavar="FILE", help=f"The server's settings [$HOOKRUNNER_CONFIG, {files.DEFAULT}].")
@click.version_option(hookrunner.__version__, "-V", "--version", message="hookrunner %(version)s")
@click.pass_context
def main(context: click.Context, config: str | None) -> None:
    """A git push deploys, and every domain in app.toml answers over HTTPS."""
    context.obj = Context(config)


@main.command("hook", hidden=True)
@click.argument("name")
@click.argument("app", required=False)
@pass_context
def _hook(context: Context, name: str, app: str | None) -> None:
    """Called by git's hooks."""
    from hookrunner.cli import hook

    sys.exit(hook.main(name, app, config=context.given_config))


def run(arguments: Sequence[str]) -> int:
    """Run the command line; its exit status. Errors leave as ``error: …`` and ``hint: …``, never as a traceback."""
    try:
        main.main(list(arguments), prog_name="hookrunner", standalone_mode=False)
    except Unusable as error:
        say_all(error.lines)
        return error.status
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.Abort:
        say_all([wording.error("broken off")])
        return 1
    except click.ClickException as error:
        return _usage(error)
    except PermissionError as error:
        say_all([*machine.trouble(error), wording.hint("or type it as root, or as the owner of the state")])
        return 1
    except (ProgramFailed, PublisherError, Damaged, OSError) as error:
        say_all(machine.trouble(error))
        return 1
    except Exception as error:
        say_all([wording.error(f"a defect of hookrunner: {type(error).__name__}: {error}")])
        return 1
    return 0


def _usage(error: click.ClickException) -> int:
    lines = [wording.error(" ".join(error.format_message().split()))]
    context = getattr(error, "ctx", None)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return 2
    lines.append(wording.hint(f"{context.command_path if context else 'hookrunner'} --help"))
    say_all(lines)
    return 2
