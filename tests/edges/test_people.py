"""Who is at the other end of a push."""

from pathlib import Path

import pytest

from hookrunner.edges import people
from hookrunner.model.deploy import Person

KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIE9ZKxRGbgYzbgGWhHCXDhVBwXMzCRFIrRYzGIKmcWDl"
FINGERPRINT = "SHA256:ylYS5a7P6xhJZJPhAMEEEuVKEmLzxbD0IcUNq2HUyjs"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home with an authorized_keys."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "authorized_keys").write_text(
        f'# ssh-ed25519 {KEY} commented out\nssh-ed25519 {KEY}x other@example\ncommand="x",restrict ssh-ed25519 {KEY} ada@laptop \x1b[31m\n'
    )
    return tmp_path


def person(environment: dict[str, str]) -> Person:
    """Without a file of deploy keys."""
    return people.person(environment, Path("/nonexistent/authorized_keys"))


def auth(home: Path, text: str) -> dict[str, str]:
    """An environment with the file that sshd writes."""
    (home / "auth").write_text(text)
    return {"SSH_USER_AUTH": str(home / "auth"), "SSH_CONNECTION": "203.0.113.5 50000 192.0.2.1 22"}


def test_a_key_is_named_by_its_comment(home: Path) -> None:
    """The key that sshd let in, by its comment in authorized_keys, with nothing that fools a terminal."""
    found = person(auth(home, f"publickey ssh-ed25519 {KEY}\n"))
    assert found.name == "ada@laptop \\x1b[31m"
    assert str(found) == found.name


def test_the_fingerprint_is_ssh_keygens(home: Path) -> None:
    """Shown as `ssh-keygen -l` showed it for this key."""
    assert person(auth(home, f"publickey ssh-ed25519 {KEY}\n")).key == FINGERPRINT


@pytest.mark.parametrize("text", ["", "password\n", "publickey\n", "publickey ssh-ed25519\n", "\x00", "rubbish"])
def test_without_a_key_there_is_the_address(home: Path, text: str) -> None:
    """A password, or a file that says nothing."""
    found = person(auth(home, text) | {"SUDO_USER": "ada"})
    assert (found.name, found.key) == ("ada from 203.0.113.5", "")


def test_a_key_without_a_comment_is_its_address(home: Path) -> None:
    """The fingerprint is kept all the same; one that is none is not."""
    (home / ".ssh" / "authorized_keys").unlink()
    found = person(auth(home, f"publickey ssh-ed25519 {KEY}\n") | {"SUDO_USER": "ada"})
    assert found.name == "ada from 203.0.113.5"
    assert found.key.startswith("SHA256:")
    assert person(auth(home, "publickey ssh-ed25519 !!!\n")).key == ""


def test_on_the_server_itself_there_is_the_user(home: Path) -> None:
    """Also behind sudo; a file that is gone is no error."""
    assert person({"SUDO_USER": "ada"}).name == "ada"
    assert person({"SSH_USER_AUTH": str(home / "gone")}).name != ""
