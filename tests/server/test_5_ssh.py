"""SSH with a real sshd: what a deploy key may type, what it may not, and a key that is limited to one app."""

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.test_remote import HOSTILE
from tests.lab.container import Container
from tests.lab.server import Clone
from tests.server.attempts import Ended, table
from tests.server.laptop import Laptop

PAGE = {"public/index.html": "a page"}


class Someone:
    """A laptop with a key of its own."""

    def __init__(self, folder: Path, container: Container) -> None:
        self.folder, self._container = folder, container
        folder.mkdir(parents=True)
        self.key = folder / "id_ed25519"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key], check=True, timeout=30)
        self.public = self.key.with_suffix(".pub").read_text()
        config = folder / "config"
        config.write_text(re.sub(r"(?m)^(\s*IdentityFile).*$", rf"\1 {self.key}", container.ssh_config.read_text()))
        self.ssh = f"ssh -F {config} -o BatchMode=yes -o IdentitiesOnly=yes"

    def type(self, line: str, *options: str) -> "subprocess.CompletedProcess[str]":
        """What came of a command line."""
        words = [*self.ssh.split(), *options, "git@your-server", line]
        return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL)

    def repository(self, app: str) -> Clone:
        """A repository with an app as its remote."""
        return Clone(self.folder / app, Path(f"git@your-server:{app}"), ssh=self.ssh)


@pytest.fixture(scope="module")
def eve(container: Container, tmp_path_factory: pytest.TempPathFactory) -> Someone:
    """Whose key reaches every app."""
    someone = Someone(tmp_path_factory.mktemp("eve") / "laptop", container)
    container.run("hookrunner keys add eve@laptop", input=someone.public)
    return someone


@pytest.fixture(scope="module")
def zoe(container: Container, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Someone]:
    """Whose key reaches the app zoo alone."""
    someone = Someone(tmp_path_factory.mktemp("zoe") / "laptop", container)
    settings = container.read("/etc/hookrunner/server.toml")
    refused = container.run("hookrunner keys add zoe --app zoo", input=someone.public, check=False)
    assert (refused.returncode, "zoo may name any domain" in refused.stderr) == (1, True)
    mode = container.run("stat -c '%a %U:%G' /etc/hookrunner/server.toml").stdout
    container.run("cat >> /etc/hookrunner/server.toml", input='\n[apps.zoo]\nallowed_domains = ["*.zoo.example"]\n')
    container.run("hookrunner keys add zoe --app zoo", input=someone.public)
    assert container.run("stat -c '%a %U:%G' /etc/hookrunner/server.toml").stdout == mode
    yield someone
    container.run("cat > /etc/hookrunner/server.toml", input=settings)


def test_the_keys_file_is_roots(eve: Someone, container: Container) -> None:
    """The user git reads it, and nobody else does; what stood in it is still there."""
    assert eve.type("status").returncode == 0
    assert container.run("stat -c '%a %U:%G' /etc/hookrunner/authorized_keys").stdout == "640 root:git\n"
    shown = container.run("hookrunner keys list").stdout
    assert "eve@laptop" in shown
    assert len(shown.splitlines()) >= 3


def test_a_push_makes_its_app_from_a_laptop_with_nothing_but_git(eve: Someone, laptop: Laptop) -> None:
    """The first push is a whole deploy; then the laptop asks how it stands."""
    clone = eve.repository("blog")
    commit = clone.commit(PAGE | {"app.toml": 'domains = ["blog.example"]\nroot = "public"\n'})
    push = clone.push()
    assert "-----> blog: made, this is its first push\n" in push.text
    assert push.verdict.startswith("success: deploy 1 is live")
    assert laptop.get("blog.example").body == "a page"
    assert "blog.example  https " in eve.type("status blog").stdout
    waited = eve.type(f"wait blog --commit {commit}")
    assert (waited.returncode, "success: deploy 1 is live" in waited.stdout) == (0, True)
    assert "eve@laptop" in eve.type("deploys blog").stdout
    clone.commit({"public/index.html": "another page"})
    assert clone.push().verdict.startswith("success: deploy 2 is live")
    assert "success: deploy 3 is live" in eve.type("rollback blog").stdout
    assert laptop.get("blog.example").body == "a page"
    assert "git push git@SERVER:APP main" in eve.type("help").stdout


def test_hostile_command_lines(eve: Someone, container: Container, capsys: pytest.CaptureFixture[str]) -> None:
    """Each is refused by name, and leaves no file, no process and no word of the machine's behind."""
    canary = "/tmp/canary-of-ssh"  # noqa: S108 (in the container)
    more = [f"status; touch {canary}", f"status && touch {canary}", f"$(touch {canary})", f"`touch {canary}`", f"status\ntouch {canary}",
            f"git-receive-pack 'x'; touch {canary}", f"git-upload-pack '$(touch {canary})'", f"bash -c 'touch {canary}'",
            f"plan blog --rev=$(touch {canary})", f"status > {canary}", f"deploys blog 1 | tee {canary}"]  # fmt: skip
    lines = [line for line in HOSTILE if "\0" not in line and line.strip() and len(line) < 2000]
    rows: list[Ended] = []
    for line in [*more, *lines[::2]]:
        done = eve.type(line)
        refused = done.returncode == 2 and done.stdout == "" and done.stderr.startswith("error: ")
        rows.append(Ended("any key", ascii(line)[1:-1], refused, done.stderr.partition("hint:")[0].split("\n")[0][:60]))
    with capsys.disabled():
        print(f"\n{table(rows)}")
    assert len(rows) > 60
    assert [row for row in rows if not row.refused] == []
    assert container.run(f"ls {canary}", check=False).returncode != 0


