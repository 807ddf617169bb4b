"""What a publication changes on disk, and how it is put back: at once on a refusal, or by the next after a kill.

The changes are journalled before the first is made; a journal that is found was left by a process that died over it.
A file that is replaced keeps a second name until then, so putting it back needs no room on a full disk.
"""

import json
from pathlib import Path
from typing import NamedTuple, Self

from hookrunner import durable

_MODE = 0o644


class _Change(NamedTuple):
    path: Path
    is_link: bool
    before: str | None  # a file's second name, or where the link pointed; None: it was not there
    after: str | None  # a file's text, or where the link points then; None: it is taken away

    def make(self) -> None:
        if self.after is None:
            self.path.unlink()
        elif self.is_link:
            durable.link(self.path, self.after)
        else:
            durable.replace(self.path, self.after.encode(), _MODE)


class Undo:
    """Files and links as they were. Leaving the block puts them back, unless they are to be kept."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._wanted: list[_Change] = []
        self._kept = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._kept:
            self.back()

    def write(self, file: Path, text: str) -> None:
        """Have a file replaced by :meth:`make`."""
        self._wanted.append(_Change(file, False, _second_name(file), text))

    def remove(self, file: Path) -> None:
        """Have a file taken away, which is there."""
        self._wanted.append(_Change(file, False, _second_name(file), None))

    def point(self, link: Path, target: str) -> None:
        """Have a link lead elsewhere."""
        before = str(link.readlink()) if link.is_symlink() else None
        self._wanted.append(_Change(link, True, before, target))

    def make(self) -> None:
        """Make the changes that were asked for, in their order, after all of them are journalled."""
        rows = [[str(change.path), change.is_link, change.before] for change in self._wanted]
        for change in self._wanted:
            if change.before and not change.is_link:
                Path(change.before).unlink(missing_ok=True)
                Path(change.before).hardlink_to(change.path)
        durable.replace(self._journal, json.dumps(rows).encode(), 0o600)
        for change in self._wanted:
            change.make()

    def back(self) -> None:
        """Put everything back, the last change first."""
        recover(self._journal)

    def keep(self) -> None:
        """Let it stay as it is now."""
        self._kept = True
        if self._journal.exists():
            self._journal.unlink()
            durable.sync_folder(self._journal.parent)
        for change in self._wanted:
            if change.before and not change.is_link:
                Path(change.before).unlink(missing_ok=True)


def recover(journal: Path) -> bool:
    """Put back what the journal says; whether there was one."""
    try:
        rows = json.loads(journal.read_bytes())
    except FileNotFoundError:
        return False
    for path, is_link, before in reversed(rows):
        _put_back(Path(path), before, is_link=is_link)
    journal.unlink()
    return True


def _put_back(path: Path, before: str | None, *, is_link: bool) -> None:
    if before is None:
        path.unlink(missing_ok=True)
    elif is_link:
        durable.link(path, before)
    elif Path(before).exists():  # else it is back already: a kill came in between
        Path(before).replace(path)
        durable.sync_folder(path.parent)


def _second_name(file: Path) -> str | None:
    # nginx's "*.conf" does not match a name that begins with a dot.
    return str(file.with_name(f".{file.name}.before")) if file.exists() else None
