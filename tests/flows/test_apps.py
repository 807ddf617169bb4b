"""Apps come, go and move: from repositories that exist, as parts of one repository, and with their domains."""

import subprocess
from pathlib import Path

import pytest

from hookrunner.edges.records import FileStore
from tests.conftest import Boot
from tests.lab.server import Clone, Server


def manifest(*domains: str, root: str = "public") -> str:
    """An app.toml."""
    return f'domains = [{", ".join(f"{chr(34)}{domain}{chr(34)}" for domain in domains)}]\nroot = "{root}"\n'


def bare(server: Server, name: str, clone: Clone) -> Path:
    """A bare repository of somebody's own, with what ``clone`` holds."""
    path = server.folder / f"{name}.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", str(clone.folder), str(path)], check=True)
    return path


def test_a_staging_app_from_the_same_repository(server: Server) -> None:
    """Two apps deploy one repository, each by its own branch and manifest; the other's pushes are refused clearly."""
    server.run("apps", "create", "live")
    server.run("apps", "create", "staging", "--manifest", "staging.toml", "--branch", "next")
    clone = server.clone("live")
    clone.git("remote", "add", "staging", str(server.state / "repos" / "staging.git"))
    pages = {"public/index.html": "one", "public/staging.toml": "", "public/app.toml": ""}
    clone.commit({"app.toml": manifest("live.example"), "staging.toml": manifest("staging.live.example"), **pages})
    clone.git("branch", "next")
    assert clone.push().verdict.startswith("success: deploy 1 is live")
    refused = clone.git_push("staging", "main")
    assert "error: main would not be deployed: the deploy branch is next" in refused.output
    assert clone.git_push("staging", "next").verdict.startswith("success: deploy 1 is live")
    for host, hidden in (("live.example", "/app.toml"), ("staging.live.example", "/staging.toml")):
        assert server.get(host, https=True).body == "one"
        assert server.get(host, hidden, https=True).status == 404
    clone.commit({"staging.toml": "domain = 1\n"})
    clone.git("branch", "--force", "next")
    broken = clone.git_push("staging", "next")
    assert broken.output.startswith("error: staging.toml has 2 mistakes, nothing was deployed")


def test_a_part_of_a_monorepo(server: Server) -> None:
    """Folders count from the top of the repository, and one that counts from the manifest is told its right name."""
    server.run("apps", "create", "part", "--manifest", "web/app.toml")
    clone = server.clone("part")
    clone.commit({"web/app.toml": manifest("part.example"), "web/public/index.html": "web", "api/main.py": ""})
    refused = " ".join(clone.push().output.split())
    assert '"web/public" is, and folders count from the top' in refused
    clone.commit({"web/app.toml": manifest("part.example", root="web/public")})
    assert clone.push().verdict.startswith("success: deploy 1 is live")
    assert server.get("part.example", https=True).body == "web"
    clone.git("rm", "--quiet", "web/app.toml")
    clone.commit()
    assert clone.push().verdict.startswith("warning: deploy 2 changed nothing: the commit has no app.toml")
    assert "has no web/app.toml, nothing would be deployed" in server.run("plan", "part", check=False).stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--manifest", "../app.toml"], 'error: --manifest "../app.toml" leaves the repository'),
        (["--manifest", "web/"], 'error: --manifest "web/" is a folder'),
        (["--branch", "a..b"], 'error: "a..b" is no name for a branch'),
        (["--branch", "-x"], 'error: "-x" is no name for a branch'),
        (["--branch", ""], 'error: "" is no name for a branch'),
    ],
)
def test_what_no_app_can_be_made_with(server: Server, words: list[str], said: str) -> None:
    """A wrong option is an error with status 2, and nothing is left behind."""
    done = server.run("apps", "create", "odd", *words, check=False)
    assert (done.returncode, done.stderr.startswith(said)) == (2, True), done.stderr
    assert not (server.state / "repos" / "odd.git").exists()
    assert "odd" not in server.run("apps", "list").stdout


