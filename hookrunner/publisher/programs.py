"""The publisher's doorway to other programs: argv lists from the settings, no shell, no input, bounded in time."""

import subprocess
from collections.abc import Sequence
from typing import NamedTuple

NOT_THERE, TOO_LONG = 127, 124  # statuses, as a shell and timeout(1) have them


class Call(NamedTuple):
    """How a program ended."""

    status: int
    err: str
    out: str

    @property
    def was_called(self) -> bool:
        """Whether it is there, and came to an end."""
        return self.status not in (NOT_THERE, TOO_LONG)


def call(argv: Sequence[str], timeout: float) -> Call:
    """Run a program to its end."""
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False, cwd="/", text=True,
            errors="replace",
        )  # fmt: skip
    except OSError as error:
        return Call(NOT_THERE, f"{argv[0]}: {error.strerror}", "")
    except subprocess.TimeoutExpired:
        return Call(TOO_LONG, f"{' '.join(argv)} did not end within {timeout:.0f} s", "")
    return Call(done.returncode, done.stderr, done.stdout)
