"""Takes typed values out of TOML tables, and collects every problem on the way."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

from hookrunner.core import nearest
from hookrunner.core.manifest.toml import Document, Path, Problem
from hookrunner.core.visible import visible
from hookrunner.model.app import LARGEST_BODY, LONGEST_DURATION
from hookrunner.model.names import Invalid

_T = TypeVar("_T")
_DURATION = re.compile(r"(?P<count>[0-9]{1,9})(?P<unit>[smhd])\Z")
_SIZE = re.compile(r"(?P<count>[0-9]{1,12})(?P<unit>[kmg])\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {"k": 1024, "m": 1024**2, "g": 1024**3}

_LONGEST_QUOTE = 60  # characters of a value that a problem repeats

OPEN_PREFIX = "x-"  # a table of this name is somebody else's


class Table:
    """One table of a document, read key by key."""

    def __init__(self, document: Document, path: Path, data: Mapping[str, Any], problems: list[Problem]) -> None:
        self.document = document
        self.path = path
        self.data = data
        self.problems = problems

    @property
    def title(self) -> str:
        """The table as its header writes it, or "" for the top."""
        keys = ".".join(str(part) for part in self.path if isinstance(part, str))
        if not keys:
            return ""
        return f"[[{keys}]]" if isinstance(self.path[-1], int) else f"[{keys}]"

    def has(self, key: str) -> bool:
        """Whether the key was written."""
        return key in self.data

    def wrong(self, key: str | None, text: str) -> None:
        """Report a problem with a key, or with the table itself."""
        path = self.path if key is None else (*self.path, key)
        self.problems.append(self.document.problem(path, text))

    def take(self, key: str, parse: Callable[[Any], _T], default: _T) -> _T:
        """The key's value through ``parse``; the default when it is not there or not sound."""
        value = self.need(key, parse, missing=None)
        return default if value is None else value

    def need(self, key: str, parse: Callable[[Any], _T], missing: str | None) -> _T | None:
        """The key's value, or None after its problem was reported; ``missing`` is what to say when it is not there."""
        if key not in self.data:
            if missing is not None:
                self.wrong(None, missing)
            return None
        try:
            return parse(self.data[key])
        except Invalid as error:
            self.wrong(key, str(error))
            return None

    def take_each(self, key: str, parse: Callable[[str], _T]) -> tuple[_T, ...] | None:
        """A list of texts, each through ``parse``; every bad one is a problem of its own. None: there is no list."""
        items = self.need(key, _items, missing=None)
        if items is None:
            return None
        values: list[_T] = []
        for text in items:
            if not isinstance(text, str):
                self.wrong(key, f"holds {_kind(text)}; it takes a list of texts in quotes")
                continue
            try:
                values.append(parse(text))
            except Invalid as error:
                self.wrong(key, f'"{visible(text, limit=_LONGEST_QUOTE)}" {error}')
        return tuple(values)

    def table(self, key: str) -> "Table":
        """The table under ``key``; an empty one when it is not there or no table."""
        value = self.need(key, mapping, missing=None)
        return Table(self.document, (*self.path, key), value or {}, self.problems)

    def tables(self, key: str) -> list["Table"]:
        """The tables of the array of tables under ``key``."""
        value = self.need(key, _mappings, missing=None)
        return [Table(self.document, (*self.path, key, n), table, self.problems) for n, table in enumerate(value or [])]

    def refuse_unknown(
        self,
        known: Sequence[str],
        *,
        aliases: Mapping[str, str] | None = None,
        elsewhere: Mapping[str, str] | None = None,
    ) -> None:
        """Report each key that is not ``known``, with the nearest right word or the place where it belongs."""
        for key, value in self.data.items():
            is_open = key.startswith(OPEN_PREFIX) and (isinstance(value, dict) or _is_array_of_tables(value))
            if key not in known and not is_open:
                self.wrong(key, self._advice(key, known, aliases or {}, elsewhere or {}))

    def _advice(self, key: str, known: Sequence[str], aliases: Mapping[str, str], elsewhere: Mapping[str, str]) -> str:
        right = aliases.get(key, key)
        if right in elsewhere and right not in known:
            means = f" and means `{right}`" if right != key else ""
            return f"`{key}` stands {f'under {self.title}' if self.title else 'at the top'}{means}; {elsewhere[right]}"
        where = f" of {self.title}" if self.title else ""
        near = aliases[key] if aliases.get(key) in known else nearest.word(key, known)
        if near:
            return f'"{key}" is not a key{where}; did you mean "{near}"?'
        if not known:
            return f'"{key}" is not a key{where}, which has none yet'
        return f'"{key}" is not a key{where}; known: {", ".join(known)}'


