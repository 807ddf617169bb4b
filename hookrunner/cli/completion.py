"""`completion`: what a shell needs to complete commands, options and apps."""

import click
from click.shell_completion import get_completion_class

_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", metavar="SHELL", type=click.Choice(_SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the lines that make SHELL complete commands, options and apps.

    For bash: hookrunner completion bash > ~/.local/share/bash-completion/completions/hookrunner. For zsh: into a file
    _hookrunner in a folder of $fpath. For fish: into ~/.config/fish/completions/hookrunner.fish. On a server that setup
    made, bash does already.
    """
    found = get_completion_class(shell)
    assert found  # noqa: S101 (it is one of the three)
    click.echo(found(context.find_root().command, {}, "hookrunner", "_HOOKRUNNER_COMPLETE").source())
