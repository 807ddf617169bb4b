"""Writes that survive a power cut, for both sides of the wall between the hook's user and the publisher."""

import os
from collections.abc import Mapping
from pathlib import Path


def replace(path: Path, content: bytes, mode: int, *, group: int = -1, forever: bool = True) -> None:
    """Put ``content`` at ``path`` at once: a new file with ``mode`` from its creation, then renamed.

    ``group`` is its number, where it is not this process's own.
    Not ``forever``: a reader never sees a part of it, but a power cut may take it away again.
    """
    new = _beside(path)
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode & 0o700)
    try:
        with os.fdopen(fd, "wb") as file:
            os.fchown(fd, -1, group)
            os.fchmod(fd, mode)
            file.write(content)
            file.flush()
            if forever:
                os.fsync(fd)
        new.replace(path)
    except BaseException as error:
        new.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = error.filename or str(path)  # a full disk does not say which
        raise
    if forever:
        sync_folder(path.parent)


def link(path: Path, target: str, *, forever: bool = True) -> None:
    """Point the symbolic link ``path`` to ``target`` at once; not ``forever``: for good with the folder's next sync."""
    new = _beside(path)
    new.symlink_to(target)
    try:
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    if forever:
        sync_folder(path.parent)


def move(path: Path, to: Path) -> None:
    """Move what is at ``path``, a link itself included, to a place on the same file system."""
    to.parent.mkdir(parents=True, exist_ok=True)
    path.rename(to)
    sync_folder(to.parent)
    sync_folder(path.parent)


def folders(wanted: Mapping[Path, int]) -> list[Path]:
    """Make the folders that are not there, each with its mode whatever the umask; those that were made."""
    missing = [folder for folder in wanted if not folder.is_dir()]
    for folder in missing:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(wanted[folder])
    return missing


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _beside(path: Path) -> Path:
    return path.with_name(f".{os.urandom(8).hex()}")
