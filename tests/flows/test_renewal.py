"""Renewals: when the CA suggests it, or by the certificate's age; once, with a new key, and one reload for a batch."""

import json
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hookrunner.edges import certificates
from hookrunner.edges.records import FileStore
from hookrunner.model.certificate import Certificate
from tests.conftest import Boot, needs
from tests.flows.test_deploy import one_line
from tests.flows.test_push import manifest
from tests.lab.proxy import Answer, Fault, Proxy, Request, passing, problem, proxied
from tests.lab.pushing import held_locks, started
from tests.lab.server import Clone, Server

Forward = Callable[[], Answer]
DAY = timedelta(days=1)


def live(server: Server, app: str, *domains: str, more: str = "") -> Clone:
    """An app whose names are secured."""
    clone = server.app(app)
    clone.commit({"app.toml": manifest(*domains) + more, "public/index.html": app})
    assert clone.push().verdict.startswith("success: ")
    return clone


def store_of(server: Server) -> FileStore:
    """What the server remembers."""
    return FileStore(server.state / "records")


def recorded(server: Server, domain: str) -> Certificate:
    """What is on record of the domain's certificate, which is what is served."""
    [found] = [one for one in certificates.every(store_of(server)) if str(one.id.domain) == domain]
    assert f"{x509.load_der_x509_certificate(server.leaf(domain)).serial_number:x}" == found.serial
    return found


def key(server: Server, domain: str) -> bytes:
    """The public key that is served."""
    public = x509.load_der_x509_certificate(server.leaf(domain)).public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def suggest(server: Server, domain: str, start: timedelta, end: timedelta) -> None:
    """Have the CA suggest a window, and ours ask for it the next time it runs."""
    needs(server.pebble.has_ari, "a Pebble with ARI (2.5 or newer)")
    one, now = recorded(server, domain), datetime.now(UTC)
    server.pebble.suggest(one.chain, now + start, now + end)
    certificates.remember(
        store_of(server), one.__class__(**{f: getattr(one, f) for f in one.__slots__} | {"ari": None})
    )


def replaced(proxy: Proxy) -> list[bool]:
    """Of every order that the CA made, whether it said what it replaces."""
    return [
        "replaces" in (request.payload or {})
        for request in proxy.seen
        if request.kind == "order-new" and request.status == 201
    ]


@pytest.fixture
def behind(boot: Boot) -> Iterator[Callable[..., tuple[Server, Proxy]]]:
    """Boots servers whose CA is behind a proxy."""
    with ExitStack() as proxies:

        def start(**facts: Any) -> tuple[Server, Proxy]:
            server = boot(**facts)
            return server, proxies.enter_context(proxied(server))

        yield start


Behind = Callable[..., tuple[Server, Proxy]]


def at(later: timedelta, *, ari: bool = True) -> Fault:
    """A CA whose clock goes like that of a command which is run so much ``later``, with or without ARI."""

    def fault(request: Request, forward: Forward) -> Answer:
        answer = forward()
        answer.headers = {name: text for name, text in answer.headers.items() if name.lower() != "date"}
        answer.headers["Date"] = format_datetime(datetime.now(UTC) + later, usegmt=True)
        if request.kind == "directory" and not ari:
            document = json.loads(answer.body)
            document.pop("renewalInfo", None)
            answer.body = json.dumps(document).encode()
        return answer

    return fault


def failing(kind: str) -> Fault:
    """A CA that has an error at every request of a kind."""
    return lambda request, forward: problem(500, "serverInternal") if request.kind == kind else forward()


def test_what_the_ca_suggests_is_done_once(behind: Behind) -> None:
    """A window in the past: renewed with `replaces`, a new key, one reload for all; then nothing is due."""
    server, proxy = behind()
    names = [f"n{n}.ari.example" for n in range(3)]
    live(server, "ari", *names)
    live(server, "calm", "calm.example")
    assert server.run("renew").stdout == "success: nothing was due\n"
    for name in names:
        suggest(server, name, -3 * DAY, -2 * DAY)
    before, keys = [server.leaf(name) for name in names], [key(server, name) for name in names]
    calm, reloads = server.leaf("calm.example"), server.nginx.reloads()
    proxy.seen.clear()
    assert server.run("renew").stdout.endswith("success: 3 new certificates\n")
    assert replaced(proxy) == [True] * 3
    assert server.nginx.reloads() == reloads + 1
    assert not set(before) & {server.leaf(name) for name in names}
    assert not set(keys) & {key(server, name) for name in names}
    assert server.leaf("calm.example") == calm
    assert server.run("renew").stdout == "success: nothing was due\n"
    assert proxy.orders == 3
    assert held_locks(server) == []


