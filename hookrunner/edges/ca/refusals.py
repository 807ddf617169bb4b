"""What a CA, the way to it, or the library says no with, as typed refusals."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import requests
import urllib3
from acme import errors, messages
from josepy.errors import Error as JoseError

from hookrunner.core.problems import ACME, Refusal, Subproblem
from hookrunner.edges.ca.dns01.errors import DnsFailed
from hookrunner.edges.ca.http01 import Unanswerable

TIMEOUT = 20  # seconds to connect, and between two bytes
WHOLE = 60.0  # seconds from a request to the end of its answer, however slowly it comes
BUSY = (429, 503)


class Refused(Exception):
    """The CA, or the way to it, says no. ``refusal`` says why, typed; ``status`` is HTTP's, 0 without an answer."""

    def __init__(self, refusal: Refusal, status: int = 0) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal
        self.status = status


class Endless(OSError):
    """An answer that is not worth another try."""


def refusal(error: Exception) -> Refusal:
    """What ``error``, from the library or below it, means; anything else is raised again."""
    match error:
        case Refused():
            return error.refusal
        case messages.Error():
            return _of_problem(error.to_partial_json())
        case Unanswerable():
            return Refusal("responder", str(error))
        case DnsFailed():
            return Refusal("zone", str(error))
        case errors.TimeoutError():
            return Refusal("timeout", "")
        case requests.exceptions.Timeout():
            return Refusal("unreachable", f"no answer within {TIMEOUT} s, or none that ends within {WHOLE:.0f} s")
        case requests.exceptions.SSLError():
            return Refusal("unreachable", f"its certificate is not trusted: {_innermost(error)}")
        case requests.exceptions.JSONDecodeError():
            return Refusal("protocol", "an answer is not JSON")
        case (
            requests.exceptions.MissingSchema() | requests.exceptions.InvalidSchema() | requests.exceptions.InvalidURL()
        ):
            return Refusal("protocol", str(error))
        case requests.exceptions.RequestException():
            return Refusal("unreachable", _innermost(error))
        case errors.Error() | JoseError() | ValueError():
            return Refusal("protocol", str(error))
        case AttributeError() | LookupError() | TypeError():  # what the library raises for JSON of another shape
            return Refusal("protocol", f"an answer has another shape than RFC 8555 gives it: {error}")
        case _:
            raise error


def of_answer(response: requests.Response) -> Refusal:
    """An answer that is an error: a problem document (RFC 7807), or whatever else it is."""
    try:
        document = response.json()
    except ValueError:
        document = None
    busy = response.status_code in BUSY
    if not isinstance(document, Mapping) or not str(document.get("type", "")).startswith(ACME):
        detail = str(document.get("detail", "")) if isinstance(document, Mapping) else ""
        kind = "overloaded" if busy else "protocol"
        found = Refusal(kind, detail or f"HTTP status {response.status_code}")
    else:
        found = _of_problem(document)
    return replace(found, retry_after=retry_after(response))


def _of_problem(document: Mapping[str, Any]) -> Refusal:
    kind = str(document.get("type") or "").removeprefix(ACME)
    subproblems = document.get("subproblems") or ()
    return Refusal(
        kind if kind not in ("", "about:blank") else "protocol",
        str(document.get("detail") or ""),
        subproblems=tuple(_subproblems(subproblems)) if isinstance(subproblems, list | tuple) else (),
    )


def _subproblems(documents: Iterable[object]) -> Iterable[Subproblem]:
    for document in documents:
        if isinstance(document, Mapping):
            identifier = document.get("identifier")
            name = identifier.get("value", "") if isinstance(identifier, Mapping) else ""
            kind = str(document.get("type") or "").removeprefix(ACME)
            yield Subproblem(str(name), kind, str(document.get("detail") or ""))


def retry_after(response: requests.Response) -> datetime | None:
    """``Retry-After`` in seconds or as a date (RFC 9110 section 10.2.3), by our clock; None when it is neither."""
    text, now = response.headers.get("Retry-After", "").strip(), datetime.now(UTC)
    if text.isascii() and text.isdecimal():
        return now + timedelta(seconds=min(int(text[:10]), 10**9))
    at = http_date(text)
    if at is None:
        return None
    # The date is by the CA's clock, which may not be ours.
    return now + (at - (http_date(response.headers.get("Date", "")) or now))


def http_date(text: str) -> datetime | None:
    """A date of an HTTP header (RFC 9110 section 5.6.7); None where it is none."""
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def was_connected(error: requests.exceptions.ConnectionError) -> bool:
    """Whether the CA was there, and its answer was lost on the way."""
    if isinstance(error, requests.exceptions.SSLError | requests.exceptions.Timeout):
        return False
    return not any(isinstance(one, urllib3.exceptions.NewConnectionError | Endless) for one in _reasons(error))


def _reasons(error: BaseException) -> Iterator[BaseException]:
    """The error and what lies behind it, the innermost last."""
    yield error
    while inner := error.__cause__ or error.__context__:
        yield (error := inner)


def _innermost(error: BaseException) -> str:
    *_, error = _reasons(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)
