"""The README's files are true."""

import re
from pathlib import Path

from hookrunner.core import settings
from hookrunner.core.manifest.parse import parse

_README = (Path(__file__).parent.parent / "README.md").read_text()


def _blocks(containing: str) -> list[str]:
    blocks: list[str] = re.findall(r"```toml\n(.*?)```", _README, re.DOTALL)
    return [block for block in blocks if containing in block]


def test_the_app_toml_of_the_readme_is_valid() -> None:
    """Who copies the first lines of the README has a manifest that deploys."""
    (block,) = _blocks("# app.toml")
    assert [str(domain) for domain in parse(block.encode()).domains] == [
        "park-spot.co",
        "api.park-spot.co",
        "app.park-spot.co",
    ]


def test_the_server_toml_of_the_readme_shows_the_defaults() -> None:
    """The settings in the README are valid, and are what one gets without them."""
    (block,) = _blocks("[acme]")
    shown = settings.parse(block.encode())
    short = settings.parse(b'[acme]\nemail = "you@example.org"\n')
    assert (shown.acme, shown.nginx, shown.limits, shown.state) == (short.acme, short.nginx, short.limits, short.state)
