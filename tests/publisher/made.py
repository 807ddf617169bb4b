"""Settings, claims and certificates made on the spot, for tests of the publisher."""

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hookrunner.core import settings as settings_file
from hookrunner.edges.publisher import Behind, InProcess, publisher_of
from hookrunner.edges.records import FileStore
from hookrunner.model.app import Folder, KeyType, Site, Upstream
from hookrunner.model.names import AppName, Domain
from hookrunner.model.publication import CertificateId, CsrRequest, Publication, PublishedSite, ServedName
from hookrunner.model.server import Settings
from hookrunner.publisher.keys import KeyFolder
from hookrunner.publisher.undo import Undo
from tests.lab.publisher import Service
from tests.lab.server import Server

CA = "made-ca"


class Authority:
    """A CA that signs whatever CSR it gets; its root is what a test trusts."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "made root")])
        self._now = datetime.now(UTC)
        builder = self._builder().subject_name(self._name).public_key(self._key.public_key())
        root = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.root = root.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()

    def sign(self, csr: str) -> str:
        """The chain (PEM): the leaf, then the root."""
        asked = x509.load_pem_x509_csr(csr.encode())
        names = asked.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        builder = self._builder().subject_name(x509.Name([])).public_key(asked.public_key())
        leaf = builder.add_extension(names, critical=True).sign(self._key, hashes.SHA256())
        return leaf.public_bytes(serialization.Encoding.PEM).decode() + self.root

    def _builder(self) -> x509.CertificateBuilder:
        start, end = self._now - timedelta(hours=1), self._now + timedelta(days=30)
        base = x509.CertificateBuilder().issuer_name(self._name).serial_number(x509.random_serial_number())
        return base.not_valid_before(start).not_valid_after(end)


@dataclass
class Room:
    """The door of one server, and somebody who holds claims and has releases."""

    server: Server
    settings: Settings
    authority: Authority = field(default_factory=Authority)
    service: Service | None = None

    @classmethod
    def of(cls, server: Server) -> "Room":
        """The room behind a lab server's own settings."""
        return cls(server, settings_file.parse(server.config.read_bytes()))

    def behind_a_socket(self) -> "Room":
        """The same room, with the publisher as root's service."""
        path = self.server.folder / "publisher.sock"
        settings = self.settings._replace(nginx=self.settings.nginx._replace(publisher=path))
        return replace(self, settings=settings, service=Service(path, self.server.config))

    @property
    def store(self) -> FileStore:
        """The records."""
        return FileStore(self.settings.records)

    def ask(self, request: Any) -> dict[str, Any]:
        """The publisher's answer, by the way that the settings name, new each time as across processes."""
        way_in = publisher_of(self.settings, self.store)
        assert isinstance(way_in, InProcess | Behind)
        return way_in.ask(request)

    def claim(self, app: str, *names: str, upstream: str | None = None) -> None:
        """Give names to an app."""
        for name in names:
            self.store.put(f"claims/domains/{Domain.parse(name)}", {"app": app})
        if upstream:
            self.store.put(f"claims/upstreams/{Upstream.parse(upstream).claim}", {"app": app})

    def release(self, app: str, number: int, files: dict[str, str]) -> str:
        """A release folder with these files; its name."""
        name = f"{number}-{number:040x}"
        folder = self.settings.releases(AppName.parse(app)) / name
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        folder.mkdir(parents=True, exist_ok=True)
        return name

    def certificate(self, name: str, *, key: KeyType = KeyType.ECDSA_P256) -> tuple[CertificateId, str]:
        """A certificate for a held name, asked for through the door; its id and chain."""
        domain = Domain.parse(name)
        wanted = CsrRequest(CertificateId(CA, domain), (domain,), key)
        answer = self.ask({"csr": [wanted.to_json()]})
        return wanted.certificate, self.authority.sign(answer["csr"][0])

    @property
    def files(self) -> dict[str, str]:
        """All of nginx's files that are ours, and where every link of the certificates points."""
        texts = {str(path): path.read_text() for path in sorted(self.settings.nginx.sites.iterdir())}
        links = {str(path): str(path.readlink()) for path in self.settings.certificates.glob("*/*/current")}
        current = {str(path): str(path.readlink()) for path in (self.settings.state / "apps").glob("*/current")}
        return (
            {path: re.sub(r"(?<=[ -])[0-9a-f]{12}\b", "SLOT", text) for path, text in texts.items()} | links | current
        )


def install(keys: KeyFolder, certificate: CertificateId, chain: str, served: frozenset[Domain]) -> bool:
    """Put a chain beside its key for good."""
    with Undo(keys.root / ".undo") as undo:
        changed = keys.install(certificate, chain, served, undo)
        if changed:
            undo.make()
        undo.keep()
    return changed


def publication(
    app: str,
    release: str,
    *sites: PublishedSite,
    chains: dict[CertificateId, str] | None = None,
) -> Publication:
    """A publication."""
    return Publication(AppName.parse(app), release, sites, chains or {})


def site(
    *names: str | tuple[str, CertificateId], root: str = ".", proxy: str | None = None, **keys: Any
) -> PublishedSite:
    """A site; a name with a certificate is secured. ``keys`` are more of :class:`Site`."""
    served = tuple(
        ServedName(Domain.parse(n), None) if isinstance(n, str) else ServedName(Domain.parse(n[0]), n[1]) for n in names
    )
    content = Upstream.parse(proxy) if proxy else Folder.parse(root)
    return PublishedSite(served, Site(tuple(name.domain for name in served), content, **keys))


def remove(room: Room, app: str) -> None:
    """Take an app's file away again, so that tests that share a server do not meet."""
    (Path(room.settings.nginx.sites) / f"{app}.conf").unlink(missing_ok=True)
