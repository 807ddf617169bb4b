"""Names that are not ready yet: why, what it costs the CA, how they finish by themselves, and who is told."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from hookrunner.core import settings as settings_file
from hookrunner.core.budget import Spent
from hookrunner.edges import deploys
from hookrunner.edges.git import Repository
from hookrunner.edges.orders import place
from hookrunner.edges.publisher import InProcess
from hookrunner.edges.records import FileStore
from hookrunner.flows.deploy import Run
from hookrunner.model import times
from hookrunner.model.deploy import Cause
from hookrunner.model.names import AppName, Domain
from tests.conftest import Boot, needs
from tests.flows.test_deploy import manifest, one_line
from tests.lab.server import Clone, Server

EVERY_NONCE = {"PEBBLE_WFE_NONCEREJECT": "0"}  # a request is a request, and not one again after badNonce
BLOCKED = "blocked-domain.example"
ELSEWHERE = "127.0.0.2"  # where somebody else may listen: nginx of the lab listens on 127.0.0.1 alone


def orders(server: Server) -> int:
    """How often the CA was asked for a certificate."""
    return server.pebble.log.read_text().count("POST /order-plz")


def waiting(server: Server, app: str) -> dict[str, str]:
    """The kind of what stands in the way of each name."""
    [status] = json.loads(server.run("status", app, "--json").stdout)["apps"]
    return {one["name"]: one["kind"] for one in status["domains"] if one["state"] == "waiting"}


def pushed(server: Server, app: str, *domains: str) -> Clone:
    """An app whose first push is done, whatever became of it."""
    clone = server.app(app)
    clone.commit({"app.toml": manifest(*domains), "public/index.html": app})
    assert clone.push().status == 0
    return clone


@pytest.fixture(scope="module")
def lab(boot_module: Boot) -> Server:
    """A server whose DNS knows nothing by itself, and which has a public address to name."""
    server = boot_module(settings={"dns": {"public_addresses": ["203.0.113.7"]}}, pebble_env=EVERY_NONCE)
    server.pebble.dns("set-default-ipv4", ip="")
    return server


def known(server: Server, *names: str, address: str = "127.0.0.1") -> None:
    """Give names an address."""
    for name in names:
        server.pebble.dns("add-a", host=name, addresses=[address])


def test_twenty_domains_of_which_four_are_not_ready(lab: Server) -> None:
    """16 secured at once, four reasons with four ways out, one order refused; each finishes when its DNS is mended."""
    needs(lab.pebble.caa_identities(), "a Pebble that says who it is in CAA records (2.5 or newer)")
    good = [f"n{number}.twenty.example" for number in range(16)]
    names = [*good, "none.twenty.example", "six.twenty.example", "caa.twenty.example", BLOCKED]
    known(lab, *good, *names[17:])
    lab.pebble.dns("add-aaaa", host=names[17], addresses=["2001:db8::66"])
    lab.pebble.dns("add-caa", host=names[18], policies=[{"tag": "issue", "value": "other.example"}])
    clone = lab.app("twenty")
    clone.commit({"app.toml": manifest(*names), "public/index.html": "twenty"})
    before = orders(lab)
    push = clone.push()
    shown = one_line(push.output)
    assert push.verdict.startswith("warning: deploy 1 is live (")
    assert push.verdict.endswith("4 of 20 names have no HTTPS yet")
    assert shown.count(" issued in ") == 16
    for words in (
        "none.twenty.example waiting: no A or AAAA record",
        "six.twenty.example waiting: 2001:db8::66 is no public address, and not this server's",
        "caa.twenty.example waiting: the CAA record of caa.twenty.example allows only other.example",
        f"{BLOCKED} refused: the CA does not issue for this name: ",
        "at the DNS of twenty.example add",
        "type A name none value 203.0.113.7",
        'type CAA name caa value 0 issue "pebble.letsencrypt.org"',
        "at the DNS of twenty.example remove",
        "type AAAA name six value 2001:db8::66",
        f"leave {BLOCKED} out, or use another CA for it",
        "looked at every 5 minutes, HTTPS then comes by itself",
    ):
        assert words in shown
    assert "hint:   type A  name none  value 203.0.113.7\n" in push.output, "as registrars ask for it"
    assert orders(lab) - before == 17, "one for each that is ready, and the one that the CA refuses"
    for number in range(10):
        clone.commit({"public/index.html": f"twenty {number}"})
        assert clone.push().status == 0
    assert orders(lab) - before == 17, "pushes cost the CA nothing"
    assert waiting(lab, "twenty") == {
        names[16]: "no-address", names[17]: "private", names[18]: "caa-record", BLOCKED: "rejectedIdentifier",
    }  # fmt: skip

    mend: dict[str, Callable[[], None]] = {
        names[16]: lambda: known(lab, names[16]),
        names[17]: lambda: lab.pebble.dns("clear-aaaa", host=names[17]),
        names[18]: lambda: lab.pebble.dns("clear-caa", host=names[18]),
    }
    for count, (name, mended) in enumerate(mend.items(), 1):
        mended()
        reloads = lab.nginx.reloads()
        renewed = lab.run("renew", "twenty")
        assert f"{name} issued in " in one_line(renewed.stdout)
        assert lab.get(name, https=True).body == "twenty 9"
        assert (orders(lab) - before, lab.nginx.reloads() - reloads) == (17 + count, 1)
    assert waiting(lab, "twenty") == {BLOCKED: "rejectedIdentifier"}
    renewed = lab.run("renew", "twenty")
    assert renewed.stdout.splitlines()[-1] == "warning: nothing was due, 1 name waits"
    assert orders(lab) - before == 20, "what the CA refused is not asked for again before its time"
    [status] = json.loads(lab.run("status", "twenty", "--json").stdout)["apps"]
    assert (status["deploy"], status["last_deploy"]["cause"]) == (14, "renew")
    assert "issued in" in (lab.state / "apps" / "twenty" / "logs" / "14.log").read_text()


def test_what_the_ca_refused_is_remembered_everywhere(lab: Server) -> None:
    """Push, plan, status and report name the next try; `deploy --retry` and another list of domains try at once."""
    known(lab, "fine.memory.example", "more.memory.example", f"memory.{BLOCKED}")
    clone = pushed(lab, "memory", "fine.memory.example", f"memory.{BLOCKED}")
    before = orders(lab)
    clone.commit()
    assert "next try" in one_line(clone.push().output)
    for command in ("plan", "status", "report"):
        assert "next try" in one_line(lab.run(command, "memory", check=False).stdout)
    [fact] = [
        f for f in json.loads(lab.run("report", "memory", "--json", check=False).stdout)["certificates"] if f["kind"]
    ]
    assert (fact["domain"], fact["state"], fact["kind"]) == (f"memory.{BLOCKED}", "waiting", "rejectedIdentifier")
    assert fact["next_try"] > fact["since"]
    assert fact["hints"] == [f"leave memory.{BLOCKED} out, or use another CA for it"]
    assert lab.run("deploy", "memory").returncode == 0
    assert orders(lab) == before
    assert lab.run("deploy", "memory", "--retry").returncode == 0
    assert orders(lab) == before + 1
    clone.commit({"app.toml": manifest("fine.memory.example", f"memory.{BLOCKED}", "more.memory.example")})
    clone.push()
    assert orders(lab) == before + 3, "the new name, and the refused one again"


def test_names_of_two_apps_are_secured_with_one_reload(lab: Server) -> None:
    """The timer's run looks at all apps; an app that deploys just now is passed over."""
    for app in ("pair-a", "pair-b"):
        pushed(lab, app, f"{app}.example")
        assert waiting(lab, app) == {f"{app}.example": "no-address"}
    known(lab, "pair-a.example", "pair-b.example")
    reloads = lab.nginx.reloads()
    renewed = json.loads(lab.run("renew", "--json").stdout)["renewal"]
    assert (renewed["secured"], renewed["failed"]) == (2, False)
    assert lab.nginx.reloads() - reloads == 1
    assert [lab.get(f"{app}.example", https=True).body for app in ("pair-a", "pair-b")] == ["pair-a", "pair-b"]


