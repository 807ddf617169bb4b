"""TOML with line numbers: `tomllib` reads the values, a small scanner finds the line of each key and table header."""

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from hookrunner.model.names import Invalid

LARGEST = 64 * 1024  # bytes
_LONGEST_EXCERPT = 100  # characters of a line that a problem quotes

Path = tuple[str | int, ...]

_LFS = b"version https://git-lfs.github.com/spec/"
_KEY_PART = r"""(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[A-Za-z0-9_-]+)"""
_KEY = rf"{_KEY_PART}(?:[ \t]*\.[ \t]*{_KEY_PART})*"
_HEADER = re.compile(rf"[ \t]*(?P<open>\[\[?)[ \t]*(?P<key>{_KEY})[ \t]*\]")
_ASSIGNMENT = re.compile(rf"[ \t]*(?P<key>{_KEY})[ \t]*=")
_AT_LINE = re.compile(r" \(at (?:line (?P<line>\d+), column \d+|end of document)\)\Z")
# What can hide a bracket from the scanner: strings and comments. The long forms stand first.
_TOKEN = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"{3,5}'
    r"|'''(?:[^']|'(?!''))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|[\[\]{}]"
    r"|\n",
    re.DOTALL,
)
# The same strings and comments in a text that may be broken; each alternative matches in one pass, terminated or not.
_OPAQUE = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+(?:"{3,5})?'
    r"|'''(?:[^']|'(?!''))*+(?:'{3,5})?"
    r'|"(?:[^"\\\n]|\\[^\n])*+"?'
    r"|'[^'\n]*+'?"
    r"|\#[^\n]*",
    re.DOTALL,
)
_DEEPEST = 64  # dots in one key; tomllib's memory grows with their square, 3 GB for a key of 64 KiB


class Problem(NamedTuple):
    """One thing wrong with a file: its line (None: the whole file), that line's text, and what is wrong."""

    line: int | None
    source: str
    text: str


class Document(NamedTuple):
    """A parsed file that knows where its keys stand."""

    data: dict[str, Any]
    lines: tuple[str, ...] = ()
    places: Mapping[Path, int] = MappingProxyType({})

    def line_of(self, path: Path) -> int | None:
        """The line of the key at ``path``, or of what holds it."""
        while path:
            if path in self.places:
                return self.places[path]
            path = path[:-1]
        return None

    def first_table(self, *, after: int = 0) -> int | None:
        """The line of the first table header behind the line ``after``."""
        headers = (n for n, line in enumerate(self.lines, 1) if n > after and _HEADER.match(line))
        return next(headers, None)

    def problem(self, path: Path, text: str) -> Problem:
        """A problem at ``path``."""
        line = self.line_of(path)
        return Problem(line, _excerpt(self.lines[line - 1]) if line else "", text)


class Unreadable(Exception):
    """A file that is no TOML at all. ``problem`` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.text)
        self.problem = problem


def read(content: bytes) -> Document:
    """Parse ``content``; raise :class:`Unreadable` for what is not a small UTF-8 TOML text."""
    try:
        text = _decode(content)
    except Invalid as error:
        raise Unreadable(Problem(None, "", str(error))) from error
    lines = tuple(text.replace("\r\n", "\n").split("\n"))
    if any(part.count(".") > _DEEPEST for part in re.split(r"[=,\[\]{}\n]", _OPAQUE.sub("", text))):
        raise Unreadable(Problem(None, "", "is nested too deeply"))
    try:
        data = tomllib.loads(text)
    except RecursionError as error:
        raise Unreadable(Problem(None, "", "is nested too deeply")) from error
    except ValueError as error:  # tomllib.TOMLDecodeError, and what int() and datetime() refuse below it
        raise Unreadable(_syntax(str(error), lines)) from error
    return Document(data, lines, _places("\n".join(lines)))


def _last(lines: tuple[str, ...]) -> int | None:
    """The last line with anything on it."""
    return next((number for number in range(len(lines), 0, -1) if lines[number - 1].strip()), None)


def _excerpt(line: str) -> str:
    text = line.strip()
    return text if len(text) <= _LONGEST_EXCERPT else f"{text[: _LONGEST_EXCERPT - 1]}…"


def _decode(content: bytes) -> str:
    if len(content) > LARGEST:
        raise Invalid(f"is larger than {LARGEST // 1024} KiB")
    if content.startswith(_LFS):
        raise Invalid("is a Git LFS pointer, not the file itself; keep it out of LFS (git lfs untrack)")
    if content.startswith(b"\xef\xbb\xbf"):
        raise Invalid("starts with a byte order mark (BOM); save it as UTF-8 without one")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Invalid("is UTF-16; save it as UTF-8")
    if b"\0" in content:
        raise Invalid("holds a NUL byte; it is not a text")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise Invalid(f"is not UTF-8: line {line} holds byte 0x{content[error.start]:02x}") from error


def _syntax(message: str, lines: tuple[str, ...]) -> Problem:
    place = _AT_LINE.search(message)
    what = message[: place.start()] if place else message
    if "int_max_str_digits" in what:  # Python's words are for programmers
        what = "a number has too many digits"
    number = int(place["line"]) if place and place["line"] else _last(lines) if place else None
    if number and number <= len(lines):
        return Problem(number, _excerpt(lines[number - 1]), f"is not TOML: {what}")
    return Problem(None, "", f"is not TOML: {what}")


def _places(text: str) -> dict[Path, int]:
    """The line of every table header and of every key that starts a line."""
    places: dict[Path, int] = {}
    tables: defaultdict[Path, int] = defaultdict(int)  # how many tables each array of tables holds so far
    table: Path = ()
    for start, number in _statements(text):
        if header := _HEADER.match(text, start):
            *outer, last = _split(header["key"])
            table = ()
            for part in outer:
                table = (*table, part)
                table = (*table, tables[table] - 1) if tables[table] else table
            for end in range(1, len(table) + 1):
                places.setdefault(table[:end], number)
            table = (*table, last)
            if header["open"] == "[[":
                tables[table] += 1
                places.setdefault(table, number)
                table = (*table, tables[table] - 1)
            places.setdefault(table, number)
        elif assignment := _ASSIGNMENT.match(text, start):
            path = table
            for part in _split(assignment["key"]):
                path = (*path, part)
                places.setdefault(path, number)
    return places


def _statements(text: str) -> Iterator[tuple[int, int]]:
    """Offset and number of each line that is not inside a string, an array or an inline table."""
    depth, number = 0, 1
    yield 0, 1
    for token in _TOKEN.finditer(text):
        match token[0]:
            case "[" | "{":
                depth += 1
            case "]" | "}":
                depth -= 1
            case "\n":
                number += 1
                if depth == 0:
                    yield token.end(), number
            case passed_over:
                number += passed_over.count("\n")


def _split(key: str) -> list[str]:
    return [next(iter(tomllib.loads(f"{part} = 0"))) for part in re.findall(_KEY_PART, key)]
