"""An app in one file, and the same app from it on another server: same commits, same certificate, no CA asked."""

import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.conftest import Boot
from tests.lab.server import Server


def exported(server: Server, app: str, folder: Path) -> Path:
    """The archive, unpacked."""
    file = folder / f"{app}.tar"
    with file.open("wb") as out:
        subprocess.run(
            [server.command, "--config", server.config, "apps", "export", app], stdout=out, check=True, timeout=60
        )
    assert file.stat().st_mode & 0o777 == 0o600
    with tarfile.open(file) as tar:
        assert {(m.name.partition("/")[0], m.isfile()) for m in tar.getmembers()} == {(app, True)}
        tar.extractall(folder, filter="data")
    return folder / app


def test_an_app_moves_to_another_server(boot: Boot, tmp_path: Path) -> None:
    """By the lines of README.txt: what is in the archive is all that the new server needs."""
    old, new = boot(), boot()
    old.run("apps", "create", "moves", "--branch", "next", "--manifest", "web/app.toml")
    with old.config.open("a") as settings:
        settings.write('\n[apps.moves]\nallowed_domains = ["*.moves.example"]\n')
    own = old.nginx.sites / "moves.d"
    own.mkdir()
    (own / "lines.conf").write_text("add_header X-Own yes;\n")
    clone = old.clone("moves")
    clone.commit(
        {"web/app.toml": 'domains = ["a.moves.example", "b.moves.example"]\nroot = "web"\n', "web/index.html": "moved"}
    )
    assert clone.push("main:next").verdict.startswith("success: ")
    folder = exported(old, "moves", tmp_path)
    assert (folder / "certificates" / "a.moves.example" / "privkey.pem").stat().st_mode & 0o777 == 0o600
    assert "server_name a.moves.example" in (folder / "nginx.conf").read_text()
    assert (folder / "nginx" / "moves.d" / "lines.conf").read_text() == "add_header X-Own yes;\n"
    assert '"*.moves.example"' in (folder / "settings.toml").read_text()

    commands = [line.strip() for line in (folder / "README.txt").read_text().splitlines() if line.startswith("    ")]
    assert [line.split()[0] for line in commands] == ["hookrunner", "hookrunner", "git", "git"]
    for line in commands:
        program, *words = line.split()
        if program == "hookrunner":
            new.run(*(word.replace("moves/certificates", f"{folder}/certificates") for word in words))
    mirror = tmp_path / "moves.git"
    subprocess.run(["git", "clone", "--quiet", "--mirror", folder / "repository.bundle", mirror], check=True)
    done = subprocess.run(
        ["git", "-C", mirror, "push", new.state / "repos" / "moves.git", commands[-1].split()[-1]],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "success: deploy 1 is live" in done.stderr
    assert "Asking" not in done.stderr
    for name in ("a.moves.example", "b.moves.example"):
        assert new.leaf(name, old.pebble) == old.leaf(name)
        assert new.get(name).status == 301


@pytest.mark.parametrize("app", ["nosuch", "../etc"])
def test_no_such_app(server: Server, app: str) -> None:
    """Said as everywhere."""
    done = server.run("apps", "export", app, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")


def test_an_app_without_a_push(server: Server, tmp_path: Path) -> None:
    """There is not much in it."""
    server.run("apps", "create", "ex-empty")
    folder = exported(server, "ex-empty", tmp_path)
    assert sorted(file.name for file in folder.iterdir()) == ["README.txt", "app.json"]
