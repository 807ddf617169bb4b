"""Root's door with a real nginx: it serves exactly what was asked for, or changes nothing and says why."""

import fcntl
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from hookrunner.model.app import Https
from hookrunner.model.names import AppName, Domain
from hookrunner.model.publication import CertificateId, Publication
from hookrunner.publisher import leaves
from tests.conftest import Boot
from tests.lab.server import Server
from tests.publisher.made import CA, Room, publication, remove, site


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    """A server for the tests of this file."""
    booted = Server()
    yield booted
    booted.down()


@pytest.fixture(params=["in process", "behind a socket"])
def room(own: Server, request: pytest.FixtureRequest) -> Iterator[Room]:
    """What both ways in have to do, with the app shop that holds two names and has a release; cleared afterwards."""
    yield from _room(Room.of(own) if request.param == "in process" else Room.of(own).behind_a_socket())


@pytest.fixture(scope="module", params=["in process", "behind a socket"])
def own_pinned(boot_module: Boot, request: pytest.FixtureRequest) -> Iterator[Room]:
    """A server that allows the app pinned one domain."""
    made = Room.of(boot_module(settings={"apps": {"pinned": {"allowed_domains": ["pinned.example"]}}}))
    if request.param == "in process":
        yield made
        return
    behind = made.behind_a_socket()
    yield behind
    assert behind.service
    behind.service.stop()


@pytest.fixture
def inner_room(own: Server) -> Iterator[Room]:
    """The same, in process alone: for settings that no file can hold."""
    yield from _room(Room.of(own))


def _room(made: Room) -> Iterator[Room]:
    made.claim("shop", "a.example", "b.example")
    made.release("shop", 1, {"index.html": "one", "public/index.html": "public", "app.toml": "", ".env": "secret"})
    yield made
    remove(made, "shop")
    for file in made.server.nginx.others.iterdir():
        file.unlink()
    assert made.ask({"publish": publication("shop", made.release("shop", 1, {})).to_json()})["published"]
    remove(made, "shop")
    made.settings.current(AppName("shop")).unlink(missing_ok=True)
    if made.service:
        made.service.stop()


FIRST, SECOND = f"1-{1:040x}", f"2-{2:040x}"


def publish(room: Room, asked: Publication) -> dict[str, Any]:
    """The door's answer."""
    return room.ask({"publish": asked.to_json()})


def without_slot(text: str) -> str:
    """A file's text but for its first line and the names of its links."""
    return re.sub(r"(?<=current-|revious-)[0-9a-f]{12}", "", text.partition("\n")[2])


def words(answer: dict[str, Any]) -> tuple[str, list[str]]:
    """A refusal's reason and words."""
    return answer["refused"]["reason"], answer["refused"]["words"]


def test_one_reload_and_none_when_nothing_changed(room: Room) -> None:
    """The first publication reloads once, by nginx's own log; content alone, and the same again, reload nothing."""
    before = room.server.nginx.reloads()
    asked = publication("shop", FIRST, site("a.example", "b.example"))
    assert publish(room, asked) == {"published": {"reloads": 1, "checked": {}}}
    assert room.server.nginx.reloads() == before + 1
    assert [room.server.get(name).body for name in ("a.example", "b.example")] == ["one", "one"]
    room.release("shop", 2, {"index.html": "two"})
    for _ in range(2):
        assert publish(room, replace(asked, release=SECOND)) == {"published": {"reloads": 0, "checked": {}}}
        assert room.server.get("a.example").body == "two"
    assert room.server.nginx.reloads() == before + 1


def test_names_are_secured_and_their_leaves_checked(room: Room) -> None:
    """A name with a certificate answers over HTTPS and is redirected there, one without stays on HTTP."""
    identity, chain = room.certificate("a.example")
    asked = publication("shop", FIRST, site(("a.example", identity), "b.example"), chains={identity: chain})
    assert publish(room, asked) == {"published": {"reloads": 1, "checked": {"a.example": None}}}
    context = ssl.create_default_context(cadata=room.authority.root)
    address = ("127.0.0.1", room.server.https_port)
    with socket.create_connection(address) as tcp, context.wrap_socket(tcp, server_hostname="a.example") as tls:
        assert tls.getpeercert(binary_form=True) == ssl.PEM_cert_to_DER_cert(chain[: chain.index("-----END") + 26])
    redirect = room.server.get("a.example", "/x?y=1")
    assert redirect.status == 301
    assert redirect.headers["location"] == f"https://a.example:{room.server.https_port}/x?y=1"
    assert room.server.get("b.example").body == "one"
    renewed, new_chain = room.certificate("a.example")
    again = replace(asked, chains={renewed: new_chain})
    assert publish(room, again) == {"published": {"reloads": 1, "checked": {"a.example": None}}}


