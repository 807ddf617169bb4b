"""The command. `hook` goes past click, whose import costs a push 29 ms."""

import sys


def main() -> None:
    """Run what the arguments say; exit with its status."""
    arguments = sys.argv[1:]
    if len(arguments) == 5 and arguments[0] == "--config" and arguments[2] == "hook":
        from hookrunner.cli import hook

        sys.exit(hook.main(arguments[3], arguments[4], config=arguments[1]))
    from hookrunner.cli.commands import run

    sys.exit(run(arguments))


if __name__ == "__main__":
    main()
