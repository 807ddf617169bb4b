"""The doorway to nginx: its version, its test, its reload, and whether its workers run what was published."""

import re
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from hookrunner.model.names import Domain
from hookrunner.model.server import Nginx
from hookrunner.publisher.programs import Call, call

MARKER_HOST = "hookrunner.invalid"  # a name that nobody can have (RFC 6761 section 6.4)

_ANSWERS_IN_A_ROW = 5
_WHILE = 0.12  # seconds
_ROLL_OVER = 3.0  # seconds, beside the time that nginx takes to read its configuration
_PAUSE = 0.005
_TIMEOUT = 120  # seconds; ten thousand certificates take seven to parse
_VERSION = re.compile(r"nginx/(\d+)\.(\d+)\.(\d+)")
_BLAME = re.compile(r"nginx: \[(?:emerg|alert|crit|error)\] (?P<words>.*?)(?: in (?P<file>\S+:\d+))?\Z")
_CLASH = re.compile(r'conflicting server name "(?P<name>[^"]+)"')
_FILE = re.compile(r"^# configuration file (?P<path>.*):$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call of nginx ended: fine, or with these words (file and line first, where nginx names them)."""

    ok: bool
    words: tuple[str, ...] = ()
    clashes: frozenset[str] = frozenset()  # server names that another file has too
    took: float = 0.0
    called: bool = True  # False: the program is not there, or did not end


class Server:
    """The machine's nginx, as the settings say how to call it."""

    def __init__(self, settings: Nginx) -> None:
        self._settings = settings

    @cached_property
    def version(self) -> tuple[int, int, int]:
        """The version of the program, asked for once; (0, 0, 0) when it does not say."""
        found = _VERSION.search(call([self._settings.program, "-v"], _TIMEOUT).err)
        return (int(found[1]), int(found[2]), int(found[3])) if found else (0, 0, 0)

    def test(self) -> Outcome:
        """``nginx -t`` of everything."""
        return _outcome(call(self._settings.test, _TIMEOUT))

    def reload(self) -> Outcome:
        """Have the workers replaced. Success proves nothing yet: see :meth:`runs`."""
        started = time.monotonic()
        outcome = _outcome(call(self._settings.reload, _TIMEOUT))
        return replace(outcome, took=time.monotonic() - started)

    def restart(self) -> Outcome:
        """Have systemd start nginx anew."""
        return _outcome(call(["systemctl", "restart", "nginx.service"], _TIMEOUT))

    def runs(self, generation: str, *, reading: float) -> bool:
        """Whether only workers of this generation answer now; waits for them as long as is reasonable.

        ``reading`` is how many seconds nginx took to parse. The master lets old workers accept for 100 ms beside the
        new ones, and any of them may take a connection: so every answer of a longer while has to be right.
        """
        until = time.monotonic() + 2 * reading + _ROLL_OVER
        right_since, in_a_row = 0.0, 0
        while True:
            if self.answers(generation):
                right_since = right_since if in_a_row else time.monotonic()
                in_a_row += 1
                if in_a_row >= _ANSWERS_IN_A_ROW and time.monotonic() - right_since >= _WHILE:
                    return True
            else:
                in_a_row = 0
            if time.monotonic() > until:
                return False
            time.sleep(_PAUSE)

    def address(self) -> str:
        """Where this machine reaches its own nginx."""
        return next(iter(self._settings.listen), "127.0.0.1")

    def files_with(self, name: Domain, *, but: str) -> tuple[str, ...]:
        """The configuration files, except ``but``, that have ``name`` as a server name."""
        named = re.compile(rf"server_name\b[^;]*[\s\"']{re.escape(name.name)}[\s;\"']", re.IGNORECASE)
        _, files = self.read()
        return tuple(path for path, text in files.items() if path != but and named.search(text))

    def read(self) -> tuple[Outcome, dict[str, str]]:
        """The same test, and every file that nginx reads with its text; none where it does not pass (``nginx -T``)."""
        done = call(["-T" if word == "-t" else word for word in self._settings.test if word != "-q"], _TIMEOUT)
        parts = _FILE.split(done.out)
        return _outcome(done), dict(zip(parts[1::2], parts[2::2], strict=True))

    def is_taken(self, port: int) -> bool:
        """Whether any program answers on the port."""
        try:
            with socket.create_connection((self.address(), port), timeout=1):
                return True
        except OSError:
            return False

    def answers(self, generation: str) -> bool:
        """Whether the worker that answers now runs this generation."""
        request = f"GET /{generation} HTTP/1.1\r\nHost: {MARKER_HOST}\r\nConnection: close\r\n\r\n"
        try:
            with socket.create_connection((self.address(), self._settings.http_port), timeout=1) as connection:
                connection.sendall(request.encode())
                return connection.recv(64).startswith(b"HTTP/1.1 204")
        except OSError:
            return False


def why_not_reloaded(reloaded: Outcome) -> tuple[str, ...]:
    """What to say of a reload after which nginx did not run what it was to."""
    if not reloaded.ok:
        return reloaded.words
    return ("the reload was accepted, but the old workers went on", "nginx's error log says why")


def listens(addresses: Iterable[str], port: int) -> list[str]:
    """What to write behind ``listen`` for ``port``: the addresses, or every one that this machine can have."""
    given = [f"[{a}]:{port}" if ":" in a else f"{a}:{port}" for a in addresses]
    return given or [str(port), *([f"[::]:{port}"] if _has_ipv6() else [])]


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True


def _outcome(done: Call) -> Outcome:
    status, err, _ = done
    if not done.was_called:
        return Outcome(False, (err,), called=False)
    clashes = frozenset(_CLASH.findall(err))
    if status == 0:
        return Outcome(True, clashes=clashes)
    for line in err.splitlines():
        if blame := _BLAME.match(line):
            place = (blame["file"],) if blame["file"] else ()
            return Outcome(False, (*place, blame["words"]), clashes)
    last = err.strip().splitlines()[-3:]
    return Outcome(False, tuple(last) or (f"ended with status {status}",), clashes)