def test_a_leaf_that_another_file_serves_is_seen(room: Room) -> None:
    """When nginx serves another certificate for a name than was published, the check says so."""
    identity, chain = room.certificate("a.example")
    other, other_chain = room.certificate("b.example")
    asked = publication("shop", FIRST, site(("a.example", identity)), chains={identity: chain, other: other_chain})
    publish(room, asked)
    wrong = replace(asked, chains={identity: other_chain, other: chain})
    assert leaves.check([wrong], "127.0.0.1", room.server.https_port) == {
        Domain("a.example"): "nginx serves another certificate"
    }


def test_hosts_that_nobody_named_get_nothing(room: Room) -> None:
    """On the TLS port the handshake is rejected, on the other the connection is closed without a word."""
    publish(room, publication("shop", FIRST, site("a.example")))
    for host in ("stranger.example", "x.a.example", "localhost", "hookrunner.invalid"):
        assert room.server.get(host).status == 0
        context = ssl._create_unverified_context()  # noqa: S323
        with (
            socket.create_connection(("127.0.0.1", room.server.https_port)) as tcp,
            pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"),
        ):
            context.wrap_socket(tcp, server_hostname=host)


def test_the_challenge_is_served_for_any_host(room: Room) -> None:
    """Named or not, waiting, required or secured: tokens come from the one webroot, and a missing one is 404."""
    identity, chain = room.certificate("a.example")
    sites = (site(("a.example", identity)), site("b.example", https=Https.REQUIRED))
    publish(room, publication("shop", FIRST, *sites, chains={identity: chain}))
    token = room.settings.challenges / ".well-known" / "acme-challenge" / "door-token"
    token.write_text("door-token.answer")
    try:
        for host in ("a.example", "b.example", "stranger.example"):
            assert room.server.get(host, "/.well-known/acme-challenge/door-token").body == "door-token.answer"
            assert room.server.get(host, "/.well-known/acme-challenge/none").status == 404
    finally:
        token.unlink()
    assert room.server.get("b.example").status == 503


def test_hidden_files_and_the_manifest_are_never_served(room: Room) -> None:
    """Dot files, at any depth and however written, and app.toml are 404; .well-known is served."""
    room.release(
        "shop", 1, {"sub/.git/config": "x", ".well-known/x": "known", ".well-known/.x": "", "sub/app.toml": ""}
    )
    publish(room, publication("shop", FIRST, site("a.example")))
    hidden = ("/.env", "/%2eenv", "//.env", "/sub/.git/config", "/app.toml", "/sub/app.toml", "/.well-known/.x")
    assert {path: room.server.get("a.example", path).status for path in hidden} == dict.fromkeys(hidden, 404)
    assert room.server.get("a.example", "/.well-known/x").body == "known"


