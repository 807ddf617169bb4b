"""What a publication changed on disk, so that it can be put back."""

from pathlib import Path
from typing import Self

from hookrunner import durable
from hookrunner.publisher.keys import Swap


class Undo:
    """Files and links as they were. Leaving the block puts them back, unless they are to be kept."""

    def __init__(self) -> None:
        self._swaps: list[Swap] = []
        self._files: list[tuple[Path, bytes | None]] = []
        self._kept = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._kept:
            self.back()

    def swapped(self, swap: Swap) -> None:
        """Remember a link that was moved."""
        self._swaps.append(swap)

    def write(self, file: Path, text: str) -> None:
        """Replace a file, and remember what it was."""
        before = file.read_bytes() if file.exists() else None
        self._files.append((file, before))
        durable.replace(file, text.encode(), 0o644)

    def remove(self, file: Path) -> None:
        """Remove a file that is there, and remember what it was."""
        self._files.append((file, file.read_bytes()))
        file.unlink()

    def back(self) -> None:
        """Put everything back, the last change first."""
        while self._files:
            file, before = self._files.pop()
            if before is None:
                file.unlink(missing_ok=True)
            else:
                durable.replace(file, before, 0o644)
        while self._swaps:
            self._swaps.pop().undo()

    def keep(self) -> None:
        """Let it stay as it is now."""
        self._kept = True
