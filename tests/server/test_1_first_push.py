"""The README, typed as it stands, from a blank server to a first push that is secured."""

import subprocess
from pathlib import Path

import pytest

from tests.lab.container import Container
from tests.lab.pebble import Pebble
from tests.server.conftest import PEBBLE_ROOT
from tests.server.laptop import ROOT, Laptop, blocks, manifest
from tests.server.snapshots import shipped

SETTINGS = """\
# What the owner of this server wrote.
[acme]
email = "owner@example.org"
directory = "{directory}"
ca_bundle = "{bundle}"

[dns]
resolvers = ["{resolver}"]

[nginx]
listen = ["127.0.0.1"]
"""


@pytest.fixture(scope="module")
def checkout(laptop: Laptop) -> Path:
    """The folder hookrunner of the README: a clean copy of what is here, as git would hand it out."""
    folder = laptop.folder / "hookrunner"
    folder.mkdir()
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    subprocess.run(
        ["cp", "--parents", "-t", str(folder), *filter(None, listed.stdout.decode().split("\0"))], cwd=ROOT, check=True
    )
    return folder


def test_the_readmes_steps(laptop: Laptop, container: Container, pebble: Pebble, checkout: Path) -> None:
    """Three boxes of commands: the push ends in success, and each domain is served over HTTPS."""
    settings = SETTINGS.format(directory=pebble.directory, bundle=PEBBLE_ROOT, resolver=pebble.resolver)
    container.put(settings, "/etc/hookrunner/server.toml")
    first, on_the_server, push = blocks("From a blank server to the first push")
    laptop.type(first, checkout.parent)
    said: list[str] = []
    for line in on_the_server.splitlines():
        if " setup " in line:
            shipped(container)
        said.append(container.run(line, timeout=900).stdout)
    assert "success: this machine is a deploy server\n" in said[-1]
    assert "    git remote add server git@your-server:NAME\n" in said[-1]
    mine = laptop.folder / "parkspot"
    (mine / "public").mkdir(parents=True)
    (mine / "app.toml").write_text(manifest())
    (mine / "public" / "index.html").write_text("the first page")
    laptop.type(
        "git init -q -b main; git add -A; git -c user.name=Ada -c user.email=a@b.c commit -qm 'Serve three'", mine
    )
    shown = laptop.type(push, mine)
    print(shown)
    assert "-----> parkspot: made, this is its first push\n" in shown
    assert "remote: success: deploy 1 is live" in shown
    for domain in ("park-spot.co", "api.park-spot.co", "app.park-spot.co"):
        assert laptop.get(domain) == (200, "the first page")
        assert laptop.get(domain, https=False).status == 301


def test_what_the_owner_wrote_is_still_there(container: Container) -> None:
    """`setup` adds the publisher's socket to the settings that it found, and keeps every other line."""
    text = container.read("/etc/hookrunner/server.toml")
    assert text.startswith("# What the owner of this server wrote.\n")
    assert 'email = "owner@example.org"' in text
    assert 'publisher = "/run/hookrunner/publisher.sock"' in text


def test_the_services_are_sandboxed(container: Container) -> None:
    """By `systemd-analyze security`, 0 is the best and 10 the worst: the publisher is better than 4."""
    for unit, most in (("hookrunner-publisher@1.service", 4.0), ("hookrunner-renew.service", 4.0)):
        said = container.run(f"systemd-analyze security --no-pager {unit} | tail -n 1").stdout
        print(said.strip())
        assert float(said.split(":")[1].split()[0]) < most


def test_each_request_is_in_the_journal_with_who_asked(container: Container) -> None:
    """What root did for the push, and for whom."""
    log = container.run("journalctl --identifier hookrunner-publisher --output cat --no-pager").stdout
    assert ": publish parkspot: published, reloads 1, " in log
    assert log.startswith("git, process ")


def test_each_app_has_its_logs(laptop: Laptop, container: Container) -> None:
    """What visitors asked for, and what went wrong, is not in nginx's own log, and is not for everybody."""
    assert laptop.get("park-spot.co", "/only-here").status == 404
    logs = "/var/log/hookrunner/parkspot"
    assert '"GET /only-here HTTP/1.1" 404' in container.read(f"{logs}.access.log")
    assert container.run(f"stat -c '%a' {logs}.access.log {logs}.error.log").stdout == "640\n640\n"
    assert "only-here" not in container.read("/var/log/nginx/access.log")


def test_the_logs_are_rotated(laptop: Laptop, container: Container) -> None:
    """After logrotate nginx writes into the new file."""
    container.run("DEBIAN_FRONTEND=noninteractive apt-get install -y logrotate >/dev/null 2>&1")
    container.run("logrotate --force /etc/logrotate.d/hookrunner")
    assert laptop.get("park-spot.co", "/after-the-rotation").status == 404
    assert "after-the-rotation" in container.read("/var/log/hookrunner/parkspot.access.log")
    assert "only-here" in container.read("/var/log/hookrunner/parkspot.access.log.1")


def test_root_need_not_be_root(container: Container) -> None:
    """A command that root types acts as the user git: nothing of root's is left where that one has to write."""
    container.run("cd /root && hookrunner status parkspot && hookrunner deploy parkspot")
    assert container.run("find /var/lib/hookrunner/{repos,records,apps} -user root").stdout == ""
    shown = container.run("hookrunner deploys parkspot").stdout
    assert "root" in shown.splitlines()[1]


def test_who_pushed_is_the_key(container: Container) -> None:
    """By the comment of root's own key, which was let in by --root-keys."""
    comment = container.read("/root/.ssh/authorized_keys").split()[-1]
    assert comment in container.run("hookrunner deploys parkspot").stdout
