"""What a site does with single paths: which requests a rule is for, where a redirect leads, what a header says."""

import re
from typing import NamedTuple, Self
from urllib.parse import quote, unquote_to_bytes

from hookrunner.model.names import Domain, Invalid

_LONGEST_PATH = 1000  # bytes
_LONGEST_TARGET = 2000
_MOST_SPLATS = 10
_MOST_PARTS = 100  # of a path; each is a part of a regular expression, and that is one word of nginx's language
_LONGEST_VALUE = 3500  # bytes in an nginx string; one directive's word may have 4,096 (ngx_conf_file.c)

_THE_SERVERS_PATHS = ("/.well-known/acme-challenge/", "/.hookrunner/")  # the CA's, and those of error pages

_RAW_PATH = re.compile(r"/[^\x00-\x1f\x7f\"'\\{};$?#*]*\Z")
# What could leave a quoted nginx string, or mean something in it; a lone surrogate has no bytes at all.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\"'\\{};$*\ud800-\udfff]")
_ENCODED = re.compile(r"%(?:(?P<byte>[0-9A-Fa-f]{2})|.{0,2})", re.DOTALL)

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[^/?#:\[\]@]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?(?P<rest>[/?#].*)?\Z"
)
_NOT_IN_A_TARGET = re.compile(r"[\x00-\x20\x7f\"'\\{};$<>^`|\ud800-\udfff]")
_KEPT = "".join(map(chr, range(0x21, 0x7F)))  # what percent-encoding leaves as it is: all of ASCII

_USUAL_PORTS = {"http": "80", "https": "443"}

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,200}\Z")  # of what RFC 9110 section 5.6.2 allows, what headers are called
_NOT_IN_A_VALUE = re.compile(r"[\x00-\x1f\x7f-\x9f$\ud800-\udfff]")
_STORES = re.compile(r"(?:max-age|s-maxage)\s*=\s*\"?0*[1-9]", re.IGNORECASE)

SPLAT = ":splat"
REDIRECT_STATUSES = (301, 302, 303, 307, 308)

# Framing (RFC 9112), hop-by-hop (RFC 9110 section 7.6.1), and what describes the bytes that the server itself chose.
_THE_SERVERS_OWN = frozenset({
    "accept-ranges", "connection", "content-encoding", "content-length", "content-range", "date", "etag", "keep-alive",
    "last-modified", "proxy-authenticate", "proxy-authorization", "proxy-connection", "server", "te", "trailer",
    "transfer-encoding", "upgrade",
})  # fmt: skip
_ELSEWHERE = {
    "alt-svc": "it would send visitors to another server",
    "location": "write [[redirects]]",
    "set-cookie": "it would give every visitor the same cookie; the program behind the site sets cookies",
    "strict-transport-security": 'write hsts = "180d"',
}


