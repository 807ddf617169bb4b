"""JSON from outside to typed values: every key is asked for, and one that nobody asked for is refused."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self, TypeVar, cast

from hookrunner.model.names import Invalid

_T = TypeVar("_T")
_D = TypeVar("_D")


class Reading:
    """One JSON object being parsed; leaving the block refuses the keys that nobody asked for."""

    def __init__(self, data: object) -> None:
        self._left = dict(mapping(data))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is None and self._left:
            raise Invalid(f"unknown keys: {', '.join(sorted(map(ascii, self._left)))}")

    def has(self, key: str) -> bool:
        """Whether the key is there and was not read yet."""
        return key in self._left

    def one(self, key: str, parse: Callable[[Any], _T]) -> _T:
        """The key's value through ``parse``."""
        if key not in self._left:
            raise Invalid(f"{key} is missing")
        value = self._left.pop(key)
        try:
            return parse(value)
        except Invalid:
            raise
        except (AttributeError, TypeError, ValueError) as error:
            raise Invalid(f"{key}: {error}") from error

    def many(self, key: str, parse: Callable[[Any], _T]) -> tuple[_T, ...]:
        """The key's list, each value through ``parse``."""

        return self.one(key, each(parse))

    def maybe(self, key: str, parse: Callable[[Any], _T], default: _D) -> _T | _D:
        """The key's value through ``parse``, or the default when the key is not there."""
        return self.one(key, parse) if self.has(key) else default


def mapping(value: object) -> Mapping[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise Invalid("not a JSON object")
    return cast("dict[str, Any]", value)


def text(value: object) -> str:
    """A string."""
    if not isinstance(value, str):
        raise Invalid(f"{ascii(value)[:40]} is not a text")
    return value


def count(value: object) -> int:
    """A whole number from 0."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Invalid(f"{ascii(value)[:40]} is not a count")
    return value


def between(least: int, most: int) -> Callable[[object], int]:
    """A whole number in a range."""

    def parse(value: object) -> int:
        if not least <= count(value) <= most:
            raise Invalid(f"{ascii(value)[:40]} is not between {least} and {most}")
        return count(value)

    return parse


def items(value: object, number: int) -> list[Any]:
    """A list of that many values."""
    if not isinstance(value, list) or len(value) != number:
        raise Invalid(f"not a list of {number}")
    return value


def each(parse: Callable[[Any], _T]) -> Callable[[object], tuple[_T, ...]]:
    """A list, each value through ``parse``."""

    def parse_all(values: object) -> tuple[_T, ...]:
        if not isinstance(values, list):
            raise Invalid(f"{ascii(values)[:40]} is not a list")
        return tuple(map(parse, cast("Iterable[Any]", values)))

    return parse_all