def test_what_is_not_the_apps_is_refused(room: Room) -> None:
    """Unclaimed and foreign domains, upstreams, certificates, releases and folders that are not there."""
    room.claim("blog", "c.example", upstream="http://127.0.0.1:8002")
    identity, chain = room.certificate("a.example")
    foreign, foreign_chain = room.certificate("c.example")
    before, reloads = room.files, room.server.nginx.reloads()
    gone = "9-" + "9" * 40
    cases: dict[str, Publication] = {
        "free.example is not claimed by shop": publication("shop", FIRST, site("free.example")),
        "c.example is not claimed by shop": publication("shop", FIRST, site("c.example")),
        "http://127.0.0.1:8001 is not claimed by shop": publication(
            "shop", FIRST, site("a.example", proxy="http://127.0.0.1:8001")
        ),
        "http://127.0.0.1:8002 is not claimed by shop": publication(
            "shop", FIRST, site("a.example", proxy="http://127.0.0.1:8002")
        ),
        f"the chain of {identity} is missing": publication("shop", FIRST, site(("a.example", identity))),
        f"the certificate {foreign} is not of a domain of shop": publication(
            "shop", FIRST, site("a.example"), chains={foreign: foreign_chain}
        ),
        f"{identity} does not cover b.example": publication(
            "shop", FIRST, site(("b.example", identity)), chains={identity: chain}
        ),
        f". is no folder of release {gone}": publication("shop", gone, site("a.example")),
        f"none is no folder of release {FIRST}": publication("shop", FIRST, site("a.example", root="none")),
        f"index.html is no folder of release {FIRST}": publication("shop", FIRST, site("a.example", root="index.html")),
        f"{'x' * 250} is no folder of release {FIRST}": publication("shop", FIRST, site("a.example", root="x" * 250)),
    }
    for text, asked in cases.items():
        assert words(publish(room, asked)) == ("request", [text])
    assert (room.files, room.server.nginx.reloads()) == (before, reloads)


GOOD = publication("shop", FIRST, site("a.example")).to_json()
CSR = {"certificate": f"{CA}/a.example", "names": ["a.example"], "key": "ecdsa-p256"}
SITE = GOOD["sites"][0]
CHANGES: list[dict[str, Any]] = [
            {"names": [["a.example"]]}, {"names": [["a.example; }", None]]}, {"names": [["a.example\n", None]]},
            {"names": "a.example"}, {"names": [[["a.example"], None]]}, {"names": [["a.example", 3]]},
            {"root": "/etc"}, {"root": "../x"}, {"root": 'x"; }'}, {"root": "a\nb"}, {"root": "$uri"}, {"root": None},
            {"root": ["x"]}, {"root": {}}, {"proxy": "http://127.0.0.1:8000"}, {"https": "maybe"}, {"https": []},
            {"max_body": -1}, {"max_body": 0}, {"max_body": "1; }"}, {"max_body": True}, {"max_body": 1.5},
            {"timeout": "1s"}, {"timeout": None}, {"extra": 1},
]  # fmt: skip


@pytest.mark.parametrize(
    "request_",
    [
        None, [], "publish", 3, {}, {"publish": None}, {"publish": []}, {"publish": GOOD, "csr": []}, {"csr": {}},
        {"csr": [None]}, {"csr": [CSR | {"key": "dsa"}]}, {"csr": [CSR | {"key": []}]}, {"csr": [CSR | {"names": "a"}]},
        {"csr": [CSR | {"more": 1}]}, {"csr": [CSR | {"certificate": "../../etc/a.example"}]},
        {"csr": [CSR | {"certificate": f"{CA}/../x"}]}, {"csr": [CSR | {"certificate": 1}]},
        {"csr": [CSR | {"certificate": f"{CA}/free.example"}]}, {"csr": [{}]},
        {"publish": GOOD | {"app": "../shop"}}, {"publish": GOOD | {"app": 1}}, {"publish": GOOD | {"app": None}},
        {"publish": GOOD | {"release": "../../etc"}}, {"publish": GOOD | {"release": FIRST + "\n"}},
        {"publish": GOOD | {"release": 1}}, {"publish": GOOD | {"sites": {}}}, {"publish": GOOD | {"sites": [1]}},
        {"publish": GOOD | {"chains": []}}, {"publish": GOOD | {"chains": {"x": "y"}}},
        {"publish": GOOD | {"chains": {f"{CA}/a.example": 1}}}, {"publish": GOOD | {"include": "/etc/passwd"}},
        *({"publish": GOOD | {"sites": [SITE | change]}} for change in CHANGES),
    ],
    ids=lambda value: ascii(value)[-60:],
)  # fmt: skip
def test_a_hostile_request_is_refused(room: Room, request_: object) -> None:
    """Whatever is sent, the answer is a refusal as a request, and nothing on the server changes."""
    before, reloads = room.files, room.server.nginx.reloads()
    answer = room.ask(request_)
    assert list(answer) == ["refused"]
    assert answer["refused"]["reason"] == "request"
    assert (room.files, room.server.nginx.reloads()) == (before, reloads)