def test_each_row_stands_below_its_app(behind: Behind) -> None:
    """Whatever order the CA answers in."""
    server, _ = behind()
    for name in ("left", "right"):
        names = [f"n{number}.{name}.example" for number in range(4)]
        live(server, name, *names)
        for domain in names:
            suggest(server, domain, -3 * DAY, -2 * DAY)
    heading, rows = "", []
    for line in server.run("renew").stdout.splitlines():
        if step := re.match(r"-----> (\w+): certificates, ", line):
            heading = step[1]
        elif row := re.match(r"       n\d\.(\w+)\.example +issued", line):
            rows.append((row[1], heading))
    assert sorted(rows) == [("left", "left")] * 4 + [("right", "right")] * 4


def test_a_ca_that_refuses_replaces_is_asked_without(behind: Behind) -> None:
    """Once: the order is made without it, and the old certificate replaced."""
    server, proxy = behind()
    live(server, "twice", "twice.example")
    suggest(server, "twice.example", -3 * DAY, -2 * DAY)
    before = server.leaf("twice.example")

    def fault(request: Request, forward: Forward) -> Answer:
        if request.kind == "order-new" and "replaces" in (request.payload or {}):
            return problem(409, "alreadyReplaced")
        return forward()

    proxy.fault = fault
    proxy.seen.clear()
    assert server.run("renew").stdout.endswith("success: 1 new certificate\n")
    assert replaced(proxy) == [False]
    assert server.leaf("twice.example") != before


def test_the_ca_is_asked_as_often_as_it_wants(behind: Behind) -> None:
    """Its answer is kept for as long as its Retry-After says; the moment in a window is chosen once."""
    server, proxy = behind()
    live(server, "asked", "asked.example")
    suggest(server, "asked.example", 20 * DAY, 30 * DAY)
    server.run("renew")
    first = recorded(server, "asked.example").ari
    assert first
    assert first.window
    assert proxy.count("renewal-info") == 1
    server.run("renew")
    assert proxy.count("renewal-info") == 1, "asked again too soon"
    assert recorded(server, "asked.example").ari == first
    [one] = json.loads(server.run("renew", "--dry-run", "--json").stdout)["renewal"]["certificates"]
    assert (one["app"], one["action"]) == ("asked", "keep")
    assert one["due"].startswith(f"{first.window.moment:%Y-%m-%dT%H:%M}")
    later = timedelta(days=1, minutes=5)
    proxy.fault = at(later)
    server.run("renew", later=later)
    assert proxy.count("renewal-info") == 2
    again = recorded(server, "asked.example").ari
    assert again
    assert again.window == first.window, "the same window has the same moment"


PROFILES = {
    "profiles": {
        "default": {"description": "usual", "validityPeriod": 90 * 24 * 3600},
        "shortlived": {"description": "six days", "validityPeriod": 6 * 24 * 3600},
    }
}


def test_a_short_lived_certificate_is_renewed_at_half_of_its_life(behind: Behind) -> None:
    """Six days, and a CA without ARI: not after two and three quarters of them, and after three and a quarter."""
    server, proxy = behind(pebble=PROFILES)
    needs(server.pebble.has_ari, "a Pebble with profiles (2.5 or newer)")
    live(server, "short", "short.example", more='[tls]\nprofile = "shortlived"\n')
    one = recorded(server, "short.example")
    assert timedelta(days=5.9) < one.not_after - one.not_before < timedelta(days=6.1)
    for later, orders in ((2.75 * DAY, 0), (3.25 * DAY, 1)):
        proxy.fault = at(later, ari=False)
        proxy.seen.clear()
        shown = server.run("renew", "--dry-run", later=later).stdout
        assert "half of its life left" in one_line(shown)
        assert ("would be renewed now" in shown) == bool(orders)
        server.run("renew", later=later)
        assert proxy.orders == orders
    assert recorded(server, "short.example").serial != one.serial


def test_a_usual_certificate_is_renewed_with_a_third_of_its_life_left(behind: Behind) -> None:
    """A CA without ARI: not after 64 % of it, and after 69 %."""
    server, proxy = behind()
    live(server, "usual", "usual.example")
    one = recorded(server, "usual.example")
    for share, orders in ((0.64, 0), (0.69, 1)):
        later = (one.not_after - one.not_before) * share
        proxy.fault = at(later, ari=False)
        proxy.seen.clear()
        server.run("renew", later=later)
        assert proxy.orders == orders


def test_a_twentieth_of_its_life_is_the_floor(behind: Behind) -> None:
    """Whatever the CA suggests: a window beyond its end changes nothing of that."""
    server, proxy = behind()
    live(server, "floor", "floor.example")
    suggest(server, "floor.example", 200 * DAY, 300 * DAY)
    one = recorded(server, "floor.example")
    server.run("renew")
    for share, orders in ((0.94, 0), (0.96, 1)):
        later = (one.not_after - one.not_before) * share
        proxy.fault = at(later)
        proxy.seen.clear()
        shown = server.run("renew", "--dry-run", later=later).stdout
        assert "a twentieth of its life left, whatever the CA suggests" in one_line(shown)
        server.run("renew", later=later)
        assert proxy.orders == orders


