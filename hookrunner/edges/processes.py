"""The doorway to other programs: argv lists, no shell, no inherited input, bounded in time."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class ProgramFailed(Exception):
    """A program ended with an error, ran too long or is not there. The message holds its last words."""


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
        done = subprocess.run(
            words, env=env, input=content, stdin=None if content is not None else subprocess.DEVNULL,
            capture_output=True, timeout=timeout, check=False, cwd="/", umask=umask,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise ProgramFailed(f"{words[0]} is not there") from error
    except OSError as error:
        raise ProgramFailed(f"{words[0]}: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise ProgramFailed(f"{words[0]} did not end within {timeout:.0f} s") from error
    result = Result(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))
    if check and result.status:
        raise ProgramFailed(_last_words(words[0], result))
    return result


def _last_words(program: str, result: Result) -> str:
    lines = result.err.strip().splitlines()
    return f"{program}: {lines[-1] if lines else f'ended with status {result.status}'}"