def text(value: object) -> str:
    """A string."""
    if not isinstance(value, str):
        raise Invalid(f"is {_kind(value)}; it takes a text in quotes")
    return value


def flag(value: object) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise Invalid(f"is {_kind(value)}; it takes true or false")
    return value


def whole(least: int, most: int) -> Callable[[object], int]:
    """A whole number in a range."""

    def parse(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise Invalid(f"is {_kind(value)}; it takes a whole number")
        if not least <= value <= most:
            shown = value if value.bit_length() < 64 else "far too large"  # int's own str() refuses 4301 digits
            raise Invalid(f"is {shown}; it takes a number from {least} to {most}")
        return value

    return parse


port = whole(1, 65535)


def duration(value: object) -> int:
    """``"60s"``, ``"5m"``, ``"1h"`` or ``"180d"`` in seconds."""
    match = _DURATION.match(text(value))
    if not match:
        raise Invalid('is not a duration; write a number and s, m, h or d, like "60s"')
    seconds = int(match["count"]) * _SECONDS[match["unit"]]
    if not 1 <= seconds <= LONGEST_DURATION:
        raise Invalid("is not between 1 second and 10 years")
    return seconds


def size(value: object) -> int:
    """``"512k"``, ``"10m"`` or ``"1g"`` in bytes."""
    match = _SIZE.match(text(value))
    if not match:
        raise Invalid('is not a size; write a number and k, m or g, like "10m"')
    count = int(match["count"]) * _BYTES[match["unit"]]
    if not 1 <= count <= LARGEST_BODY:
        raise Invalid("is not between 1 KiB and 1 PiB")
    return count


def choice(kind: type[_T]) -> Callable[[object], _T]:
    """One of an enumeration's words."""
    words = [str(member) for member in cast("Iterable[Any]", kind)]

    def parse(value: object) -> _T:
        if (word := text(value)) in words:
            return cast("Callable[[str], _T]", kind)(word)
        near = nearest.word(word, words)
        advice = f'did you mean "{near}"?' if near else f"it takes {' | '.join(words)}"
        raise Invalid(f'"{word}" is not a value of this key; {advice}')

    return parse


def of_text(parse: Callable[[str], _T]) -> Callable[[object], _T]:
    """``parse`` for a value that must be a string."""
    return lambda value: parse(text(value))


def mapping(value: object) -> Mapping[str, Any]:
    """A table."""
    if not isinstance(value, dict):
        raise Invalid(f"is {_kind(value)}; it is a table")
    return cast("dict[str, Any]", value)


def _mappings(value: object) -> list[Mapping[str, Any]]:
    if not _is_array_of_tables(value):
        raise Invalid(f"is {_kind(value)}; it is an array of tables, each under its own [[header]]")
    return cast("list[Mapping[str, Any]]", value)


def _is_array_of_tables(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _items(value: object) -> list[object]:
    if not isinstance(value, list):
        raise Invalid(f'is {_kind(value)}; it takes a list: ["…"]')
    return cast("list[object]", value)


def _kind(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case str():
            return "a text"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return "a date or time"
