"""The doorway to git, with real repositories whose trees somebody hostile may have made."""

import contextlib
import os
import subprocess
import time
import tracemalloc
from collections.abc import Mapping
from pathlib import Path

import pytest

from hookrunner.core.tree import FOLDER, LINK, SUBMODULE
from hookrunner.edges import git
from hookrunner.edges.git import Repository, TooMuch
from hookrunner.edges.processes import ProgramFailed

FILE, PROGRAM = "100644", "100755"
PERSON = {
    f"GIT_{role}_{fact}": value
    for role in ("AUTHOR", "COMMITTER")
    for fact, value in {"NAME": "Ada", "EMAIL": "ada@example.org"}.items()
}


class Plumbing:
    """Makes objects one by one, also such as no work tree could hold."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, *words: str, content: bytes = b"") -> str:
        """One git command; its output."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | PERSON
        env |= {"GIT_CONFIG_GLOBAL": os.devnull}
        argv = ["git", f"--git-dir={self.path}", *words]
        done = subprocess.run(argv, input=content, env=env, capture_output=True, check=False, cwd="/", timeout=60)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def blob(self, content: bytes) -> str:
        """A blob's id."""
        return self.run("hash-object", "-w", "--stdin", content=content)

    def tree(self, entries: Mapping[bytes, tuple[str, str]]) -> str:
        """A tree's id; ``entries`` are name to mode and object, one level."""
        kinds = {FOLDER: "tree", SUBMODULE: "commit"}
        lines = [f"{mode} {kinds.get(mode, 'blob')} {o}\t".encode() + name for name, (mode, o) in entries.items()]
        return self.run("mktree", "-z", "--missing", content=b"".join(line + b"\0" for line in lines))

    def files(self, files: Mapping[bytes, tuple[str, bytes]]) -> str:
        """A tree's id; ``files`` are path to mode and content."""
        here: dict[bytes, tuple[str, str]] = {}
        below: dict[bytes, dict[bytes, tuple[str, bytes]]] = {}
        for path, (mode, content) in files.items():
            name, _, rest = path.partition(b"/")
            if rest:
                below.setdefault(name, {})[rest] = (mode, content)
            else:
                here[name] = (mode, content.decode() if mode == SUBMODULE else self.blob(content))
        return self.tree(here | {name: (FOLDER, self.files(inner)) for name, inner in below.items()})

    def commit(self, tree: str, message: str = "Change") -> str:
        """A commit's id."""
        return self.run("commit-tree", tree, "-F", "-", content=message.encode())

    def commit_files(self, files: Mapping[bytes, bytes]) -> str:
        """A commit of plain files."""
        return self.commit(self.files({path: (FILE, content) for path, content in files.items()}))


@pytest.fixture
def bare(tmp_path: Path) -> Plumbing:
    """A bare repository as we make them."""
    repository = Repository.create(tmp_path / "shop.git")
    repository.protect_checkout()
    return Plumbing(tmp_path / "shop.git")


@pytest.fixture
def repository(bare: Plumbing) -> Repository:
    """The doorway to it."""
    return Repository(bare.path)


def all_of(repository: Repository, commit: str) -> dict[str, str]:
    """Every path with its mode."""
    return {e.path: e.mode for e in repository.tree(commit, most_entries=1000, most_bytes=1 << 30)}


def checked_out(repository: Repository, commit: str, folder: Path, without: tuple[str, ...] = ()) -> Path:
    """A release."""
    folder.mkdir()
    repository.check_out(commit, folder, without=without, index=folder.with_suffix(".index"))
    return folder


def test_a_new_repository_is_bare_with_main_unborn(repository: Repository) -> None:
    """HEAD is main, which leads to nothing yet; moving HEAD is seen."""
    assert repository.head() == "refs/heads/main"
    assert repository.commit("refs/heads/main") is None
    assert repository.resolve("main") is None
    repository.set_head("refs/heads/live")
    assert repository.head() == "refs/heads/live"


