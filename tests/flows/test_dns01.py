"""dns-01 against a real authoritative server: BIND, which Pebble resolves through."""

import json
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import toml
from cryptography import x509

from hookrunner.edges.records import FileStore
from tests.conftest import Boot, needs, or_skipped
from tests.flows.test_deploy import one_line
from tests.flows.test_push import manifest
from tests.lab.machine import Ports, is_free
from tests.lab.named import ALGORITHM, KEY_NAME, Named
from tests.lab.proxy import Answer, Request, passing, proxied
from tests.lab.server import Clone, Push, Server

DNS_01 = '[tls]\nchallenge = "dns-01"\n'
TXT = "_acme-challenge"


class Lab:
    """A BIND, and servers whose CA resolves through it."""

    def __init__(self, boot: Boot, folder: Path) -> None:
        self._boot, self._folder, self._ports = boot, folder, Ports()
        self._named: list[Named] = []

    def named(self, *zones: str, lines: Sequence[str] = (), address: str = "127.0.0.1", port: int = 0) -> Named:
        """A BIND with these zones."""
        folder = self._folder / f"named{len(self._named)}"
        with or_skipped():
            self._named.append(Named(folder, self._ports, *zones, lines=lines, address=address, port=port))
        return self._named[-1]

    def server(self, named: Named, zones: dict[str, dict[str, object]]) -> Server:
        """A server with these tables of ``[dns.zones]``."""
        server = self._boot(settings={"dns": {"resolvers": [named.server], "zones": zones}}, resolver=named.server)
        assert isinstance(server, Server)
        return server

    def down(self) -> None:
        """End them."""
        for named in self._named:
            named.stop()
        self._ports.release()


@pytest.fixture
def lab(boot: Boot, tmp_path: Path) -> Iterator[Lab]:
    """One for the test."""
    made = Lab(boot, tmp_path)
    yield made
    made.down()


def app(server: Server, name: str, *domains: str, more: str = "") -> Clone:
    """An app that is not pushed yet."""
    clone = server.app(name)
    clone.commit({"app.toml": manifest(*domains) + more, "public/index.html": name})
    return clone


def names_of(server: Server, host: str) -> list[str]:
    """The names in the certificate that is served for a host."""
    leaf = x509.load_der_x509_certificate(server.leaf(host))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.DNSName)


def everything(server: Server, *pushes: Push) -> str:
    """All that is printed, logged and recorded, and nginx's files."""
    found = [push.text for push in pushes]
    for folder in (server.state, server.nginx.sites):
        found += [
            path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file() and not path.is_symlink()
        ]
    for words in (["status"], ["report"], ["renew", "--dry-run"]):
        done = server.run(*words, check=False)
        found += [done.stdout, done.stderr]
    return "\n".join(found)


def test_a_wildcard_alone(lab: Lab) -> None:
    """It is issued, served for any name, its record is gone, and renewing does nothing more."""
    named = lab.named("wild.example")
    server = lab.server(named, {"wild.example": named.zone()})
    push = app(server, "wild", "*.wild.example").push()
    assert push.verdict.startswith("success: "), push.output
    assert server.get("any.wild.example", https=True).body == "wild"
    assert names_of(server, "other.wild.example") == ["*.wild.example"]
    assert len(named.changes(f"{TXT}.wild.example")) == 2
    assert named.texts(f"{TXT}.wild.example") == []
    assert server.run("renew").stdout == "success: nothing was due\n"
    assert named.secret not in everything(server, push)


def test_the_apex_and_the_wildcard(lab: Lab) -> None:
    """Both have their value at the one name, at the same time; a name with http-01 stands beside them."""
    named = lab.named("both.example")
    server = lab.server(named, {"both.example": named.zone()})
    seen: list[int] = []

    def fault(request: Request, forward: Callable[[], Answer]) -> Answer:
        if request.kind == "challenge":
            seen.append(len(named.texts(f"{TXT}.both.example")))
        return forward()

    with proxied(server, fault) as proxy:
        clone = app(server, "both", "both.example", "*.both.example", more=DNS_01)
        assert clone.push().verdict.startswith("success: ")
        assert proxy.orders == 2
        assert max(seen) == 2
    for host in ("both.example", "www.both.example"):
        assert server.get(host, https=True).body == "both"
    assert named.texts(f"{TXT}.both.example") == []


def test_a_cname_leads_to_another_zone(lab: Lab) -> None:
    """As acme-dns has it: the zone that the record is really in is the one in the settings."""
    lines = [f"{TXT}.led.example. CNAME one.acme.example."]
    named = lab.named("led.example", "acme.example", lines=lines)
    server = lab.server(named, {"acme.example": named.zone()})
    push = app(server, "led", "*.led.example").push()
    assert push.verdict.startswith("success: "), push.output
    assert server.get("x.led.example", https=True).body == "led"
    assert len(named.changes("one.acme.example")) == 2
    assert named.texts("one.acme.example") == []


