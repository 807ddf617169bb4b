"""The reference of the commands, written from the commands themselves: a man page, and a page of docs/.

`python -m hookrunner.cli.manual` writes both into a checkout.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

import hookrunner
from hookrunner.cli.commands import main

_ROOT = Path(__file__).resolve().parent.parent.parent
FILES = (_ROOT / "docs" / "commands.md", _ROOT / "docs" / "hookrunner.1")

_EXITS = (("0", "done"), ("1", "something failed, or there is something to see to"), ("2", "wrong usage or input"))
_ENVIRONMENT = (("HOOKRUNNER_CONFIG", "the settings, where --config does not say; else /etc/hookrunner/server.toml"),)
_FILES = (
    ("/etc/hookrunner/server.toml", "the settings"),
    ("/etc/hookrunner/authorized_keys", "the deploy keys"),
    ("/var/lib/hookrunner", "repositories, releases, records, certificates and keys"),
    ("/etc/nginx/hookrunner", "the nginx files of the apps; NAME.d/*.conf there are your own"),
)


class Entry(NamedTuple):
    """A command: how it is typed, what it does in paragraphs, and its options."""

    name: str
    usage: str
    paragraphs: tuple[str, ...]
    options: tuple[tuple[str, str], ...]


def entries() -> Iterator[Entry]:
    """Every command that can be typed, groups resolved into theirs."""
    context = click.Context(main, info_name="hookrunner")
    yield _entry(main, context)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command  # noqa: S101 (it is listed)
        if command.hidden:
            continue
        below = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            for inner in command.list_commands(below):
                one = command.commands[inner]
                yield _entry(one, click.Context(one, info_name=inner, parent=below))
        else:
            yield _entry(command, below)


def markdown() -> str:
    """The page."""
    lines = [
        "# Commands",
        "",
        "Written from their own help by `python -m hookrunner.cli.manual`; `hookrunner COMMAND --help` says the same.",
        '`--json` prints one object, `{"schema": 1, …}`, with moments in UTC (RFC 3339) and durations in seconds.',
        "",
        "| exit status | means |",
        "|---|---|",
        *(f"| {status} | {means} |" for status, means in _EXITS),
    ]
    for entry in entries():
        lines += ["", f"## {entry.name}", "", f"    {entry.usage}"]
        lines += [line for paragraph in entry.paragraphs for line in ("", paragraph)]
        if entry.options:
            lines += ["", "| option | |", "|---|---|"]
            lines += [f"| `{option}` | {_cell(text)} |" for option, text in entry.options]
    return "\n".join(lines) + "\n"


def man() -> str:
    """The man page, for man(7)."""
    first, *rest = entries()
    lines = [f'.TH HOOKRUNNER 1 "" "hookrunner {hookrunner.__version__}" "User Commands"', ".SH NAME"]
    lines += [r"hookrunner \- deploy with git push, and have HTTPS at the first push", ".SH SYNOPSIS", ".B hookrunner"]
    lines += [r"[\fB\-\-config\fR \fIFILE\fR] \fICOMMAND\fR ...", ".SH DESCRIPTION", *_roff(first.paragraphs)]
    lines += [".SH OPTIONS", *_definitions(first.options), ".SH COMMANDS"]
    for entry in rest:
        lines += [f".SS {_escaped(entry.usage.removeprefix('hookrunner '))}", *_roff(entry.paragraphs)]
        lines += _definitions(entry.options)
    for title, rows in (("EXIT STATUS", _EXITS), ("ENVIRONMENT", _ENVIRONMENT), ("FILES", _FILES)):
        lines += [f".SH {title}", *_definitions(rows)]
    lines += [".SH SEE ALSO", ".BR git (1),", ".BR nginx (8),", ".BR sshd (8)"]
    return "\n".join(lines) + "\n"


def _entry(command: click.Command, context: click.Context) -> Entry:
    options = [_option(one) for one in command.params if isinstance(one, click.Option) and not one.hidden]
    words = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    text = (command.help or "").replace("\b", "")
    paragraphs = tuple(" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip())
    return Entry(context.command_path, words, paragraphs, tuple(options))


def _option(option: click.Option) -> tuple[str, str]:
    names = ", ".join([*option.opts, *option.secondary_opts])
    value = "" if option.is_flag else f" {option.metavar or option.type.name.upper()}"
    shown = f" The default is {option.default}." if option.show_default else ""
    return f"{names}{value}", f"{option.help or ''}{shown}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _roff(paragraphs: tuple[str, ...]) -> list[str]:
    return [line for paragraph in paragraphs for line in (".PP", _escaped(paragraph))]


def _definitions(rows: tuple[tuple[str, str], ...]) -> list[str]:
    return [line for term, text in rows for line in (".TP", f".B {_escaped(term)}", _escaped(" ".join(text.split())))]


def _escaped(text: str) -> str:
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{text}" if text.startswith((".", "'")) else text


if __name__ == "__main__":
    for file, content in zip(FILES, (markdown(), man()), strict=True):
        file.write_text(content)
