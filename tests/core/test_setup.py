"""What `setup` makes of a machine, decided without one."""

from pathlib import Path
from typing import Any

import pytest

from hookrunner.core import settings, setup, units
from hookrunner.core.setup import Facts, File, Folder, Running
from hookrunner.core.units import Place

PLACE = Place(
    Path("/opt/hookrunner/bin/python"),
    Path("/opt/hookrunner/bin/hookrunner"),
    Path("/etc/hookrunner/server.toml"),
    "git",
)
SETTINGS = settings.parse(b'[acme]\nemail = "you@example.org"\n')
CONF = "user www-data;\ninclude /etc/nginx/modules-enabled/*.conf;\n"


def facts(**changes: Any) -> Facts:
    """A Debian."""
    base = Facts(PLACE, SETTINGS, "", (1, 22, 1), CONF, "www-data", None, "", Path("/opt/m.1"), True, True)
    return base._replace(**changes)


def items(made: Facts) -> list[setup.Item]:
    """All of them."""
    return [item for section in setup.sections(made) for item in section.items]


def text(made: Facts, path: str) -> str:
    """The text of a file."""
    (file,) = [item for item in items(made) if isinstance(item, File) and str(item.path) == path]
    return file.text


def test_what_the_user_may_write() -> None:
    """Of the state, git has what it works on; the folder itself and the certificates are root's."""
    folders = {str(item.path): (item.owner, item.mode) for item in items(facts()) if isinstance(item, Folder)}
    assert folders["/var/lib/hookrunner"] == ("root", 0o755)
    assert folders["/var/lib/hookrunner/certificates"] == ("root", 0o700)
    assert folders["/var/lib/hookrunner/records"] == ("git", 0o700)
    assert folders["/var/lib/hookrunner/apps"] == ("git", 0o750)
    assert folders["/etc/nginx/hookrunner"] == ("root", 0o755)


@pytest.mark.parametrize(("version", "is_there"), [((1, 22, 1), False), ((1, 27, 3), False), ((1, 27, 4), True)])
def test_kept_connections_where_nginx_knows_them(version: tuple[int, int, int], is_there: bool) -> None:
    """`keepalive_min_timeout` came with 1.27.4; an older nginx would not start with it."""
    said = text(facts(nginx_version=version), "/etc/nginx/conf.d/hookrunner.conf")
    assert ("keepalive_min_timeout 30s;" in said) is is_there
    assert "include /etc/nginx/hookrunner/*.conf;" in said


@pytest.mark.parametrize(
    ("conf", "expected"),
    [
        (CONF, "/etc/nginx/modules-enabled/90-hookrunner.conf"),
        ("user nginx;\n", None),
        (f"{CONF}worker_shutdown_timeout 10s;\n", None),
        (f"{CONF}# worker_shutdown_timeout 10s;\n", "/etc/nginx/modules-enabled/90-hookrunner.conf"),
    ],
)
def test_the_main_context(conf: str, expected: str | None) -> None:
    """A file where nginx.conf includes one; none where it does not, or where the owner has said the timeout."""
    assert setup.main_file(conf) == (Path(expected) if expected else None)


def test_without_sshd_or_logrotate() -> None:
    """What is not on the machine gets no file."""
    paths = {str(item.path) for item in items(facts(has_sshd=False, has_logrotate=False)) if isinstance(item, File)}
    assert not {path for path in paths if "ssh" in path or "logrotate" in path}


def test_what_runs() -> None:
    """The socket and the timer are ours; nginx is started, and not stopped with us."""
    running = {item.unit: item.is_ours for item in items(facts()) if isinstance(item, Running)}
    assert running == {
        "nginx.service": False, "hookrunner-publisher.socket": True, "hookrunner-renew.timer": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('[acme]\nemail = "a@b.c"\n', '[acme]\nemail = "a@b.c"\n\n[nginx]\npublisher = "/s"\n'),
        ("[nginx] # mine\nhttp_port = 81\n", '[nginx] # mine\npublisher = "/s"\nhttp_port = 81\n'),
        ('[nginx]\npublisher = ""\n[dns]\n', '[nginx]\npublisher = "/s"\n[dns]\n'),
        ('[nginx]\npublisher = "/other"\n', '[nginx]\npublisher = "/other"\n'),
    ],
)
def test_a_key_comes_into_the_settings_of_somebody(before: str, after: str) -> None:
    """Under its table, and every other line stays as it was written."""
    assert settings.with_nginx(before, {"publisher": "/s"}) == after


def test_the_service_runs_isolated() -> None:
    """Python with -I takes nothing from the environment or the working directory."""
    said = units.publisher_service(PLACE, SETTINGS)
    assert "ExecStart=/opt/hookrunner/bin/python -I -m hookrunner.publisher /etc/hookrunner/server.toml\n" in said
    assert "NoNewPrivileges=yes\n" in said
