"""Repositories and pushes that are not as usual: each works, or is refused clearly; with two versions of git."""

import os
import re
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest

from tests.conftest import needs
from tests.flows.test_push import manifest
from tests.lab.machine import version
from tests.lab.pushing import deploys
from tests.lab.server import Clone, Server

NEWEST = os.environ.get("HOOKRUNNER_NEWEST_GIT", "")
REFTABLES = (2, 45)  # the first git that has them


@pytest.fixture(params=["installed", "newest"])
def git(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which git client and server use: the machine's, then the newest there is."""
    if request.param == "newest":
        needs(NEWEST, "HOOKRUNNER_NEWEST_GIT, the folder of a newer git: tests/lab/newest-git fetches one")
        monkeypatch.setenv("PATH", f"{NEWEST}:{os.environ['PATH']}")
        assert version(["git", "--version"]) >= REFTABLES
    return str(request.param)


def repository(server: Server, name: str, *formats: str) -> Clone:
    """An app whose repository was there before, in this format, and somebody's clone of it."""
    bare = server.folder / f"{name}.git"
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", *formats, bare], check=True)
    server.run("hooks", "install", str(bare), "--app", name)
    clone = Clone(server.folder / "clones" / name, bare)
    hashes = [word for word in formats if word.startswith("--object-format")]
    shutil.rmtree(clone.folder / ".git")
    clone.git("init", "--quiet", "--initial-branch=main", *hashes)
    clone.git("remote", "add", "server", str(bare))
    return clone


FORMATS = [
    (),
    ("--object-format=sha256",),
    ("--ref-format=reftable",),
    ("--object-format=sha256", "--ref-format=reftable"),
]


@pytest.mark.parametrize(
    ("git", "formats"),
    [("installed", words) for words in FORMATS[:2]] + [("newest", words) for words in FORMATS],
    ids=lambda value: value if isinstance(value, str) else " ".join(value) or "usual",
    indirect=["git"],
)
def test_every_format_of_a_repository_deploys(
    server: Server, git: str, formats: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    """Hashes of 64 digits, refs in tables: push, refusal, plan, deploy, rollback, history and the timer all work."""
    name = f"{git}-{zlib.crc32(request.node.name.encode())}"
    clone = repository(server, name, *formats)
    first = clone.commit({"app.toml": manifest(f"{name}.example"), "public/index.html": "1"})
    assert len(first) == (64 if "--object-format=sha256" in formats else 40)
    assert clone.push().verdict.startswith("success: deploy 1 is live")
    clone.commit({"public/index.html": "2"})
    assert clone.push("-o", "verbose", "main").verdict.startswith("success: deploy 2 is live")
    assert server.get(f"{name}.example", https=True).body == "2"
    clone.commit({"app.toml": "domain = 1\n"})
    refused = clone.push()
    assert (refused.status != 0, '"domain" is not a key' in refused.output) == (True, True)
    clone.git("reset", "--quiet", "--hard", "HEAD~1")
    clone.git("branch", "feature")
    assert "feature would not be deployed" in clone.push("feature").output
    assert server.run("plan", name, "--rev", first[:12]).returncode == 0
    assert server.run("deploy", name).stdout.rstrip().splitlines()[-1].startswith("success: deploy 3 is live")
    assert server.run("rollback", name).stdout.rstrip().splitlines()[-1].startswith("success: deploy 4 is live")
    assert server.get(f"{name}.example", https=True).body == "1"
    assert server.run("renew", name).stdout == "success: nothing was due\n"
    assert server.run("wait", name, "--commit", first).returncode == 0
    lost = clone.commit({"public/index.html": "lost"})
    hook = clone.remote / "hooks" / "post-receive"
    hook.chmod(0o644)  # as if the client had died before it was called
    clone.push()
    hook.chmod(0o755)
    assert "success: deploy 5 is live" in " ".join(server.run("renew", name).stdout.split())
    assert deploys(server, name)[-1]["commit"] == lost
    assert server.get(f"{name}.example", https=True).body == "lost"


def live(server: Server, name: str) -> Clone:
    """An app that is live."""
    clone = server.app(name)
    clone.commit({"app.toml": manifest(f"{name}.example"), "public/index.html": "1"}, "One")
    assert clone.push().verdict.startswith("success: deploy 1 is live")
    return clone


def test_packed_refs_and_collected_objects(server: Server, git: str) -> None:
    """A repository that git has tidied up deploys like before."""
    clone = live(server, f"packed-{git}")
    for words in (("pack-refs", "--all"), ("gc", "--quiet", "--prune=now")):
        clone.git("--git-dir", str(clone.remote), *words)
    assert not (clone.remote / "refs" / "heads" / "main").exists()
    assert server.run("renew", f"packed-{git}").stdout == "success: nothing was due\n"
    assert server.run("deploy", f"packed-{git}").returncode == 0
    clone.commit({"public/index.html": "2"})
    assert clone.push().verdict.startswith("success: deploy 3 is live")


def test_several_refs_at_once(server: Server, git: str) -> None:
    """Branches and tags beside the deploy branch are taken and do not disturb, in whatever way they are pushed."""
    name = f"many-{git}"
    clone = live(server, name)
    clone.git("branch", "feature")
    clone.git("tag", "light")
    clone.git("tag", "-a", "annotated", "-m", "A tag")
    clone.commit({"public/index.html": "2"})
    push = clone.push("main", "feature", "light", "annotated")
    assert push.verdict.startswith("success: deploy 2 is live")
    clone.commit({"public/index.html": "3"})
    clone.git("tag", "-a", "other", "-m", "Another tag")
    assert clone.push("--atomic", "main", "other").verdict.startswith("success: deploy 3 is live")
    clone.commit({"public/index.html": "4"})
    clone.git("branch", "-D", "feature")
    push = clone.push("--mirror")
    assert push.verdict.startswith("success: deploy 4 is live")
    assert "refs/heads/feature" not in clone.git("ls-remote", str(clone.remote))
    assert clone.push("--mirror").status == 0, "nothing to push"
    assert clone.push(":annotated", ":light").status == 0, "what only goes away deploys nothing"
    commit = clone.commit({"public/index.html": "5"})
    clone.git("tag", "-a", "v5", "-m", "Five")
    wrong = clone.push("v5")
    assert (wrong.status != 0, "v5 would not be deployed" in wrong.output) == (True, True)
    assert clone.push("v5^{commit}:main").verdict.startswith("success: deploy 5 is live")
    assert deploys(server, name)[-1]["commit"] == commit
    assert server.get(f"{name}.example", https=True).body == "5"


def test_empty_commits_orphans_and_empty_trees(server: Server, git: str) -> None:
    """A commit that changes nothing deploys; a branch without a common past too; a commit of nothing changes nothing."""
    name = f"empty-{git}"
    clone = live(server, name)
    clone.git("commit", "--quiet", "--allow-empty", "-m", "Again")
    assert clone.push().verdict.startswith("success: deploy 2 is live")
    clone.git("checkout", "--quiet", "--orphan", "fresh")
    clone.commit({"public/index.html": "fresh"}, "Fresh")
    refused = clone.push("fresh:main")
    assert (refused.status != 0, "remote:" in refused.text) == (True, False), "git itself refuses what is no successor"
    assert clone.push("--force", "fresh:main").verdict.startswith("success: deploy 3 is live")
    assert server.get(f"{name}.example", https=True).body == "fresh"
    clone.git("rm", "-r", "-q", ".")
    clone.git("commit", "--quiet", "-m", "Nothing")
    push = clone.push("fresh:main")
    assert push.verdict == "warning: deploy 4 changed nothing: the commit has no app.toml"
    assert server.get(f"{name}.example", https=True).body == "fresh"
    clone.git("commit", "--quiet", "--allow-empty", "--allow-empty-message", "-m", "")
    assert clone.push("fresh:main").status == 0


def test_thousands_of_files_and_odd_names(server: Server, git: str) -> None:
    """Names with newlines, quotes and bytes that are no UTF-8 arrive as they are; a rollback takes them away again."""
    name = f"odd-{git}"
    clone = live(server, name)
    odd = [b"new\nline", b'"quoted"', b"caf\xe9", "例え".encode(), b" lead", b"tab\there", b"-rf", b"back\\slash"]
    files = {os.fsdecode(b"public/" + path): path for path in odd}
    clone.commit({**files, **{f"public/many/{n // 100}/{n}.txt": str(n) for n in range(3000)}}, "Many")
    assert clone.push().verdict.startswith("success: deploy 2 is live")
    current = server.state / "apps" / name / "current" / "public"
    assert {os.fsencode(path.name): path.read_bytes() for path in current.iterdir() if path.is_file()} == {
        b"index.html": b"1",
        **{path: path for path in odd},
    }
    assert server.get(f"{name}.example", "/many/29/2999.txt", https=True).body == "2999"
    assert server.get(f"{name}.example", "/new%0aline", https=True).body == "new\nline"
    bad = os.fsdecode(b"public/\x1b[31m\xff\nlink")
    (clone.folder / bad).symlink_to("../../../etc/passwd")
    push = clone.push() if clone.commit(message="A link") else None
    assert push
    assert push.status != 0
    assert r"public/\x1b[31m\xff\x0alink leads out of the repository" in " ".join(push.output.split())
    server.run("rollback", name)
    assert not (current / "many").exists()


def test_a_client_of_another_hash_is_told_by_git(server: Server, git: str) -> None:
    """A repository of one format and a clone of the other: git says so, and nothing changes."""
    clone = live(server, f"hash-{git}")
    other = Clone(Path(f"{clone.folder}-other"), clone.remote)
    shutil.rmtree(other.folder / ".git")
    other.git("init", "--quiet", "--object-format=sha256", "--initial-branch=main")
    other.git("remote", "add", "server", str(clone.remote))
    other.commit({"app.toml": manifest(f"hash-{git}.example")})
    push = other.push()
    assert push.status != 0
    assert re.search(r"hash|algorithm|object.format", push.text), push.text
    assert len(deploys(server, f"hash-{git}")) == 1
