"""What CAs differ in: profiles, accounts that must be bound, and one that is asked when another cannot be had."""

import json
import ssl

import pytest
from cryptography import x509

from tests.conftest import Boot, needs
from tests.flows.test_deploy import one_line
from tests.flows.test_push import manifest
from tests.lab.pebble import Pebble
from tests.lab.proxy import Fault, problem, proxied
from tests.lab.server import Clone, Server

KID, MAC_KEY = "kid-of-the-lab", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
BOUND = {"externalAccountBindingRequired": True, "externalAccountMACKeys": {KID: MAC_KEY}}


def app(server: Server, name: str, *domains: str, more: str = "") -> Clone:
    """An app that is not pushed yet."""
    clone = server.app(name)
    clone.commit({"app.toml": manifest(*domains) + more, "public/index.html": name})
    return clone


def test_a_profile_that_the_ca_has_not(boot: Boot) -> None:
    """The site is live without HTTPS, the CA's profiles are named, nothing was ordered; a known one is issued."""
    profiles = {
        "default": {"description": "usual", "validityPeriod": 7776000},
        "tlsserver": {"description": "lean", "validityPeriod": 3888000},
    }
    server = boot(pebble={"profiles": profiles})
    needs(server.pebble.has_ari, "a Pebble with profiles (2.5 or newer)")
    with proxied(server) as proxy:
        clone = app(server, "profiled", "profiled.example", more='[tls]\nprofile = "nonesuch"\n')
        push = clone.push()
        shown = one_line(push.output)
        assert push.verdict.startswith("warning: deploy 1 is live")
        assert 'the CA has no such profile: "nonesuch"; it has default, tlsserver' in shown
        assert "choose another tls.profile in app.toml, or none" in shown
        assert proxy.orders == 0
        assert server.get("profiled.example").body == "profiled"
        clone.commit({"app.toml": manifest("profiled.example") + '[tls]\nprofile = "tlsserver"\n'})
        assert clone.push().verdict.startswith("success: ")
        [order] = [r.payload for r in proxy.seen if r.kind == "order-new" and r.status == 201]
        assert order
        assert order["profile"] == "tlsserver"
    leaf = x509.load_der_x509_certificate(server.leaf("profiled.example"))
    assert (leaf.not_valid_after_utc - leaf.not_valid_before_utc).days in (44, 45)


def test_an_account_that_must_be_bound(boot: Boot) -> None:
    """Without the binding: which settings are missing. With a wrong key: refused. With it: issued. It is never shown."""
    server = boot(pebble=BOUND)
    clone = app(server, "bound", "bound.example")
    shown = [clone.push()]
    words = one_line(shown[0].output)
    assert "this CA wants an external account binding" in words
    assert "write the CA's eab_kid and eab_hmac_key into server.toml" in words
    plain = server.config.read_text()

    def bound(key: str) -> None:
        server.config.write_text(plain.replace("[acme]\n", f'[acme]\neab_kid = "{KID}"\neab_hmac_key = "{key}"\n'))

    bound(MAC_KEY[::-1])
    clone.commit()
    shown.append(clone.push())
    assert shown[1].verdict.startswith("warning: ")
    assert "the CA does not take the external account binding" in one_line(shown[1].output)
    assert "compare eab_kid and eab_hmac_key in server.toml" in one_line(shown[1].output)
    bound(MAC_KEY)
    clone.commit()
    shown.append(clone.push())
    assert shown[2].verdict.startswith("success: "), shown[2].output
    for push in shown:
        assert MAC_KEY not in push.text
        assert MAC_KEY[::-1] not in push.text
    written = [path for path in server.state.rglob("*") if path.is_file() and MAC_KEY.encode() in path.read_bytes()]
    assert written == []


def with_backup(server: Server) -> Pebble:
    """A second CA, which is asked when the first one cannot be had."""
    backup = server.ca(server.folder / "backup")
    more = f'\n[[acme.backup]]\ndirectory = "{backup.directory}"\nca_bundle = "{backup.ca_bundle}"\n'
    server.config.write_text(server.config.read_text() + more)
    return backup