def test_a_clock_that_is_set_back_and_forth(behind: Behind) -> None:
    """Nothing is ordered, nothing is lost, and with the right time all is as before."""
    server, proxy = behind()
    clone = live(server, "clock", "clock.example")
    before = recorded(server, "clock.example")
    proxy.seen.clear()
    for later in (-300 * DAY, -30 * DAY, 80 * DAY, 300 * DAY):
        done = server.run("renew", later=later, check=False)
        assert recorded(server, "clock.example").serial == before.serial
        assert server.get("clock.example", https=True).body == "clock"
        if later > 60 * DAY:
            assert "this server's clock is wrong, or the CA's" in one_line(done.stdout)
            assert "timedatectl set-ntp true" in one_line(done.stdout)
    assert server.run("renew").stdout == "success: nothing was due\n"
    assert proxy.orders == 0
    clone.commit({"app.toml": manifest("clock.example", "new.clock.example")})
    assert clone.push().verdict.startswith("success: ")
    assert proxy.orders == 1


def test_renewals_and_a_push_at_once_never_order_the_same_twice(behind: Behind) -> None:
    """Each name has its one order, and everybody ends well."""
    server, proxy = behind()
    names = [f"n{n}.both.example" for n in range(4)]
    clone = live(server, "both", *names)
    live(server, "other", "other.example")
    for name in (*names, "other.example"):
        suggest(server, name, -3 * DAY, -2 * DAY)
    server.run("renew", "other", "--dry-run")
    clone.commit({"app.toml": manifest(*names, "new.both.example"), "public/index.html": "2"})
    proxy.seen.clear()
    push = started(clone)
    runs = [server.start("renew") for _ in range(3)]
    assert [run.wait(120) for run in runs] == [0, 0, 0]
    assert "success: " in push.communicate(timeout=120)[1]
    server.run("renew")
    made = [r.payload for r in proxy.seen if r.kind == "order-new" and r.status == 201 and r.payload]
    ordered = sorted(identifier["value"] for payload in made for identifier in payload["identifiers"])
    assert ordered == sorted([*names, "new.both.example", "other.example"])
    assert server.get("n0.both.example", https=True).body == "2"
    assert held_locks(server) == []


def test_what_no_site_uses_is_neither_renewed_nor_kept_for_ever(behind: Behind) -> None:
    """The certificate of a name that is gone is kept for 30 days, in case it comes back, and then taken away."""
    server, proxy = behind()
    clone = live(server, "kept", "kept.example", "gone.example", "back.example")
    for name in ("gone.example", "back.example"):
        suggest(server, name, -3 * DAY, -2 * DAY)
    clone.commit({"app.toml": manifest("kept.example")})
    clone.push()
    proxy.seen.clear()

    def there() -> set[str]:
        records = {str(one.id.domain) for one in certificates.every(store_of(server))}
        assert {path.name for path in (server.state / "certificates").glob("*/*.example")} == records
        return records

    server.run("renew")
    assert there() == {"kept.example", "gone.example", "back.example"}
    assert proxy.orders == 0
    clone.commit({"app.toml": manifest("kept.example", "back.example")})
    clone.push()
    server.run("renew")
    assert proxy.orders == 1, "it came back, and it was due"
    server.run("renew", later=29 * DAY, check=False)
    assert there() == {"kept.example", "gone.example", "back.example"}
    done = server.run("renew", later=31 * DAY, check=False)
    assert there() == {"kept.example", "back.example"}
    assert "gone.example: removed, no site uses it for 30 days" in one_line(done.stdout)
    clone.commit({"app.toml": manifest("kept.example", "back.example", "gone.example")})
    assert clone.push().verdict.startswith("success: ")
    assert server.get("gone.example", https=True).body == "kept"


@pytest.mark.parametrize(("reason", "code"), [("unspecified", 0), ("keyCompromise", 1)])
def test_a_revoked_certificate_is_replaced_first(behind: Behind, reason: str, code: int) -> None:
    """The new one, with a new key, is served when the CA revokes the old one; its reason arrives."""
    server, proxy = behind()
    live(server, "revoked", "revoked.example")
    old, before = recorded(server, "revoked.example"), key(server, "revoked.example")
    served: list[bytes] = []

    def fault(request: Request, forward: Forward) -> Answer:
        if request.kind == "revoke":
            served.append(key(server, "revoked.example"))
        return forward()

    proxy.fault = fault
    proxy.seen.clear()
    done = server.run("revoke", "revoked.example", "--reason", reason)
    assert done.stdout.endswith("success: revoked.example: revoked and replaced\n")
    assert (proxy.orders, len(set(served))) == (1, 1)
    assert before not in served
    status = server.pebble.certificate_status(old.serial)
    assert (status["Status"], status.get("Reason", 0)) == ("Revoked", code)
    assert key(server, "revoked.example") == served[0]
    assert server.run("renew").stdout == "success: nothing was due\n"


