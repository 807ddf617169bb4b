"""Somebody with a laptop: types commands there, pushes over SSH, and looks at the sites as a visitor does."""

import os
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.lab.container import Container
from tests.lab.pebble import Pebble
from tests.lab.server import Clone

ROOT = Path(__file__).resolve().parent.parent.parent


class Page(NamedTuple):
    """What came of a request; no status: the connection was closed."""

    status: int
    body: str


class Laptop:
    """``folder`` is where the work is; ``ssh``, ``scp`` and git there know the host your-server."""

    def __init__(self, folder: Path, container: Container, pebble: Pebble) -> None:
        self.folder, self.container, self.pebble = folder, container, pebble
        self._count = 0
        self._pushes: list[subprocess.Popen[bytes]] = []
        self._programs = folder / "bin"
        self._programs.mkdir()
        for name in ("ssh", "scp"):
            script = self._programs / name
            script.write_text(f'#!/bin/sh\nexec /usr/bin/{name} -F "{container.ssh_config}" "$@"\n')
            script.chmod(0o755)

    def type(self, lines: str, folder: Path) -> str:
        """Type lines into a shell; what it showed. The first that fails is an error."""
        done = self.shell(lines, folder)
        assert done.returncode == 0, f"$ {lines}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def shell(self, lines: str, folder: Path) -> "subprocess.CompletedProcess[str]":
        """Type lines into a shell, which ends at the first that fails."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {
            "PATH": f"{self._programs}:/usr/bin:/bin", "GIT_CONFIG_GLOBAL": os.devnull,
            **{f"GIT_{who}_{what}": "ada@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }  # fmt: skip
        return subprocess.run(
            ["bash", "-e", "-c", lines], cwd=folder, env=env, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip

    def tried(self, line: str) -> "subprocess.CompletedProcess[str]":
        """Type a line that may fail, or wait for ever."""
        words = ["timeout", "20", "bash", "-c", line]
        return subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=60)

    def repository(self, app: str) -> Clone:
        """A repository with the app as its remote ``server``."""
        ssh = f"ssh -F {self.container.ssh_config}"
        self._count += 1
        return Clone(self.folder / "repositories" / f"{app}-{self._count}", Path(f"git@your-server:{app}.git"), ssh=ssh)

    def cloned(self, app: str) -> Clone:
        """Another one, at what the server has."""
        clone = self.repository(app)
        clone.git("fetch", "--quiet", "server", "main")
        clone.git("reset", "--hard", "--quiet", "FETCH_HEAD")
        return clone

    def app(self, name: str) -> Clone:
        """A new app, made on the server by root, and its repository."""
        self.container.run(f"hookrunner apps create {name}")
        return self.repository(name)

    def start_push(self, clone: Clone) -> None:
        """Push, and do not wait."""
        env = os.environ | {"GIT_SSH_COMMAND": f"ssh -F {self.container.ssh_config}"}
        nowhere = subprocess.DEVNULL
        words = ["git", "push", "--quiet", "server", "main"]
        self._pushes.append(
            subprocess.Popen(words, cwd=clone.folder, env=env, stdin=nowhere, stdout=nowhere, stderr=nowhere)
        )

    def end_pushes(self) -> None:
        """End those that go on waiting for a server that went away."""
        for push in self._pushes:
            push.kill()
            push.wait()
        self._pushes.clear()

    def leaf(self, host: str) -> bytes:
        """The leaf (DER) that is served for ``host``, verified under Pebble's root."""
        context = ssl.create_default_context(cadata=self.pebble.root())
        with (
            socket.create_connection(("127.0.0.1", 443), timeout=10) as connection,
            context.wrap_socket(connection, server_hostname=host) as secured,
        ):
            return secured.getpeercert(binary_form=True) or b""

    def get(self, host: str, path: str = "/", *, https: bool = True) -> Page:
        """A page; over HTTPS its chain is verified under Pebble's root."""
        with socket.create_connection(("127.0.0.1", 443 if https else 80), timeout=10) as connection:
            if https:
                context = ssl.create_default_context(cadata=self.pebble.root())
                with context.wrap_socket(connection, server_hostname=host) as secured:
                    return _asked(secured, host, path)
            return _asked(connection, host, path)


def _asked(connection: socket.socket, host: str, path: str) -> Page:
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    answer = b""
    while chunk := connection.recv(1 << 16):
        answer += chunk
    head, _, body = answer.decode("utf-8", "replace").partition("\r\n\r\n")
    return Page(int(head.split()[1]) if head else 0, body)


def until(holds: Callable[[], bool], what: str, seconds: float = 120) -> None:
    """Wait for something that another does by itself."""
    end = time.monotonic() + seconds
    while not _quietly(holds):
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.5)


def _quietly(holds: Callable[[], bool]) -> bool:
    try:
        return holds()
    except OSError:
        return False


def blocks(section: str) -> list[str]:
    """The shell blocks of a section of the README."""
    readme = (ROOT / "README.md").read_text()
    (text,) = re.findall(rf"(?ms)^## {re.escape(section)}$(.*?)(?=^## )", readme)
    return re.findall(r"(?ms)^```sh\n(.*?)^```$", text)


def manifest() -> str:
    """The app.toml at the top of the README."""
    (text, *_) = re.findall(r"(?ms)^```toml\n# app\.toml.*?\n(.*?)^```$", (ROOT / "README.md").read_text())
    return str(text)
