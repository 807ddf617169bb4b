"""What server.toml says: the server's own settings, trusted."""

from collections.abc import Mapping
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from hookrunner.model.app import Upstream
from hookrunner.model.names import AppName, Domain

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
LETS_ENCRYPT_STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory"


class Http01(StrEnum):
    """Who answers the CA's looks for tokens (RFC 8555 section 8.3)."""

    WEBROOT = "webroot"  # nginx, from a folder
    RESPONDER = "responder"  # a server of ours that runs while orders do, behind nginx


class Authority(NamedTuple):
    """A CA: its ACME directory (RFC 8555 section 7.1.1) and how its records and folders are called here."""

    name: str  # a folder name: "letsencrypt", "localhost-14000-dir"
    title: str  # for people: "Let's Encrypt"
    directory: str  # URL


class Eab(NamedTuple):
    """An account at the CA's web site that the ACME account is bound to (RFC 8555 section 7.3.4)."""

    kid: str
    hmac_key: str  # base64url

    def __repr__(self) -> str:
        return f"Eab(kid={self.kid!r}, hmac_key=…)"


class Acme(NamedTuple):
    """``[acme]``, or one of ``[[acme.backup]]``: a CA, and how it is asked."""

    email: str
    authority: Authority
    concurrency: int
    ca_bundle: Path | None = None  # PEM roots trusted beside the system's
    preflight: bool = True  # look at a domain before the CA is asked
    eab: Eab | None = None
    backups: tuple["Acme", ...] = ()  # further CAs, in their order

    @property
    def every(self) -> tuple["Acme", ...]:
        """This CA and its backups."""
        return (self, *self.backups)

    @property
    def authorities(self) -> tuple[str, ...]:
        """The names of all of them."""
        return tuple(acme.authority.name for acme in self.every)

    def title(self, authority: str) -> str:
        """How the CA of that name is called for people; the name itself where the settings have none."""
        return next((acme.authority.title for acme in self.every if acme.authority.name == authority), authority)


class Zone(NamedTuple):
    """``[dns.zones."ZONE"]``: a zone whose records can be changed from here, for dns-01 (RFC 8555 section 8.4)."""

    name: Domain
    provider: str  # "rfc2136", "exec", or the name of one of dns-lexicon's
    options: Mapping[str, str] = MappingProxyType({})  # of the provider; most are secrets
    always: bool = False  # dns-01 also for names that http-01 would do for
    nameservers: tuple[tuple[str, int], ...] = ()  # where its records are looked for; empty: its NS records say

    def __repr__(self) -> str:
        return f"Zone({str(self.name)!r}, {self.provider!r}, {', '.join(self.options)} = …)"

    def has(self, name: str) -> bool:
        """Whether the name is in it; a zone cut below is not seen from here."""
        return name == self.name.name or name.endswith(f".{self.name}")


class Dns(NamedTuple):
    """``[dns]``."""

    resolvers: tuple[tuple[str, int], ...] = ()  # addresses and ports; empty: the system's
    public_addresses: tuple[IPv4Address | IPv6Address, ...] = ()  # this server's; empty: found from the interfaces
    zones: tuple[Zone, ...] = ()

    def zone_of(self, name: str) -> Zone | None:
        """The zone of a name, which need not be a host's: of several the one with the longest name."""
        found = [zone for zone in self.zones if zone.has(name)]
        return max(found, key=lambda zone: len(zone.name.name), default=None)


class Nginx(NamedTuple):
    """``[nginx]``. Ports are what nginx listens on; public ones what the internet connects to."""

    sites: Path = Path("/etc/nginx/hookrunner")
    listen: tuple[str, ...] = ()  # IP addresses; empty: all of the machine
    http_port: int = 80
    https_port: int = 443
    trusted_proxies: tuple[str, ...] = ()  # networks whose X-Forwarded-For is believed
    public_http_port: int = 80
    public_https_port: int = 443
    program: str = "/usr/sbin/nginx"
    test: tuple[str, ...] = ("nginx", "-t", "-q")
    reload: tuple[str, ...] = ("systemctl", "reload", "nginx")
    publisher: Path | None = None  # the socket of root's publisher; None: in this process
    logs: Path | None = None  # folder of an access and an error log for each app; None: nginx's own logs


