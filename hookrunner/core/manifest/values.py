"""Values of app.toml that have a grammar of their own, each a text to a value or an :class:`Invalid`."""

import re
from collections.abc import Callable

from hookrunner.core.manifest import fields
from hookrunner.model.names import Invalid
from hookrunner.model.rules import REDIRECT_STATUSES, Header

_PROFILE = re.compile(r"[A-Za-z0-9._-]{0,64}\Z")


def redirect_status(value: object) -> int:
    """The status of a redirect (RFC 9110 section 15.4)."""
    status = fields.whole(100, 599)(value)
    if status not in REDIRECT_STATUSES:
        raise Invalid(f"is {status}; a redirect is one of {', '.join(map(str, REDIRECT_STATUSES))}")
    return status


def hsts(value: object) -> int:
    """A duration in seconds; ``"off"`` is 0."""
    return 0 if fields.text(value) == "off" else fields.duration(value)


def header(name: str) -> Callable[[object], Header]:
    """The response header ``name`` with its value."""
    return lambda value: Header.parse(name, fields.text(value))


def profile(text: str) -> str:
    """The name of an ACME profile."""
    if not _PROFILE.match(text):
        raise Invalid("is not the name of an ACME profile")
    return text
