"""The ACME clients of `benchmarks.issuance` that leave files for a web server: certbot, lego and dehydrated."""

import ssl
from abc import abstractmethod
from pathlib import Path

from benchmarks.issuance.client import EMAIL, Client, Failed
from tests.lab.machine import program

_RUNS = 20  # of a client that does not try again by itself


class _FileClient(Client):
    """Its certificates are looked at where it put them."""

    @abstractmethod
    def files(self, domain: str) -> tuple[Path, Path]:
        """The certificate with its chain, and its key."""

    def verify(self, domains: list[str]) -> None:
        """Each is there, valid for its domain under Pebble's root, and the key is its own."""
        root = self.folder / "root.pem"
        root.write_text(self.server.pebble.root())
        for domain in domains:
            chain, key = self.files(domain)
            options = ["-CAfile", str(root), "-untrusted", str(chain), "-verify_hostname", domain]
            self.run([program("openssl"), "verify", *options, str(chain)])
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain, key)

    def webroot(self) -> Path:
        """A folder that nginx serves for all names of this client."""
        webroot = self.folder / "webroot"
        webroot.mkdir()
        listen = f"listen 127.0.0.1:{self.server.http_port};"
        (self.server.nginx.others / f"{self.name}.conf").write_text(
            f"server {{ {listen} server_name .{self.name}.example; root {webroot}; }}\n"
        )
        self.server.nginx.stop()
        self.server.nginx.start()
        return webroot


class Certbot(_FileClient):
    """``certbot certonly --webroot`` (half a second faster than ``--standalone``), once a domain."""

    name = "certbot"

    def set_up(self) -> None:
        """Its place in nginx; the first run makes the account."""
        self._webroot = self.webroot()
        super().set_up()

    def issue(self, domains: list[str]) -> None:
        """One run a domain: a run gives one certificate."""
        for domain in domains:
            self.run(
                [
                    *(self.program, "certonly", "--webroot", "--webroot-path", str(self._webroot)),
                    *(f"--{kind}-dir={self.folder / kind}" for kind in ("config", "work", "logs")),
                    *("--server", self.server.pebble.directory, "--email", EMAIL, "--no-eff-email"),
                    *("--agree-tos", "--non-interactive", "--domain", domain),
                ],
                {"REQUESTS_CA_BUNDLE": str(self.server.pebble.ca_bundle)},
            )

    def files(self, domain: str) -> tuple[Path, Path]:
        """Links to the newest."""
        live = self.folder / "config" / "live" / domain
        return live / "fullchain.pem", live / "privkey.pem"


class Lego(_FileClient):
    """``lego --http run``, once a domain."""

    name = "lego"
    listens_itself = True

    def issue(self, domains: list[str]) -> None:
        """One run a domain: a run gives one certificate."""
        for domain in domains:
            self.run(
                [
                    *(self.program, "--server", self.server.pebble.directory, "--path", str(self.folder)),
                    *("--email", EMAIL, "--accept-tos"),
                    *("--http", "--http.port", f"127.0.0.1:{self.server.http_port}", "--domains", domain, "run"),
                ],
                {"LEGO_CA_CERTIFICATES": str(self.server.pebble.ca_bundle)},
            )

    def files(self, domain: str) -> tuple[Path, Path]:
        """Named after the domain."""
        folder = self.folder / "certificates"
        return folder / f"{domain}.crt", folder / f"{domain}.key"


class Dehydrated(_FileClient):
    """``dehydrated --cron`` with all domains in domains.txt, and a webroot."""

    name = "dehydrated"

    def set_up(self) -> None:
        """Its settings, its place in nginx and its account."""
        wellknown = self.webroot() / ".well-known" / "acme-challenge"
        wellknown.mkdir(parents=True)
        (self.folder / "config").write_text(
            f'CA="{self.server.pebble.directory}"\nBASEDIR="{self.folder}"\nWELLKNOWN="{wellknown}"\n'
            f'CURL_OPTS="--cacert {self.server.pebble.ca_bundle}"\nCONTACT_EMAIL="{EMAIL}"\n'
        )
        self._until_done("--register", "--accept-terms")
        super().set_up()

    def issue(self, domains: list[str]) -> None:
        """One run for all, and again for those that failed: it does not repeat a request with a rejected nonce."""
        (self.folder / "domains.txt").write_text("".join(f"{domain}\n" for domain in domains))
        self._until_done("--cron", "--keep-going")

    def files(self, domain: str) -> tuple[Path, Path]:
        """Links to the newest."""
        folder = self.folder / "certs" / domain
        return folder / "fullchain.pem", folder / "privkey.pem"

    def _until_done(self, *words: str) -> None:
        argv = [self.program, *words, "--config", str(self.folder / "config")]
        for _ in range(_RUNS - 1):
            try:
                return self.run(argv)
            except Failed:
                self.repeated += 1
        return self.run(argv)
