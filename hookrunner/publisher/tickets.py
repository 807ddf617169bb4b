"""Publications that wait for their turn: whoever's turn it is carries out all that wait, with one reload.

A ticket is a file that its process holds locked for as long as it waits. One that is not locked was left by a process
that died, and what it asked for is not done.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hookrunner import durable

_ANSWER = ".answer"


class Ticket:
    """One request, and its answer once somebody has carried it out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._answer = path.with_suffix(_ANSWER)

    @property
    def request(self) -> Any:
        """What is asked for."""
        return json.loads(self._path.read_bytes())

    @property
    def answer(self) -> Any | None:
        """What came of it; None while it waits."""
        try:
            return json.loads(self._answer.read_bytes())
        except FileNotFoundError:
            return None

    @answer.setter
    def answer(self, answer: object) -> None:
        durable.replace(self._answer, json.dumps(answer).encode(), 0o600, forever=False)

    def tear(self) -> None:
        """Take it away."""
        self._path.unlink(missing_ok=True)
        self._answer.unlink(missing_ok=True)


class Tickets:
    """All that wait, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def draw(self, request: object) -> Iterator[Ticket]:
        """Wait with this request: others may carry it out, as long as the block lasts."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = os.urandom(8).hex()
        hidden = self._folder / f".{name}"
        ticket = Ticket(self._folder / name)
        fd = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)  # before anybody can see it
            with os.fdopen(os.dup(fd), "wb") as file:
                file.write(json.dumps(request).encode())
            hidden.rename(self._folder / name)
            yield ticket
        finally:
            hidden.unlink(missing_ok=True)
            ticket.tear()
            os.close(fd)

    def waiting(self) -> list[Ticket]:
        """Those without an answer whose process still waits. Others are torn up."""
        try:
            names = sorted(entry.name for entry in os.scandir(self._folder) if entry.name.isalnum())
        except FileNotFoundError:
            return []
        found: list[Ticket] = []
        for name in names:
            ticket = Ticket(self._folder / name)
            if not _is_held(self._folder / name):
                ticket.tear()
            elif ticket.answer is None:
                found.append(ticket)
        return found


def _is_held(path: Path) -> bool:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
