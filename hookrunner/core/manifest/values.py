"""Values of app.toml that have a grammar of their own, each a text to a value or an :class:`Invalid`."""

import re
from collections.abc import Callable

from hookrunner.core.manifest import fields
from hookrunner.model.app import Folder
from hookrunner.model.names import Invalid

_STATUSES = (301, 302, 303, 307, 308)
_URL_PATH = re.compile(r"/[^\x00-\x20\x7f\"'\\{};$?#*]*\Z")
_TARGET = re.compile(r"(?:https?://[A-Za-z0-9.\[\]:-]+)?/[^\x00-\x20\x7f\"'\\{};$]*\Z|https?://[A-Za-z0-9.\[\]:-]+\Z")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")  # RFC 9110 section 5.6.2
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_REFUSED_HEADERS = frozenset({
    "connection", "content-length", "date", "keep-alive", "proxy-authenticate", "proxy-authorization",
    "proxy-connection", "server", "te", "trailer", "transfer-encoding", "upgrade",
    "alt-svc", "strict-transport-security",
})  # fmt: skip
_PROFILE = re.compile(r"[A-Za-z0-9._-]{0,64}\Z")


def url_path(text: str) -> str:
    """A path of a URL; ``*`` at its end matches the rest."""
    bare = text.removesuffix("*")
    if not _URL_PATH.match(bare):
        raise Invalid('is not a path; it starts with "/", and a "*" stands at its end only')
    if ".." in bare.split("/") or "//" in bare:
        raise Invalid('holds ".." or "//", which no request still has when it is matched')
    return text


def fallback(text: str) -> str:
    """A file below root."""
    folder = Folder.parse(text)
    if folder.path == "." or text.endswith("/"):
        raise Invalid("is a folder; name a file below root")
    return folder.path


def redirect_target(text: str) -> str:
    """A path, or an http or https URL."""
    if not _TARGET.match(text):
        raise Invalid('is neither a path like "/new" nor an http or https URL')
    return text


def redirect_status(value: object) -> int:
    """The status of a redirect (RFC 9110 section 15.4)."""
    status = fields.whole(100, 599)(value)
    if status not in _STATUSES:
        raise Invalid(f"is {status}; a redirect is one of {', '.join(map(str, _STATUSES))}")
    return status


def hsts(value: object) -> int:
    """A duration in seconds; ``"off"`` is 0."""
    return 0 if fields.text(value) == "off" else fields.duration(value)


def header_value(name: str) -> Callable[[object], str]:
    """The value of the response header ``name``."""

    def parse_one(value: object) -> str:
        text = fields.text(value)
        if not _TOKEN.match(name):
            raise Invalid(f'"{name}" is not a header name')
        if name.lower() in _REFUSED_HEADERS:
            raise Invalid(f'"{name}" is not for a site to set')
        if _CONTROL.search(text) or "$" in text:
            raise Invalid('holds a control character or "$"')
        return text

    return parse_one


def profile(text: str) -> str:
    """The name of an ACME profile."""
    if not _PROFILE.match(text):
        raise Invalid("is not the name of an ACME profile")
    return text
