"""The doorway to nginx, with a real nginx of the test's own."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hookrunner.core import settings as settings_file
from hookrunner.model.names import Domain
from hookrunner.model.server import Nginx
from hookrunner.publisher import nginx
from hookrunner.publisher.nginx import Outcome
from tests.conftest import Boot
from tests.lab.server import Server


@pytest.fixture(scope="module")
def own(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that the tests of this file may break, and mend again."""
    booted = Server()
    yield booted
    booted.down()


@pytest.fixture
def facts(own: Server) -> Iterator[Nginx]:
    """How to call it; files that a test adds are removed."""
    yield settings_file.parse(own.config.read_bytes()).nginx
    for file in own.nginx.others.iterdir():
        file.unlink()


def test_the_version_is_the_programs(own: Server, facts: Nginx) -> None:
    """Three numbers; zeros from a program that is none."""
    assert nginx.Server(facts).version > (1, 18, 0)
    assert nginx.Server(facts._replace(program="/bin/true")).version == (0, 0, 0)
    assert nginx.Server(facts._replace(program="/nowhere/nginx")).version == (0, 0, 0)


def test_a_sound_configuration_passes(facts: Nginx) -> None:
    """Nothing to say."""
    assert nginx.Server(facts).test() == Outcome(True)


def test_a_broken_file_is_named_with_its_line(own: Server, facts: Nginx) -> None:
    """File and line come first, then nginx's words."""
    broken = own.nginx.others / "wiki.conf"
    broken.write_text("server {\n    listen 127.0.0.1:1;\n    ssl_certficate x;\n}\n")
    words = (f"{broken}:3", 'unknown directive "ssl_certficate"')
    assert nginx.Server(facts).test() == Outcome(False, words)
    assert nginx.Server(facts).reload().words == words


def test_a_failure_without_a_place_is_told_in_nginxs_words(own: Server, facts: Nginx) -> None:
    """A missing certificate names the file that is missing."""
    (own.nginx.others / "wiki.conf").write_text(
        f"server {{\n listen 127.0.0.1:{own.https_port} ssl;\n server_name x.example;\n"
        " ssl_certificate /nowhere.pem;\n ssl_certificate_key /nowhere.pem;\n}\n"
    )
    outcome = nginx.Server(facts).test()
    assert not outcome.ok
    assert any("/nowhere.pem" in word for word in outcome.words)


@pytest.mark.parametrize("spelled", ["twice.example", "TWICE.Example", '"twice.example"', "a.example  twice.example"])
def test_a_name_that_two_files_serve_is_found_in_both(own: Server, facts: Nginx, spelled: str) -> None:
    """nginx passes its test all the same; the clash is read from its warning and the files from its dump."""
    server_block = f"server {{\n listen 127.0.0.1:{own.http_port};\n server_name NAME;\n}}\n"
    ours, theirs = own.nginx.others / "a.conf", own.nginx.others / "z.conf"
    ours.write_text(server_block.replace("NAME", "twice.example"))
    theirs.write_text(server_block.replace("NAME", spelled) + "# twice.example\n")
    (own.nginx.others / "n.conf").write_text(server_block.replace("NAME", "not-twice.example twice.example.org"))
    server = nginx.Server(facts)
    outcome = server.test()
    assert outcome.ok
    assert "twice.example" in outcome.clashes
    assert server.files_with(Domain("twice.example"), but=str(ours)) == (str(theirs),)


def test_programs_that_are_not_there_fail_in_words(facts: Nginx) -> None:
    """A missing program, a silent failure and the last lines of a talkative one."""
    assert nginx.Server(facts._replace(test=("/nowhere/nginx", "-t"))).test() == Outcome(
        False, ("/nowhere/nginx: No such file or directory",), called=False
    )
    assert nginx.Server(facts._replace(test=("/bin/false",))).test() == Outcome(False, ("ended with status 1",))
    talks = (sys.executable, "-c", "import sys; sys.exit('1\\n2\\n3\\n4')")
    assert nginx.Server(facts._replace(reload=talks)).reload().words == ("2", "3", "4")


def test_only_workers_of_the_right_generation_count(own: Server, facts: Nginx) -> None:
    """A marker that no worker knows is waited for and then given up."""
    assert not nginx.Server(facts).runs("0" * 32, reading=-1.4)


def test_a_stopped_nginx_does_not_take_a_reload(boot: Boot) -> None:
    """The reload itself fails, with nginx's words."""
    server = boot()
    facts = settings_file.parse(server.config.read_bytes()).nginx
    assert nginx.Server(facts).reload().ok
    server.nginx.stop()
    outcome = nginx.Server(facts).reload()
    assert not outcome.ok
    assert "nginx.pid" in outcome.words[0]
    assert not nginx.Server(facts).runs("0" * 32, reading=-1.4)


def test_listen_addresses_are_written_as_nginx_takes_them() -> None:
    """IPv6 in brackets; without addresses, every one that the machine has."""
    assert nginx.listens(["127.0.0.1", "::1"], 80) == ["127.0.0.1:80", "[::1]:80"]
    every = nginx.listens([], 443)
    assert every[0] == "443"
    assert every[1:] in ([], ["[::]:443"])
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return
    assert every == ["443", "[::]:443"]


def test_its_own_address_is_the_first_it_listens_on(tmp_path: Path) -> None:
    """Loopback unless the settings name another."""
    assert nginx.Server(Nginx(sites=tmp_path)).address() == "127.0.0.1"
    assert nginx.Server(Nginx(sites=tmp_path, listen=("192.0.2.1", "::1"))).address() == "192.0.2.1"
