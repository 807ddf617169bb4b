"""What an SSH session gets: a push that makes its app, a few commands, and nothing of another key's apps."""

import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import Boot
from tests.lab.server import Server
from tests.lab.sshd import Session

SITE = {"public/index.html": "over SSH"}
LIMITED = {
    "apps": {
        "mine": {"allowed_domains": ["*.mine.example"]},
        "ours": {"allowed_domains": ["*.ours.example"]},
        "wide": {},
        "shop": {"allowed_domains": []},
    }
}


@pytest.fixture(scope="module")
def served(boot_module: Boot) -> Server:
    """A server with settings for some apps."""
    return boot_module(settings=LIMITED)


@pytest.fixture(scope="module")
def ada(served: Server) -> Session:
    """Ada, whose key reaches every app."""
    session = Session(served, "ada")
    session.let_in()
    return session


@pytest.fixture(scope="module")
def bob(served: Server, ada: Session) -> Session:
    """Bob, whose key reaches one app, beside an app of Ada's."""
    clone = ada.repository("secret")
    clone.commit(SITE | {"app.toml": 'domains = ["secret.example", "x.mine.example"]\nroot = "public"\n'})
    assert clone.push().verdict.startswith("success: ")
    session = Session(served, "bob")
    session.let_in("mine")
    return session


def said(text: str) -> str:
    """In one line."""
    return " ".join(text.split())


def test_the_first_push_makes_the_app(served: Server, ada: Session) -> None:
    """Nothing is typed on the server, and nothing but git is on the laptop; the deploy knows whose key it was."""
    clone = ada.repository("first")
    clone.commit(SITE | {"app.toml": 'domains = ["first.example"]\nroot = "public"\n'})
    push = clone.push()
    assert "-----> first: made, this is its first push\n" in push.text
    assert push.verdict.startswith("success: deploy 1 is live")
    assert served.get("first.example", https=True).body == "over SSH"
    (deploy,) = json.loads(ada.type("deploys first --json").stdout)["deploys"]
    assert deploy["who"]["name"] == "ada"
    again = clone.git_push("git@server:first.git", "main")
    assert (again.status, "made" in again.text) == (0, False)
    assert clone.git("ls-remote", f"git@server:{served.state}/repos/first.git", "main")


def test_several_first_pushes_at_once(ada: Session) -> None:
    """One of them makes the app, and none takes away what another has made."""
    clones = [ada.repository("together", folder=f"together-{number}") for number in range(4)]
    for number, clone in enumerate(clones):
        page = f'domains = ["together.example"]\nroot = "public"\n# {number}\n'
        clone.commit(SITE | {"app.toml": page}, message=f"Push {number}")
    with ThreadPoolExecutor(4) as pool:
        pushes = list(pool.map(lambda clone: clone.push(), clones))
    assert sum("made, this is its first push" in push.text for push in pushes) == 1
    assert sum(push.status == 0 for push in pushes) == 1  # git takes one history, and refuses the others
    assert all("fetch first" in push.text or "reject" in push.text for push in pushes if push.status)
    assert ada.server.get("together.example", https=True).body == "over SSH"


def test_what_can_be_typed(ada: Session) -> None:
    """Each command of the help does what it does on the server."""
    clone = ada.repository("typed")
    commit = clone.commit(SITE | {"app.toml": 'domains = ["typed.example"]\nroot = "public"\n'})
    clone.push()
    shown = ada.type("help").stdout
    assert "git push git@SERVER:APP main" in shown
    assert [line for line in shown.splitlines() if len(line) > 80] == []
    for line, expected in {
        "status typed": "typed.example  https ",
        "report typed": "typed.example",
        "plan typed": "nginx would stay untouched",
        "deploys typed 1": "success: deploy 1 is live",
        f"wait typed --commit {commit}": "success: deploy 1 is live",
        "deploy typed": "success: deploy 2 is live",
        "renew typed": "success: nothing was due",
        "apps list": "typed",
        "apps create other --branch next": "git push server next",
    }.items():
        done = ada.type(line)
        assert (done.returncode, done.stderr) == (0, ""), line
        assert re.search(expected, done.stdout), (line, done.stdout)
    assert ada.type("check", 'domains = ["a.example"]\nroot = "."\n').returncode == 0
    assert ada.type("check", "domain = 1").returncode == 2


@pytest.mark.parametrize(
    "line", ["", "id", "status; id", "setup --undo", "git-receive-pack '../../etc'", "hook pre-receive first"]
)
def test_what_cannot(ada: Session, line: str) -> None:
    """It is refused by name, with where to look; nothing is run."""
    done = ada.type(line)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.endswith("hint: ssh git@SERVER help lists what can be typed\n")


def test_a_key_that_is_not_there(served: Server, ada: Session) -> None:
    """One that was never added, and one that was removed while its session began."""
    eve = Session(served, "eve")
    for line in ("status", "git-upload-pack 'first'", "help"):
        done = eve.type(line)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", "error: this key is not known here (any more)\n")
    eve.let_in()
    assert eve.type("status").returncode == 0
    served.run("keys", "remove", "eve")
    assert eve.type("status").returncode == 1
    assert ada.type("status").returncode == 0


def test_the_environment_is_made_here(served: Server) -> None:
    """Of what a client has sshd take over, git and we see nothing, not even where sshd is told to take all."""
    mallory = Session(served, "mallory", sent="GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=core.hooksPath GIT_CONFIG_VALUE_0=/dev/null "
                      "GIT_DIR=/tmp HOOKRUNNER_CONFIG=/dev/null HOOKRUNNER_APPS=mine PYTHONPATH=/tmp HOME=/tmp GIT_TRACE=1")  # fmt: skip
    mallory.let_in()
    clone = mallory.repository("fresh")
    clone.commit(SITE | {"app.toml": 'domain = ["fresh.example"]\n'})
    push = clone.push()
    assert push.status == 1  # the hooks did run
    assert '"domain" is not a key' in push.text
    assert "trace" not in push.text
    assert "fresh" in mallory.type("apps list").stdout