def issued_by(server: Server, host: str, ca: Pebble) -> bool:
    """Whether the served chain leads to that CA's root."""
    try:
        return bool(server.leaf(host, ca))
    except ssl.SSLCertVerificationError:
        return False


def refusing(kind: str, status: int = 403) -> Fault:
    """A CA that refuses every order for this reason."""
    return lambda request, forward: problem(status, kind) if request.kind == "order-new" else forward()


@pytest.mark.parametrize("kind", ["rejectedIdentifier", "rateLimited", "serverInternal", "invalidProfile"])
def test_another_ca_is_asked_after_a_refusal_of_its_own(boot: Boot, kind: str) -> None:
    """The push says why, and who issued; reports name the CA; the site has HTTPS."""
    server = boot()
    backup = with_backup(server)
    with proxied(server, refusing(kind, 429 if kind == "rateLimited" else 403)):
        push = app(server, "second", "a.second.example", "b.second.example").push()
        assert push.verdict.startswith("success: "), push.output
        shown = one_line(push.output)
        place = backup.directory.removeprefix("https://").removesuffix("/dir")
        assert f"Asking {place} for 2 certificates" in shown
        assert f"issued by {place} in" in shown
        reported = json.loads(server.run("report", "--json").stdout)["certificates"]
        assert {row["ca"] for row in reported} == {place.replace(":", "-") + "-dir"}, reported
        assert issued_by(server, "a.second.example", backup)
        assert not issued_by(server, "a.second.example", server.pebble)
        assert server.run("renew").stdout == "success: nothing was due\n"


def test_another_ca_is_asked_when_the_first_is_down(boot: Boot) -> None:
    """Nobody answers: the backup issues. When the first is back, its next renewal is the first's again."""
    server = boot()
    backup = with_backup(server)
    place = server.pebble.directory
    server.config.write_text(server.config.read_text().replace(place, f"https://127.0.0.1:{server.ports.take()}/dir"))
    assert app(server, "down", "down.example").push().verdict.startswith("success: ")
    assert issued_by(server, "down.example", backup)


def test_what_is_live_outlives_the_ca_that_signed_it(boot: Boot) -> None:
    """Another directory in the settings, whose CA does not answer: sites keep what they have, until it does."""
    server = boot()
    clone = app(server, "moved", "moved.example")
    assert clone.push().verdict.startswith("success: ")
    leaf, text, place = server.leaf("moved.example"), server.config.read_text(), server.pebble.directory
    server.config.write_text(text.replace(place, f"https://127.0.0.1:{server.ports.take()}/dir"))
    clone.commit({"public/index.html": "only a file"})
    assert "no HTTPS yet" not in clone.push().output
    assert server.run("renew").returncode == 0
    assert server.leaf("moved.example") == leaf
    server.config.write_text(text.replace(place, place.replace("127.0.0.1", "localhost")))
    server.run("deploy", "moved", "--retry")
    assert server.leaf("moved.example") != leaf


def test_a_fault_of_the_domain_is_nothing_for_another_ca(boot: Boot) -> None:
    """What the DNS or the web server does wrong every CA finds out: the backup is not asked."""
    server = boot(settings={"acme": {"preflight": False}})
    backup = with_backup(server)
    server.pebble.dns("set-servfail", host="broken.example")
    backup.dns("set-servfail", host="broken.example")
    assert app(server, "broken", "broken.example").push().verdict.startswith("warning: ")
    assert "/order-plz" not in backup.log.read_text()


def test_of_what_both_refuse_both_reasons_are_told(boot: Boot) -> None:
    """And the name waits, served over HTTP, until one of them may be asked again."""
    server = boot()
    backup = with_backup(server)
    with proxied(server, refusing("rejectedIdentifier")):
        clone = app(server, "neither", "blocked-domain.example")
        push = clone.push()
        assert push.verdict.startswith("warning: ")
        assert one_line(push.output).count("the CA does not issue for this name") >= 2
        assert server.get("blocked-domain.example").body == "neither"
        before = backup.log.read_text().count("/order-plz")
        assert before > 0
        clone.commit()
        assert clone.push().verdict.startswith("warning: ")
        assert backup.log.read_text().count("/order-plz") == before, "asked again at once"
