"""The store: small JSON records, written only if unchanged, and locks that end with their process.

Any back end that passes `tests/edges/test_records_contract.py` will do; this one is a folder of files.
"""

import fcntl
import hashlib
import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote, unquote

from hookrunner import durable

Value = dict[str, Any]

ABSENT = ""  # the revision of a record that is not there

_LOCKS = ".locks"
_WRITING = ".writing"
_POLL = 0.02  # seconds between two looks at a lock that is waited for with a limit


class Conflict(Exception):
    """The record is not at the revision that the writer had read."""


class Damaged(Exception):
    """A record is no record any more: somebody edited it, or its disk lost it. The message names its file."""


class Busy(Exception):
    """Somebody else holds the lock."""


class Record(NamedTuple):
    """One record as it was read."""

    key: str
    value: Value
    revision: str


class Lock(Protocol):
    """A lock that is held."""

    def still_held(self) -> bool:
        """Whether it is still ours; a back end over a network can lose it."""
        ...


class Store(Protocol):
    """Where all records live. Keys are paths with ``/``; parts may hold any character."""

    def get(self, key: str) -> Record | None:
        """The record, or None."""
        ...

    def put(self, key: str, value: Value, *, if_revision: str | None = None) -> str:
        """Write durably and return the new revision.

        ``if_revision`` is what the record must be at (:data:`ABSENT`: not there); None writes whatever is there.
        Raises :class:`Conflict`.
        """
        ...

    def list(self, prefix: str) -> list[Record]:
        """All records below the folder ``prefix``, by key."""
        ...

    def delete(self, key: str, *, if_revision: str | None = None) -> None:
        """Remove the record; one that is not there is no error. Raises :class:`Conflict`."""
        ...

    def lock(self, name: str, *, wait: float | None = None) -> AbstractContextManager[Lock]:
        """Hold the lock; wait for ever, or for so many seconds and raise :class:`Busy`."""
        ...


class FileStore:
    """A folder of files, 0600: a record a file, replaced atomically and fsynced; locks are flock(2).

    A lock's file is taken away with it, so that there may be one for each deploy; who waits for it looks again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str) -> Record | None:
        """See :meth:`Store.get`."""
        return _read(key, self._path(key))

    def put(self, key: str, value: Value, *, if_revision: str | None = None) -> str:
        """See :meth:`Store.put`."""
        path = self._path(key)
        revision = os.urandom(8).hex()
        content = json.dumps({"revision": revision, "value": value}, ensure_ascii=False, indent=1).encode()
        self._make(path.parent)
        with self._writing(key):
            self._require(key, path, if_revision)
            durable.replace(path, content, 0o600)
        return revision

    def list(self, prefix: str) -> list[Record]:
        """See :meth:`Store.list`."""
        records = (_read(self._key(path), path) for path in self._files(self._path(prefix)))
        return sorted(record for record in records if record)

    def delete(self, key: str, *, if_revision: str | None = None) -> None:
        """See :meth:`Store.delete`."""
        path = self._path(key)
        with self._writing(key):
            self._require(key, path, if_revision)
            if path.exists():
                path.unlink()
                durable.sync_folder(path.parent)

    @contextmanager
    def lock(self, name: str, *, wait: float | None = None) -> Iterator[Lock]:
        """See :meth:`Store.lock`."""
        with self._flock(self.folder / _LOCKS / _quoted(name), wait) as lock:
            yield lock

    def _require(self, key: str, path: Path, revision: str | None) -> None:
        if revision is None:
            return
        there = _read(key, path)
        if (there.revision if there else ABSENT) != revision:
            raise Conflict(f"{key} was changed by somebody else")

    def _writing(self, key: str) -> AbstractContextManager["_FileLock"]:
        return self._flock(self.folder / _WRITING / hashlib.sha256(key.encode()).hexdigest(), None)

    def _make(self, folder: Path) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def _flock(self, path: Path, wait: float | None) -> Iterator["_FileLock"]:
        self._make(path.parent)
        until = None if wait is None else time.monotonic() + wait
        lock = _locked(path, until)
        while not lock.still_held():  # whoever held it took its file away
            lock.close()
            lock = _locked(path, until)
        try:
            yield lock
        finally:
            lock.remove()

    def _path(self, key: str) -> Path:
        return self.folder.joinpath(*(_quoted(part) for part in key.split("/") if part))

    def _key(self, path: Path) -> str:
        return "/".join(unquote(part) for part in path.relative_to(self.folder).parts)

    def _files(self, folder: Path) -> Iterator[Path]:
        try:
            entries = list(os.scandir(folder))
        except (FileNotFoundError, NotADirectoryError):
            return
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self._files(Path(entry.path))
            else:
                yield Path(entry.path)


class Unwritten:
    """A store that can be looked at: what is written to it is forgotten."""

    def __init__(self, store: Store) -> None:
        self.get, self.list, self.lock = store.get, store.list, store.lock

    def put(self, key: str, value: Value, *, if_revision: str | None = None) -> str:  # noqa: ARG002
        """Nothing is written."""
        return ABSENT

    def delete(self, key: str, *, if_revision: str | None = None) -> None:
        """Nothing is removed."""


class _FileLock:
    def __init__(self, fd: int, path: Path) -> None:
        self._fd, self._path = fd, path

    def still_held(self) -> bool:
        try:
            return os.fstat(self._fd).st_ino == self._path.stat().st_ino
        except FileNotFoundError:
            return False

    def remove(self) -> None:
        """Leave the lock, and no file behind."""
        if self.still_held():
            self._path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        os.close(self._fd)


def _read(key: str, path: Path) -> Record | None:
    try:
        document = json.loads(_content(path))
        return Record(key, document["value"], document["revision"])
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"the record {path} is damaged: {error}") from error


def _content(path: Path) -> bytes:
    # Whoever waits for a FIFO that somebody put there would wait for ever.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("not a file")
        return file.read()


def _quoted(part: str) -> str:
    name = quote(part, safe="*:[]@+=, ")
    return f"%2E{name[1:]}" if name.startswith(".") else name


def _locked(path: Path, until: float | None) -> _FileLock:
    """A lock on the file that was at ``path``; raises :class:`Busy` when it is not free at the moment ``until``."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | (0 if until is None else fcntl.LOCK_NB))
            except BlockingIOError:
                if until is not None and time.monotonic() >= until:
                    raise Busy(f"{path.name} is held by somebody else") from None
                time.sleep(_POLL)
            else:
                return _FileLock(fd, path)
    except BaseException:
        os.close(fd)
        raise
