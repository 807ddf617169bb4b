"""What lies in folders of the hook's user is touched as that user, never as root.

A link or a folder that the user put there can then lead root to nothing that the user could not reach alone.
"""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def as_owner(folder: Path) -> Iterator[None]:
    """Act as the owner of ``folder``, where we are root and the owner is not (seteuid(2): of all threads)."""
    owner = _owner(folder) if os.geteuid() == 0 else 0
    if owner == 0:
        yield
        return
    group, others = os.getegid(), os.getgroups()
    os.setgroups([])
    os.setegid(_group(owner))
    os.seteuid(owner)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(others)


def _owner(folder: Path) -> int:
    try:
        return folder.lstat().st_uid
    except FileNotFoundError:
        return 0


def _group(user: int) -> int:
    try:
        return pwd.getpwuid(user).pw_gid
    except KeyError:  # a user without a name
        return user