def test_what_nginx_does_not_take_is_put_back(inner_room: Room) -> None:
    """When nginx's test fails because of ours, files and links are as before, and the running site runs on."""
    room = inner_room
    asked = publication("shop", FIRST, site("a.example"))
    publish(room, asked)
    identity, chain = room.certificate("a.example")
    before, reloads = room.files, room.server.nginx.reloads()
    odd = room.settings.nginx._replace(listen=("192.0.2.300",))  # no address, which settings that were read never have
    there = replace(room, settings=room.settings._replace(nginx=odd))
    secured = publication("shop", FIRST, site(("a.example", identity)), chains={identity: chain})
    reason, said = words(publish(there, secured))
    assert reason == "test"
    assert said[0].startswith(str(room.settings.nginx.sites / "00-hookrunner.conf:"))
    assert "192.0.2.300" in said[1]
    assert (room.files, room.server.nginx.reloads()) == (before, reloads)
    assert room.server.get("a.example").body == "one"


def test_somebody_elses_broken_file_is_named_and_content_still_goes_live(room: Room) -> None:
    """It is not blamed on the app; a publication that changes no nginx file does not ask nginx at all."""
    asked = publication("shop", FIRST, site("a.example"))
    publish(room, asked)
    broken = room.server.nginx.others / "wiki.conf"
    broken.write_text("server {\n    ssl_certficate x;\n}\n")
    before = room.files
    answer = publish(room, publication("shop", FIRST, site("a.example", "b.example")))
    assert words(answer) == ("foreign", [f"{broken}:2", 'unknown directive "ssl_certficate"'])
    assert room.files == before
    room.release("shop", 2, {"index.html": "two"})
    assert publish(room, replace(asked, release=SECOND)) == {"published": {"reloads": 0, "checked": {}}}
    assert room.server.get("a.example").body == "two"


def test_a_name_in_somebody_elses_file_is_a_conflict(room: Room) -> None:
    """nginx would only warn and serve the first; the other file is named and nothing changes."""
    other = room.server.nginx.others / "wiki.conf"
    other.write_text(f"server {{ listen 127.0.0.1:{room.server.http_port}; server_name A.example; }}\n")
    before, reloads = room.files, room.server.nginx.reloads()
    answer = publish(room, publication("shop", FIRST, site("a.example", "b.example")))
    assert words(answer) == ("conflict", [f"a.example is in {other} too"])
    assert (room.files, room.server.nginx.reloads()) == (before, reloads)


def test_what_nginx_serves_for_one_app_is_not_for_another(room: Room) -> None:
    """Whatever the records say by now: the publisher goes by its own files."""
    upstream = "http://127.0.0.1:65001"
    room.claim("shop", upstream=upstream)
    served = publication("shop", FIRST, site("a.example"), site("b.example", proxy=upstream))
    assert publish(room, served) == {"published": {"reloads": 1, "checked": {}}}
    room.claim("blog", "a.example", "blog.example", upstream=upstream)
    room.release("blog", 1, {"index.html": "blog"})
    before = room.files
    answer = publish(room, publication("blog", FIRST, site("blog.example", "a.example")))
    assert words(answer) == ("request", ["a.example is served for the app shop"])
    answer = publish(room, publication("blog", FIRST, site("blog.example", proxy=upstream)))
    assert words(answer) == ("request", ["loopback:65001 is served for the app shop"])
    assert room.files == before


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        (("free.example", ""), "free.example is not one of the domains that the server allows pinned: pinned.example"),
        (("pinned.example", "unix:/run/docker.sock"), "is neither /run/pinned.sock nor /run/pinned/*.sock"),
        (("pinned.example", "http://192.0.2.1:80"), "is not on this machine"),
        (("pinned.example", "http://127.0.0.1:22"), "is a port below 1024"),
    ],
)
def test_the_settings_hold_whatever_the_records_say(own_pinned: Room, asked: tuple[str, str], refusal: str) -> None:
    """A domain or an upstream that server.toml does not give the app is refused by root as well."""
    name, upstream = asked
    own_pinned.claim("pinned", name, upstream=upstream or None)
    own_pinned.release("pinned", 1, {"index.html": "one"})
    answer = publish(own_pinned, publication("pinned", FIRST, site(name, proxy=upstream or None)))
    assert answer["refused"]["reason"] == "request"
    assert refusal in answer["refused"]["words"][0]


