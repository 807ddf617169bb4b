"""A whole deploy server in one folder: settings, CA, DNS, nginx, and people who push to it."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import toml

from tests.lab.machine import Ports, program
from tests.lab.nginx import Nginx
from tests.lab.pebble import Pebble

COMMAND = Path(sys.executable).parent / "hookrunner"
LATER = Path(__file__).parent / "later.py"


@dataclass(frozen=True)
class Answer:
    """What a web server answered."""

    status: int
    headers: dict[str, str]
    body: str


class Server:
    """Up after creation; :meth:`down` ends all that it started and removes its folder."""

    def __init__(
        self,
        *,
        settings: Mapping[str, object] | None = None,
        pebble_env: Mapping[str, str] | None = None,
        pebble: Mapping[str, object] | None = None,
        resolver: str = "",
        command: Path = COMMAND,
    ) -> None:
        program("git")
        self.command = command
        self.ports = Ports()
        # Not pytest's folder: nginx's workers are another user, and must be able to get in.
        self.folder = Path(tempfile.mkdtemp(prefix="hookrunner-"))
        self.folder.chmod(0o755)
        self.state = self.folder / "state"
        self.config = self.folder / "server.toml"
        self.http_port, self.https_port = self.ports.take(), self.ports.take()
        self.nginx = Nginx(self.folder / "nginx")
        self._cas: list[Pebble] = []
        self.pebble = self.ca(self.folder, env=pebble_env, config=pebble, resolver=resolver)
        try:
            self._start(settings or {})
        except BaseException:
            self.down()
            raise

    def _start(self, changes: Mapping[str, object]) -> None:
        settings: dict[str, dict[str, object] | str] = {
            "state": str(self.state),
            "acme": {
                "email": "owner@example.org",
                "directory": self.pebble.directory,
                "ca_bundle": str(self.pebble.ca_bundle),
            },
            "dns": {"resolvers": [self.pebble.resolver]},
            "nginx": {
                "sites": str(self.nginx.sites),
                "listen": ["127.0.0.1"],
                "http_port": self.http_port,
                "https_port": self.https_port,
                "public_http_port": self.http_port,
                "public_https_port": self.https_port,
                "program": self.nginx.program,
                "test": self.nginx.test,
                "reload": self.nginx.reload,
            },
        }
        for name, value in changes.items():
            old = settings.get(name)
            settings[name] = old | value if isinstance(old, dict) and isinstance(value, dict) else value  # type: ignore[assignment]
        self.config.write_text(toml.dumps(settings))
        self.config.chmod(0o640)
        self.run("init")
        self.nginx.start()

    def ca(
        self,
        folder: Path,
        *,
        env: Mapping[str, str] | None = None,
        config: Mapping[str, object] | None = None,
        resolver: str = "",
    ) -> Pebble:
        """A Pebble that validates through this server's nginx; its files are in ``folder``."""
        folder.mkdir(exist_ok=True)
        ports = {"http_port": self.http_port, "https_port": self.https_port}
        self._cas.append(Pebble(folder, self.ports, **ports, env=env or {}, config=config or {}, resolver=resolver))
        return self._cas[-1]

    def run(self, *words: str, check: bool = True, later: timedelta = timedelta(0)) -> subprocess.CompletedProcess[str]:
        """Run a command of ours with this server's settings; ``later`` than now, by its own clock."""
        done = subprocess.run(
            [*self._command(later), "--config", self.config, *words],
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        if check and done.returncode:
            raise AssertionError(f"hookrunner {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def _command(self, later: timedelta) -> list[str | Path]:
        return [sys.executable, LATER, f"{later.total_seconds()}"] if later else [self.command]

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Run a command of ours beside the test; Ctrl-C reaches it also where a shell has put the tests behind."""
        return subprocess.Popen(
            [self.command, "--config", self.config, *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def app(self, name: str) -> "Clone":
        """A new app, and somebody's repository with it as the remote ``server``."""
        self.run("apps", "create", name)
        return self.clone(name)

    def clone(self, name: str) -> "Clone":
        """A new repository with the app as its remote ``server``."""
        return Clone(self.folder / "clones" / name, self.state / "repos" / f"{name}.git")

    def get(
        self, host: str, path: str = "/", *, https: bool = False, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask nginx for a page; over HTTPS its chain is verified for ``host`` under Pebble's root."""
        with self._connect(host, https=https) as connection:
            lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: close"]
            lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
            connection.sendall("\r\n".join([*lines, "", ""]).encode())
            answer = b""
            while chunk := connection.recv(1 << 16):
                answer += chunk
        head, _, body = answer.partition(b"\r\n\r\n")
        if not head:
            return Answer(0, {}, "")
        first, *rest = head.decode("latin-1").split("\r\n")
        fields = dict(line.split(": ", 1) for line in rest)
        return Answer(int(first.split()[1]), {name.lower(): value for name, value in fields.items()}, body.decode())

    def leaf(self, host: str, ca: Pebble | None = None) -> bytes:
        """The leaf (DER) that nginx serves for ``host``, verified under Pebble's root, or that of another CA."""
        with self._connect(host, https=True, root=(ca or self.pebble).root()) as connection:
            assert isinstance(connection, ssl.SSLSocket)
            return connection.getpeercert(binary_form=True) or b""

    def _connect(self, host: str, *, https: bool, root: str = "") -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.https_port if https else self.http_port), timeout=10)
        if not https:
            return connection
        try:
            context = ssl.create_default_context(cadata=root or self.pebble.root())
            return context.wrap_socket(connection, server_hostname=host)
        except BaseException:
            connection.close()
            raise

    def pids(self) -> list[int]:
        """The processes that run until :meth:`down`."""
        return [*self.nginx.pids(), *(pid for ca in self._cas for pid in ca.pids())]

    def down(self) -> None:
        """End everything."""
        self.nginx.stop()
        for ca in self._cas:
            ca.stop()
        self.ports.release()
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True)
class Push:
    """How a push ended, and what it showed: git's ``remote: `` taken off, as a person reads it."""

    status: int
    text: str
    output: str

    @property
    def verdict(self) -> str:
        """The last line of the hook."""
        return self.output.rstrip().splitlines()[-1]