def test_what_cannot_be_replaced_is_not_revoked_yet(behind: Behind) -> None:
    """The old one serves on; the next run goes on with it, also after a CA that did not take the revocation."""
    server, proxy = behind()
    live(server, "later", "later.example")
    old = recorded(server, "later.example")

    def status() -> str:
        return str(server.pebble.certificate_status(old.serial)["Status"])

    proxy.fault = failing("order-new")
    done = server.run("revoke", "later.example", check=False)
    assert done.returncode == 1
    assert "later.example: not revoked yet, what stands in the way is above" in one_line(done.stdout)
    assert (recorded(server, "later.example").serial, status()) == (old.serial, "Valid")
    reported = server.run("report", check=False)
    assert (reported.returncode, "renewal failed" in reported.stdout) == (1, True), reported.stdout
    proxy.fault = failing("revoke")
    server.run("deploy", "later", "--retry")
    done = server.run("renew", check=False)
    assert done.returncode == 1
    assert "not revoked yet: the CA has an internal error" in one_line(done.stdout)
    assert recorded(server, "later.example").serial != old.serial
    assert status() == "Valid"
    proxy.fault = passing
    server.run("renew")
    assert status() == "Revoked"
    assert server.run("report").returncode == 0


def test_a_revocation_that_is_killed_is_completed(behind: Behind) -> None:
    """Before the CA hears of it, and after: the next run goes on, and nothing is revoked that is still served."""
    server, proxy = behind()
    live(server, "struck", "struck.example")
    for after in (False, True):
        old = recorded(server, "struck.example")
        run: list[subprocess.Popen[str]] = []

        def fault(
            request: Request, forward: Forward, run: list[subprocess.Popen[str]] = run, after: bool = after
        ) -> Answer:  # fmt: skip
            answer = forward() if after or request.kind != "revoke" else problem(500, "serverInternal")
            if request.kind == "revoke":
                run[0].kill()
            return answer

        proxy.fault = fault
        run.append(server.start("revoke", "struck.example"))
        assert run[0].wait(60) == -signal.SIGKILL
        assert recorded(server, "struck.example").serial != old.serial
        proxy.fault = passing
        assert server.run("renew").returncode == 0
        assert server.pebble.certificate_status(old.serial)["Status"] == "Revoked"
        assert server.run("renew").stdout == "success: nothing was due\n"


def test_revoke_now_does_not_wait(behind: Behind) -> None:
    """The CA issues nothing, and revokes: the owner wants it so. It is replaced as soon as that can be had."""
    server, proxy = behind()
    live(server, "now", "now.example")
    old = recorded(server, "now.example")
    proxy.fault = failing("order-new")
    done = server.run("revoke", "now.example", "--now")
    assert "warning: now.example: revoked, and served until there is a new one" in one_line(done.stdout)
    assert server.pebble.certificate_status(old.serial)["Status"] == "Revoked"
    proxy.fault = passing
    server.run("deploy", "now", "--retry")
    assert recorded(server, "now.example").serial != old.serial
    proxy.seen.clear()
    assert server.run("renew").stdout == "success: nothing was due\n"
    assert (proxy.count("revoke"), store_of(server).list("revocations")) == (0, [])


def test_revoke_knows_what_there_is(server: Server) -> None:
    """No name, no certificate, no such reason: an error each, and nothing asked for."""
    for words, said in (
        (["nothing.revoke.example"], "there is no certificate of nothing.revoke.example"),
        (["not a name"], '"not a name" '),
        (["nothing.revoke.example", "--reason", "spite"], "Invalid value for '--reason'"),
    ):
        done = server.run("revoke", *words, check=False)
        assert done.returncode in (1, 2)
        assert said in done.stderr


def test_a_renewal_dry_run_changes_nothing(server: Server, tmp_path: Path) -> None:
    """Not a record, not a file; it says of each certificate what, when and why."""
    live(server, "dry", "dry.example")

    def facts() -> dict[str, Any]:
        return {
            str(path): path.read_bytes() for path in sorted((server.state / "records").rglob("*")) if path.is_file()
        }

    before = facts()
    done = server.run("renew", "dry", "--dry-run")
    assert re.search(r"dry\.example +renews \d{4}-\d\d-\d\d \d\d:\d\d UTC \(", done.stdout)
    assert done.stdout.endswith("success: 0 certificates would be asked for, nothing was done\n")
    assert facts() == before
