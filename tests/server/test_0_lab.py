"""The lab itself: what the other tests take for granted of the server that they are given."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.lab.container import Container
from tests.lab.pebble import Pebble


def test_it_is_a_new_server_with_systemd(container: Container) -> None:
    """The suite that was asked for is up, without a failed unit, and has nothing that the README has to install."""
    assert f"VERSION_CODENAME={os.environ['HOOKRUNNER_SUITE']}" in container.read("/etc/os-release")
    assert container.run("cat /proc/1/comm").stdout == "systemd\n"
    assert container.run("systemctl --failed --no-legend --plain").stdout == ""
    assert container.run("command -v python3 git nginx", check=False).stdout == ""


def test_a_command_runs_as_root_or_as_another(container: Container) -> None:
    """A user without a login shell runs bash all the same, at home; quotes, status and input arrive as they are."""
    container.run("useradd --system --create-home --shell /usr/sbin/nologin lab")
    assert container.run("""echo "$USER's $1$HOME" '$HOME'""").stdout == "root's /root $HOME\n"
    assert container.run("""echo "$USER's $PWD" '$HOME'""", user="lab").stdout == "lab's /home/lab $HOME\n"
    assert container.run("cat; exit 3", user="lab", check=False, input="said").stdout == "said"
    assert container.run("exit 3", user="lab", check=False).returncode == 3
    with pytest.raises(AssertionError, match=r"(?s)lab# echo so; exit 4.*status 4.*so"):
        container.run("echo so; exit 4", user="lab")
    container.run("userdel --remove lab 2>&1")


def test_no_locale_is_missing(container: Container) -> None:
    """Perl, which apt's scripts are written in, has nothing to say about the locale."""
    done = container.run("perl -e 'print 1'")
    assert (done.stdout, done.stderr) == ("1", "")


def test_files_go_there_and_back(container: Container, tmp_path: Path) -> None:
    """What is put or copied is there, and this machine's root sees it too."""
    container.put("größer\n", "/etc/lab/a file", 0o600)
    assert container.read("/etc/lab/a file") == "größer\n"
    assert container.run("stat -c '%a %U' '/etc/lab/a file'").stdout == "600 root\n"
    assert (container.root / "etc/lab/a file").read_text() == "größer\n"
    (tmp_path / "tree" / "inner").mkdir(parents=True)
    (tmp_path / "tree" / "inner" / "leaf").write_text("here")
    container.copy(tmp_path / "tree", "/srv/")
    assert container.read("/srv/tree/inner/leaf") == "here"


def test_a_reboot_keeps_files_and_nothing_that_ran(container: Container) -> None:
    """It comes up by itself, as another boot of the same disk."""
    before = container.read("/proc/sys/kernel/random/boot_id")
    container.put("still here", "/srv/kept")
    container.put("gone", "/run/lost")
    container.reboot()
    assert container.read("/srv/kept") == "still here"
    assert container.run("test -e /run/lost", check=False).returncode == 1
    assert container.read("/proc/sys/kernel/random/boot_id") != before


def test_commands_of_the_readme_reach_it(container: Container) -> None:
    """With its ssh_config, what the README has people type on a laptop works to the letter."""
    words = ["ssh", "-F", str(container.ssh_config), "root@your-server", "hostname"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == ("your-server\n", "")


def test_a_ca_is_in_reach(container: Container, pebble: Pebble) -> None:
    """The server talks to Pebble's directory and trusts it by the root that it was given."""
    told = container.run(f"curl -sS --cacert /etc/hookrunner-lab/pebble.pem {pebble.directory}").stdout
    assert "newOrder" in told
