"""Runs a command of ours whose clock is ahead by so many seconds, or behind; ``python later.py SECONDS WORDS…``."""

import sys
from datetime import UTC, datetime, timedelta

import time_machine


def main() -> None:
    """Be the command."""
    then = datetime.now(UTC) + timedelta(seconds=float(sys.argv[1]))
    sys.argv = ["hookrunner", *sys.argv[2:]]
    with time_machine.travel(then, tick=True):
        from hookrunner.__main__ import main as command

        command()


if __name__ == "__main__":
    main()
