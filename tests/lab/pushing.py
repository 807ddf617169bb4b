"""Pushes that run beside a test, and are killed by it."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hookrunner.edges import deploys as records
from hookrunner.edges.records import FileStore
from hookrunner.model.names import AppName
from tests.lab.machine import program
from tests.lab.server import Clone, Server


def wait_for(true: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something is the case."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.02)


def started(clone: Clone, *words: str) -> "subprocess.Popen[str]":
    """A push in a session of its own, as a client has it; its output is read from ``stderr``."""
    return subprocess.Popen(
        [program("git"), "push", "server", *(words or ("main",))], cwd=clone.folder, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
        env=os.environ | {"GIT_CONFIG_GLOBAL": os.devnull},
    )  # fmt: skip


def kill(push: "subprocess.Popen[str]") -> None:
    """SIGKILL for the client, and for receive-pack and the hook, which share its session here."""
    with suppress(ProcessLookupError):
        os.killpg(push.pid, signal.SIGKILL)
    push.wait(30)
    if push.stderr:
        push.stderr.close()


def deploying(server: Server) -> list[int]:
    """The processes that work for this server: hooks, deploys and the programs that they wait for."""
    found: list[int] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            state = (process / "stat").read_text().rpartition(") ")[2][:1]
        except OSError:
            continue
        if state != "Z" and str(server.config).encode() in words:
            found.append(int(process.name))
    return found


def kill_all(server: Server) -> None:
    """SIGKILL for every process that works for this server."""
    for pid in deploying(server):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def deploys(server: Server, app: str) -> list[dict[str, Any]]:
    """The app's deploys, the oldest first."""
    store = FileStore(server.state / "records")
    return [deploy.to_json() for deploy in records.history(store, AppName(app))][::-1]


def held_locks(server: Server) -> list[str]:
    """The locks that a process holds."""
    import fcntl

    held: list[str] = []
    folders = [server.state / "records" / ".locks", server.state / "certificates"]
    files = [*folders[0].glob("*"), folders[1] / ".lock", folders[1] / ".keys", *(folders[1] / ".waiting").glob("*")]
    for path in files:
        if path.exists():
            with path.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    held.append(path.name)
    return held


@dataclass
class Visitor:
    """Somebody who asks for a page all the while, each time over a new connection."""

    answered: int = 0
    wrong: list[str] = field(default_factory=list)


@contextmanager
def visiting(ask: Callable[[], str | None]) -> Iterator[Visitor]:
    """Call ``ask`` until the block ends; what it returns or raises is what was wrong."""
    visitor, over = Visitor(), threading.Event()

    def visit() -> None:
        while not over.is_set():
            try:
                wrong = ask()
            except Exception as error:
                wrong = f"{type(error).__name__}: {error}"
            visitor.answered += 1
            if wrong:
                visitor.wrong.append(wrong)

    thread = threading.Thread(target=visit)
    thread.start()
    try:
        yield visitor
    finally:
        over.set()
        thread.join()
