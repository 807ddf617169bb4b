"""What `benchmarks.issuance` wants of an ACME client: a turn that is got ready, timed and tidied up."""

import contextlib
import os
import re
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from tests.lab.machine import program, version
from tests.lab.server import Server

EMAIL = "owner@example.org"
PATIENCE = 600  # seconds for one run, or for one domain to answer


class Failed(Exception):
    """A client did not do it: its last error line."""


class Client(ABC):
    """One client with an account and a folder of its own; raises :class:`tests.lab.machine.Missing` on creation."""

    name: ClassVar[str]
    listens_itself: ClassVar[bool] = False  # where nginx does, which is stopped while it has its turn

    def __init__(self, server: Server) -> None:
        self.program = self.find()
        self.server = server
        self.folder = server.folder / "clients" / self.name
        self.folder.mkdir(parents=True)
        self.log = self.folder / "output.log"
        self.repeated = 0  # runs that failed and were made again, on the clock

    def find(self) -> str:
        """Its program's path."""
        return program(self.name)

    def version(self) -> str:
        """What it says of itself, or else what its package says."""
        numbers = version([self.program, "--version"])
        if not numbers:  # Debian's lego calls itself "dev"
            with contextlib.suppress(OSError):
                numbers = version(["dpkg-query", "--show", "--showformat=${Version}", self.name])
        return ".".join(map(str, numbers)) or "?"

    def set_up(self) -> None:
        """What its users did once, before the clock starts; it has an account and has issued something then."""
        domains = [f"first.{self.name.replace(' ', '-')}.example"]
        with self.turn("first", domains) as issue:
            issue()
        self.verify(domains)
        self.repeated = 0

    @contextmanager
    def turn(self, title: str, domains: list[str]) -> Iterator[Callable[[], None]]:
        """Get ready, give what is timed, and tidy up. ``title`` is unique."""
        del title
        if self.listens_itself:
            self.server.nginx.stop()
        try:
            yield lambda: self.issue(domains)
        finally:
            if self.listens_itself:
                self.server.nginx.start()

    @abstractmethod
    def issue(self, domains: list[str]) -> None:
        """Get one certificate a domain; this is what is timed. Raises :class:`Failed`."""

    @abstractmethod
    def verify(self, domains: list[str]) -> None:
        """Look at the certificates after the clock has stopped. Raises :class:`Failed`."""

    def run(self, argv: list[str], env: dict[str, str] | None = None) -> None:
        """Run a program to its end. Raises :class:`Failed`."""
        with self.log.open("wb") as log:
            try:
                done = subprocess.run(
                    argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | (env or {}), check=False,
                    timeout=PATIENCE,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                raise Failed(f"still running after {PATIENCE} s") from None
        if done.returncode:
            raise Failed(last_error(self.log))


def last_error(log: Path) -> str:
    """The last line that speaks of an error, or else the last."""
    lines = [line.strip() for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"error|fail|\bdetail\b", line, re.IGNORECASE)]
    return (telling or lines or ["without a word"])[-1]
