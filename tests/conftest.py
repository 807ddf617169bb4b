"""Fixtures: a whole server for each worker, and fresh ones for tests that break it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.lab.machine import Missing
from tests.lab.server import Server

Boot = Callable[..., Server]


def _booted(**facts: Any) -> Server:
    with or_skipped():
        return Server(**facts)


@contextmanager
def or_skipped() -> Iterator[None]:
    """What a machine has not skips the test, and fails it in CI."""
    try:
        yield
    except Missing as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One server for all tests of a worker: each test makes apps and domains of its own, and breaks nothing."""
    booted = _booted()
    yield booted
    booted.down()


def needs(part: object, what: str) -> None:
    """A machine without a part skips the test, and fails it in CI."""
    if not part and os.environ.get("CI") != "true":
        pytest.skip(f"needs {what}")
    assert part, f"CI needs {what}"


@pytest.fixture
def boot() -> Iterator[Boot]:
    """Boots servers of the test's own: ``boot(settings={…}, pebble_env={…})``."""
    yield from _boots()


@pytest.fixture(scope="module")
def boot_module() -> Iterator[Boot]:
    """Boots servers for the tests of one file."""
    yield from _boots()


def _boots() -> Iterator[Boot]:
    booted: list[Server] = []

    def start(**facts: Any) -> Server:
        booted.append(_booted(**facts))
        return booted[-1]

    yield start
    for one in booted:
        one.down()
