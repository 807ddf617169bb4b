"""What a publisher is asked for and what it answers: typed here, JSON on the way (so that root parses it again)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from hookrunner.model import site_json, wire
from hookrunner.model.app import Folder, Https, KeyType, Site, Upstream, file_below
from hookrunner.model.names import AppName, Domain, Invalid
from hookrunner.model.registration import MANIFEST

_FOLDER_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}\Z")
_RELEASE = re.compile(r"[1-9][0-9]{0,8}-[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")


@dataclass(frozen=True, slots=True, order=True)
class CertificateId:
    """Which certificate: the CA's folder name and the domain it is named after."""

    authority: str
    domain: Domain

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``CA/DOMAIN``."""
        authority, _, domain = text.partition("/")
        if not _FOLDER_NAME.match(authority):
            raise Invalid(f"{authority!a} is not a CA's folder name")
        return cls(authority, Domain.parse(domain))

    @property
    def folder(self) -> str:
        """Its folder below the certificates, ``*`` written as ``_``."""
        return f"{self.authority}/{self.domain.name.replace('*', '_')}"

    def __str__(self) -> str:
        return f"{self.authority}/{self.domain}"


@dataclass(frozen=True, slots=True)
class CsrRequest:
    """A key to make and keep, and the CSR (RFC 2986) to make with it."""

    certificate: CertificateId
    names: tuple[Domain, ...]
    key: KeyType

    def to_json(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "certificate": str(self.certificate),
            "names": [str(n) for n in self.names],
            "key": str(self.key),
        }

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Parse the JSON form; raise :class:`Invalid`."""
        with wire.Reading(data) as read:
            return cls(
                read.one("certificate", CertificateId.parse),
                read.many("names", Domain.parse),
                read.one("key", KeyType),
            )


@dataclass(frozen=True, slots=True)
class ServedName:
    """One domain of a site and the certificate that covers it, if there is one."""

    domain: Domain
    certificate: CertificateId | None


@dataclass(frozen=True, slots=True)
class PublishedSite:
    """A site as nginx is to serve it: what app.toml says of it, and the certificate of each of its domains."""

    names: tuple[ServedName, ...]
    site: Site

    def leads_to(self, name: ServedName) -> Domain | None:
        """The canonical domain, where requests for ``name`` are redirected to it; None where it serves itself.

        While the canonical domain is not as secure as ``name``, nobody is sent there.
        """
        canonical = self.site.canonical
        if canonical in (None, name.domain) or (self.site.https is Https.REQUIRED and not name.certificate):
            return None
        is_secured = any(other.domain == canonical and other.certificate for other in self.names)
        return canonical if is_secured or not name.certificate else None

    def to_json(self) -> dict[str, Any]:
        """The JSON form."""
        names = [[str(n.domain), str(n.certificate) if n.certificate else None] for n in self.names]
        return {"names": names, **site_json.to_json(self.site)}

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Parse the JSON form; raise :class:`Invalid`."""
        with wire.Reading(data) as read:
            names = read.many("names", _served_name)
            return cls(names, site_json.read(read, tuple(name.domain for name in names)))


@dataclass(frozen=True, slots=True)
class Publication:
    """All that one app serves: its release, its sites, and the chains (PEM) of the certificates they use.

    ``previous`` is the release before, in which files are looked for that this one no longer has.
    """

    app: AppName
    release: str  # "<deploy>-<commit>"
    sites: tuple[PublishedSite, ...]
    chains: Mapping[CertificateId, str]
    previous: str | None = None  # like release
    manifest: str = MANIFEST  # its path in the release: never served

    @property
    def names(self) -> tuple[ServedName, ...]:
        """Every name, in the order of app.toml."""
        return tuple(name for site in self.sites for name in site.names)

    @property
    def certificates(self) -> tuple[CertificateId, ...]:
        """Every certificate that a name is served with, once."""
        return tuple(dict.fromkeys(name.certificate for name in self.names if name.certificate))

    @property
    def domains(self) -> frozenset[Domain]:
        """Every domain that the app has to hold for it: its names, and what its certificates are called after."""
        return frozenset(name.domain for name in self.names) | {one.domain for one in self.certificates}

    @property
    def upstreams(self) -> tuple[Upstream, ...]:
        """Every upstream that its sites proxy to."""
        return tuple(upstream for published in self.sites for upstream in published.site.upstreams)

    @property
    def folders(self) -> frozenset[Folder]:
        """Every folder that its sites serve files from."""
        return frozenset(folder for published in self.sites for folder in published.site.folders)

    def to_json(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "app": str(self.app),
            "release": self.release,
            "sites": [site.to_json() for site in self.sites],
            "chains": {str(certificate): pem for certificate, pem in self.chains.items()},
            **({"previous": self.previous} if self.previous else {}),
            **({"manifest": self.manifest} if self.manifest != MANIFEST else {}),
        }

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Parse the JSON form; raise :class:`Invalid`."""
        with wire.Reading(data) as read:
            chains = read.one("chains", wire.mapping)
            return cls(
                app=read.one("app", AppName.parse),
                release=read.one("release", _release),
                sites=read.many("sites", PublishedSite.from_json),
                chains={CertificateId.parse(name): wire.text(pem) for name, pem in chains.items()},
                previous=read.maybe("previous", _release, None),
                manifest=read.maybe("manifest", file_below, MANIFEST),
            )