def test_required_https_comes_by_itself_too(lab: Server) -> None:
    """503 until the DNS is right; then the site."""
    clone = lab.app("strict")
    clone.commit({"app.toml": manifest("strict.example", more='root = "."\nhttps = "required"'), "index.html": "s"})
    assert clone.push().verdict.startswith("error: deploy 1 is live (")
    assert lab.get("strict.example").status == 503
    known(lab, "strict.example")
    lab.run("renew", "strict")
    assert lab.get("strict.example", https=True).body == "s"


def test_broken_dns_is_named(lab: Server) -> None:
    """An alias to nowhere, and a DNS that fails: each with its own words."""
    lab.pebble.dns("set-cname", host="alias.broken.example", target="nowhere.example")
    lab.pebble.dns("set-servfail", host="sec.broken.example")
    clone = lab.app("broken")
    clone.commit({"app.toml": manifest("alias.broken.example", "sec.broken.example"), "public/index.html": "x"})
    push = clone.push()
    shown = one_line(push.output)
    assert "an alias of nowhere.example, which has no A or AAAA record" in shown
    assert "sec.broken.example waiting: its DNS fails (SERVFAIL), probably broken DNSSEC" in shown
    assert push.verdict.endswith("2 of 2 names wait for their DNS")
    known(lab, "nowhere.example")
    lab.pebble.dns("clear-servfail", host="sec.broken.example")
    known(lab, "sec.broken.example")
    lab.run("renew", "broken")
    assert waiting(lab, "broken") == {}