def test_a_repository_that_exists_becomes_an_app(server: Server) -> None:
    """`hooks install` takes its commits and its branch over: deploy, push and plan work, and again it changes nothing."""
    clone = Clone(server.folder / "clones" / "taken", server.folder / "taken.git")
    clone.git("branch", "-m", "main", "trunk")
    clone.commit({"app.toml": manifest("taken.example"), "public/index.html": "one"})
    path = bare(server, "taken", clone)
    for _ in range(2):
        done = server.run("hooks", "install", str(path), "--app", "taken")
        assert done.stdout == (
            f"installed both hooks in {path}\n"
            "`hookrunner deploy taken` deploys what is there, a push to trunk what comes\n"
        )
    assert server.run("deploy", "taken").stdout.rstrip().splitlines()[-1].startswith("success: deploy 1 is live")
    clone.commit({"public/index.html": "two"})
    assert clone.push("trunk").verdict.startswith("success: deploy 2 is live")
    assert server.get("taken.example", https=True).body == "two"
    assert str(path) in server.run("apps", "list", "--json").stdout
    assert "names and certificates unchanged" not in server.run("plan", "taken").stderr


def test_a_repository_that_cannot_be_taken_over(server: Server) -> None:
    """What is no bare repository, has hooks of its own, or is another app's is refused and left as it is."""
    clone = server.app("owner")
    clone.commit({"app.toml": manifest("owner.example")})
    path = bare(server, "own-hooks", clone)
    hook = path / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho mine\n")
    configured = bare(server, "hooks-path", clone)
    clone.git(f"--git-dir={configured}", "config", "core.hooksPath", "/srv/hooks")
    for repository, app, said in (
        (clone.folder, "free", "is no bare repository"),
        (server.folder / "nothing", "free", "is no bare repository"),
        (path, "free", "has a post-receive hook of its own"),
        (configured, "free", "has its hooks in /srv/hooks"),
        (clone.remote, "free", "has the hooks of the app owner already"),
        (path, "owner", "the app owner is there already, in another repository"),
    ):
        done = server.run("hooks", "install", str(repository), "--app", app, check=False)
        assert done.returncode in (1, 2)
        assert said in " ".join(done.stderr.split())
    assert hook.read_text() == "#!/bin/sh\necho mine\n"
    assert "free" not in server.run("apps", "list").stdout


def test_removing_an_app(boot: Boot) -> None:
    """It goes off the web with one reload; commits and certificates stay; its name and domains are free again."""
    server = boot()
    clone = server.app("gone")
    head = clone.commit({"app.toml": manifest("gone.example"), "public/index.html": "one"})
    clone.push()
    reloads = server.nginx.reloads()
    done = server.run("apps", "remove", "gone")
    kept = next((server.state / "removed").iterdir())
    assert done.stdout == (
        "       gone.example   off the web, its certificate stays\n"
        f"removed the app gone; its commits are kept in {kept}\n"
    )
    assert clone.git(f"--git-dir={kept}", "rev-parse", "main") == head
    assert server.nginx.reloads() == reloads + 1
    assert server.get("gone.example").status == 0
    assert not (server.state / "apps" / "gone").exists()
    assert not (server.nginx.sites / "gone.conf").exists()
    assert server.run("apps", "list").stdout == "no apps yet; hookrunner apps create NAME makes one\n"
    server.run("apps", "create", "gone")
    push = clone.push()
    assert push.verdict.startswith("success: deploy 1 is live")
    assert "issued" not in push.output
    assert server.get("gone.example", https=True).body == "one"