def test_a_server_that_the_internet_does_not_reach(lab: Lab) -> None:
    """`always` in the settings, or `challenge` in app.toml: no address is looked for, and no port 80."""
    named = lab.named(
        "inside.example", lines=["@ A 203.0.113.9 ; inside.example.", "* A 203.0.113.9 ; inside.example."]
    )
    server = lab.server(named, {"inside.example": named.zone(always=True)})
    for name, more in (("always", ""), ("chosen", DNS_01)):
        push = app(server, name, f"{name}.inside.example", more=more).push()
        assert push.verdict.startswith("success: "), push.output
        assert server.get(f"{name}.inside.example", https=True).body == name
    refused = app(server, "http", "http.inside.example", more='[tls]\nchallenge = "http-01"\n').push()
    assert refused.verdict.startswith("warning: ")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", ["challenge", "finalize", "certificate"])
def test_killed_with_its_record_set(lab: Lab, kind: str, *, after: bool) -> None:
    """The next run goes on with the order, and takes the record away."""
    named = lab.named("struck.example")
    server = lab.server(named, {"struck.example": named.zone()})
    run: list[subprocess.Popen[str]] = []

    def fault(request: Request, forward: Callable[[], Answer]) -> Answer:
        answer = forward() if after or request.kind != kind else Answer(500, {}, b"")
        if request.kind == kind and run[0].poll() is None:
            run[0].kill()
        return answer

    with proxied(server, fault) as proxy:
        app(server, "struck", "*.struck.example").push("-o", "skip-deploy", "main")
        run.append(server.start("deploy", "struck"))
        assert run[0].wait(60) != 0
        proxy.fault = passing
        server.run("renew")
        server.run("deploy", "struck")
        assert server.get("x.struck.example", https=True).body == "struck"
        assert proxy.orders == 1
        server.run("renew")
    assert named.texts(f"{TXT}.struck.example") == []
    assert FileStore(server.state / "records").list("txt") == []


def test_a_record_that_was_left_is_swept(lab: Lab) -> None:
    """Killed, and then nobody wants the name any more: the timer takes the record away all the same."""
    named = lab.named("swept.example")
    server = lab.server(named, {"swept.example": named.zone()})
    run: list[subprocess.Popen[str]] = []

    def fault(request: Request, forward: Callable[[], Answer]) -> Answer:
        if request.kind == "challenge" and run[0].poll() is None:
            run[0].kill()
            run[0].wait()
        return forward()

    with proxied(server, fault):
        app(server, "swept", "*.swept.example").push("-o", "skip-deploy", "main")
        run.append(server.start("deploy", "swept"))
        run[0].wait(60)
        assert len(named.texts(f"{TXT}.swept.example")) == 1
        server.run("apps", "remove", "swept")
        server.run("renew")
    assert named.texts(f"{TXT}.swept.example") == []
    assert FileStore(server.state / "records").list("txt") == []


def test_no_credentials(lab: Lab) -> None:
    """Refused before the branch moves, with the table to add, for each name; without HTTPS a wildcard is fine."""
    named = lab.named("poor.example", "rich.example")
    server = lab.server(named, {"rich.example": named.zone()})
    clone = app(server, "poor", "*.poor.example", "www.poor.example", "*.rich.example")
    push = clone.push()
    shown = one_line(push.output)
    assert push.status != 0
    assert '"*.poor.example" needs dns-01; add a table [dns.zones."poor.example"] to server.toml on the server' in shown
    assert '"*.rich.example" needs' not in shown
    clone.commit({"app.toml": manifest("www.poor.example", more=DNS_01.replace("[tls]", 'root = "public"\n[tls]'))})
    assert '"www.poor.example" needs dns-01' in one_line(clone.push().output)
    clone.commit({"app.toml": manifest("*.poor.example") + 'https = "off"\n'})
    assert clone.push().verdict.startswith("success: ")


BROKEN: dict[str, tuple[Callable[[Named], dict[str, object]], str]] = {
    "another secret": (
        lambda named: named.zone(key_secret="c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0"),
        "127.0.0.1 refuses: key_secret or key_algorithm is wrong",
    ),
    "another key": (
        lambda named: named.zone(key_name="nobody"),
        "127.0.0.1 refuses: it has no key of the name key_name",
    ),
    "nobody there": (lambda named: named.zone(port=9), "127.0.0.1 cannot be reached: Connection refused"),
    "no such option": (
        lambda _: {"provider": "cloudflare", "auth_tokn": "tokentokentoken"},
        'the provider cloudflare has no option "auth_tokn"; did you mean "auth_token"?',
    ),
}


def findings(server: Server) -> dict[str, str]:
    """What `doctor` finds, by its check."""
    found = json.loads(server.run("doctor", "--json", check=False).stdout)["findings"]
    return {one["check"]: one["text"] for one in found}


