"""`scripts/demo`: four pushes, shown as a person sees them, and every domain verified by a TLS handshake and a page."""

import argparse
import os
import ssl
import subprocess
import sys
import time
from pathlib import Path

from tests.lab.machine import Missing
from tests.lab.server import Clone, Server

_DOMAINS = ["park-spot.co", "api.park-spot.co", "app.park-spot.co"]
_ADDED = "docs.park-spot.co"


class Demo:
    """One server, one repository, and what went wrong so far."""

    def __init__(self) -> None:
        self.server = Server()
        self.failures: list[str] = []

    def run(self) -> None:
        """The four pushes."""
        print(f"A server in {self.server.folder}: hookrunner, nginx and Pebble, all on loopback ports.\n")
        _shown("hookrunner apps create parkspot")
        print(_indented(self.server.run("apps", "create", "parkspot").stdout))
        clone = self.server.clone("parkspot")

        self._title("1. The first push: three domains that nobody has a certificate for")
        clone.commit({"app.toml": _manifest(_DOMAINS), "public/index.html": _page("one")}, "Serve three domains")
        self._file(clone)
        self._push(clone, expected=0)
        self._verify(_DOMAINS, "one", reloads=1)

        self._title("2. A domain is added")
        domains = [*_DOMAINS, _ADDED]
        clone.commit({"app.toml": _manifest(domains)}, "Add the docs domain")
        self._push(clone, expected=0)
        self._verify(domains, "one", reloads=2)

        self._title("3. One file changes: nginx is not touched")
        clone.commit({"public/index.html": _page("two")}, "Change the page")
        self._push(clone, expected=0)
        self._verify(domains, "two", reloads=2)

        self._title("4. A broken app.toml is refused, with every mistake, and the site stays")
        broken = 'domain = ["park-spot.co"]\nroot = "../public"\nproxy = "http://backend:8000"\n'
        clone.commit({"app.toml": broken}, "Break it")
        self._file(clone)
        self._push(clone, expected=1)
        clone.git("reset", "--quiet", "--hard", "HEAD~1")
        self._verify(domains, "two", reloads=2)

        self._title("What the server says")
        for words in (["status", "parkspot"], ["report"]):
            _shown(f"hookrunner {' '.join(words)}")
            done = self.server.run(*words, check=False)
            print(_indented(done.stdout + done.stderr))
            if done.returncode:
                self.failures.append(f"hookrunner {' '.join(words)} ended with {done.returncode}")

    def _title(self, text: str) -> None:
        print(f"== {text}\n")

    def _file(self, clone: Clone) -> None:
        _shown("cat app.toml")
        print(_indented((clone.folder / "app.toml").read_text()))

    def _push(self, clone: Clone, *, expected: int) -> None:
        _shown("git push server main")
        started = time.monotonic()
        with subprocess.Popen(
            ["git", "push", "server", "main"], cwd=clone.folder, stderr=subprocess.PIPE, text=True, env=_plain()
        ) as push:
            assert push.stderr is not None
            for line in push.stderr:
                print(f"    {line.rstrip()}", flush=True)
        status = push.returncode
        print(f"    (git push: status {status}, {time.monotonic() - started:.1f} s)\n")
        if (status != 0) != (expected != 0):
            self.failures.append(f"git push ended with {status}")

    def _verify(self, domains: list[str], page: str, *, reloads: int) -> None:
        for domain in domains:
            try:
                answer = self.server.get(domain, https=True)
                plain = self.server.get(domain)
            except (OSError, ssl.SSLError) as error:
                self.failures.append(f"{domain}: {error}")
                continue
            if answer.status != 200 or page not in answer.body:
                self.failures.append(f"{domain}: answered {answer.status} {answer.body!r}")
            elif plain.status != 301:
                self.failures.append(f"{domain}: HTTP answered {plain.status}, not a redirect")
            else:
                print(f"    verified {domain}: chain good under Pebble's root, page {page!r}, HTTP redirects")
        if self.server.nginx.reloads() != reloads:
            self.failures.append(f"nginx was reloaded {self.server.nginx.reloads()} times, not {reloads}")
        print(f"    nginx reloads so far: {self.server.nginx.reloads()}\n")


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


def _manifest(domains: list[str]) -> str:
    names = "".join(f'    "{domain}",\n' for domain in domains)
    return f'domains = [\n{names}]\nroot = "public"\n'


def _page(version: str) -> str:
    return f"<!doctype html><title>parkspot</title><p>This is page {version}.\n"


def _shown(command: str) -> None:
    print(f"$ {command}", flush=True)


def _plain() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


def _how_to_look(server: Server) -> None:
    root = server.folder / "pebble-root.pem"
    root.write_text(server.pebble.root())
    port = server.https_port
    names = "MAP *.park-spot.co 127.0.0.1, MAP park-spot.co 127.0.0.1"
    print(f"""Left running. To look at it:
    curl --cacert {root} --connect-to ::127.0.0.1: https://park-spot.co:{port}/
    chromium --host-resolver-rules="{names}" https://park-spot.co:{port}/
      (the CA is a test CA: trust {root}, or pass over the warning)
    hookrunner: {Path(sys.executable).parent / "hookrunner"} --config {server.config} status
    a repository to push from: {server.folder / "clones" / "parkspot"}
To stop it:
    kill {" ".join(map(str, server.pids()))}; rm -r {server.folder}""")


def main() -> int:
    """Run the demo; 0 only if all was verified."""
    parser = argparse.ArgumentParser(prog="scripts/demo")
    parser.add_argument("--keep", action="store_true")
    keep = parser.parse_args().keep
    try:
        demo = Demo()
    except Missing as missing:
        print(f"demo: {missing}", file=sys.stderr)
        return 1
    try:
        demo.run()
    except BaseException:
        demo.server.down()
        raise
    if keep:
        _how_to_look(demo.server)
    else:
        demo.server.down()
    for failure in demo.failures:
        print(f"NOT VERIFIED: {failure}", file=sys.stderr)
    print("" if demo.failures else "All verified.")
    return 1 if demo.failures else 0


if __name__ == "__main__":
    sys.exit(main())