def test_an_app_that_nginx_does_not_let_go(boot: Boot) -> None:
    """When nginx cannot reload, nothing of the app is removed, and its site goes on."""
    server = boot()
    clone = server.app("stays")
    clone.commit({"app.toml": manifest("stays.example"), "public/index.html": "one"})
    clone.push()
    broken = server.nginx.others / "wiki.conf"
    broken.write_text("nonsense;\n")
    done = server.run("apps", "remove", "stays", check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: nginx does not pass its test, and not because of stays\n")
    assert "kept:" not in done.stderr
    assert server.get("stays.example", https=True).body == "one"
    broken.unlink()
    server.run("apps", "remove", "stays")


def test_removing_an_app_of_somebodys_repository(server: Server) -> None:
    """The repository stays where it is, without our hooks and configuration; a push to it deploys nothing."""
    clone = Clone(server.folder / "clones" / "given-back", server.folder / "given-back.git")
    clone.commit({"app.toml": manifest("given-back.example"), "public/index.html": "one"})
    path = bare(server, "given-back", clone)
    server.run("hooks", "install", str(path), "--app", "given-back")
    server.run("deploy", "given-back")
    assert server.run("apps", "remove", "given-back").stdout.endswith(f"its commits are kept in {path}\n")
    clone.commit()
    push = clone.push()
    assert (push.status, push.output) == (0, "")
    assert clone.git(f"--git-dir={path}", "config", "--get-regexp", "^hookrunner", check=False) == ""


def test_a_hook_without_its_app(server: Server) -> None:
    """A push to a repository whose app was forgotten is refused with what is the matter."""
    clone = server.app("forgotten")
    clone.commit({"app.toml": manifest("forgotten.example")})
    FileStore(server.state / "records").delete("apps/forgotten")
    push = clone.push()
    assert push.status != 0
    assert push.output == "error: this server has no app forgotten\nhint: on the server: hookrunner apps list"


def test_a_domain_moves_in_the_right_order(server: Server) -> None:
    """First the app that has it lets go, then the other takes it: at its first push, with the same certificate."""
    one, other = server.app("mover-one"), server.app("mover-other")
    one.commit({"app.toml": manifest("kept.mover.example", "moving.mover.example"), "public/index.html": "one"})
    one.push()
    leaf = server.leaf("moving.mover.example")
    taking = manifest("moving.mover.example")
    other.commit({"app.toml": taking, "public/index.html": "other"})
    refused = other.push()
    assert refused.status != 0
    assert (
        '"moving.mover.example" belongs to the app mover-one; '
        "to move it, take it out of the app.toml of mover-one and push that first"
    ) in " ".join(refused.output.split())
    one.commit({"app.toml": manifest("kept.mover.example")})
    let_go = one.push()
    assert "moving.mover.example   off the web, its certificate stays" in let_go.output
    moved = other.push()
    assert moved.verdict.startswith("success: deploy 1 is live")
    assert "moving.mover.example   issued" not in moved.output
    assert (server.leaf("moving.mover.example"), server.get("moving.mover.example", https=True).body) == (leaf, "other")
    assert server.get("kept.mover.example", https=True).body == "one"


def test_an_app_off_the_web(server: Server) -> None:
    """`domains = []` says so per name, keeps the certificates, and the way back asks the CA for nothing."""
    clone = server.app("off")
    back = manifest("off.example", "www.off.example")
    clone.commit({"app.toml": back, "public/index.html": "one"})
    clone.push()
    clone.commit({"app.toml": "domains = []\n"})
    push = clone.push()
    assert "off.example       off the web, its certificate stays" in push.output
    assert "www.off.example   off the web, its certificate stays" in push.output
    assert push.verdict.startswith("success: deploy 2 is live")
    assert push.verdict.endswith("app.toml names no domain")
    assert server.get("off.example").status == 0
    assert server.run("report", "off").stdout == "no domain has or wants a certificate yet\n"
    clone.commit({"app.toml": back})
    push = clone.push()
    assert push.verdict.startswith("success: deploy 3 is live")
    assert "issued" not in push.output


def test_the_owners_own_lines(boot: Boot) -> None:
    """<sites>/NAME.d/*.conf is in every server block; a broken one is named as the server's own and put back."""
    server = boot()
    own = server.nginx.sites / "mine.d"
    own.mkdir()
    (own / "status.conf").write_text("location = /mine { return 200 mine; }\n")
    clone = server.app("mine")
    clone.commit({"app.toml": manifest("mine.example"), "public/index.html": "one"})
    (own / "broken.conf").write_text("\nlcation /x { }\n")
    push = clone.push()
    assert push.verdict.endswith("nothing is live yet")
    said = "error: nginx does not pass its test, because of the server's own lines for mine"
    assert f"{said} {own}/broken.conf:2" in " ".join(push.output.split())
    (own / "broken.conf").unlink()
    clone.commit()
    assert clone.push().verdict.startswith("success: deploy 2 is live")
    assert [server.get("mine.example", "/mine", https=https).body for https in (True, False)] == ["mine", "mine"]
    clone.commit({"mine.d/from-the-repository.conf": "nonsense;\n", "public/index.html": "two"})
    assert clone.push().verdict.startswith("success: deploy 3 is live")
    assert server.get("mine.example", https=True).body == "two"