def test_a_key_of_one_app_knows_no_other(bob: Session) -> None:
    """What it is shown, and what it is told of the others: nothing, and not whether they exist."""
    for line in (
        "status",
        "report",
        "apps list",
        "status --json",
        "report --json",
        "report --metrics",
        "apps list --json",
    ):
        done = bob.type(line)
        assert "secret" not in done.stdout + done.stderr, line
    for app in ("secret", "nosuch"):
        for line in (f"status {app}", f"deploys {app}", f"plan {app}", f"deploy {app}", f"rollback {app}", f"renew {app}",
                     f"wait {app} --commit 1234567", f"git-receive-pack '{app}'", f"git-upload-pack '{app}'",
                     f"apps create {app}"):  # fmt: skip
            done = bob.type(line)
            assert (done.returncode, done.stdout) == (1, "")
            assert done.stderr == f"error: there is no app {app} for this key\nhint: it reaches: mine\n"
    for line in ("doctor", "renew"):
        assert bob.type(line).returncode != 0
    done = bob.type(f"git-upload-pack '{bob.server.state}/repos/secret.git'")
    assert "names no app; git push git@server:NAME takes its name alone" in said(done.stderr)


def test_a_key_of_one_app_is_not_told_of_the_servers_troubles(served: Server, bob: Session, ada: Session) -> None:
    """A broken file of the owner's, record of another app, or setting: it is stopped or not, and reads nothing of it."""
    cai = Session(served, "cai")
    cai.let_in("ours")
    own = served.nginx.sites / "secret.d"
    own.mkdir()
    record = served.state / "records" / "apps" / "secret"
    kept, settings = record.read_text(), served.config.read_text()
    try:
        (own / "hidden.conf").write_text("auth_basicc hush;\n")
        clone = cai.repository("ours")
        clone.commit(SITE | {"app.toml": 'domains = ["new.ours.example"]\nroot = "public"\n'})
        push = clone.push()
        assert "nginx does not pass its test, and not because of ours" in said(push.output)
        assert "the owner of the server sees what it is" in said(push.output)
        assert [word for word in ("secret", "hidden", "hush") if word in push.text] == []
        (own / "hidden.conf").unlink()
        record.write_text("{")
        assert cai.type("status").returncode == 0
        assert "damaged" in ada.type("status").stderr
        record.write_text(kept)
        served.config.write_text(settings + '[apps.secret]\nallowed_domain = ["hush.example"]\n')
        done = bob.type("status")
        assert (done.returncode, done.stderr) == (
            2,
            "error: the server's settings cannot be read\nhint: tell the owner of the server\n",
        )
        assert "hush.example" in ada.type("status").stderr
        eve = Session(served, "eve-too")
        assert eve.type("status").stderr == "error: this key is not known here (any more)\n"
    finally:
        record.write_text(kept)
        served.config.write_text(settings)
        shutil.rmtree(own)


def test_a_key_of_one_app_works_in_it(bob: Session) -> None:
    """Its first push makes it; domains beyond its settings, and another's, are refused without the other's name."""
    clone = bob.repository("mine")
    clone.commit(SITE | {"app.toml": 'domains = ["bank.example", "x.mine.example"]\nroot = "public"\n'})
    push = clone.push()
    assert push.status == 1
    assert '"bank.example" is not one of the domains that the server remote: allows mine' in said(push.text)
    assert "belongs to another app" in said(push.text)
    assert "secret" not in push.text
    clone.commit({"app.toml": 'domains = ["www.mine.example"]\nroot = "public"\n'})
    assert clone.push().verdict.startswith("success: deploy 1 is live")
    assert "www.mine.example" in bob.type("status").stdout
    assert bob.type("rollback mine").returncode == 1
    assert "success: " in bob.type("deploy mine").stdout


def test_a_limit_needs_allowed_domains(served: Server, bob: Session) -> None:
    """Refused where the key is added, and at each change if the settings lost them afterwards."""
    done = served.run("keys", "add", "carol", str(bob.public), "--app", "wide", check=False)
    assert (done.returncode, done.stderr.startswith("error: wide may name any domain")) == (1, True)
    keys = served.config.parent / "authorized_keys"
    before = keys.read_text()
    keys.write_text(before.replace("HOOKRUNNER_APPS=mine", "HOOKRUNNER_APPS=mine,wide"))
    try:
        for line in ("git-receive-pack 'wide'", "apps create wide", "deploy wide"):
            done = bob.type(line)
            assert done.returncode == 1
            assert "this key is limited to apps, and wide may name any domain" in said(done.stderr)
            assert 'allowed_domains = ["…"] under [apps.wide]' in said(done.stderr)
    finally:
        keys.write_text(before)


def test_where_the_settings_do_not_allow_it(boot: Boot) -> None:
    """`create_apps = false`: apps are made on the server, and the push says so."""
    server = boot(settings={"ssh": {"create_apps": False}})
    dora = Session(server, "dora")
    dora.let_in()
    clone = dora.repository("new")
    clone.commit(SITE)
    push = clone.push()
    assert push.status == 128
    assert "error: there is no app new\nhint: on the server: hookrunner apps create new\n" in push.text
    assert "apps are made on the server" in dora.type("apps create new").stderr
    server.run("apps", "create", "new")
    assert clone.push().status == 0
