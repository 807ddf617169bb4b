"""What app.toml says, once it is known to be sound: sites, where they are served from, and their TLS."""

import posixpath
import re
from enum import StrEnum
from typing import NamedTuple, Self

from hookrunner.model.names import Domain, Invalid
from hookrunner.model.rules import HeaderRule, Redirect, UrlPattern

_SOCKET_PATH = re.compile(r"/[A-Za-z0-9_@+.-]+(?:/[A-Za-z0-9_@+.-]+)*\Z")
_LONGEST_FOLDER = 1000  # characters; below PATH_MAX with what stands before it
_SOCKET_PATH_LONGEST = 107  # sun_path of unix(7), less its NUL
_TCP = re.compile(r"http://(?P<host>[0-9.]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})\Z")
# Whatever could leave a quoted nginx string or mean something inside it.
# A lone surrogate, which JSON can carry, has no bytes to name a folder with.
_UNSAFE_IN_PATH = re.compile(r"[\x00-\x1f\x7f$\"'\\{};\ud800-\udfff]")


MAX_BODY = 10 * 1024 * 1024  # bytes
TIMEOUT = 60  # seconds
LARGEST_BODY = 1024**5  # bytes
LONGEST_DURATION = 10 * 365 * 86400  # seconds
MOST_LOCATIONS = 10_000  # of an app; nginx takes 7 KB of memory for each


class Https(StrEnum):
    """What a site does over plain HTTP, before and after its certificate is there."""

    AUTO = "auto"
    REQUIRED = "required"
    OFF = "off"


class KeyType(StrEnum):
    """The key of a certificate."""

    ECDSA_P256 = "ecdsa-p256"
    ECDSA_P384 = "ecdsa-p384"
    RSA_2048 = "rsa-2048"
    RSA_4096 = "rsa-4096"


class Certificates(StrEnum):
    """How an app's domains are spread over certificates."""

    PER_DOMAIN = "per-domain"
    SAN = "san"
    WILDCARD = "wildcard"


class Challenge(StrEnum):
    """How the CA is shown that a domain is ours (RFC 8555 section 8)."""

    AUTO = "auto"
    HTTP_01 = "http-01"
    DNS_01 = "dns-01"


class Folder(NamedTuple):
    """A folder of the repository, relative and without ``..``; ``.`` is the whole of it."""

    path: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the normalised folder, or raise :class:`Invalid`."""
        if not text:
            raise Invalid('is empty; "." is the whole repository')
        if text.startswith("/"):
            raise Invalid("is absolute; name a folder inside the repository")
        path = posixpath.normpath(text)
        if path == ".." or path.startswith("../"):
            raise Invalid("leaves the repository; name a folder inside it")
        if ".." in text.split("/"):
            raise Invalid('holds ".."; write the folder without it')
        if unsafe := _UNSAFE_IN_PATH.search(path):
            raise Invalid(f"holds {unsafe[0]!a}, which a served folder's name cannot")
        if len(path) > _LONGEST_FOLDER or any(len(part.encode()) > 255 for part in path.split("/")):
            raise Invalid("is longer than a folder's path can be")
        if ".git" in path.split("/"):
            raise Invalid("leads into .git")
        return cls(path)

    def __str__(self) -> str:
        return self.path


def file_below(text: str) -> str:
    """The normalised path of a file below a folder; raises :class:`Invalid`."""
    if text.startswith("/"):
        raise Invalid("is absolute; name a file below root")
    path = Folder.parse(text).path
    if path == "." or text.endswith("/"):
        raise Invalid("is a folder; name a file below root")
    return path


class Upstream(NamedTuple):
    """Where a proxied request goes: an IP literal with a port, or a unix socket. Never a host name.

    A name that stops resolving makes nginx refuse its whole configuration.
    """

    address: str  # "127.0.0.1", "::1", or the socket's path
    port: int | None  # None: a socket

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the upstream that ``http://IP:PORT`` or ``unix:/PATH`` writes, or raise :class:`Invalid`."""
        if text.startswith("unix:"):
            return cls(_socket_path(text.removeprefix("unix:")), None)
        if not text.startswith("http://"):
            raise Invalid('starts with neither "http://" nor "unix:/"')
        rest = text.removeprefix("http://")
        if "@" in rest:
            raise Invalid("holds credentials, which an upstream does not take")
        if "/" in rest or "?" in rest or "#" in rest:
            raise Invalid("holds a path; nothing is stripped or added, so name address and port alone")
        match = _TCP.match(text)
        if not match:
            raise Invalid("is not an IP address with a port, like http://127.0.0.1:8000; host names are not allowed")
        import ipaddress  # most apps have no upstream

        try:
            address = ipaddress.ip_address(match["host"].strip("[]"))
        except ValueError:
            raise Invalid("is not an IP address with a port, like http://127.0.0.1:8000") from None
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if address.is_unspecified or address.is_multicast:
            raise Invalid("names no single machine; 127.0.0.1 is this one")
        port = int(match["port"])
        if not 1 <= port <= 65535:
            raise Invalid("has a port that is not between 1 and 65535")
        return cls(str(address), port)

    @property
    def is_loopback(self) -> bool:
        """Whether it is a TCP port of this machine's loopback interface."""
        return self.port is not None and (self.address == "::1" or self.address.startswith("127."))

    @property
    def claim(self) -> str:
        """What one app alone may hold; a server on 0.0.0.0 answers at every loopback address, so they are one."""
        return f"loopback:{self.port}" if self.is_loopback else str(self).removeprefix("http://")

    def __str__(self) -> str:
        if self.port is None:
            return f"unix:{self.address}"
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.port}"


