"""Runs a command of ours and kills it, with SIGKILL, just before its n-th durable write; ``python killed.py N WORDS…``.

A write becomes durable when a file is renamed into its place, a link is set, or a file is taken away: Python's audit
events tell of each before it happens. Locks, which end with their process, are none.
"""

import os
import signal
import sys

_WRITES = {"os.rename", "os.symlink", "os.remove", "os.rmdir"}
_LOCKS = ("/.locks/", "/.writing/")


def main() -> None:
    """Be the command."""
    left = int(sys.argv[1])

    def count(event: str, facts: tuple[object, ...]) -> None:
        nonlocal left
        if event not in _WRITES or any(part in f"{facts[0]!s}" for part in _LOCKS):
            return
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    sys.argv = ["hookrunner", *sys.argv[2:]]
    from hookrunner.__main__ import main as command

    command()


if __name__ == "__main__":
    main()