class Somebody:
    """A web server at an address that is not nginx's, over HTTP and HTTPS at the public ports."""

    def __init__(self, server: Server, answer: Callable[[BaseHTTPRequestHandler, bool], None], address: str) -> None:
        self.asked: list[str] = []
        self._running = [
            self._start(server, answer, address, port, is_https=is_https)
            for port, is_https in ((server.http_port, False), (server.https_port, True))
        ]

    def _start(
        self, server: Server, answer: Callable[[BaseHTTPRequestHandler, bool], None], address: str, port: int,
        *, is_https: bool,
    ) -> ThreadingHTTPServer:  # fmt: skip
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            server_version, sys_version = "cloudflare", ""

            def do_GET(self) -> None:
                asked.append(f"{'https' if is_https else 'http'} {self.path}")
                answer(self, is_https)

            def version_string(self) -> str:
                return "cloudflare"

            def log_message(self, *_: object) -> None:
                pass

        web = ThreadingHTTPServer((address, port), Handler)
        web.daemon_threads = True
        if is_https:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(server.folder / "pebble.pem", server.folder / "pebble.key")
            web.socket = context.wrap_socket(web.socket, server_side=True)
        threading.Thread(target=web.serve_forever, args=(0.05,), daemon=True).start()
        return web

    def down(self) -> None:
        """End it."""
        for web in self._running:
            web.shutdown()
            web.server_close()


