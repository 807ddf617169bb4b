"""Issuance that is killed with SIGKILL, at every point there is: the next run ends with a valid pair, and one order."""

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from hookrunner.edges.records import FileStore
from tests.conftest import Boot
from tests.lab.proxy import Answer, Proxy, Request, proxied
from tests.lab.pushing import held_locks
from tests.lab.server import Server

DOMAIN = "killed.issuance.example"
KILLED = Path(__file__).parent.parent / "lab" / "killed.py"
MOST = 400  # points; more are a loop


class Site:
    """An app whose certificate is taken away again and again."""

    def __init__(self, server: Server, proxy: Proxy) -> None:
        self.server, self.proxy = server, proxy
        self.store = FileStore(server.state / "records")
        clone = server.app("killed-issuance")
        clone.commit({"app.toml": f'domains = ["{DOMAIN}"]\nroot = "."\n', "index.html": "here"})
        assert clone.push().verdict.startswith("success: ")
        self.folder = next((server.state / "certificates").glob(f"*/{DOMAIN}"))

    def forget(self, *, account: bool) -> None:
        """As if there had never been a certificate, and perhaps no account."""
        for record in self.store.list("certificates"):
            self.store.delete(record.key)
        for record in self.store.list("accounts") if account else []:
            self.store.delete(record.key)

    def renew(self) -> None:
        """What the timer runs."""
        done = self.server.run("renew", check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def is_whole(self, before: bytes) -> None:
        """A new leaf is served, with its key, and nothing is open."""
        leaf = self.server.leaf(DOMAIN)
        assert leaf != before, "the old certificate is served"
        [record] = self.store.list("certificates")
        assert x509.load_pem_x509_certificate(record.value["chain"].encode()) == x509.load_der_x509_certificate(leaf)
        pair = self.folder / "current"
        key = load_pem_private_key((pair / "key.pem").read_bytes(), None)
        assert key.public_key() == x509.load_der_x509_certificate(leaf).public_key()
        assert (pair / "key.pem").stat().st_mode & 0o777 == 0o600
        assert self.store.list("journal") == []
        assert self.server.get(DOMAIN, https=True).body == "here"
        assert held_locks(self.server) == []


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_every_request_to_the_ca(boot: Boot, *, after: bool) -> None:
    """Before the CA hears of it, and when it has answered and nobody reads that; the account's own requests too."""
    server = boot()
    with proxied(server) as proxy:
        site = Site(server, proxy)
        points: dict[tuple[str, int], None] = {}  # a kind of request, and the how manieth of it in its run
        was_killed = True
        while was_killed:
            assert len(points) < MOST, points
            site.forget(account=True)
            before, orders = server.leaf(DOMAIN), proxy.orders
            came: Counter[str] = Counter()
            run: list[subprocess.Popen[str]] = []

            def fault(
                request: Request, forward: Callable[[], Answer],
                run: list[subprocess.Popen[str]] = run, came: Counter[str] = came,
            ) -> Answer:  # fmt: skip
                came[request.kind] += 1
                point = request.kind, came[request.kind]
                if point in points or run[0].poll() is not None:
                    return forward()
                points[point] = None
                answer = forward() if after else Answer(500, {}, b"")
                run[0].kill()
                return answer

            proxy.fault = fault
            run.append(server.start("renew"))
            was_killed = run[0].wait(60) == -signal.SIGKILL
            proxy.fault = lambda _, forward: forward()
            site.renew()
            site.is_whole(before)
            assert proxy.orders - orders == 1, f"killed at {list(points)[-1:]}, ordered twice"
        when = "after" if after else "before"
        print(f"killed {when} each of {len(points)} requests: {' '.join(kind for kind, _ in points)}")
        asked = {"directory", "nonce", "account", "order-new", "authorization", "challenge"}
        assert {kind for kind, _ in points} >= asked | {"order", "finalize", "certificate"}


@pytest.mark.parametrize("share", range(4))
def test_killed_at_every_durable_write(boot: Boot, share: int) -> None:
    """Before each rename, link and removal, which is after the one before it; keys, records, nginx's files, all."""
    server = boot()
    with proxied(server) as proxy:
        site = Site(server, proxy)
        killed = 0
        for number in range(1 + share, MOST, 4):
            site.forget(account=False)
            before, orders = server.leaf(DOMAIN), proxy.orders
            done = subprocess.run(
                [sys.executable, KILLED, str(number), "--config", server.config, "renew"],
                capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
            assert done.returncode in (0, -signal.SIGKILL), done.stdout + done.stderr
            site.renew()
            site.is_whole(before)
            assert proxy.orders - orders == 1, f"killed before write {number}, ordered twice"
            if done.returncode == 0:
                break
            killed += 1
        print(f"killed before each of {killed} durable writes, a quarter of all")
        assert killed > 5
