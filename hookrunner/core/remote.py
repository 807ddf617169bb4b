"""What may be typed over SSH, as a grammar: a line that does not fit it as a whole is nothing that is run.

The line is what sshd has as SSH_ORIGINAL_COMMAND. No shell sees it: its words become a new argument list, each of them
one that its place allows.
"""

import re
from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import NamedTuple

from hookrunner.core import nearest
from hookrunner.model.names import AppName, Invalid

_LONGEST = 1000  # characters
_LINE = re.compile(r"[!-~]+(?: [!-~]+)*")  # printable ASCII, one blank between two words
_GIT = re.compile(r"git[ -](?P<service>receive-pack|upload-pack) (?P<quote>'?)(?P<path>[A-Za-z0-9/._-]+)(?P=quote)")
_OWN = re.compile(r"/?(?P<name>[a-z0-9_-]+)(?:\.git)?/?")

_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./^~+-]*")
_PATH = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_./+-]*")
_COMMIT = re.compile(r"[0-9A-Fa-f]{7,64}")
_NUMBER = re.compile(r"[1-9][0-9]{0,9}")
_DURATION = re.compile(r"[0-9]{1,9}[a-z]{0,2}")
_NOTHING: Mapping[str, re.Pattern[str]] = MappingProxyType({})


class Takes(Enum):
    """Whether a command is about one app."""

    NO_APP = auto()
    APP_OR_ALL = auto()  # without one, all that the key reaches
    APP = auto()


class Rule(NamedTuple):
    """A command that may be typed, with what may follow it."""

    words: tuple[str, ...]
    does: str
    takes: Takes = Takes.NO_APP
    flags: tuple[str, ...] = ()
    options: Mapping[str, re.Pattern[str]] = _NOTHING
    needs: tuple[str, ...] = ()  # the options that have to be there
    number: str = ""  # what a number behind the app is called
    operand: str = ""  # the one other word that may follow
    changes: bool = False  # what is served, so that a key with a limit needs an app with allowed_domains
    only_for_all: bool = False  # not for a key with a limit

    @property
    def usage(self) -> str:
        """How it is typed."""
        app = {Takes.NO_APP: "", Takes.APP_OR_ALL: "[APP]", Takes.APP: "NAME" if len(self.words) > 1 else "APP"}
        pairs = {option: f"{option} {option.lstrip('-').upper()}" for option in self.options}
        options = (pair if option in self.needs else f"[{pair}]" for option, pair in pairs.items())
        flags = (f"[{flag}]" for flag in self.flags)
        number = f"[{self.number}]" if self.number else ""
        return " ".join(filter(None, [*self.words, app[self.takes], number, self.operand, *options, *flags]))


RULES = (
    Rule(("status",), "what is live, and what waits", Takes.APP_OR_ALL, ("--json",)),
    Rule(("report",), "the certificates", Takes.APP_OR_ALL, ("--json", "--metrics")),
    Rule(("plan",), "what a deploy would do, and why", Takes.APP, ("--json",), {"--rev": _REVISION}),
    Rule(
        ("deploys",), "the history, or the log of one", Takes.APP, ("--follow", "--json"),
        {"--last": _NUMBER}, number="N",
    ),
    Rule(
        ("wait",), "follow the deploy of a commit", Takes.APP,
        options={"--commit": _COMMIT, "--timeout": _DURATION}, needs=("--commit",),
    ),
    Rule(("deploy",), "deploy again", Takes.APP, ("--retry", "--json"), {"--rev": _REVISION}, changes=True),
    Rule(("rollback",), "back to an earlier release", Takes.APP, ("--json",), number="DEPLOY", changes=True),
    Rule(("renew",), "secure what waits, renew what is due", Takes.APP_OR_ALL, ("--dry-run", "--json"), changes=True),
    Rule(("apps", "list"), "the apps", flags=("--json",)),
    Rule(
        ("apps", "create"), "make an app", Takes.APP,
        options={"--branch": _REVISION, "--manifest": _PATH}, changes=True,
    ),
    Rule(("check",), "validate the app.toml on standard input", flags=("--json",), operand="-"),
    Rule(("doctor",), "what would stop the next push or renewal", flags=("--json",), only_for_all=True),
)  # fmt: skip


class Git(NamedTuple):
    """What a git client asks for: a service over a repository, by the path that was typed."""

    service: str  # "receive-pack", a push; "upload-pack", a fetch
    path: str

    @property
    def app(self) -> AppName | None:
        """The app that the path names, as ``parkspot`` or ``parkspot.git``; None for another path."""
        found = _OWN.fullmatch(self.path)
        try:
            return AppName.parse(found["name"].removesuffix(".git")) if found else None
        except Invalid:
            return None


class Typed(NamedTuple):
    """A command of ours: its argument list, which holds nothing but what the grammar knows."""

    rule: Rule
    argv: tuple[str, ...]
    app: AppName | None


class Help(NamedTuple):
    """Somebody asks what may be typed."""


def parse(line: str) -> Git | Typed | Help:
    """What a line means. Raises :class:`~hookrunner.model.names.Invalid` for everything that is not in the grammar."""
    if len(line) > _LONGEST:
        raise Invalid("is too long")
    if found := _GIT.fullmatch(line):
        return Git(found["service"], found["path"])
    if not _LINE.fullmatch(line):
        raise Invalid("holds something that no command has; words have one blank between them, and no quotes")
    words = line.split(" ")
    if words in (["help"], ["--help"], ["-h"]):
        return Help()
    for rule in RULES:
        if tuple(words[: len(rule.words)]) == rule.words:
            return _typed(rule, words[len(rule.words) :])
    first = {rule.words[0] for rule in RULES}
    near = None if words[0] in first else nearest.word(words[0], sorted(first))
    raise Invalid("is nothing that can be typed over SSH" + (f"; did you mean {near}?" if near else ""))


def _typed(rule: Rule, words: list[str]) -> Typed:
    plain: list[str] = []
    options: dict[str, list[str]] = {}
    left = list(words)
    while left:
        word = left.pop(0)
        if not word.startswith("--"):
            plain.append(word)
            continue
        option, equals, value = word.partition("=")
        if option in options:
            raise Invalid(f"says {option} twice")
        if option in rule.flags and not equals:
            options[option] = [option]
        elif option in rule.options:
            if not equals and not left:
                raise Invalid(f"has nothing behind {option}")
            options[option] = [option, _fitting(option, value if equals else left.pop(0), rule.options[option])]
        else:
            raise Invalid(f"has {option}, which is no option here: {rule.usage}")
    if missing := [option for option in rule.needs if option not in options]:
        raise Invalid(f"lacks {missing[0]}: {rule.usage}")
    operands, app = _operands(rule, plain)
    return Typed(rule, (*rule.words, *operands, *(word for pair in options.values() for word in pair)), app)


def _operands(rule: Rule, plain: list[str]) -> tuple[list[str], AppName | None]:
    left, operands, app = list(plain), list[str](), None
    if rule.takes is Takes.APP and not left:
        raise Invalid(f"does not say which app: {rule.usage}")
    if rule.takes is not Takes.NO_APP and left:
        app = AppName.parse(left.pop(0))
        operands.append(str(app))
    if rule.number and left:
        operands.append(_fitting(rule.number, left.pop(0), _NUMBER))
    if rule.operand:
        left = left[1:] if left[:1] == [rule.operand] else left
        operands.append(rule.operand)
    if left:
        raise Invalid(f'has "{left[0]}" too many: {rule.usage}')
    return operands, app


def _fitting(place: str, word: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(word):
        raise Invalid(f'has "{word}" for {place}, which cannot be')
    return word