def says(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    """Answer a request."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def somebody(lab: Server) -> Iterator[Callable[..., Somebody]]:
    """Starts somebody else's web server."""
    running: list[Somebody] = []

    def start(answer: Callable[[BaseHTTPRequestHandler, bool], None]) -> Somebody:
        running.append(Somebody(lab, answer, ELSEWHERE))
        return running[-1]

    yield start
    for one in running:
        one.down()


def test_always_https_with_a_strict_origin(lab: Server, somebody: Callable[..., Somebody]) -> None:
    """Cloudflare leads to HTTPS, and finds no certificate at the origin."""

    def answer(handler: BaseHTTPRequestHandler, is_https: bool) -> None:
        if is_https:
            says(handler, 526, b"invalid SSL certificate")
        else:
            says(handler, 301, Location=f"https://strict.cloud.example:{lab.https_port}{handler.path}")

    somebody(answer)
    known(lab, "strict.cloud.example", address=ELSEWHERE)
    clone = pushed(lab, "cloud-strict", "strict.cloud.example")
    assert waiting(lab, "cloud-strict") == {"strict.cloud.example": "cloudflare-strict"}
    clone.commit()
    shown = one_line(clone.push().output)
    assert "Cloudflare leads to HTTPS, which has no certificate here yet (526)" in shown
    assert "at Cloudflare turn off Always Use HTTPS for strict.cloud.example" in shown
    assert "invalid SSL certificate" not in shown, "a body is never printed"


def test_a_flexible_proxy_is_warned_of(lab: Server, somebody: Callable[..., Somebody]) -> None:
    """Cloudflare speaks HTTP to the origin: the certificate comes, and so does the hint."""

    def answer(handler: BaseHTTPRequestHandler, _is_https: bool) -> None:
        with closing(HTTPConnection("127.0.0.1", lab.http_port, timeout=5)) as origin:
            origin.request("GET", handler.path, headers={"Host": handler.headers["Host"]})
            found = origin.getresponse()
            says(handler, found.status, found.read())

    somebody(answer)
    known(lab, "flexible.cloud.example", address=ELSEWHERE)
    clone = lab.app("cloud-flexible")
    clone.commit({"app.toml": manifest("flexible.cloud.example"), "public/index.html": "x"})
    push = clone.push()
    assert push.verdict.startswith("success: ")
    assert "set its SSL/TLS mode to Full (strict), else its redirects never end" in one_line(push.output)


@pytest.mark.parametrize(
    ("name", "status", "headers", "words"),
    [
        ("down", 521, {}, "Cloudflare answers for it and does not reach this server (521)"),
        ("other", 404, {}, "Cloudflare answers for it and reaches another server (404)"),
        ("port", 301, {"Location": "http://port.some.example:8080/x"}, "no CA follows redirects there"),
        ("scheme", 302, {"Location": "ftp://some.example/x"}, "no CA follows redirects there"),
        ("loop", 302, {"Location": "/again"}, "redirects without an end"),
        ("inner", 307, {"Location": "http://10.0.0.1/secret"}, "is no public address"),
        ("gone", 308, {"Location": "http://nowhere-at-all.example/"}, "has no address"),
    ],
)
def test_somebody_else_answers(
    lab: Server, somebody: Callable[..., Somebody], name: str, status: int, headers: dict[str, str], words: str
) -> None:
    """Whatever stands at the address that is not this server makes the name wait, and says what it is."""
    somebody(lambda handler, _: says(handler, status, b"<secret body>", **headers))
    known(lab, f"{name}.some.example", address=ELSEWHERE)
    clone = lab.app(f"some-{name}")
    clone.commit({"app.toml": manifest(f"{name}.some.example"), "public/index.html": "x"})
    before = orders(lab)
    shown = one_line(clone.push().output)
    assert words in shown
    assert "secret body" not in shown
    assert orders(lab) == before


def test_a_server_that_never_ends_its_answer_costs_seconds(lab: Server, somebody: Callable[..., Somebody]) -> None:
    """Endless headers or an endless body: the look ends, the name waits or goes, the push returns."""
    over = threading.Event()

    def answer(handler: BaseHTTPRequestHandler, _is_https: bool) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not over.wait(0.2):
            try:
                handler.wfile.write(b"X-More: and more\r\n")
            except OSError:
                return

    somebody(answer)
    known(lab, "slow.some.example", address=ELSEWHERE)
    try:
        clone = lab.app("some-slow")
        clone.commit({"app.toml": manifest("slow.some.example"), "public/index.html": "x"})
        assert clone.push().status == 0
    finally:
        over.set()


def test_without_preflight_the_ca_is_asked_at_once(boot: Boot) -> None:
    """`preflight = false`: every name goes to the CA, which says no by itself."""
    server = boot(settings={"acme": {"preflight": False}}, pebble_env=EVERY_NONCE)
    server.pebble.dns("set-servfail", host="no.example")
    clone = server.app("off")
    clone.commit({"app.toml": manifest("no.example", "yes.example"), "public/index.html": "x"})
    shown = one_line(clone.push().output)
    assert "no.example refused: " in shown
    assert orders(server) == 2


def test_the_owner_is_told_once(boot: Boot, tmp_path: Path) -> None:
    """A first failure, then nothing, then the recovery; a program that fails is said and called again."""
    heard, broken = tmp_path / "heard", tmp_path / "broken"
    program = ["/bin/sh", "-c", f"test ! -e {broken} || exit 3; cat >> {heard}; echo >> {heard}"]
    server = boot(settings={"notify": program})
    server.pebble.dns("set-servfail", host="a.told.example")
    server.pebble.dns("set-servfail", host="b.told.example")
    broken.touch()
    clone = server.app("told")
    clone.commit({"app.toml": manifest("a.told.example", "b.told.example", "c.told.example"), "public/index.html": "x"})
    push = clone.push()
    assert "the owner was not told: /bin/sh: ended with status 3" in one_line(push.output)
    assert push.verdict.startswith("warning: deploy 1 is live (")
    broken.unlink()
    for _ in range(2):
        server.run("renew")
        clone.commit()
        clone.push()
    [event] = _events(heard)
    assert (event["schema"], event["event"], event["app"]) == (1, "failure", "told")
    assert [(one["name"], one["kind"]) for one in event["domains"]] == [
        ("a.told.example", "dnssec"), ("b.told.example", "dnssec"),
    ]  # fmt: skip
    server.pebble.dns("clear-servfail", host="a.told.example")
    server.run("renew")
    server.run("renew")
    [_, event] = _events(heard)
    assert (event["event"], [one["name"] for one in event["domains"]]) == ("recovery", ["a.told.example"])


def test_metrics_are_prometheus_text(boot: Boot) -> None:
    """A parser of the format reads them; the exit status is the report's."""
    from prometheus_client.parser import text_string_to_metric_families

    server = boot()
    server.pebble.dns("set-servfail", host="bad.metrics.example")
    pushed(server, "metrics", "good.metrics.example", "bad.metrics.example")
    done = server.run("report", "--metrics", check=False)
    assert done.returncode == 1
    samples = {
        (sample.name, sample.labels.get("domain", "")): sample.value
        for family in text_string_to_metric_families(done.stdout)
        for sample in family.samples
    }
    assert samples["hookrunner_domain_secured", "good.metrics.example"] == 1
    assert samples["hookrunner_domain_secured", "bad.metrics.example"] == 0
    assert samples["hookrunner_domain_waiting", "bad.metrics.example"] == 1
    assert samples["hookrunner_certificate_not_after_seconds", "good.metrics.example"] > 1.7e9
    assert server.run("report", "--metrics", "--json", check=False).returncode == 2


def _events(file: Path) -> list[dict[str, Any]]:
    decoder, text, events = json.JSONDecoder(), file.read_text().strip(), []
    while text:
        event, end = decoder.raw_decode(text)
        events.append(event)
        text = text[end:].strip()
    return events


def test_the_limits_of_a_known_ca_are_kept(boot: Boot) -> None:
    """At Let's Encrypt 50 certificates of a registered domain fit in a week; the push says what was left for later."""
    server = boot(pebble_env=EVERY_NONCE)
    settings = settings_file.parse(server.config.read_bytes())
    known_ca = settings.acme.authority._replace(name="letsencrypt", title="Let's Encrypt")
    settings = settings._replace(acme=settings.acme._replace(authority=known_ca))
    store, now, app = FileStore(settings.records), datetime.now(UTC), AppName("budget")
    for number in range(48):
        name = Domain(f"old{number}.limits.example")
        at = now - timedelta(days=3, minutes=number)
        spent = Spent(at, app, frozenset({name}), frozenset({"limits.example"}), is_renewal=False, has_failed=False)
        place(store, "letsencrypt", spent)
    clone = server.app("budget")
    names = [f"n{number}.limits.example" for number in range(4)]
    clone.commit({"app.toml": manifest(*names, "other.example"), "public/index.html": "x"})
    clone.git("--git-dir", str(clone.remote), "fetch", "--quiet", str(clone.folder), "main:main")
    repository = Repository(clone.remote)
    commit = repository.resolve("main")
    assert commit
    deploy = deploys.queue(store, app, commit=commit, ref="refs/heads/main", now=now, cause=Cause.DEPLOY)
    said: list[str] = []
    Run(
        deploy=deploy, settings=settings, store=store, repository=repository, publisher=InProcess(settings, store),
        say=lambda line: said.append(f"{line.label or ''} {line.text}"), now=now,
    ).to_the_end()  # fmt: skip
    later = [line for line in said if "left for later" in line]
    assert len(later) == 2
    until = now - timedelta(days=3, minutes=47) + timedelta(days=7)
    assert f"50 certificates of limits.example in 7 days, next try {until:%Y-%m-%d %H:%M} UTC" in later[0]
    assert len([line for line in said if "issued in" in line]) == 3
    assert orders(server) == 3


def test_a_renewal_that_cannot_be_had_is_warned_of_everywhere(boot: Boot, tmp_path: Path) -> None:
    """The next push, report and the owner's program: and the site goes on with what it has."""
    heard = tmp_path / "heard"
    server = boot(settings={"notify": ["/bin/sh", "-c", f"cat >> {heard}"]})
    clone = pushed(server, "old", "old.example")
    store = FileStore(server.state / "records")
    [record] = store.list("certificates")
    now = datetime.now(UTC)
    begun, soon = times.written(now - timedelta(days=80)), times.written(now + timedelta(days=3))
    store.put(record.key, record.value | {"not_before": begun, "not_after": soon})  # as if its time were almost over
    server.pebble.dns("set-servfail", host="old.example")
    clone.commit()
    push = clone.push()
    shown = one_line(push.output)
    assert f"renewal waits: its DNS fails (SERVFAIL), probably broken DNSSEC; valid until {soon[:10]}" in shown
    assert push.verdict.endswith("1 renewal cannot be had yet")
    assert push.verdict.startswith("warning: ")
    assert server.get("old.example", https=True).status == 200
    report = server.run("report", "--json", check=False)
    assert report.returncode == 1
    [fact] = json.loads(report.stdout)["certificates"]
    assert (fact["state"], fact["kind"]) == ("expires_soon", "dnssec")
    assert "renewal waits: its DNS fails" in one_line(server.run("status", "old").stdout)
    assert [event["event"] for event in _events(heard)] == ["failure", "expiry"]
    server.pebble.dns("clear-servfail", host="old.example")
    reloads = server.nginx.reloads()
    leaf = server.leaf("old.example")
    assert server.run("renew").stdout.splitlines()[-1] == "success: 1 new certificate"
    assert server.leaf("old.example") != leaf
    assert server.nginx.reloads() == reloads + 1
    assert server.run("report").returncode == 0
    assert [event["event"] for event in _events(heard)] == ["failure", "expiry", "recovery"]
    assert server.run("renew").stdout.splitlines() == ["success: nothing was due"]


def test_what_was_issued_and_not_served_is_served_by_the_next_renewal(boot: Boot) -> None:
    """nginx does not take it because of somebody else's file: nothing is lost, the next run finishes without an order."""
    server = boot(settings={"dns": {"public_addresses": ["203.0.113.7"]}}, pebble_env=EVERY_NONCE)
    server.pebble.dns("set-servfail", host="late.example")
    pushed(server, "late", "late.example")
    server.pebble.dns("clear-servfail", host="late.example")
    broken = server.nginx.others / "broken.conf"
    broken.write_text("nonsense;\n")
    failed = server.run("renew", check=False)
    assert failed.returncode == 1
    assert "nonsense" in failed.stdout
    assert failed.stdout.splitlines()[-1].startswith("error: a new certificate could not be served")
    assert server.get("late.example").status == 200
    broken.unlink()
    assert server.run("renew").returncode == 0
    assert server.get("late.example", https=True).status == 200
    assert orders(server) == 1
