"""What the machine gives: programs, free ports, and processes that end when they are no longer needed."""

import fcntl
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Self

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
_RESERVED = Path(tempfile.gettempdir()) / "hookrunner-lab-ports"
_FIRST_PORT, _LAST_PORT = 20_000, 32_000  # below what Linux gives to outgoing connections


class Missing(Exception):
    """A program is not on this machine, or too old."""


def program(name: str) -> str:
    """The full path of a program; raises :class:`Missing`."""
    found = shutil.which(name, path=_PATH)
    if not found:
        raise Missing(f"{name} is not installed; scripts/test installs it")
    return found


class Ports:
    """Loopback ports that no other lab on this machine takes, however many run at once."""

    def __init__(self) -> None:
        self._held: list[IO[str]] = []

    def take(self) -> int:
        """A free port, held until :meth:`release`."""
        _RESERVED.mkdir(exist_ok=True, mode=0o777)
        start = _FIRST_PORT + os.getpid() * 7 % (_LAST_PORT - _FIRST_PORT)
        for offset in range(_LAST_PORT - _FIRST_PORT):
            port = _FIRST_PORT + (start + offset - _FIRST_PORT) % (_LAST_PORT - _FIRST_PORT)
            file = (_RESERVED / str(port)).open("w")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                continue
            if is_free(port):
                self._held.append(file)
                return port
            file.close()
        raise Missing("no free port")

    def release(self) -> None:
        """Let others have them."""
        while self._held:
            self._held.pop().close()


class Process:
    """A server that we started and that we end."""

    def __init__(self, argv: Sequence[str], log: Path, env: dict[str, str] | None = None) -> None:
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=os.environ | (env or {}),
                start_new_session=True,
            )
        self.argv, self.log = list(argv), log

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def wait_for(self, ready: Callable[[], bool], seconds: float = 15) -> Self:
        """Wait until it is ready; raise with its log when it ends or takes too long."""
        until = time.monotonic() + seconds
        while not ready():
            if self._process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise RuntimeError(f"{self.argv[0]} did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.02)
        return self

    def stop(self) -> None:
        """End it, and see that it has ended."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)


def listens(port: int, address: str = "127.0.0.1") -> bool:
    """Whether somebody answers on the loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0


def version(argv: Sequence[str]) -> tuple[int, ...]:
    """The first version number that a program prints."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=10)
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", done.stdout + done.stderr)
    return tuple(int(part) for part in found.groups() if part) if found else ()


def is_free(port: int) -> bool:
    """Whether nobody listens on the port, and we may."""
    try:
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0")):  # noqa: S104
            with socket.socket(family) as probe:
                probe.bind((address, port))
    except OSError:
        return False
    return True
