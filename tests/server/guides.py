"""Types what a page of docs/ has in its blocks, where each block says, in the order of the page."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.lab.container import Container
from tests.server.laptop import ROOT, Laptop

SETTINGS = "/etc/hookrunner/server.toml"
_BLOCK = re.compile(r"^```(?P<kind>sh|toml) (?P<where>[^\n]+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """What is typed, or what a file holds."""

    kind: str
    where: str  # "server", "laptop", "laptop refused"; for toml the file
    text: str


def blocks(page: str) -> list[Block]:
    """The blocks of a page that are to be carried out."""
    return [Block(*found) for found in _BLOCK.findall((ROOT / "docs" / page).read_text())]


def pages() -> list[str]:
    """Every page that has such blocks."""
    docs = ROOT / "docs"
    files = [docs / "tutorial.md", *sorted((docs / "how-to").glob("*.md"))]
    return [str(file.relative_to(docs)) for file in files]


class Walk:
    """One reader who does what a page says. What was shown is in ``shown``."""

    def __init__(self, page: str, laptop: Laptop, container: Container) -> None:
        self.page, self._laptop, self._container = page, laptop, container
        self.folder = laptop.folder / "guides" / Path(page).stem
        self.folder.mkdir(parents=True)
        self.shown: list[str] = []

    def through(self) -> None:
        """Carry out every block."""
        self.only(lambda _: True)

    def only(self, wanted: Callable[[Block], bool]) -> None:
        """Carry out the blocks that are wanted."""
        for block in filter(wanted, blocks(self.page)):
            self.shown += self._carried_out(block)

    def _carried_out(self, block: Block) -> Iterator[str]:
        match block.kind, block.where:
            case "toml", "server.toml":
                merged = _merged(self._container.read(SETTINGS), block.text)
                self._container.run(f"cat > {SETTINGS}", input=merged)
            case "toml", file:
                (self.folder / file).write_text(block.text)
            case "sh", "laptop refused":
                done = self._laptop.shell(block.text, self.folder)
                assert done.returncode == 1, done
                yield done.stdout + done.stderr
            case "sh", "laptop":
                shown = self._laptop.type(block.text, self.folder)
                pushes = len(re.findall(r"^git push", block.text, re.MULTILINE))
                assert shown.count("remote: success: ") == pushes, shown
                yield shown
            case _:
                yield self._container.run(f"set -e\n{block.text}").stdout


def _merged(settings: str, more: str) -> str:
    """The settings with one more table, or with more keys in a table that is there."""
    head, _, keys = more.partition("\n")
    return settings.replace(f"{head}\n", more) if f"{head}\n" in settings else f"{settings}\n{head}\n{keys}"
