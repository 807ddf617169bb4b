"""The file of deploy keys, which is root's."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hookrunner import durable


def text(file: Path) -> str:
    """What it holds; nothing where it is missing."""
    try:
        return file.read_text(errors="surrogateescape")
    except FileNotFoundError:
        return ""


def write(file: Path, content: str) -> None:
    """Put ``content`` there at once; sshd goes on reading it as before, with the group and mode that it had."""
    facts = file.stat() if file.exists() else file.parent.stat()
    mode = facts.st_mode & 0o777 if file.exists() else 0o640
    durable.replace(file, content.encode(errors="surrogateescape"), mode, group=facts.st_gid)


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """Change the file with nobody else."""
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