class Ssh(NamedTuple):
    """``[ssh]``: what deploy keys may do."""

    create_apps: bool = True  # by a first push, or by `apps create` over SSH


class Limits(NamedTuple):
    """``[limits]``: what one app may ask for."""

    domains: int = 100
    files: int = 50_000  # of a release, folders included
    bytes: int = 1024**3  # of a release
    keep_releases: int = 5


class Pattern(NamedTuple):
    """Which domains an app may name: a domain, or ``*.`` and a domain for any depth below it."""

    domain: Domain

    def allows(self, domain: Domain) -> bool:
        """Whether ``domain`` fits."""
        if self.domain.is_wildcard:
            return domain.base.endswith(f".{self.domain.base}") or domain == self.domain
        return domain == self.domain

    def __str__(self) -> str:
        return str(self.domain)


class AppSettings(NamedTuple):
    """``[apps.NAME]``."""

    allowed_domains: tuple[Pattern, ...] | None = None  # None: any
    proxies: tuple[Upstream, ...] = ()
    units: tuple[str, ...] = ()  # systemd units that the publisher restarts after the switch
    activate: tuple[tuple[str, ...], ...] = ()  # argv lists that the hook's user runs then
    activate_timeout: int = 120  # seconds for each of them

    @property
    def may_name_any(self) -> bool:
        """Whether it may name any domain. Then no key can be limited to it, and its output may name other apps."""
        return self.allowed_domains is None


class Settings(NamedTuple):
    """server.toml, whole."""

    acme: Acme
    state: Path
    nginx: Nginx = Nginx()
    ssh: Ssh = Ssh()
    limits: Limits = Limits()
    http01: Http01 = Http01.WEBROOT
    responder_port: int = 8888
    apps: Mapping[AppName, AppSettings] = MappingProxyType({})
    dns: Dns = Dns()
    notify: tuple[str, ...] = ()  # argv of the owner's program

    def app(self, name: AppName) -> AppSettings:
        """The app's own settings, or the defaults."""
        return self.apps.get(name, AppSettings())

    @property
    def has_secrets(self) -> bool:
        """Whether the file is for its owner and ``git`` alone."""
        return bool(self.dns.zones) or any(acme.eab for acme in self.acme.every)

    @property
    def reserved_ports(self) -> frozenset[int]:
        """The ports that nginx and hookrunner themselves listen on."""
        return frozenset({self.nginx.http_port, self.nginx.https_port, self.responder_port})

    @property
    def responder(self) -> int | None:
        """The loopback port that nginx passes the CA's looks on to; None where it answers them itself."""
        return self.responder_port if self.http01 is Http01.RESPONDER else None

    @property
    def challenges(self) -> Path:
        """The webroot that http-01 tokens are served from (RFC 8555 section 8.3)."""
        return self.state / "challenges"

    @property
    def certificates(self) -> Path:
        """The folder of all certificates; the publisher's."""
        return self.state / "certificates"

    @property
    def records(self) -> Path:
        """The folder of the file store."""
        return self.state / "records"

    @property
    def repositories(self) -> Path:
        """The folder of all bare repositories."""
        return self.state / "repos"

    @property
    def apps_folder(self) -> Path:
        """The folder of all apps' releases and logs: nginx reads in it, and no other user does."""
        return self.state / "apps"

    def repository(self, app: AppName) -> Path:
        """The app's bare repository."""
        return self.repositories / f"{app}.git"

    @property
    def removed(self) -> Path:
        """Where the repositories of removed apps are kept."""
        return self.state / "removed"

    def app_folder(self, app: AppName) -> Path:
        """Where the app's releases, logs and ``current`` are."""
        return self.apps_folder / str(app)

    def releases(self, app: AppName) -> Path:
        """The app's releases, one folder a deploy."""
        return self.app_folder(app) / "releases"

    def current(self, app: AppName) -> Path:
        """The link to the live release."""
        return self.app_folder(app) / "current"

    def previous(self, app: AppName) -> Path:
        """The link to the release before, as far as files of it may still be asked for."""
        return self.app_folder(app) / "previous"

    def log(self, app: AppName, deploy: int) -> Path:
        """The log of one deploy: what its push showed."""
        return self.app_folder(app) / "logs" / f"{deploy}.log"
