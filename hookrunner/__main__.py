"""The command. `hook` and `ssh` go past click, whose import costs a push 29 ms."""

import os
import sys
from typing import NoReturn


def _hook(config: str, name: str, app: str) -> NoReturn:
    from hookrunner.cli import hook

    status = hook.main(name, app, config=config)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # a push waits for this process, and tearing it down takes 5 ms


def _ssh(config: str) -> NoReturn:
    from hookrunner.cli import remote

    sys.exit(remote.main(config))


def main() -> None:
    """Run what the arguments say; exit with its status."""
    arguments = sys.argv[1:]
    if len(arguments) == 3 and arguments[0] == "--config" and arguments[2] == "ssh":
        _ssh(arguments[1])
    if len(arguments) == 5 and arguments[0] == "--config" and arguments[2] == "hook":
        _hook(*arguments[1:2], *arguments[3:])
    from hookrunner.cli.commands import run

    sys.exit(run(arguments))


if __name__ == "__main__":
    main()
