"""JSON from outside to typed values: every key is asked for, and one that nobody asked for is refused."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self, TypeVar, cast

from hookrunner.model.names import Invalid

_T = TypeVar("_T")


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

        def each(values: object) -> tuple[_T, ...]:
            if not isinstance(values, list):
                raise Invalid(f"{key} is not a list")
            return tuple(map(parse, cast("Iterable[Any]", values)))

        return self.one(key, each)


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


def positive(value: object) -> int:
    """A whole number from 1."""
    if count(value) == 0:
        raise Invalid("0 is not a positive number")
    return count(value)
