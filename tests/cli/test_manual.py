"""The reference of the commands is what the commands say; a shell completes them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from hookrunner.cli import manual
from tests.conftest import needs
from tests.lab.server import COMMAND, Server

ROOT = Path(__file__).resolve().parent.parent.parent
NAMES = [entry.name for entry in manual.entries()]


def test_the_pages_are_written_anew() -> None:
    """Who changes a command runs `python -m hookrunner.cli.manual`."""
    assert manual.FILES[0].read_text() == manual.markdown()
    assert manual.FILES[1].read_text() == manual.man()


def test_the_man_page_is_one() -> None:
    """groff has nothing to say against it."""
    groff = shutil.which("groff")
    needs(groff, "groff")
    done = subprocess.run(
        [str(groff), "-man", "-ww", "-Tutf8", manual.FILES[1]], capture_output=True, check=True, timeout=30
    )
    assert done.stderr == b""
    assert b"hookrunner" in done.stdout


def test_every_command_is_in_the_readme() -> None:
    """The README's table leaves none out."""
    table = (ROOT / "README.md").read_text().partition("## Commands")[2].partition("\n## ")[0]
    words = {name.split()[1] for name in NAMES if " " in name}
    assert sorted(word for word in words if f"`hookrunner {word}" not in table and f"`{word}" not in table) == []


def completed(line: str, config: Path | None = None) -> set[str]:
    """What bash would offer for the last word."""
    words = line.split(" ")
    env = {name: value for name, value in os.environ.items() if name != "HOOKRUNNER_CONFIG"}
    env |= {"_HOOKRUNNER_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    env |= {"HOOKRUNNER_CONFIG": str(config)} if config else {}
    done = subprocess.run([COMMAND], env=env, capture_output=True, text=True, check=True, timeout=30)
    assert done.stderr == ""
    return {row.partition(",")[2] for row in done.stdout.split()}


def test_a_shell_completes(server: Server) -> None:
    """Commands, options, and the apps of the server; nothing and no error without settings."""
    server.run("apps", "create", "tab-one")
    server.run("apps", "create", "tab-two")
    assert completed("hookrunner dep") == {"deploy", "deploys"}
    assert {"--rev", "--json"} <= completed("hookrunner plan --")
    assert completed("hookrunner status tab-", server.config) == {"tab-one", "tab-two"}
    assert completed("hookrunner apps remove tab-t", server.config) == {"tab-two"}
    assert completed("hookrunner status tab-", Path("/nonexistent")) == set()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_its_lines(shell: str) -> None:
    """What `completion` prints is the shell's, and names the command."""
    done = subprocess.run([COMMAND, "completion", shell], capture_output=True, text=True, check=True, timeout=30)
    assert "_HOOKRUNNER_COMPLETE" in done.stdout
    assert done.stderr == ""


def test_bash_takes_them() -> None:
    """They are read without an error, and bash knows the command then."""
    done = subprocess.run(
        ["bash", "-c", f'PATH="{COMMAND.parent}:$PATH"; eval "$({COMMAND} completion bash)"; complete -p hookrunner'],
        capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    assert "-F _hookrunner_completion hookrunner" in done.stdout
