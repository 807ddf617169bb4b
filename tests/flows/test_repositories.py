"""Repositories that are not as `apps create` makes them."""

import shutil

from tests.lab.server import Clone, Server


def test_a_sha256_repository_deploys(server: Server) -> None:
    """Where git's object ids have 64 digits, a push secures, updates and is refused like anywhere else."""
    made = server.app("sha256")
    new = made.remote.with_suffix(".new")
    made.git("init", "--quiet", "--bare", "--object-format=sha256", "--initial-branch=main", str(new))
    for folder in ("hooks", "info"):
        shutil.copytree(made.remote / folder, new / folder, dirs_exist_ok=True)
    for key in ("command", "config", "app"):
        value = made.git(f"--git-dir={made.remote}", "config", f"hookrunner.{key}", check=False)
        if value:
            made.git(f"--git-dir={new}", "config", f"hookrunner.{key}", value)
    shutil.rmtree(made.remote)
    new.rename(made.remote)

    clone = Clone(made.folder.with_name("sha256-clone"), made.remote)
    shutil.rmtree(clone.folder / ".git")
    clone.git("init", "--quiet", "--object-format=sha256", "--initial-branch=main")
    clone.git("remote", "add", "server", str(made.remote))
    commit = clone.commit({"app.toml": 'domains = ["sha256.example"]\nroot = "public"\n', "public/index.html": "1"})
    assert len(commit) == 64
    assert clone.push().verdict.startswith("success: deploy 1 is live")
    clone.commit({"public/index.html": "2"})
    assert clone.push().verdict.startswith("success: deploy 2 is live")
    assert server.get("sha256.example", https=True).body == "2"
    clone.commit({"app.toml": "domain = 1\n"})
    assert clone.push().status != 0
    assert server.run("plan", "sha256").returncode == 0
    assert server.run("deploy", "sha256").stdout.rstrip().splitlines()[-1].startswith("success: deploy 3 is live")