def test_a_repository_that_is_there_already_is_no_new_one(tmp_path: Path) -> None:
    """Where no repository can be made, a failure says so."""
    (tmp_path / "file").write_text("")
    with pytest.raises((ProgramFailed, OSError)):
        Repository.create(tmp_path / "file" / "shop.git")


@pytest.mark.parametrize(
    "value",
    [
        "/usr/bin/hookrunner",
        "/opt/my apps/hookrunner",
        "/opt/a#b;c/x",
        '/opt/"quoted"/x',
        "/opt/back\\slash",
        "/opt/ü ",
    ],
)
def test_configuration_comes_back_as_it_was_written(repository: Repository, value: str) -> None:
    """Any path is kept to the letter, as git itself reads it."""
    repository.configure({"command": value, "app": "shop"})
    assert repository.config() == {"command": value, "app": "shop"}
    repository.configure({"command": "other"})
    assert repository.config() == {"command": "other", "app": "shop"}


def test_commits_are_found_and_tags_are_peeled(bare: Plumbing, repository: Repository) -> None:
    """A branch, a light tag, an annotated tag, a tag of a tag and an id lead to the commit; a tree does not."""
    tree = bare.files({b"a": (FILE, b"")})
    commit = bare.commit(tree)
    bare.run("update-ref", "refs/heads/main", commit)
    bare.run("tag", "light", commit)
    bare.run("tag", "-a", "-m", "annotated", "one", commit)
    bare.run("tag", "-a", "-m", "annotated", "two", "one")
    for name in ("refs/heads/main", "refs/tags/light", "refs/tags/one", "refs/tags/two", commit, "HEAD"):
        assert repository.commit(name) == commit
        assert repository.resolve(name) == commit
    assert repository.resolve("main~0") == commit
    for name in (tree, "0" * 40, "refs/heads/none", "refs/heads/none..main"):
        assert repository.commit(name) is None
    for name in ("none", "--all", "main~1", "", "-h"):
        assert repository.resolve(name) is None


@pytest.mark.parametrize(
    ("message", "subject"),
    [("One\n\nTwo", "One"), ("\n\n  One  \n", "One"), ("One\nmore\n\nbody", "One more"), ("", ""), ("--all", "--all")],
)
def test_the_subject_is_the_first_paragraph(bare: Plumbing, repository: Repository, message: str, subject: str) -> None:
    """As git itself shows it in one line."""
    assert repository.subject(bare.commit(bare.files({}), message)) == subject


def test_a_subject_in_foreign_bytes_is_still_a_text(bare: Plumbing, repository: Repository) -> None:
    """Latin-1 without a declared encoding breaks nothing."""
    tree = bare.files({})
    raw = f"tree {tree}\nauthor A <a@b.example> 1 +0000\ncommitter A <a@b.example> 1 +0000\n\nGr\xfc\xdfe\n"
    commit = bare.run("hash-object", "-t", "commit", "-w", "--stdin", content=raw.encode("latin-1"))
    assert repository.subject(commit).startswith("Gr")


def test_entries_are_looked_up_by_path(bare: Plumbing, repository: Repository) -> None:
    """A file with its size, a folder as itself, None for what is not there; and the bytes of a file."""
    content = b"a\r\n\x00\xff"
    commit = bare.commit_files({b"app.toml": content, b"public/index.html": b"x"})
    entry = repository.entry(commit, "app.toml")
    assert entry is not None
    assert (entry.mode, entry.size, entry.path) == (FILE, 5, "app.toml")
    assert repository.read(entry) == content
    folder = repository.entry(commit, "public")
    assert folder is not None
    assert (folder.mode, folder.size) == (FOLDER, 0)
    for path in ("nothing", "app.toml/x", "app*", "APP.TOML"):
        assert repository.entry(commit, path) is None