@dataclass(frozen=True, slots=True)
class Published:
    """It is live. ``reloads`` counts nginx reloads; ``checked`` says per domain what its leaf check found wrong."""

    reloads: int
    checked: Mapping[Domain, str | None]

    def to_json(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "reloads": self.reloads,
            "checked": {str(domain): wrong for domain, wrong in self.checked.items()},
        }

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Parse the JSON form; raise :class:`Invalid`."""
        with wire.Reading(data) as read:
            checked = read.one("checked", wire.mapping)
            return cls(
                reloads=read.one("reloads", wire.count),
                checked={Domain.parse(name): None if e is None else wire.text(e) for name, e in checked.items()},
            )


@dataclass(frozen=True, slots=True)
class Restarted:
    """The systemd units of the app were restarted, and run."""

    units: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The JSON form."""
        return {"units": list(self.units)}

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Parse the JSON form; raise :class:`Invalid`."""
        with wire.Reading(data) as read:
            return cls(read.many("units", wire.text))


class Reason(StrEnum):
    """Why something was refused."""

    TEST = "test"  # nginx does not pass its test with it, and does without it
    FOREIGN = "foreign"  # nginx does not pass its test with or without it
    OWN_LINES = "own-lines"  # it would, but for what the owner added to the app's server blocks
    CONFLICT = "conflict"  # another file serves the same name
    PROGRAM = "program"  # nginx cannot be called as the settings say
    RELOAD = "reload"  # nginx did not take the new configuration over
    STOPPED = "stopped"  # nginx does not run
    PORT = "port"  # nginx does not run, and another program has its port
    UNIT = "unit"  # a systemd unit of the app did not start
    KEY = "key"  # a chain does not fit, or its key is gone
    REQUEST = "request"  # it asks for what is not the app's


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing changed, everything that ran goes on. ``lost`` are the certificates to be issued anew."""

    reason: Reason
    words: tuple[str, ...]  # a line each; nginx's own come with the file and line first
    lost: tuple[CertificateId, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The JSON form."""
        return {"reason": str(self.reason), "words": list(self.words), "lost": [str(c) for c in self.lost]}

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Parse the JSON form; raise :class:`Invalid`."""
        with wire.Reading(data) as read:
            return cls(
                reason=read.one("reason", Reason),
                words=read.many("words", wire.text),
                lost=read.many("lost", CertificateId.parse),
            )


def _served_name(value: object) -> ServedName:
    domain, certificate = wire.items(value, 2)
    return ServedName(
        Domain.parse(wire.text(domain)), None if certificate is None else CertificateId.parse(wire.text(certificate))
    )


def _release(value: object) -> str:
    if not _RELEASE.match(wire.text(value)):
        raise Invalid(f"{ascii(value)[:80]} is not a release")
    return wire.text(value)