@pytest.mark.parametrize(("zone", "why"), BROKEN.values(), ids=BROKEN)
def test_a_zone_that_cannot_be_changed(lab: Lab, zone: Callable[[Named], dict[str, object]], why: str) -> None:
    """The site is live without HTTPS, the push says why, no secret is anywhere; mended, it is secured."""
    named = lab.named("broken.example")
    table = zone(named)
    server = lab.server(named, {"broken.example": table})
    clone = app(server, "broken", "*.broken.example")
    push = clone.push()
    shown = one_line(push.output)
    assert push.verdict.startswith("warning: deploy 1 is live"), push.output
    assert f"its TXT record could not be set: {why}" in shown
    assert "mend [dns.zones] in server.toml" in shown
    told = everything(server, push)
    for option in ("key_secret", "auth_token", "auth_tokn"):
        assert str(table.get(option, "no secret")) not in told
    assert named.secret not in told
    found = findings(server)
    assert why in found["zones"]
    assert why in found["waiting"]
    settings = toml.loads(server.config.read_text())
    settings["dns"]["zones"]["broken.example"] = named.zone()
    server.config.write_text(toml.dumps(settings))
    clone.commit()
    assert clone.push().verdict.startswith("success: "), "it is tried at once"
    assert not {"zones", "waiting"} & findings(server).keys()


def test_a_zone_that_the_server_has_not(lab: Lab) -> None:
    """Its own words for that."""
    named = lab.named("here.example")
    server = lab.server(named, {"elsewhere.example": named.zone()})
    shown = one_line(app(server, "elsewhere", "*.elsewhere.example").push().output)
    assert "its TXT record could not be set: 127.0.0.1 refuses: it has no such zone" in shown


SCRIPT = """#!{python}
import sys, dns.query, dns.tsig, dns.update, dns.name
with open({log!r}, "a") as log:
    print(*sys.argv[1:], sorted(__import__("os").environ), file=log)
key = dns.tsig.Key(dns.name.from_text({name!r}), {secret!r}, {algorithm!r})
update = dns.update.UpdateMessage("program.example", keyring=key)
name = dns.name.from_text(sys.argv[2])
if sys.argv[1] == "present":
    update.add(name, 60, "TXT", sys.argv[3])
else:
    update.delete(name, "TXT", sys.argv[3])
dns.query.tcp(update, {address!r}, port={port})
"""


def test_a_program_of_the_owners(lab: Lab, tmp_path: Path) -> None:
    """It is called with what to do, the name and the value, and without the client's environment."""
    named = lab.named("program.example")
    program, log = tmp_path / "set-txt", tmp_path / "calls"
    facts = {
        "name": KEY_NAME,
        "secret": named.secret,
        "algorithm": ALGORITHM,
        "address": named.address,
        "port": named.port,
    }
    program.write_text(SCRIPT.format(python=sys.executable, log=str(log), **facts))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    zone: dict[str, object] = {"provider": "exec", "program": str(program), "nameservers": [named.server]}
    server = lab.server(named, {"program.example": zone})
    assert app(server, "program", "*.program.example").push().verdict.startswith("success: ")
    calls = log.read_text().splitlines()
    value = r"[A-Za-z0-9_-]{43}"
    env = r"\[('(HOME|LANG|PATH|LC_CTYPE)'(, )?)*\]"
    assert re.fullmatch(rf"present _acme-challenge\.program\.example {value} {env}", calls[0]), calls
    assert re.fullmatch(rf"cleanup _acme-challenge\.program\.example {value} {env}", calls[1]), calls
    assert len(calls) == 2


def test_a_provider_of_lexicon_and_the_zones_own_servers(lab: Lab) -> None:
    """dns-lexicon's own client for updates, whose port is 53; where its servers are the zone's NS records say."""
    needs(is_free(53), "port 53 of the loopback, and the right to listen there")
    address = "127.0.0.1"
    named = lab.named("lexicon.example", port=53)
    token = f"{ALGORITHM}:{KEY_NAME}:{named.secret}"
    zone: dict[str, object] = {"provider": "ddns", "auth_token": token, "ddns_server": address}
    server = lab.server(named, {"lexicon.example": zone})
    push = app(server, "lexicon", "lexicon.example", "*.lexicon.example", more=DNS_01).push()
    assert push.verdict.startswith("success: "), push.output
    assert named.texts(f"{TXT}.lexicon.example") == []
    assert len(named.changes(f"{TXT}.lexicon.example")) >= 4
    told = everything(server, push)
    assert named.secret not in told


def test_settings_with_secrets_that_everybody_may_read(lab: Lab) -> None:
    """Every command and every push says so, and what to type; nothing is done."""
    named = lab.named("open.example")
    server = lab.server(named, {"open.example": named.zone()})
    clone = app(server, "open", "*.open.example")
    server.config.chmod(0o644)
    done = server.run("status", check=False)
    assert done.returncode == 2
    assert f"error: {server.config} holds secrets, and every user may read it" in one_line(done.stderr)
    assert f"on the server: chmod o= {server.config}" in one_line(done.stderr)
    assert clone.push().status != 0
    server.config.chmod(0o640)
    assert clone.push().verdict.startswith("success: ")