def test_the_clients_environment_does_not_arrive(eve: Someone, container: Container) -> None:
    """Not even where sshd is told to take all of it over: git's hooks run, and git's trace does not."""
    container.put("AcceptEnv *\n", "/etc/ssh/sshd_config.d/00-all.conf")
    container.run("sshd -t && systemctl reload ssh.service")
    time.sleep(1)
    try:
        sent = {
            "GIT_DIR": "/srv", "GIT_TRACE": "1", "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.hooksPath",
            "GIT_CONFIG_VALUE_0": "/dev/null", "GIT_CONFIG_GLOBAL": "/srv/x", "GIT_EXEC_PATH": "/srv",
            "HOOKRUNNER_CONFIG": "/dev/null", "HOOKRUNNER_APPS": "x", "PYTHONPATH": "/srv", "PYTHONSTARTUP": "/srv/x",
        }  # fmt: skip
        words = [f"-oSetEnv={' '.join(f'{name}={value}' for name, value in sent.items())}"]
        assert "blog.example" in eve.type("status", *words).stdout
        clone = Clone(eve.folder / "env", Path("git@your-server:envy"), ssh=f'{eve.ssh} "{words[0]}"')
        clone.commit({"app.toml": 'domain = ["envy.example"]\n'})
        push = clone.push()
        assert (push.status, '"domain" is not a key' in push.text, "trace:" in push.text) == (1, True, False)
    finally:
        container.run("rm /etc/ssh/sshd_config.d/00-all.conf && systemctl reload ssh.service")
        time.sleep(1)  # sshd starts anew, and takes no connection for a moment


@pytest.mark.parametrize(
    "sent",
    [
        "{key}{key}", 'command="id" {key}', "{key}command=\"id\" {key}", 'environment="HOOKRUNNER_APPS=blog" {key}',
        "restrict,pty {key}", "cert-authority {key}", "{bare}\rssh-ed25519 AAAA x", "# {key}", "-----BEGIN OPENSSH PRIVATE KEY-----",
    ],
)  # fmt: skip
def test_keys_that_bring_more_than_a_key(container: Container, eve: Someone, sent: str) -> None:
    """Lines and options of the sender's own are refused, and the file stays as it was."""
    before = container.read("/etc/hookrunner/authorized_keys")
    text = sent.format(key=eve.public, bare=eve.public.strip())
    done = container.run("hookrunner keys add mallory", input=text, check=False)
    assert (done.returncode, done.stderr.startswith("error: the key mallory ")) == (2, True)
    assert container.read("/etc/hookrunner/authorized_keys") == before


def test_a_key_of_one_app_against_another(
    zoe: Someone, eve: Someone, laptop: Laptop, capsys: pytest.CaptureFixture[str]
) -> None:
    """It works in its own app, and finds no other: not by name, path, push, fetch or what it is shown."""
    clone = zoe.repository("zoo")
    clone.commit(PAGE | {"app.toml": 'domains = ["bears.zoo.example"]\nroot = "public"\n'})
    assert clone.push().verdict.startswith("success: deploy 1 is live")
    rows: list[Ended] = []
    for line in [
        "status blog", "report blog", "plan blog", "deploys blog", "deploys blog 1", "deploy blog", "rollback blog", "renew blog",
        "wait blog --commit 1234567", "apps create mine", "renew", "doctor", "git-upload-pack 'blog'", "git-receive-pack 'blog.git'",
        "git-upload-pack '/var/lib/hookrunner/repos/blog.git'",
    ]:  # fmt: skip
        done = zoe.type(line)
        refused = done.returncode != 0 and done.stdout == "" and "blog.example" not in done.stderr
        rows.append(Ended("key of zoo", line, refused, done.stderr.split("\n")[0]))
    for line in ("status", "report", "apps list", "status --json"):
        done = zoe.type(line)
        rows.append(Ended("key of zoo", line, "zoo" in done.stdout and "blog" not in done.stdout, "shows zoo alone"))
    for domains, said in (('"blog.example"', "not one of the domains"), ('"park-spot.co"', "not one of the domains")):
        clone.commit({"app.toml": f'domains = ["bears.zoo.example", {domains}]\nroot = "public"\n'})
        push = clone.push()
        rows.append(
            Ended(
                "key of zoo",
                f"a push of {domains}",
                push.status == 1 and "blog" not in push.text.replace("blog.example", ""),
                said,
            )
        )
    with capsys.disabled():
        print(f"\n{table(rows)}")
    assert [row for row in rows if not row.refused] == []
    assert eve.type("status zoo").returncode == 0
    assert laptop.get("bears.zoo.example").body == "a page"


def test_a_key_that_is_removed(zoe: Someone, container: Container) -> None:
    """It does not get in any more."""
    assert container.run("hookrunner keys remove zoe").stdout == "zoe may not push any more\n"
    assert zoe.type("status").returncode == 255


def test_private_keys_are_roots_to_take_in_and_out(eve: Someone, container: Container) -> None:
    """The user git can neither import nor export one, and no deploy key either; root's archive has them."""
    for line in ("apps export blog", "certificates import /etc/letsencrypt"):
        done = container.run(f"cd / && hookrunner {line}", user="git", check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "error: private keys are root's: type it as root\n"
        assert eve.type(line).returncode == 2
    listed = container.run("hookrunner apps export blog | tar --list --verbose").stdout
    assert re.search(r"^-rw------- .* blog/certificates/blog\.example/privkey\.pem$", listed, re.MULTILINE)
