"""`keys`: who may push, as a file of sshd's."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.test_commands import refused, run
from tests.lab.server import Server


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A public key of ssh-keygen's."""
    key = tmp_path_factory.mktemp("ssh") / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "x", "-f", key], check=True, timeout=30)
    return key.with_suffix(".pub")


def test_keys_come_and_go(server: Server, public: Path) -> None:
    """Added from a file or standard input, listed with ssh-keygen's fingerprint, removed by name or fingerprint."""
    file = server.config.parent / "authorized_keys"
    file.write_text("# the owner's own words\n")
    file.chmod(0o640)
    shown = subprocess.run(["ssh-keygen", "-lf", public], capture_output=True, text=True, check=True, timeout=30).stdout
    fingerprint = shown.split()[1]
    said = server.run("keys", "add", "eve@laptop", str(public)).stdout
    assert said == f"eve@laptop may push to every app: ssh-ed25519 {fingerprint}\n"
    (key,) = json.loads(server.run("keys", "list", "--json").stdout)["keys"]
    assert key == {"name": "eve@laptop", "type": "ssh-ed25519", "fingerprint": fingerprint, "apps": None, "options": ""}
    assert "eve@laptop  every app  ssh-ed25519" in server.run("keys", "list").stdout
    assert file.stat().st_mode & 0o777 == 0o640
    refused(
        server.run("keys", "add", "eve2", str(public), check=False),
        "error: the key eve2 is there already, as eve@laptop", status=1,
    )  # fmt: skip
    assert server.run("keys", "remove", fingerprint).stdout == "eve@laptop may not push any more\n"
    assert file.read_text() == "# the owner's own words\n"
    refused(
        server.run("keys", "remove", "eve@laptop", check=False),
        'error: there is no key "eve@laptop"', "hint: hookrunner keys list shows them",
    )  # fmt: skip
    assert server.run("keys", "list").stdout.startswith("nobody may push yet")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{key}{key}", "has 2 lines; a public key is one"),
        ('command="id" {key}', "has options before its type; they are the server's to give"),
        ("{key}restrict,pty ssh-ed25519 AAAA x\n", "has 2 lines; a public key is one"),
        ("", "is empty"),
    ],
)
def test_what_is_handed_in_is_one_plain_key(
    server: Server, public: Path, tmp_path: Path, content: str, why: str
) -> None:
    """No line and no option of the sender's own comes into the file."""
    file = tmp_path / "sent.pub"
    file.write_text(content.format(key=public.read_text()))
    refused(server.run("keys", "add", "ada", str(file), check=False), f"error: the key ada {why}")


def test_two_keys_of_one_name_are_told_apart(server: Server, public: Path) -> None:
    """Lines that somebody wrote by hand; none is removed by guess."""
    file = server.config.parent / "authorized_keys"
    other = " ".join(public.read_text().split()[:2])[:-4] + "AAAA"
    file.write_text(f"{public.read_text()}{other} x\n")
    done = server.run("keys", "remove", "x", check=False)
    assert done.returncode == 2
    assert 'error: 2 keys have the name "x"' in done.stderr
    assert done.stderr.count("       SHA256:") == 2
    file.unlink()


@pytest.mark.parametrize("words", [("add", "ada", "FILE"), ("list",), ("remove", "ada")])
def test_without_a_server(public: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    """A typing error in --config makes no file that no sshd reads."""
    config = tmp_path / "typo.toml"
    done = run("--config", config, "keys", *(str(public) if word == "FILE" else word for word in words))
    assert (done.returncode, done.stderr.startswith("error: there are no settings at")) == (2, True)
    assert list(tmp_path.iterdir()) == []
