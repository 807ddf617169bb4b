"""The grammar of what may be typed over SSH."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookrunner.core import remote
from hookrunner.core.remote import Git, Help, Typed
from hookrunner.model.names import AppName, Invalid

SHA = "4f2a9c1d"


@pytest.mark.parametrize(
    ("line", "service", "app"),
    [
        ("git-receive-pack 'parkspot'", "receive-pack", "parkspot"),
        ("git-receive-pack 'parkspot.git'", "receive-pack", "parkspot"),
        ("git-receive-pack '/parkspot.git'", "receive-pack", "parkspot"),
        ("git-upload-pack 'parkspot.git/'", "upload-pack", "parkspot"),
        ("git-upload-pack parkspot", "upload-pack", "parkspot"),
        ("git receive-pack 'a-b_c.git'", "receive-pack", "a-b_c"),
        ("git-receive-pack '/var/lib/hookrunner/repos/parkspot.git'", "receive-pack", None),
        ("git-receive-pack '../parkspot.git'", "receive-pack", None),
        ("git-receive-pack 'parkspot.git.git'", "receive-pack", None),
    ],
)
def test_what_git_sends(line: str, service: str, app: str | None) -> None:
    """An app by its name, with .git or without; another path names none and is looked up as a whole."""
    git = remote.parse(line)
    assert isinstance(git, Git)
    assert (git.service, git.app) == (service, AppName(app) if app else None)


@pytest.mark.parametrize(
    ("line", "argv"),
    [
        ("status", "status"),
        ("status parkspot --json", "status parkspot --json"),
        ("report --metrics", "report --metrics"),
        ("plan parkspot --rev=feature/x", "plan parkspot --rev feature/x"),
        ("plan --rev v1.2^ parkspot", "plan parkspot --rev v1.2^"),
        ("deploys parkspot 12 --follow", "deploys parkspot 12 --follow"),
        ("deploys parkspot --last 3", "deploys parkspot --last 3"),
        (f"wait parkspot --commit {SHA} --timeout 90s", f"wait parkspot --commit {SHA} --timeout 90s"),
        ("deploy parkspot --retry", "deploy parkspot --retry"),
        ("rollback parkspot", "rollback parkspot"),
        ("rollback parkspot 3", "rollback parkspot 3"),
        ("renew parkspot --dry-run", "renew parkspot --dry-run"),
        ("apps list", "apps list"),
        ("apps create next --branch next --manifest .deploy/app.toml", "apps create next --branch next --manifest .deploy/app.toml"),
        ("check", "check -"),
        ("check - --json", "check - --json"),
        ("doctor", "doctor"),
    ],
)  # fmt: skip
def test_what_may_be_typed(line: str, argv: str) -> None:
    """It becomes an argument list in an order of ours."""
    typed = remote.parse(line)
    assert isinstance(typed, Typed)
    assert typed.argv == tuple(argv.split())


@pytest.mark.parametrize("line", ["help", "--help", "-h"])
def test_help(line: str) -> None:
    """Asked for in the usual ways."""
    assert remote.parse(line) == Help()


HOSTILE = [
    " ", "\n", "id", "/bin/bash", "bash -i", "sh -c id", "status;id", "status; id", "status && id", "status | id", "status\nid",
    "status `id`", "status $(id)", "status ${HOME}", "status 'parkspot'", 'status "parkspot"', "status\tparkspot", "status  parkspot",
    " status", "status ", "status >/tmp/x", "status </etc/passwd", "status &", "status parkspot\0", "status pärkspot",
    "status ../etc", "status /etc/passwd", "status .", "status -", "status --config=/tmp/x", "--config /tmp/x status",
    "status -h", "status parkspot other", "status PARKSPOT", "report --json=1", "report --json --json", "status --", "status -- parkspot",
    "plan parkspot --rev", "plan parkspot --rev --json", "plan parkspot --rev -x", "plan parkspot --rev=a..b;id", "plan parkspot --rev main@{1}",
    "plan", "plan --rev main", "deploys parkspot 0", "deploys parkspot -1", "deploys parkspot 1e3", "deploys parkspot 1 2",
    "wait parkspot --commit HEAD", "wait parkspot --commit 4f2a9c", "wait parkspot --commit", "wait parkspot --timeout 1;id",
    "rollback", "rollback parkspot ../1", "renew --as-root", "apps", "apps remove parkspot", "apps create", "apps create ../x",
    "apps create x --manifest /etc/passwd", "apps create x --manifest -x", "apps create x --branch -x", "apps list parkspot",
    "check /etc/hookrunner/server.toml", "check app.toml", "check - -", "check --schema=/etc/passwd", "setup", "setup --undo", "init",
    "new", "hooks install /tmp/x --app y", "keys add x", "keys list", "keys remove ada", "revoke parkspot.example", "hook pre-receive",
    "hook post-receive parkspot", "ssh", "certificates import /tmp", "scp -t /tmp", "scp -f /etc/passwd", "internal-sftp",
    "/usr/lib/openssh/sftp-server", "rsync --server -vlogDtpre.iLsfxC . /tmp", "git", "git status", "git-shell", "git-receive-pack",
    "git-receive-pack ''", "git-receive-pack 'x'; id", "git-receive-pack 'x' 'y'", "git-receive-pack --advertise-refs 'x'",
    "git-receive-pack '--x'; id", "git-receive-pack 'x", "git-receive-pack x'", "git-receive-pack '$(id)'", "git-receive-pack '~/x'",
    "git-receive-pack 'x\n'", "git-receive-pack 'x'\n", "git-receive-pack 'it'\\''s'", "git-upload-archive 'parkspot'",
    "git-upload-pack --upload-pack=id 'x'", "git-lfs-authenticate parkspot download", "GIT_DIR=/tmp git-receive-pack 'x'",
    "env", "exec status", "command status", "status\r", "\x1b[2Jstatus", "\u202estatus", "status\u00a0parkspot", "a" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("line", HOSTILE)
def test_what_may_not(line: str) -> None:
    """Nothing of it is run; each is told so."""
    with pytest.raises(Invalid):
        remote.parse(line)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("statsu", "is nothing that can be typed over SSH; did you mean status?"),
        ("status;id", "is nothing that can be typed over SSH; did you mean status?"),
        ("plan", "does not say which app: plan APP [--rev REV] [--json]"),
        ("status --follow", "has --follow, which is no option here: status [APP] [--json]"),
        ("deploys x y", 'has "y" for N, which cannot be'),
        ("wait x --commit HEAD", 'has "HEAD" for --commit, which cannot be'),
        ("wait x", "lacks --commit: wait APP --commit COMMIT [--timeout TIMEOUT]"),
        ("status a b", 'has "b" too many: status [APP] [--json]'),
    ],
)
def test_why(line: str, why: str) -> None:
    """The reason helps whoever made a typing error."""
    with pytest.raises(Invalid, match=re.escape(why)):
        remote.parse(line)


WORDS = st.sampled_from(
    ["status", "apps", "create", "list", "x", "--json", "--rev", "=", "'", ";", "-", "$", "git-receive-pack", "1"]
)


@given(st.one_of(st.text(max_size=60), st.lists(st.one_of(WORDS, st.text(max_size=5)), max_size=6).map(" ".join)))
def test_whatever_comes_is_plain_afterwards(line: str) -> None:
    """What the grammar lets through has no word that a shell, git or an option parser could take for something else."""
    try:
        meant = remote.parse(line)
    except Invalid:
        return
    words = meant.argv if isinstance(meant, Typed) else (meant.path,) if isinstance(meant, Git) else ()
    for word in words:
        assert re.fullmatch(r"-|--[a-z-]+|[A-Za-z0-9_./][A-Za-z0-9_./^~+-]*", word)
