"""Looks at an object of the CA's until it has changed: soon, then half as often (RFC 8555 section 7.5.1)."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import requests

from hookrunner.core.problems import Refusal
from hookrunner.edges.ca.client import Client
from hookrunner.edges.ca.refusals import Refused, retry_after

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 5.0  # seconds between two looks
_LONGEST_ASKED = 60.0  # seconds that the CA may ask for
_DEADLINE = 90.0  # seconds


def until(client: Client, url: str, done: Callable[[requests.Response], bool]) -> requests.Response:
    """The answer with which ``url`` is ``done``; Retry-After is the ceiling of the pause. Raises :class:`Refused`."""
    end = time.monotonic() + _DEADLINE
    for pause in pauses():
        answer = client.fetch(url)
        if done(answer):
            return answer
        if time.monotonic() > end:
            status = answer.json().get("status", "open")
            raise Refused(Refusal("timeout", f"still {status} after {_DEADLINE:.0f} s"))
        time.sleep(min(pause, _ceiling(answer)))
    raise AssertionError


def pauses() -> Iterator[float]:
    """Seconds, doubled each time."""
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 2, _LONGEST_ASKED)


def _ceiling(answer: requests.Response) -> float:
    asked = retry_after(answer)
    pause = (asked - datetime.now(UTC)).total_seconds() if asked else _LONGEST_PAUSE
    return min(max(pause, _FIRST_PAUSE), _LONGEST_ASKED)
