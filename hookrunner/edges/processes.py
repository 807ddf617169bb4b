"""The doorway to other programs: argv lists, no shell, no inherited input, bounded in time."""

import os
import select
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple, NoReturn

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # where programs are, whatever a shell has
SYSTEM = {"PATH": PATH, "LC_ALL": "C"}  # an environment: with its own, ``su`` without ``-`` finds no /usr/sbin

_MOST_LINES = 1000  # of a program's output that are passed on as they come
_LAST_LINES = 50  # that are passed on in any case: they say why
_LONGEST_LINE = 4096  # bytes
_GRACE = 5.0  # seconds between SIGTERM and SIGKILL
_TICK = 100  # milliseconds
_CHUNK = 1 << 16  # bytes
_AFTER_THE_END = 64  # chunks that are read when what was left running goes on writing


class ProgramFailed(Exception):
    """A program ended with an error, ran too long or is not there. The message holds its last words."""


def become(argv: list[str], env: Mapping[str, str]) -> NoReturn:
    """Run a program in place of this process, with that environment and nothing of ours; raises OSError."""
    os.chdir("/")
    os.execvpe(argv[0], argv, env)  # noqa: S606 (no shell is what is wanted)


class Result(NamedTuple):
    """What a program left behind."""

    status: int
    out: bytes
    err: str


def run(
    argv: Sequence[str | os.PathLike[str]],
    *,
    env: Mapping[str, str] | None = None,
    content: bytes | None = None,
    timeout: float = 300,
    check: bool = True,
    umask: int = -1,
) -> Result:
    """Run a program to its end; ``content`` is its standard input. Raises :class:`ProgramFailed`."""
    words = [os.fspath(word) for word in argv]
    try:
        with _named(words[0]):
            done = subprocess.run(
                words, env=env, input=content, stdin=None if content is not None else subprocess.DEVNULL,
                capture_output=True, timeout=timeout, check=False, cwd="/", umask=umask,
            )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ProgramFailed(f"{words[0]} did not end within {timeout:.0f} s") from error
    result = Result(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))
    if check and result.status:
        raise ProgramFailed(_last_words(words[0], result))
    return result


@contextmanager
def _named(program: str) -> Iterator[None]:
    """Name the program that cannot be started."""
    try:
        yield
    except FileNotFoundError as error:
        raise ProgramFailed(f"{program} is not there") from error
    except OSError as error:
        raise ProgramFailed(f"{program}: {error.strerror}") from error


def _last_words(program: str, result: Result) -> str:
    lines = result.err.strip().splitlines()
    return f"{program}: {lines[-1] if lines else f'ended with status {result.status}'}"


def follow(argv: Sequence[str], *, env: Mapping[str, str], timeout: float, say: Callable[[str], None]) -> None:
    """Run a program and pass on its output line by line. Raises :class:`ProgramFailed`.

    What it leaves running in the background is left alone, unless it did not end in time.
    """
    with _named(argv[0]):
        process = subprocess.Popen(
            argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/",
            start_new_session=True, bufsize=0,
        )  # fmt: skip
    try:
        _pass_on(process, time.monotonic() + timeout, _Lines(say))
    except subprocess.TimeoutExpired:
        _end(process)
        raise ProgramFailed(f"{argv[0]} did not end within {timeout:.0f} s") from None
    except BaseException:
        _end(process)
        raise
    finally:
        if process.stdout:
            process.stdout.close()
    if process.returncode:
        raise ProgramFailed(f"{argv[0]} ended with status {process.returncode}")


def _pass_on(process: "subprocess.Popen[bytes]", until: float, lines: "_Lines") -> None:
    assert process.stdout is not None  # noqa: S101 — a pipe was asked for
    output = process.stdout.fileno()
    os.set_blocking(output, False)
    poll = select.poll()
    poll.register(output, select.POLLIN)
    left = _AFTER_THE_END
    while left:
        ended = process.poll() is not None  # looked at before the read, so that nothing is missed
        left -= ended
        if poll.poll(0 if ended else _TICK):
            chunk = os.read(output, _CHUNK)
            lines.take(chunk)
            if not chunk:
                process.wait(max(until - time.monotonic(), 0))
                break
        elif ended:
            break
        if not ended and time.monotonic() > until:
            raise subprocess.TimeoutExpired(process.args, 0)
    lines.end()


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the program and all that it started."""
    with suppress(ProcessLookupError, subprocess.TimeoutExpired):
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(_GRACE)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class _Lines:
    """Bytes to lines."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._rest = b""
        self._said = 0
        self._last: deque[str] = deque(maxlen=_LAST_LINES)

    def take(self, chunk: bytes) -> None:
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        for line in whole:
            self._line(line)
        if len(self._rest) > _LONGEST_LINE:
            self._line(self._rest)
            self._rest = b""

    def end(self) -> None:
        if self._rest:
            self._line(self._rest)
        left_out = self._said - _MOST_LINES - len(self._last)
        if left_out > 0:
            self._say(f"{left_out} lines are left out")
        for line in self._last:
            self._say(line)

    def _line(self, line: bytes) -> None:
        self._said += 1
        text = line[:_LONGEST_LINE].decode("utf-8", "replace").rstrip()
        if self._said <= _MOST_LINES:
            self._say(text)
        else:
            self._last.append(text)
