"""A Pebble with its challenge test server: a real ACME CA, its own DNS, and roots to trust."""

import functools
import ipaddress
import json
import ssl
import subprocess
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.lab.machine import Ports, Process, listens, program


class Pebble:
    """Started on creation; validates over ``http_port`` and answers every name with 127.0.0.1."""

    def __init__(
        self,
        folder: Path,
        ports: Ports,
        *,
        http_port: int,
        https_port: int,
        env: Mapping[str, str],
        config: Mapping[str, object],
        resolver: str = "",
    ) -> None:
        """``resolver``: where it resolves names instead."""
        pebble, dns_server = program("pebble"), program("pebble-challtestsrv")
        self._port, self._management, self._dns, self.dns_management = (ports.take() for _ in range(4))
        self.directory = f"https://127.0.0.1:{self._port}/dir"
        self.ca_bundle = folder / "pebble-https-root.pem"
        certificate, key = folder / "pebble.pem", folder / "pebble.key"
        _localhost_pair(self.ca_bundle, certificate, key)
        file = folder / "pebble.json"
        settings = {
            "listenAddress": f"127.0.0.1:{self._port}",
            "managementListenAddress": f"127.0.0.1:{self._management}",
            "certificate": str(certificate),
            "privateKey": str(key),
            "httpPort": http_port,
            "tlsPort": https_port,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
            "domainBlocklist": ["blocked-domain.example", "required.several.example"],
            **config,
        }
        file.write_text(json.dumps({"pebble": settings}))
        self._names = Process(_dns_argv(dns_server, self._dns, self.dns_management), folder / "dns.log")
        self._names.wait_for(lambda: listens(self.dns_management))
        self.resolver = resolver or f"127.0.0.1:{self._dns}"
        self._ca = Process(
            [pebble, "-config", str(file), "-dnsserver", self.resolver],
            folder / "pebble.log",
            {"PEBBLE_VA_NOSLEEP": "1", **env},
        )
        self._ca.wait_for(lambda: listens(self._port) and listens(self._management))
        self.log = folder / "pebble.log"

    @functools.cache  # noqa: B019 — a few servers live as long as their tests
    def root(self) -> str:
        """The root (PEM) under which it issues."""
        return self._ask(self._management, "roots/0").decode()

    def caa_identities(self) -> list[str]:
        """What CAA records call it; none from Pebble 2.4, which does not say."""
        return list(json.loads(self._ask(self._port, "dir"))["meta"].get("caaIdentities", []))

    @property
    def has_ari(self) -> bool:
        """Whether it suggests when to renew (RFC 9773), and has profiles; Pebble 2.4 does not."""
        return "renewalInfo" in json.loads(self._ask(self._port, "dir"))

    def suggest(self, chain: str, start: datetime, end: datetime) -> None:
        """Have it suggest this window for the renewal of a certificate."""
        window = {"suggestedWindow": {"start": f"{start:%Y-%m-%dT%H:%M:%SZ}", "end": f"{end:%Y-%m-%dT%H:%M:%SZ}"}}
        leaf = chain[: chain.index("-----END") + len("-----END CERTIFICATE-----")] + "\n"
        asked = {"certificate": leaf, "ariResponse": json.dumps(window)}
        self._ask(self._management, "set-renewal-info/", json.dumps(asked).encode())

    def certificate_status(self, serial: str) -> dict[str, Any]:
        """What it says of a certificate: its ``Status``, and if revoked a ``Reason``."""
        return dict(json.loads(self._ask(self._management, f"cert-status-by-serial/{serial}")))

    def orders(self) -> int:
        """How many orders were sent to it."""
        return self.log.read_text(errors="replace").count("POST /order-plz ->")

    def _ask(self, port: int, path: str, content: bytes | None = None) -> bytes:
        context = ssl.create_default_context(cafile=str(self.ca_bundle))
        url = f"https://127.0.0.1:{port}/{path}"
        with urllib.request.urlopen(url, content, context=context, timeout=10) as answer:
            return bytes(answer.read())

    def dns(self, call: str, **facts: object) -> None:
        """Call the DNS's management: ``set-servfail``, ``add-a``, …"""
        url = f"http://127.0.0.1:{self.dns_management}/{call}"
        with urllib.request.urlopen(url, data=json.dumps(facts).encode(), timeout=10):
            pass

    def pids(self) -> list[int]:
        """Their process ids."""
        return [self._ca.pid, self._names.pid]

    def stop(self) -> None:
        """End both."""
        self._ca.stop()
        self._names.stop()


def _dns_argv(dns_server: str, port: int, management: int) -> list[str]:
    # Pebble 2.4 calls it -dns01, 2.10 -dnsserver (and has DNS over HTTPS to be turned off).
    usage = subprocess.run([dns_server, "-help"], capture_output=True, text=True, check=False, timeout=10)
    text = usage.stdout + usage.stderr
    new = "-dnsserver" in text
    argv = [
        dns_server,
        "-dnsserver" if new else "-dns01",
        f"127.0.0.1:{port}",
        "-management",
        f"127.0.0.1:{management}",
    ]
    argv += ["-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", ""]
    return [*argv, "-doh", ""] if "-doh" in text else argv


_KEY_USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign",
    "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


def _localhost_pair(root_file: Path, certificate_file: Path, key_file: Path) -> None:
    now = datetime.now(UTC)
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hookrunner lab")])
    end = now + timedelta(days=400)
    base = (
        x509.CertificateBuilder().issuer_name(root_name).not_valid_before(now - timedelta(hours=1)).not_valid_after(end)
    )
    # Python 3.13 is strict: it wants all of RFC 5280's extensions.
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    signs = {name: name == "key_cert_sign" for name in _KEY_USAGES}
    root = (
        base.subject_name(root_name).public_key(root_key.public_key()).serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), critical=False)
        .add_extension(x509.KeyUsage(**signs), critical=True)
        .sign(root_key, hashes.SHA256())
    )  # fmt: skip
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    leaf = (
        base.subject_name(x509.Name([])).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
        .add_extension(authority, critical=False)
        .sign(root_key, hashes.SHA256())
    )  # fmt: skip
    root_file.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    certificate_file.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    pem, raw = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key_file.write_bytes(key.private_bytes(pem, raw, serialization.NoEncryption()))