def test_a_file_edited_by_hand_is_written_again(room: Room) -> None:
    """NAME.conf is ours: a change is found at the next publication and undone with a reload; so is a removed file."""
    asked = publication("shop", FIRST, site("a.example"))
    publish(room, asked)
    file = room.settings.nginx.sites / "shop.conf"
    text = file.read_text()
    for edited in (text + "# mine\n", text.replace("a.example", "b.example"), "", None):
        file.write_text(edited) if edited is not None else file.unlink()
        assert publish(room, asked) == {"published": {"reloads": 1, "checked": {}}}
        assert without_slot(file.read_text()) == without_slot(text)


def test_a_lost_key_is_told_by_its_certificate(room: Room) -> None:
    """A chain whose key is not here is refused with what to issue anew."""
    identity, chain = room.certificate("b.example")
    for key in (room.settings.certificates / identity.folder).glob("[0-9]*/key.pem"):
        key.unlink()
    before = room.files
    answer = publish(room, publication("shop", FIRST, site(("b.example", identity)), chains={identity: chain}))
    assert answer["refused"] == {"reason": "key", "words": ["the key of b.example is gone"], "lost": [str(identity)]}
    assert room.files == before


def test_certificates_that_nginx_serves_are_not_forgotten(room: Room) -> None:
    """With their keys go those alone that no file of nginx's names; one that is not there is gone too."""
    served, chain = room.certificate("a.example")
    unused, _ = room.certificate("b.example")
    publish(room, publication("shop", FIRST, site(("a.example", served)), chains={served: chain}))
    folder = room.settings.certificates / CA
    assert {path.name for path in folder.iterdir()} >= {"a.example", "b.example"}
    nowhere = f"{CA}/nowhere.example"
    answer = room.ask({"forget": [str(served), str(unused), nowhere]})
    assert answer == {"forgotten": [str(unused), nowhere]}
    assert not (folder / "b.example").exists()
    assert (folder / "a.example" / "current" / "key.pem").exists()
    for request in ({"forget": ["../x"]}, {"forget": [1]}, {"forget": [], "more": 1}, {"forget": f"{CA}/a.example"}):
        assert words(room.ask(request))[0] == "request"


def test_keys_are_made_for_held_names_only(room: Room) -> None:
    """A CSR for a name that no app holds is refused, and no folder is made."""
    free = CertificateId(CA, Domain("free.example"))
    answer = room.ask({"csr": [CSR, CSR | {"certificate": str(free)}]})
    assert words(answer) == ("request", ["no app holds free.example"])
    assert not (room.settings.certificates / free.folder).exists()


def test_a_stopped_nginx_changes_nothing(boot: Boot) -> None:
    """The reload is refused, and files and links are as before."""
    room = Room.of(boot())
    room.claim("shop", "a.example")
    room.release("shop", 1, {"index.html": "one"})
    room.server.nginx.stop()
    before = room.files
    reason, said = words(publish(room, publication("shop", FIRST, site("a.example"))))
    assert reason == "stopped"
    assert "nginx.pid" in said[0]
    assert room.files == before


def test_a_reload_that_nginx_accepts_and_cannot_carry_out_is_put_back(boot: Boot) -> None:
    """A port that another process holds passes test and reload; that no new worker answers is seen all the same."""
    room = Room.of(boot())
    room.claim("shop", "a.example")
    room.release("shop", 1, {"index.html": "one"})
    publish(room, publication("shop", FIRST, site("a.example")))
    before = room.files
    taken = room.server.ports.take()
    with socket.create_server(("127.0.0.1", taken)):
        moved = room.settings._replace(nginx=room.settings.nginx._replace(https_port=taken))
        answer = publish(replace(room, settings=moved), publication("shop", FIRST, site("a.example")))
    reason, said = words(answer)
    assert reason == "reload"
    assert said == ["the reload was accepted, but the old workers went on", "nginx's error log says why"]
    assert room.files == before
    assert room.server.get("a.example").body == "one"


