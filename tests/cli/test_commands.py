"""The commands as a person types them: what they print, how they exit, and never a traceback."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.lab.server import COMMAND, Server

Done = subprocess.CompletedProcess[str]
GOOD = 'domains = ["example.org"]\nroot = "public"\n'


def run(*words: str | Path, stdin: str = "", cwd: Path | None = None, program: list[str] | None = None) -> Done:
    """Run a command without a server."""
    env = {name: value for name, value in os.environ.items() if name != "HOOKRUNNER_CONFIG"}
    return subprocess.run(
        [*(program or [str(COMMAND)]), *map(str, words)],
        input=stdin, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def refused(done: Done, *lines: str, status: int = 2) -> None:
    """It exited so, and its standard error holds exactly these lines; the words of a long one may be wrapped."""
    assert (done.returncode, done.stderr.split()) == (status, " ".join(lines).split())


COMMANDS = [
    "", "setup", "init", "new", "check", "apps", "apps create", "apps list", "apps remove", "hooks", "hooks install", "plan",
    "deploy", "rollback", "deploys", "wait", "renew", "revoke", "status", "report", "doctor", "completion",
    "keys", "keys add", "keys list", "keys remove", "certificates", "certificates import", "apps export",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_fits_a_terminal(command: str, option: str) -> None:
    """Every command explains itself in 80 columns, without settings, and exits with 0."""
    done = run(*command.split(), option)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: hookrunner {command}".rstrip())
    assert [line for line in done.stdout.splitlines() if len(line) > 80] == []


def test_every_command_is_in_the_list_above() -> None:
    """No command escapes the test of its help."""
    listed = re.findall(r"^  ([a-z]+)  ", run("--help").stdout.partition("Commands:")[2], re.MULTILINE)
    assert sorted(listed) == sorted({command.split()[0] for command in COMMANDS if command})


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (["bogus"], "error: No such command 'bogus'", "hint: hookrunner --help"),
        (["--bogus"], "error: No such option", "hint: hookrunner --help"),
        (["status", "--bogus"], "error: No such option", "hint: hookrunner status --help"),
        (["deploy"], "error: Missing argument 'APP'", "hint: hookrunner deploy --help"),
        (["apps", "bogus"], "error: No such command 'bogus'", "hint: hookrunner apps --help"),
        (["status", "a", "b"], "error: Got unexpected extra argument", "hint: hookrunner status --help"),
        (["--config"], "error: Option '--config' requires an argument", "hint: hookrunner --help"),
    ],
)
def test_a_typing_error_gets_a_hint(words: list[str], error: str, hint: str) -> None:
    """What is not known is named, with where to look it up."""
    done = run(*words)
    first, *_, last = done.stderr.splitlines()
    assert (done.returncode, done.stdout, last) == (2, "", hint)
    assert first.startswith(error)


def test_the_module_is_the_command() -> None:
    """`python -m hookrunner` does what `hookrunner` does."""
    as_module = [sys.executable, "-m", "hookrunner"]
    for words in (["--help"], ["--version"], ["bogus"], ["apps", "--help"]):
        one, other = run(*words), run(*words, program=as_module, cwd=Path.cwd())
        assert (one.returncode, one.stdout, one.stderr) == (other.returncode, other.stdout, other.stderr)


def test_check_tells_what_is_wrong(tmp_path: Path) -> None:
    """`check` reads a file, a folder or standard input, names every mistake and exits with 2."""
    file = tmp_path / "app.toml"
    file.write_text(GOOD)
    (tmp_path / "public").mkdir()
    for words in (["check"], ["check", "."], ["check", "app.toml"]):
        done = run(*words, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.endswith("is valid: 1 domain\n")
    assert run("check", "-", stdin=GOOD).returncode == 0

    file.write_text('domain = ["example.org"]\nroot = "../x"\n')
    expected = [
        "it cannot be deployed",
        '"domain" is not a key; did you mean "domains"?',
        "leaves the repository; name a folder inside it",
    ]
    for done in (run("check", cwd=tmp_path), run("check", "-", stdin=file.read_text())):
        assert done.returncode == 2
        assert [words for words in expected if words not in done.stderr] == []
    shown = json.loads(run("check", "--json", cwd=tmp_path).stdout)
    assert shown == {
        "schema": 1,
        "check": {
            "file": "app.toml",
            "valid": False,
            "domains": [],
            "problems": [
                {"line": 1, "source": 'domain = ["example.org"]', "text": expected[1]},
                {"line": 2, "source": 'root = "../x"', "text": expected[2]},
            ],
        },
    }  # fmt: skip
    file.unlink()
    refused(
        run("check", cwd=tmp_path),
        "error: cannot read app.toml: No such file or directory",
        "hint: hookrunner new writes one",
    )


def test_new_writes_what_check_takes_and_overwrites_nothing(tmp_path: Path) -> None:
    """`new` writes a commented app.toml; where one stands already, it stays as it is."""
    assert run("new", cwd=tmp_path).returncode == 0
    file = tmp_path / "app.toml"
    assert file.stat().st_size > 0
    file.write_text("mine")
    refused(
        run("new", cwd=tmp_path),
        "error: there is an app.toml here already",
        "hint: hookrunner check tells what is wrong with it",
    )
    assert file.read_text() == "mine"


def test_init_writes_settings_and_files_alone(tmp_path: Path) -> None:
    """`init` writes missing settings, and what they describe; again, it changes nothing."""
    config = tmp_path / "etc" / "server.toml"
    refused(
        run("--config", config, "init"),
        f"error: there are no settings at {config}",
        "hint: hookrunner init --email you@example.org writes them",
    )
    refused(
        run("--config", config, "init", "--email", "nobody"),
        'error: email = "nobody": is not an e-mail address',
        "hint: for example --email you@example.org --directory letsencrypt",
    )
    assert not config.exists()

    config.parent.mkdir()
    state, sites = tmp_path / "state", tmp_path / "sites"
    settings = f'state = "{state}"\n[acme]\nemail = "me@example.org"\n[nginx]\nsites = "{sites}"\n'
    config.write_text(settings)
    done = run("--config", config, "init")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"include {sites}/*.conf;" in done.stdout
    made = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    assert (sites / "00-hookrunner.conf").exists()
    assert (state / "records").stat().st_mode & 0o777 == 0o700
    again = run("--config", config, "init", "--email", "other@example.org")
    assert again.returncode == 0
    assert f"kept    {config}, it is there already" in again.stdout
    assert "wrote" not in again.stdout
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == made
    assert config.read_text() == settings


def test_init_writes_the_settings_that_it_needs(tmp_path: Path) -> None:
    """With --email the settings file is made, and holds just what was said."""
    config = tmp_path / "server.toml"
    words: list[str | Path] = ["--config", config, "init", "--email", "nobody@example.org", "--directory"]
    done = run(*words, "http://insecure.example/dir")
    assert (done.returncode, "nor an https URL" in " ".join(done.stderr.split())) == (2, True)
    assert not config.exists()
    # The settings of a new server point to /etc and /var: give it its own for as long as it runs.
    own = 'mount -t tmpfs none /var/lib && mount -t tmpfs none /etc/nginx && exec "$@"'
    done = run(*words, "letsencrypt-staging", program=["unshare", "-m", "sh", "-c", own, "sh", str(COMMAND)])
    if "unshare" in done.stderr or "mount" in done.stderr:
        assert os.environ.get("CI") != "true", "CI has to run this"
        pytest.skip("this machine lets nobody have mounts of their own")
    assert (done.returncode, done.stderr) == (0, "")
    acme = {"email": "nobody@example.org", "directory": "letsencrypt-staging"}
    assert tomllib.loads(config.read_text()) == {"acme": acme}
    made = ["/var/lib/hookrunner/repos", "/etc/nginx/hookrunner", "/etc/nginx/hookrunner/00-hookrunner.conf"]
    assert [path for path in (str(config), *made) if f"wrote   {path}\n" not in done.stdout] == []


def test_broken_settings_are_told_whole(tmp_path: Path) -> None:
    """A server.toml with mistakes lists all of them, with their lines, for whatever command was typed."""
    config = tmp_path / "server.toml"
    config.write_text('[acme]\nemial = "x"\n[nginx]\nhttp_port = "80"\n[limits]\nfiles = 0\n')
    for words in (["status"], ["apps", "list"], ["deploy", "x"], ["init"], ["hook", "pre-receive"]):
        done = run("--config", config, *words)
        assert done.returncode == 2
        assert done.stderr.startswith(f"error: {config} has 4 mistakes, nothing was done"[:72].rsplit(" ", 1)[0])
        shown = " ".join(done.stderr.split())
        for words_of_it in (
            '"emial" is not a key of [acme]; did you mean "email"?',
            'needs an "email"; write email = "you@example.org"',
            "is a text; it takes a whole number",
            "is 0; it takes a number from 1 to 10000000",
        ):
            assert words_of_it in shown
        assert "Traceback" not in done.stderr


def test_settings_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    """Missing settings, a folder in their place, bytes that are no text: a sentence each."""
    missing = tmp_path / "none.toml"
    done = run("--config", missing, "status")
    assert done.returncode == 2
    assert " ".join(done.stderr.split()).startswith(
        f"error: there are no settings at {missing} hint: hookrunner --config"
    )
    done = run("--config", tmp_path, "status")
    said = f"error: cannot read {tmp_path}: Is a directory hint: on the server: ls -l "
    assert (done.returncode, " ".join(done.stderr.split()).startswith(said)) == (2, True), done.stderr
    missing.write_bytes(b"\xff\x00")
    done = run("--config", missing, "status")
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)


@pytest.mark.parametrize("name", ["update", "", "pre-receive/../x", "--help-me"])
def test_a_hook_that_is_none_is_named(server: Server, name: str) -> None:
    """`hook` with another name is an error, not a traceback."""
    done = run("--config", server.config, "hook", name)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    if not name.startswith("-"):
        refused(
            done,
            f'error: "{name}" is not a hook; the hooks are pre-receive and post-receive',
            "hint: hookrunner hooks install puts them where git calls them",
        )


def test_a_hook_outside_a_repository_is_an_error(server: Server, tmp_path: Path) -> None:
    """`hook pre-receive` typed by hand, in a folder that is no app's, says what is missing."""
    done = run("--config", server.config, "hook", "pre-receive", cwd=tmp_path)
    assert done.returncode != 0
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["plan", "deploy", "status", "report"])
def test_an_unknown_app_is_an_error(server: Server, command: str) -> None:
    """A name that is no app's gets the names that are, and how to make one."""
    done = server.run(command, "nobodys", check=False)
    first, *_, last = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (2, "")
    assert (first, last) == ('error: there is no app "nobodys"', "hint: hookrunner apps create nobodys makes it")