def test_a_tree_is_listed_with_every_kind_of_entry(bare: Plumbing, repository: Repository) -> None:
    """Files, programs, links, folders and submodules, with names as they are: newlines, tabs, quotes, Latin-1."""
    files = {
        b"a\nb": (FILE, b"1"),
        b"t\tab": (FILE, b"22"),
        b'"quoted"': (FILE, b""),
        b"caf\xe9": (FILE, b"1"),
        "ü/例え".encode(): (FILE, b"1"),
        b"bin/run": (PROGRAM, b"#!/bin/sh"),
        b"link": (LINK, b"ziel\xe9\n"),
        b"modules/theirs": (SUBMODULE, b"1" * 40),
        b" lead": (FILE, b""),
    }
    commit = bare.commit(bare.files(files))
    assert all_of(repository, commit) == {
        "a\nb": FILE,
        "t\tab": FILE,
        '"quoted"': FILE,
        "caf\udce9": FILE,
        "ü": FOLDER,
        "ü/例え": FILE,
        "bin": FOLDER,
        "bin/run": PROGRAM,
        "link": LINK,
        "modules": FOLDER,
        "modules/theirs": SUBMODULE,
        " lead": FILE,
    }
    entries = repository.tree(commit, most_entries=12, most_bytes=20)
    assert repository.links(entries) == {"link": "ziel\udce9\n"}


def test_many_links_are_read_at_once(bare: Plumbing, repository: Repository) -> None:
    """Each link keeps its own target, equal and empty ones included."""
    links = {f"link{n}": f"target {n // 2}\n{'x' * n}" for n in range(200)} | {"empty": ""}
    commit = bare.commit(bare.files({name.encode(): (LINK, target.encode()) for name, target in links.items()}))
    assert repository.links(repository.tree(commit, most_entries=1000, most_bytes=1 << 20)) == links
    assert repository.links([]) == {}


def test_a_link_longer_than_any_path_is_too_much(bare: Plumbing, repository: Repository) -> None:
    """A link is read only when it can be one."""
    commit = bare.commit(bare.files({b"link": (LINK, b"x" * 5000)}))
    with pytest.raises(TooMuch, match=r"^a symbolic link that is longer than any path$"):
        repository.links(repository.tree(commit, most_entries=10, most_bytes=10_000))


def test_limits_are_to_the_letter(bare: Plumbing, repository: Repository) -> None:
    """What is allowed passes, one more does not; folders count, bytes are counted before any is read."""
    commit = bare.commit_files({b"a/b": b"x" * 1000, b"c": b"y" * 24})
    assert len(repository.tree(commit, most_entries=3, most_bytes=1024)) == 3
    with pytest.raises(TooMuch, match=r"^more than 2 files and folders$"):
        repository.tree(commit, most_entries=2, most_bytes=1024)
    with pytest.raises(TooMuch, match=r"^more than 1,023 bytes$"):
        repository.tree(commit, most_entries=3, most_bytes=1023)


@pytest.mark.parametrize(
    ("levels", "of_folders"), [(12, False), (10, True)], ids=["10^12 files", "10^10 empty folders"]
)
def test_a_git_bomb_is_too_much_at_once(bare: Plumbing, repository: Repository, levels: int, of_folders: bool) -> None:
    """A dozen objects that stand for more than any disk holds are refused in no time and little memory."""
    name_of = [str(n).encode() for n in range(10)]
    mode, inner = (FOLDER, bare.tree({})) if of_folders else (FILE, bare.blob(b"x"))
    for _ in range(levels):
        inner = bare.tree(dict.fromkeys(name_of, (mode, inner)))
        mode = FOLDER
    commit = bare.commit(inner)
    tracemalloc.start()
    started = time.monotonic()
    try:
        with pytest.raises(TooMuch, match=r"^more than 10,000 files and folders$"):
            repository.tree(commit, most_entries=10_000, most_bytes=1 << 30)
        assert tracemalloc.get_traced_memory()[1] < 16 * 1024**2
    finally:
        tracemalloc.stop()
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("depth", [20, 400])
def test_a_path_longer_than_any_is_too_much(bare: Plumbing, repository: Repository, depth: int) -> None:
    """A path that no disk can hold is refused while it is listed, before a checkout stumbles over it."""
    inner, mode = bare.blob(b"x"), FILE
    for _ in range(depth):
        inner, mode = bare.tree({b"d" * 250: (mode, inner)}), FOLDER
    commit = bare.commit(inner)
    with pytest.raises(TooMuch, match=r"^a path of more than 4096 bytes$"):
        repository.tree(commit, most_entries=100_000, most_bytes=1 << 30)


