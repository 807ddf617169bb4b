"""The machine's errors in words."""

import errno

import pytest

from hookrunner.core.machine import _HINTS, _WORDS, trouble
from hookrunner.core.wording import Kind, Line


def test_a_full_disk_is_named_with_its_place() -> None:
    """What is full, and how to see it."""
    said = list(trouble(OSError(errno.ENOSPC, "No space left on device", "/var/lib/hookrunner/records/x")))
    assert said == [
        Line(Kind.ERROR, "no space is left on the disk of /var/lib/hookrunner/records/x"),
        Line(Kind.HINT, "on the server: df -h and df -i show what is full; make room there"),
    ]


@pytest.mark.parametrize("number", _WORDS)
def test_every_error_has_its_words_and_its_hint(number: int) -> None:
    """Also without a place."""
    for error in (OSError(number, "x", "/place"), OSError(number, "x")):
        first, second = trouble(error)
        assert first.text == _WORDS[number].format(place=error.filename or "the server")
        assert second.text == _HINTS[number]


def test_a_program_that_met_a_full_disk_gets_the_hint_too() -> None:
    """git says it in its own words."""
    said = list(trouble(RuntimeError("git: fatal: sha1 file write error: No space left on device")))
    assert [line.kind for line in said] == [Kind.ERROR, Kind.HINT]


def test_other_errors_are_said_as_they_are() -> None:
    """Nothing is guessed."""
    assert list(trouble(OSError(errno.ECHILD, "No child processes"))) == [
        Line(Kind.ERROR, "[Errno 10] No child processes")
    ]
    assert list(trouble(RuntimeError())) == [Line(Kind.ERROR, "RuntimeError")]