class Clone:
    """A person's repository. ``ssh`` is the command that git calls, where the remote is on another machine."""

    def __init__(self, folder: Path, remote: Path, *, ssh: str = "ssh") -> None:
        self.folder = folder
        self.remote = remote
        self._ssh = ssh
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("remote", "add", "server", str(remote))

    def git(self, *words: str, check: bool = True, stdin: bytes | None = None) -> str:
        """Run git here; its output."""
        done = self._git(*words, stdin=stdin)
        if check and done.returncode:
            raise AssertionError(f"git {' '.join(words)}: {done.stderr}")
        return done.stdout.strip()

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Write files."""
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, files: Mapping[str, str | bytes] | None = None, message: str = "Change") -> str:
        """Write files, commit everything, and return the commit."""
        self.write(files or {})
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def push(self, *refs: str) -> Push:
        """Push to the server; ``main`` unless told otherwise."""
        return self.git_push("server", *(refs or ("main",)))

    def git_push(self, remote: str, *refs: str) -> Push:
        """Push to any remote."""
        done = self._git("push", remote, *refs)
        lines = [
            line.removeprefix("remote: ").rstrip() for line in done.stderr.splitlines() if line.startswith("remote:")
        ]
        return Push(done.returncode, done.stderr, "\n".join(lines))

    def _git(self, *words: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_SSH_COMMAND": self._ssh,
            "GIT_AUTHOR_NAME": "Ada",
            "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "Ada",
            "GIT_COMMITTER_EMAIL": "ada@example.org",
        }
        return subprocess.run(
            ["git", *words], cwd=self.folder, env=env, capture_output=True, check=False, timeout=300,
            input=stdin.decode("utf-8", "surrogateescape") if stdin else None, text=True, errors="surrogateescape",
        )  # fmt: skip