def test_a_checkout_is_the_commit_to_the_byte(bare: Plumbing, repository: Repository, tmp_path: Path) -> None:
    """Files, programs and links come out as they were committed, whatever their names; submodules as empty folders."""
    files = {
        b"a\nb": (FILE, b"1\r\n2\n"),
        b"caf\xe9/x": (FILE, b"\x00\xff"),
        b"-rf": (FILE, b""),
        b"bin/run": (PROGRAM, b"#!/bin/sh\n"),
        b"link": (LINK, b"bin/run"),
        b"theirs": (SUBMODULE, b"1" * 40),
    }
    release = checked_out(repository, bare.commit(bare.files(files)), tmp_path / "release")
    found = {bytes(path.relative_to(release)): path for path in release.rglob("*") if path.is_file()}
    assert {name: path.read_bytes() for name, path in found.items() if name != b"link"} == {
        name: content for name, (mode, content) in files.items() if mode in (FILE, PROGRAM)
    }
    assert (release / "link").readlink() == Path("bin/run")
    assert not (release / "theirs").exists() or not list((release / "theirs").iterdir())


def test_a_checkout_is_readable_for_the_web_server(bare: Plumbing, repository: Repository, tmp_path: Path) -> None:
    """A caller's umask of 077 changes nothing: files 0644, programs 0755, folders 0755."""
    commit = bare.commit(bare.files({b"a/b/c": (FILE, b""), b"a/run": (PROGRAM, b"")}))
    before = os.umask(0o077)
    try:
        release = checked_out(repository, commit, tmp_path / "release")
    finally:
        os.umask(before)
    modes = {str(path.relative_to(release)): oct(path.stat().st_mode & 0o777) for path in release.rglob("*")}
    assert modes == {"a": "0o755", "a/b": "0o755", "a/b/c": "0o644", "a/run": "0o755"}


def test_what_is_left_out_is_never_created(bare: Plumbing, repository: Repository, tmp_path: Path) -> None:
    """Paths ``without``, whatever their bytes, are not even made for a moment; all others are."""
    odd = (b"a\nb", b"caf\xe9", b"-x", b":(top)y", b"sub/out")
    files = dict.fromkeys(odd, (LINK, b"/etc/passwd")) | {b"sub/in": (FILE, b""), b"kept": (LINK, b"sub/in")}
    commit = bare.commit(bare.files(files))
    release = checked_out(repository, commit, tmp_path / "release", tuple(map(os.fsdecode, odd)))
    assert sorted(str(path.relative_to(release)) for path in release.rglob("*")) == ["kept", "sub", "sub/in"]


def test_a_link_cannot_redirect_a_checkout(bare: Plumbing, repository: Repository, tmp_path: Path) -> None:
    """A tree that holds a name both as a link and as a folder writes nothing outside the release."""
    outside = tmp_path / "outside"
    outside.mkdir()
    inner = bare.tree({b"planted": (FILE, bare.blob(b"x"))})
    link = bare.blob(bytes(outside))
    raw = b"".join(mode + b" d\0" + bytes.fromhex(oid) for mode, oid in ((LINK.encode(), link), (b"40000", inner)))
    twice = bare.run("hash-object", "-t", "tree", "-w", "--literally", "--stdin", content=raw)
    with contextlib.suppress(ProgramFailed):
        checked_out(repository, bare.commit(twice), tmp_path / "release")
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("name", [b".git", b".GIT", b"..", b"."])
def test_names_that_mean_something_to_git_are_refused(
    bare: Plumbing, repository: Repository, tmp_path: Path, name: bytes
) -> None:
    """A tree with a .git or a .. of its own is not checked out."""
    inner = bare.tree({b"config": (FILE, bare.blob(b"[core]\n\tfsmonitor = touch /tmp/evil\n"))})
    raw = b"40000 " + name + b"\0" + bytes.fromhex(inner)
    tree = bare.run("hash-object", "-t", "tree", "-w", "--literally", "--stdin", content=raw)
    with pytest.raises(ProgramFailed, match="invalid path"):
        checked_out(repository, bare.commit(tree), tmp_path / "release")
    assert list((tmp_path / "release").iterdir()) == []