def both_at_once(room: Room, *asked: Publication) -> list[dict[str, Any]]:
    """The answers of doors that are all asked while the lock is held by somebody else."""
    lock = room.settings.certificates / ".lock"
    with ThreadPoolExecutor(len(asked)) as pool, lock.open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        answers = [pool.submit(publish, room, one) for one in asked]
        waiting = room.settings.certificates / ".waiting"
        while len(list(waiting.glob("[0-9a-f]*"))) < len(asked):
            time.sleep(0.01)
        fcntl.flock(held, fcntl.LOCK_UN)
        return [answer.result(60) for answer in answers]


def test_publications_that_wait_are_joined_into_one_reload(room: Room) -> None:
    """Three apps that wait for the same lock cost one reload, and each has an answer of its own."""
    names = {"shop": "a.example", "blog": "blog.example", "wiki": "wiki.example"}
    for app, name in names.items():
        room.claim(app, name)
        room.release(app, 1, {"index.html": app})
    before = room.server.nginx.reloads()
    asked = [publication(app, FIRST, site(name)) for app, name in names.items()]
    assert both_at_once(room, *asked) == [{"published": {"reloads": 1, "checked": {}}}] * 3
    assert room.server.nginx.reloads() == before + 1
    assert {name: room.server.get(name).body for name in names.values()} == {name: app for app, name in names.items()}
    assert list((room.settings.certificates / ".waiting").iterdir()) == []
    for app in ("blog", "wiki"):
        remove(room, app)


def test_one_bad_publication_among_those_that_wait_stops_no_other(room: Room) -> None:
    """It is refused with its own words; the others are served."""
    room.claim("blog", "blog.example")
    room.release("blog", 1, {"index.html": "blog"})
    other = room.server.nginx.others / "wiki.conf"
    other.write_text(f"server {{ listen 127.0.0.1:{room.server.http_port}; server_name blog.example; }}\n")
    good, clash = publication("shop", FIRST, site("a.example")), publication("blog", FIRST, site("blog.example"))
    foreign = publication("shop2", FIRST, site("b.example"))
    first, second, third = both_at_once(room, good, clash, foreign)
    assert first == {"published": {"reloads": 1, "checked": {}}}
    assert words(second) == ("conflict", [f"blog.example is in {other} too"])
    assert words(third) == ("request", ["b.example is not claimed by shop2"])
    assert room.server.get("a.example").body == "one"


KILLED = """
import os, signal, sys
from hookrunner.edges.publisher import InProcess
from hookrunner.publisher import changeover
from hookrunner.publisher.nginx import Server

def killed(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[2] == "tested":
    Server.reload = killed
elif sys.argv[2] == "reloaded":
    Server.runs = killed
elif sys.argv[2] == "written":
    Server.test = killed
import json
from pathlib import Path
from hookrunner.core import settings
from hookrunner.model.names import AppName, Domain
from hookrunner.publisher.changeover import Holders
from hookrunner.publisher.door import Door
holders = Holders({Domain("a.example"): AppName("shop"), Domain("b.example"): AppName("shop")}, {})
Door(settings.parse(Path(sys.argv[1]).read_bytes()), lambda: holders).answer(json.load(sys.stdin))
"""


def settles(room: Room, page: str) -> None:
    """The page is served, once old workers are gone; and until then no other answer than a whole page."""
    until = time.monotonic() + 10
    while (body := room.server.get("a.example").body) != page:
        assert body in ("one", "two")
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("where", ["written", "tested", "reloaded"])
def test_what_a_killed_publisher_left_is_put_back_by_the_next(room: Room, where: str) -> None:
    """Its files never come to nginx by somebody else's reload; what is served is the old release or the new one."""
    publish(room, publication("shop", FIRST, site("a.example")))
    room.release("shop", 2, {"public/index.html": "two"})
    before = room.files
    asked = publication("shop", SECOND, site("a.example", "b.example", root="public"))
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(room.server.config), where], check=False, capture_output=True, timeout=60,
        input=json.dumps({"publish": asked.to_json()}).encode(),
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert room.files != before, "the kill came too early to show anything"
    settles(room, "two" if where == "reloaded" else "one")
    assert room.ask({"recover": True}) == {"published": {"reloads": 0, "checked": {}}}
    assert room.files == before
    settles(room, "one")
    assert publish(room, asked) == {"published": {"reloads": 1, "checked": {}}}
    assert room.server.get("b.example").body == "two"
