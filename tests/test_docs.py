"""What the pages say is so: commands that there are, files that are there, keys that are keys."""

import copy
import re
import shlex
from pathlib import Path

import click
import pytest

from hookrunner.cli.commands import main
from hookrunner.core import authorities, remote, settings
from hookrunner.core.remote import Git, Help, Typed

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
WRITTEN_FROM_THE_COMMANDS = "commands.md"
_COMMAND = re.compile(r"^(?:\$ |hint: |hint:   )?(?:\S*/)?hookrunner (.+?)\s*$")
_SSH = re.compile(r"^\s*ssh git@\S+ ([a-z].*?)\s*$")


def code(page: Path) -> list[str]:
    """Every line that stands in a block, or indented as one."""
    lines, found, inside = page.read_text().splitlines(), [], False
    for line in lines:
        if line.startswith("```"):
            inside = not inside
        elif inside or line.startswith("    "):
            found.append(line.strip())
    return found


TYPED = [
    (page.name, line)
    for page in PAGES
    if page.name != WRITTEN_FROM_THE_COMMANDS
    for line in code(page)
    if _COMMAND.match(line)
]
OVER_SSH = [(page.name, found[1]) for page in PAGES for line in code(page) if (found := _SSH.match(line))]


@pytest.mark.parametrize(("page", "line"), TYPED)
def test_a_command_can_be_typed(page: str, line: str) -> None:
    """It is there, with these options and that many words."""
    found = _COMMAND.match(line)
    assert found
    words = shlex.split(
        re.split(r"\s+[#<>|&;]|\s\|\||, ", found[1])[0].replace("<", "").replace(">", ""), comments=True
    )
    context = click.Context(main, info_name="hookrunner")
    if words[0] == "--config":
        words = words[2:]
    command = main.get_command(context, words[0])
    assert command, words
    rest = words[1:]
    if isinstance(command, click.Group):
        command, rest = command.commands[rest[0]], rest[1:]
    rest = [{"N": "1", "DEPLOY": "1"}.get(word, word.lower() if word.isupper() else word) for word in rest]
    if words[0] in ("certificates", "keys"):  # which open the files at once
        command = copy.copy(command)
        command.params = [one for one in command.params if not isinstance(one, click.Argument)]
        rest = [word for n, word in enumerate(rest) if word.startswith("--") or (n and rest[n - 1].startswith("--"))]
    command.make_context(words[0], rest, parent=context)


@pytest.mark.parametrize(("page", "line"), OVER_SSH)
def test_a_line_over_ssh_is_in_the_grammar(page: str, line: str) -> None:
    """The server understands it."""
    sent = re.sub(r'"?\$\([^)]*\)"?|"?\$[A-Z_]+"?', "4f2a9c1d", line.partition(" <")[0])
    assert isinstance(remote.parse(sent), Typed | Git | Help)


def test_there_are_commands_in_the_pages() -> None:
    """They were found."""
    assert len(TYPED) > 30
    assert len(OVER_SSH) > 8


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """To a file of the repository, and to a heading that is in it."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        name, _, heading = target.partition("#")
        file = (page.parent / name) if name else page
        assert file.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
            assert heading in {re.sub(r"[^\w\- ]", "", title).lower().replace(" ", "-") for title in titles}, target


def test_every_page_is_in_the_index() -> None:
    """docs/README.md leads to each."""
    index = (ROOT / "docs" / "README.md").read_text()
    pages = [
        page.relative_to(ROOT / "docs")
        for page in PAGES
        if page.is_relative_to(ROOT / "docs") and page.name != "README.md"
    ]
    assert [str(page) for page in pages if f"({page})" not in index] == []


def test_every_setting_is_in_its_page() -> None:
    """docs/server.toml.md has each key that is known, under its table, and no other."""
    sections = re.split(r"^## ", (ROOT / "docs" / "server.toml.md").read_text(), flags=re.MULTILINE)[1:]
    found = {
        section.partition("\n")[0].strip("[]"): {
            key for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for key in re.findall(r"`(\w+)`", row)
        }
        for section in sections
    }
    tables = {"acme", "nginx", "dns", "ssh", "limits", "apps"}
    assert found == {
        "At the top": set(settings.TOP_KEYS) - tables,
        "acme": set(authorities.KEYS),
        "nginx": set(settings.NGINX_KEYS),
        "dns": set(settings.DNS_KEYS),
        "ssh": set(settings.SSH_KEYS),
        "limits": set(settings.LIMITS_KEYS),
        "apps.NAME": set(settings.APP_KEYS),
    }


def test_the_defaults_of_that_page_are_the_defaults() -> None:
    """A file of all defaults that the page gives is the shortest file."""
    text = (ROOT / "docs" / "server.toml.md").read_text()
    lines: list[str] = []
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title = section.partition("\n")[0]
        if title == "[apps.NAME]":
            continue
        lines += [title] if title.startswith("[") else []
        for keys, values in re.findall(r"^\| (`[^|]*) \| (`[^|]*) \|", section, re.MULTILINE):
            names, given = re.findall(r"`(\w+)`", keys), re.findall(r"`(.*?)`", values)
            lines += [f"{name} = {given[min(n, len(given) - 1)]}" for n, name in enumerate(names)]
        lines += ['email = "you@example.org"'] if title == "[acme]" else []
    shown = settings.parse("\n".join(lines).encode())
    assert shown == settings.parse(b'[acme]\nemail = "you@example.org"\n')
