"""Changes of each kind, for a process that is killed over them; it imports nothing that takes time."""

from pathlib import Path

from hookrunner.publisher.undo import Undo


def changes(undo: Undo, room: Path) -> None:
    """One of each kind."""
    undo.write(room / "file", "new")
    undo.write(room / "fresh", "fresh")
    undo.remove(room / "gone")
    undo.point(room / "link", "2")
    undo.point(room / "first", "1")
