"""The wheel, installed into an empty environment, is all that a server needs."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Boot

ROOT = Path(__file__).resolve().parent.parent


def run(*argv: str | Path) -> str:
    """Run a program away from the checkout, so that nothing of it is found by chance; its output."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(argv, cwd="/", env=env, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout; a machine that cannot build it skips the tests, and fails them in CI."""
    folder = tmp_path_factory.mktemp("wheel")
    argv = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode and os.environ.get("CI") != "true":
        pytest.skip(f"no wheel could be built here: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return next(folder.glob("hookrunner-*.whl"))


@pytest.fixture(scope="module")
def command(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The command in an environment that holds the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", folder)
    run(folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    yield folder / "bin" / "hookrunner"


def test_the_wheel_holds_what_is_not_python(wheel: Path) -> None:
    """Templates, hooks, the example and the mark of typed packages are in it, and no test."""
    names = set(zipfile.ZipFile(wheel).namelist())
    templates = {str(path.relative_to(ROOT)) for path in (ROOT / "hookrunner").rglob("templates/*")}
    assert len(templates) == 4
    shipped = {"hookrunner/shipped/hooks/pre-receive", "hookrunner/shipped/hooks/post-receive"}
    assert (
        templates
        | shipped
        | {"hookrunner/shipped/app.toml.example", "hookrunner/shipped/docs/hookrunner.1", "hookrunner/py.typed"}
        <= names
    )
    assert not [name for name in names if name.startswith("tests")]


def test_everything_works_from_the_wheel(command: Path, boot: Boot) -> None:
    """init, new, check, apps create, a first push with certificates, redirects and headers, status and report."""
    server = boot(command=command)
    clone = server.app("wheel")
    example = clone.folder / "app.toml"
    subprocess.run([command, "new"], cwd=clone.folder, check=True, capture_output=True)
    assert example.read_text() == (ROOT / "app.toml.example").read_text()
    manifest = (
        'domains = ["wheel.example", "www.wheel.example"]\ncanonical = "wheel.example"\nroot = "public"\n'
        '[[redirects]]\nfrom = "/old/*"\nto = "/:splat"\n[[headers]]\nfor = "/*"\n[headers.values]\nX-A = "a"\n'
    )
    clone.commit({"app.toml": manifest, "public/index.html": "from the wheel"})
    assert run(command, "check", example).endswith("is valid: 2 domains\n")
    push = clone.push()
    assert push.verdict.startswith("success: deploy 1 is live"), push.text
    answer = server.get("wheel.example", https=True)
    assert (answer.status, answer.body, answer.headers["x-a"]) == (200, "from the wheel", "a")
    assert server.get("wheel.example", "/old/x", https=True).headers["location"] == "/x"
    assert server.get("www.wheel.example", https=True).status == 301
    assert "wheel.example" in server.run("status", "wheel").stdout
    assert server.run("report").returncode == 0
    hook = (clone.remote / "hooks" / "post-receive").read_text()
    assert hook == (ROOT / "hooks" / "post-receive").read_text()
    assert clone.git(f"--git-dir={clone.remote}", "config", "hookrunner.command") == str(command)
