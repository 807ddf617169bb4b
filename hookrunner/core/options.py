"""What `git push -o WORD` asks for (git-push(1), --push-option)."""

from collections.abc import Iterable
from typing import NamedTuple, Self

from hookrunner.core import nearest

DRY_RUN, SKIP_DEPLOY, VERBOSE = KNOWN = ("dry-run", "skip-deploy", "verbose")

_MOST_UNKNOWN = 5  # that are spoken of


class Options(NamedTuple):
    """The push options."""

    dry_run: bool = False  # show the plan, then refuse the push
    skip_deploy: bool = False  # take the push, deploy nothing
    verbose: bool = False
    unknown: tuple[str, ...] = ()

    @classmethod
    def of(cls, words: Iterable[str]) -> Self:
        """Sort the words."""
        given = list(dict.fromkeys(words))
        unknown = tuple(word for word in given if word not in KNOWN)
        return cls(DRY_RUN in given, SKIP_DEPLOY in given, VERBOSE in given, unknown)

    def complaints(self) -> list[str]:
        """What is wrong with the unknown ones."""
        found = [f'"{word}" is no push option; {_advice(word)}' for word in self.unknown[:_MOST_UNKNOWN]]
        left = len(self.unknown) - _MOST_UNKNOWN
        return [*found, f"and {left} more are none"] if left > 0 else found


def _advice(word: str) -> str:
    near = nearest.word(word, KNOWN)
    return f'did you mean "{near}"?' if near else f"known: {', '.join(KNOWN)}"
