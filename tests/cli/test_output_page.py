"""docs/output.md: the nouns and keys of `--json` are those that the commands print."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.server import COMMAND, Server

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "output.md").read_text()
ROWS = dict(re.findall(r"^\| (`.*?) \| (`.*?) \|$", PAGE.partition("| command | noun |")[2], re.MULTILINE))
TYPED = {
    "apps list": "apps list", "status": "status page", "report": "report page", "plan": "plan page", "deploys": "deploys page",
    "deploy": "deploy page", "rollback": "rollback page", "renew": "renew page", "check": "check -", "keys list": "keys list",
    "doctor": "doctor",
}  # fmt: skip


@pytest.fixture(scope="module")
def paged(server: Server) -> Server:
    """A server with an app that has two deploys, and with a key."""
    clone = server.app("page")
    for text in ("one", "two"):
        clone.commit({"app.toml": 'domains = ["page.example"]\nroot = "public"\n', "public/index.html": text})
        assert clone.push().verdict.startswith("success: ")
    return server


def keys(value: object) -> Iterator[str]:
    """Every key, however deep."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def test_every_command_with_json_is_in_the_table() -> None:
    """None of those that can print it is left out."""
    named = {name for row in ROWS for name in re.findall(r"`([a-z ]+)`", row)}
    assert named == set(TYPED)


@pytest.mark.parametrize("command", TYPED)
def test_the_noun_and_its_keys(paged: Server, command: str) -> None:
    """As the page says them."""
    (row,) = [text for names, text in ROWS.items() if f"`{command}`" in names]
    noun, *named = re.findall(r"`([a-z_]+)`", row.partition(";")[0])
    words: list[str | Path] = [COMMAND, "--config", paged.config, *TYPED[command].split(), "--json"]
    done = subprocess.run(words, input='domain = "x"', capture_output=True, text=True, check=False, timeout=120)
    shown = json.loads(done.stdout)
    assert (shown["schema"], list(shown)) == (1, ["schema", noun])
    if shown[noun]:  # a healthy server has no finding, and one without keys no key
        values = {"https", "http", "waiting", "good", "renewal_failed", "expires_soon", "expired"}
        assert sorted(set(named) - set(keys(shown[noun])) - values) == []