class UrlPattern(NamedTuple):
    """Which requests a rule is for: those of one path, or of all paths that begin with it.

    ``path`` is percent-decoded and normalised, as nginx compares it (RFC 3986 section 6.2.2).
    """

    path: str
    is_prefix: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the pattern that ``/old`` or ``/old/*`` writes, or raise :class:`Invalid`."""
        bare = text.removesuffix("*")
        if "?" in bare:
            raise Invalid("holds a query; a rule is for a path, whatever the query")
        if not _RAW_PATH.match(bare):
            raise Invalid('is not a path; it starts with "/", and a "*" stands at its end only')
        path = _decoded(bare)
        if unsafe := _UNSAFE.search(path):
            raise Invalid(f"holds {unsafe[0]!a}, which a path cannot")
        if path.count("/") > _MOST_PARTS:
            raise Invalid(f"has more than {_MOST_PARTS} parts")
        if "//" in path or {".", ".."} & set(path.split("/")):
            raise Invalid('holds "..", "." or "//" as a part, which no request still has when it is matched')
        if taken := next((folder for folder in _THE_SERVERS_PATHS if path.startswith(folder)), None):
            raise Invalid(f"is below {taken}, which the server answers itself")
        if len(path.encode()) > _LONGEST_PATH:
            raise Invalid(f"is longer than {_LONGEST_PATH} bytes")
        return cls(path, text.endswith("*"))

    def covers(self, other: "UrlPattern") -> bool:
        """Whether every path of ``other`` is one of this."""
        if self.is_prefix:
            return other.path.startswith(self.path)
        return self == other

    def __str__(self) -> str:
        return f"{quote(self.path, safe='/!&()+,:=@')}{'*' if self.is_prefix else ''}"


class Target(NamedTuple):
    """Where a redirect leads, percent-encoded: a path of the same site, or an http or https URL.

    ``:splat`` in it stands for what the ``*`` matched.
    """

    url: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the target, or raise :class:`Invalid`."""
        if "*" in text:
            raise Invalid('holds "*"; what the "*" of "from" stood for is ":splat"')
        if text.count(SPLAT) > _MOST_SPLATS:
            raise Invalid(f'holds ":splat" more than {_MOST_SPLATS} times')
        if text.startswith(("//", "/\\")):
            raise Invalid('begins with "//", which leads to another host; write https:// before it')
        if text.startswith("/"):
            return cls(_rest(text))
        match = _URL.match(text)
        if not match:
            raise Invalid('is neither a path like "/new" nor an http or https URL')
        port = f":{_port(match['port'])}" if match["port"] else ""
        return cls(f"{match['scheme']}://{_host(match['host'])}{port}{_rest(match['rest'] or '')}")

    @property
    def host(self) -> str | None:
        """The host it leads to when it says one, on the usual port."""
        match = _URL.match(self.url)
        return match["host"] if match and match["port"] in (None, _USUAL_PORTS[match["scheme"]]) else None

    @property
    def path(self) -> str | None:
        """The path it leads to, without query and fragment; None on ports of another server."""
        match = _URL.match(self.url)
        if match and self.host is None:
            return None
        rest = (match["rest"] or "/") if match else self.url
        path = re.split(r"[?#]", rest, maxsplit=1)[0]
        return path or "/"

    def __str__(self) -> str:
        return self.url


class Header(NamedTuple):
    """A response header. An empty value takes the header away, the upstream's included."""

    name: str
    value: str

    @classmethod
    def parse(cls, name: str, value: str) -> Self:
        """Return the header, or raise :class:`Invalid` for one that a site cannot set."""
        if not _NAME.match(name):
            raise Invalid(f'"{name}" is not a header name')
        lower = name.lower()
        if lower in _THE_SERVERS_OWN:
            raise Invalid(f'"{name}" is not for a site to set, the server makes it')
        if lower in _ELSEWHERE:
            raise Invalid(f'"{name}" is not for a header rule: {_ELSEWHERE[lower]}')
        if _NOT_IN_A_VALUE.search(value):
            raise Invalid('holds a control character or "$"')
        value = value.strip(" ")
        if len(value.encode()) + value.count('"') + value.count("\\") > _LONGEST_VALUE:
            raise Invalid(f"is longer than {_LONGEST_VALUE} bytes")
        if not value and lower == "content-type":
            raise Invalid("is empty; a response needs a type")
        return cls(name, value)

    @property
    def key(self) -> str:
        """The name as names are compared."""
        return self.name.lower()

    @property
    def is_for_errors(self) -> bool:
        """Whether error responses have it too: what lets answers be stored must not keep a 404 for a year."""
        if self.key.endswith(("cache-control", "surrogate-control")):
            return not _STORES.search(self.value)
        return self.key != "expires"


class Redirect(NamedTuple):
    """What matches ``from_path`` is answered with ``status`` and ``to``."""

    from_path: UrlPattern
    to: Target
    status: int = 301


class HeaderRule(NamedTuple):
    """Response headers for the paths that ``for_path`` matches."""

    for_path: UrlPattern
    values: tuple[Header, ...]


def _decoded(path: str) -> str:
    for code in _ENCODED.finditer(path):
        if code["byte"] is None:
            raise Invalid(f'holds "{code[0]}", which is no percent-encoded byte')
        if code["byte"].lower() == "2f":
            raise Invalid(f'holds "{code[0]}", an encoded slash, which no request still has when it is matched')
    try:
        return unquote_to_bytes(path.encode()).decode()
    except UnicodeError:
        raise Invalid("is not UTF-8 once it is percent-decoded") from None


def _rest(text: str) -> str:
    if wrong := _NOT_IN_A_TARGET.search(text):
        raise Invalid(f"holds {wrong[0]!a}; write it percent-encoded")
    for code in _ENCODED.finditer(text):
        if code["byte"] is None:
            raise Invalid(f'holds "{code[0]}", which is no percent-encoded byte')
    encoded = quote(text, safe=_KEPT)
    if len(encoded) > _LONGEST_TARGET:
        raise Invalid(f"is longer than {_LONGEST_TARGET} characters")
    return encoded


def _host(text: str) -> str:
    if text == "localhost":
        return text
    if text.startswith("[") or re.fullmatch(r"[0-9.]+", text):
        import ipaddress  # few redirects lead to one

        try:
            ipaddress.ip_address(text.strip("[]"))
        except ValueError:
            raise Invalid(f'leads to "{text}", which is not an IP address') from None
        return text
    return Domain.parse(text).name


def _port(text: str) -> int:
    if not 1 <= int(text) <= 65535:
        raise Invalid("has a port that is not between 1 and 65535")
    return int(text)