def test_a_checkout_runs_nothing_and_changes_nothing(
    bare: Plumbing, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No filter, hook, attribute or configuration, whether of the tree, the user, the machine or the repository."""
    ran = tmp_path / "ran"
    evil = tmp_path / "evil"
    evil.write_text(f"#!/bin/sh\necho $0 >> {ran}\ncat\n")
    evil.chmod(0o755)
    for key in ("filter.evil.smudge", "filter.evil.process", "core.fsmonitor", "core.sshCommand", "core.pager"):
        bare.run("config", key, str(evil))
    bare.run("config", "core.autocrlf", "true")
    bare.run("config", "core.eol", "crlf")
    for hook in ("post-checkout", "post-index-change", "reference-transaction"):
        (bare.path / "hooks").mkdir(exist_ok=True)
        (bare.path / "hooks" / hook).symlink_to(evil)
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(f"[core]\n\tattributesFile = {home}/attributes\n\tfsmonitor = {evil}\n")
    (home / "attributes").write_text("* filter=evil\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.attributesFile")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", str(home / "attributes"))
    attributes = (
        b"[attr]all filter=evil ident text eol=crlf working-tree-encoding=UTF-16 export-subst export-ignore\n"
        b"* all\n* filter=evil ident text=auto eol=crlf working-tree-encoding=UTF-16LE\n*.txt text crlf=input\n"
    )
    files = {
        b".gitattributes": attributes,
        b"sub/.gitattributes": attributes,
        b"sub/a.txt": b"$Id$\n$Format:%H$\nline\n",
        b"a.txt": b"$Id$\nline\r\nline\n",
        # a bare repository inside the tree, with a configuration of its own
        b"trap/HEAD": b"ref: refs/heads/main\n",
        b"trap/config": f"[core]\n\tbare = true\n\tfsmonitor = {evil}\n\thooksPath = {tmp_path}\n".encode(),
        b"trap/objects/x": b"",
        b"trap/refs/x": b"",
        b".gitmodules": f'[submodule "x"]\n\tpath = x\n\turl = ext::{evil}\n\tupdate = !{evil}\n'.encode(),
    }
    commit = bare.commit_files(files)
    release = checked_out(repository, commit, tmp_path / "release")
    all_of(repository, commit)
    repository.subject(commit)
    assert {bytes(p.relative_to(release)): p.read_bytes() for p in release.rglob("*") if p.is_file()} == files
    assert not ran.exists()


def test_pushed_replacements_replace_nothing(bare: Plumbing, repository: Repository, tmp_path: Path) -> None:
    """A commit is what its id says: refs/replace/, which anybody can push, is not heeded."""
    commit, other = bare.commit_files({b"a": b"honest"}), bare.commit_files({b"a": b"forged", b"b": b""})
    bare.run("update-ref", f"refs/replace/{commit}", other)
    assert all_of(repository, commit) == {"a": FILE}
    entry = repository.entry(commit, "a")
    assert entry is not None
    assert repository.read(entry) == b"honest"
    assert (checked_out(repository, commit, tmp_path / "release") / "a").read_bytes() == b"honest"


def test_the_environment_is_free_of_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """What git gives a hook does not reach another git, but for what is asked to be kept."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("GIT_QUARANTINE_PATH", "q")
    monkeypatch.setenv("PLAIN", "1")
    env = git.environment()
    theirs = {name for name in env if name.startswith("GIT_")}
    assert not theirs & {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"}
    assert "GIT_QUARANTINE_PATH" not in env
    assert (env["PLAIN"], env["GIT_CONFIG_GLOBAL"]) == ("1", "/dev/null")
    assert git.environment(keep=["GIT_QUARANTINE_PATH"])["GIT_QUARANTINE_PATH"] == "q"


def test_a_hooks_environment_leads_nowhere_else(
    bare: Plumbing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With git's variables set as in a hook, a relative GIT_DIR included, it is still the one that was named."""
    commit = bare.commit_files({b"a": b"x"})
    bare.run("update-ref", "refs/heads/main", commit)
    Repository.create(tmp_path / "other.git")
    monkeypatch.chdir(tmp_path / "other.git")
    monkeypatch.setenv("GIT_DIR", ".")
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path))
    monkeypatch.setenv("GIT_INDEX_FILE", "nowhere")
    repository = Repository(Path("../shop.git"))
    assert repository.commit("HEAD") == commit
    assert repository.resolve("main") == commit
    repository.configure({"app": "shop"})
    assert repository.config() == {"app": "shop"}
    assert Repository(tmp_path / "other.git").config() == {}
    assert (checked_out(repository, commit, tmp_path / "release") / "a").read_bytes() == b"x"


def test_new_objects_are_seen_in_quarantine_only_when_asked(
    bare: Plumbing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pre-receive sees the push through git's variables; any other step sees what the repository holds."""
    other = Plumbing(tmp_path / "other.git")
    Repository.create(other.path)
    commit = other.commit_files({b"new": b""})
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(other.path / "objects"))
    monkeypatch.setenv("GIT_ALTERNATE_OBJECT_DIRECTORIES", str(bare.path / "objects"))
    assert all_of(Repository(bare.path, in_quarantine=True), commit) == {"new": FILE}
    assert Repository(bare.path).commit(commit) is None


def test_packed_refs_and_objects_are_found(bare: Plumbing, repository: Repository, tmp_path: Path) -> None:
    """After a gc, with everything packed, all is as before."""
    commit = bare.commit_files({b"a": b"x"})
    bare.run("update-ref", "refs/heads/main", commit)
    bare.run("tag", "-a", "-m", "t", "one", commit)
    bare.run("gc", "--quiet", "--prune=now")
    assert not (bare.path / "refs/heads/main").exists()
    for name in ("refs/heads/main", "refs/tags/one", "HEAD"):
        assert repository.commit(name) == commit
        assert repository.resolve(name) == commit
    assert (checked_out(repository, commit, tmp_path / "release") / "a").read_bytes() == b"x"


def test_sha256_repositories_work(tmp_path: Path) -> None:
    """Ids of 64 digits are as good as those of 40."""
    bare = Plumbing(tmp_path / "long.git")
    bare.run("init", "--quiet", "--bare", "--object-format=sha256", str(bare.path))
    repository = Repository(bare.path)
    repository.protect_checkout()
    commit = bare.commit(bare.files({b"a": (FILE, b"x"), b"link": (LINK, b"a")}))
    assert len(commit) == 64
    assert repository.commit(commit) == commit
    assert repository.resolve(commit[:20]) == commit
    assert repository.subject(commit) == "Change"
    entries = repository.tree(commit, most_entries=2, most_bytes=2)
    assert repository.links(entries) == {"link": "a"}
    assert (checked_out(repository, commit, tmp_path / "release") / "link").read_bytes() == b"x"


def test_a_commit_that_is_not_there_is_a_failure(repository: Repository, tmp_path: Path) -> None:
    """Listing or checking out what does not exist says so, and leaves nothing."""
    with pytest.raises(ProgramFailed):
        repository.tree("1" * 40, most_entries=1, most_bytes=1)
    with pytest.raises(ProgramFailed):
        checked_out(repository, "1" * 40, tmp_path / "release")
    assert list((tmp_path / "release").iterdir()) == []
