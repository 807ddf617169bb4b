"""The ACME clients of `benchmarks.issuance` that serve the domains in the end: hookrunner and Caddy."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks.issuance.client import EMAIL, PATIENCE, Client, Failed, last_error
from tests.lab.machine import Process, listens, version
from tests.lab.server import COMMAND


class Hookrunner(Client):
    """``hookrunner deploy`` of a new app that was pushed without deploying it."""

    name = "hookrunner"

    def find(self) -> str:
        """It is this checkout's."""
        return str(COMMAND)

    @contextmanager
    def turn(self, title: str, domains: list[str]) -> Iterator[Callable[[], None]]:
        """The app is made before and removed after, so that nginx has no more than one turn's sites to read."""
        self._app = f"{title}-{self.name.replace(' ', '-')}"
        self._clone = self.server.app(self._app)
        manifest = f'domains = {json.dumps(domains)}\nroot = "public"\n'
        self._clone.commit({"app.toml": manifest, "public/index.html": "x"})
        try:
            self._make_ready()
            with super().turn(title, domains) as issue:
                yield issue
        finally:
            self.server.run("apps", "remove", self._app)

    def issue(self, domains: list[str]) -> None:
        """Deploy, and get a page from each domain."""
        verdict = self._deploy()
        for domain in domains:
            try:
                status = self.server.get(domain, https=True).status
            except OSError as error:
                raise Failed(f"{domain}: {error}; {verdict}") from None
            if status != 200:
                raise Failed(f"{domain} answers {status}; {verdict}")

    def _make_ready(self) -> None:
        self._clone.push("-o", "skip-deploy", "main")

    def _deploy(self) -> str:
        return self.server.run("deploy", self._app, check=False).stdout.rstrip().rpartition("\n")[2]

    def verify(self, domains: list[str]) -> None:
        """That was on the clock."""


class Push(Hookrunner):
    """The same with ``git push``."""

    name = "git push"

    def _make_ready(self) -> None:
        pass

    def _deploy(self) -> str:
        return self._clone.push().verdict


class Caddy(Client):
    """A Caddy that runs, and is given the domains with one ``caddy reload``."""

    name = "caddy"
    listens_itself = True

    def version(self) -> str:
        """It has a word for it."""
        return ".".join(map(str, version([self.program, "version"]))) or "?"

    @contextmanager
    def turn(self, title: str, domains: list[str]) -> Iterator[Callable[[], None]]:
        """Start it without a site, and end it after."""
        self._admin, self._served = self.server.ports.take(), self.folder / "served.log"
        self._write([])
        self._served.write_text("")
        env = {name: str(self.folder) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
        with super().turn(title, domains) as issue:
            caddy = Process([self.program, "run", *self._options()], self._served, env)
            try:
                caddy.wait_for(lambda: listens(self._admin))
                self._write(domains)
                yield issue
            finally:
                caddy.stop()

    def issue(self, domains: list[str]) -> None:
        """Reload, and ask each domain until it answers."""
        self.run([self.program, "reload", *self._options(), "--address", f"127.0.0.1:{self._admin}"])
        until = time.monotonic() + PATIENCE
        for domain in domains:
            while not self._answers(domain):
                if time.monotonic() > until:
                    raise Failed(f"{domain} does not answer; {last_error(self._served)}")
                time.sleep(0.01)

    def verify(self, domains: list[str]) -> None:
        """That was on the clock."""

    def _answers(self, domain: str) -> bool:
        try:
            return self.server.get(domain, https=True).status == 200
        except OSError:  # it does not listen yet, or has no certificate
            return False

    def _options(self) -> list[str]:
        return ["--config", str(self.folder / "Caddyfile"), "--adapter", "caddyfile"]

    def _write(self, domains: list[str]) -> None:
        site = f"{', '.join(domains)} {{\n    respond x\n}}\n" if domains else ""
        (self.folder / "Caddyfile").write_text(
            f"""{{
    admin 127.0.0.1:{self._admin}
    default_bind 127.0.0.1
    http_port {self.server.http_port}
    https_port {self.server.https_port}
    storage file_system {self.folder}/storage
    cert_issuer acme {{
        dir {self.server.pebble.directory}
        email {EMAIL}
        trusted_roots {self.server.pebble.ca_bundle}
        disable_tlsalpn_challenge
    }}
}}
{site}"""
        )