def _socket_path(text: str) -> str:
    if not _SOCKET_PATH.match(text) or {".", ".."} & set(text.split("/")):
        raise Invalid("is not a socket's plain absolute path, like unix:/run/NAME.sock")
    if len(text) > _SOCKET_PATH_LONGEST:
        raise Invalid(f"is longer than the {_SOCKET_PATH_LONGEST} characters that a socket's path can have")
    return text


class Route(NamedTuple):
    """The paths of a site that are served from elsewhere."""

    path: UrlPattern
    content: Folder | Upstream
    timeout: int | None = None  # seconds; None: the site's


class Site(NamedTuple):
    """A set of domains that serve the same thing."""

    domains: tuple[Domain, ...]
    content: Folder | Upstream
    canonical: Domain | None = None
    fallback: str | None = None
    https: Https = Https.AUTO
    hsts: int = 0  # seconds; 0: not sent
    max_body: int = MAX_BODY  # bytes
    timeout: int = TIMEOUT  # seconds
    routes: tuple[Route, ...] = ()
    redirects: tuple[Redirect, ...] = ()
    headers: tuple[HeaderRule, ...] = ()

    @property
    def locations(self) -> int:
        """How many nginx locations it is at most; each certificate has a server block, so each domain counts.

        Beside its own, a route or a header rule has some for error pages, hidden files and the release before.
        """
        rules = 6 * (1 + len(self.routes)) + 2 * len(self.redirects) + 6 * len(self.headers)
        return rules * (1 if self.canonical else len(self.domains))

    @property
    def folders(self) -> tuple[Folder, ...]:
        """Every folder it serves files from."""
        return tuple(c for c in (self.content, *(r.content for r in self.routes)) if isinstance(c, Folder))

    @property
    def upstreams(self) -> tuple[Upstream, ...]:
        """Every upstream it proxies to."""
        return tuple(c for c in (self.content, *(r.content for r in self.routes)) if isinstance(c, Upstream))


class Tls(NamedTuple):
    """How the app's certificates are made."""

    certificates: Certificates = Certificates.PER_DOMAIN
    challenge: Challenge = Challenge.AUTO
    key: KeyType = KeyType.ECDSA_P256
    profile: str = ""


class Manifest(NamedTuple):
    """One app.toml."""

    sites: tuple[Site, ...]
    tls: Tls = Tls()

    @property
    def domains(self) -> tuple[Domain, ...]:
        """Every domain, in the order of the file."""
        return tuple(domain for site in self.sites for domain in site.domains)

    @property
    def folders(self) -> tuple[Folder, ...]:
        """Every served folder, in the order of the file."""
        return tuple(folder for site in self.sites for folder in site.folders)

    @property
    def upstreams(self) -> tuple[Upstream, ...]:
        """Every upstream, in the order of the file."""
        return tuple(upstream for site in self.sites for upstream in site.upstreams)