def test_a_server_without_apps_says_so(tmp_path: Path) -> None:
    """Before the first app there is nothing to list, and no error."""
    config = tmp_path / "server.toml"
    state, sites = tmp_path / "state", tmp_path / "sites"
    config.write_text(f'state = "{state}"\n[acme]\nemail = "me@example.org"\n[nginx]\nsites = "{sites}"\n')
    assert run("--config", config, "init").returncode == 0
    assert run("--config", config, "apps", "list").stdout.startswith("no apps yet; ")
    assert run("--config", config, "status").stdout.startswith("no apps yet; ")
    assert run("--config", config, "report").stdout == "no domain has or wants a certificate yet\n"
    assert json.loads(run("--config", config, "status", "--json").stdout) == {"schema": 1, "apps": []}


def test_an_app_from_its_making_to_its_report(server: Server) -> None:
    """apps, plan, deploy, status and report tell one story, in words and as JSON."""
    clone = server.app("story")
    again = server.run("apps", "create", "story", check=False)
    assert again.returncode == 1
    assert again.stderr.startswith("error: the app story is there already:")
    assert "story: nothing is live" in server.run("status", "story").stdout
    for command in ("plan", "deploy"):
        refused(
            server.run(command, "story", check=False),
            "error: nothing was pushed yet: main does not exist",
            "hint: git push server main",
        )
    listed = json.loads(server.run("apps", "list", "--json").stdout)["apps"]
    assert {"name": "story", "repository": str(clone.remote), "deploy": None, "commit": None, "domains": []} in listed

    names = ["story.example", "blocked-domain.example"]
    commit = clone.commit({"app.toml": f'domains = {json.dumps(names)}\nroot = "."\n', "index.html": "x"}, "Story")
    assert clone.push().status == 0
    plan = server.run("plan", "story").stdout.splitlines()
    assert plan[0] == f'-----> story: plan for main {commit[:7]} "Story"'
    assert re.fullmatch(r"       story\.example            keep: next renewal \d{4}-\d\d-\d\d", plan[1])
    assert plan[2] == "       blocked-domain.example   wait: the CA does not issue for this"
    assert "next try" in " ".join(plan), "a refusal is remembered"
    planned = json.loads(server.run("plan", "story", "--json").stdout)["plan"]
    assert [(one["name"], one["action"]) for one in planned["certificates"]] == [
        (names[0], "keep"),
        (names[1], "wait"),
    ]
    assert (planned["commit"], planned["domains"], planned["added"], planned["removed"]) == (commit, names, [], [])

    report = server.run("report", "story", check=False)
    assert report.returncode == 1, "a domain waits"
    assert "waiting" in report.stdout
    facts = json.loads(server.run("report", "story", "--json", check=False).stdout)["certificates"]
    assert [(one["domain"], one["state"]) for one in facts] == [(names[0], "good"), (names[1], "waiting")]
    [status] = json.loads(server.run("status", "story", "--json").stdout)["apps"]
    assert [(one["name"], one["state"]) for one in status["domains"]] == [(names[0], "https"), (names[1], "waiting")]

    deployed = server.run("deploy", "story", "--json")
    deploy = json.loads(deployed.stdout)["deploy"]
    assert (deploy["number"], deploy["state"], deploy["commit"]) == (2, "partly", commit)
    assert "warning: deploy 2 is live" in deployed.stderr

    clone.commit({"app.toml": 'domains = ["story.example"]\nroot = "."\n'})
    assert clone.push().verdict.startswith("success: deploy 3 is live")
    assert server.run("report", "story").returncode == 0
    assert server.run("deploy", "story", "--rev", commit[:10]).stdout.startswith("-----> story: deploy 4, ")
    refused(
        server.run("deploy", "story", "--rev", "--upload-pack=x", check=False),
        f'error: "--upload-pack=x" is no commit of {clone.remote}',
        "hint: --rev takes a branch, a tag or a commit that was pushed",
    )
