"""The doorway to git: plain git where a push passes, GitPython where a person waits anyway (its import costs 76 ms)."""

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self

from hookrunner import durable
from hookrunner.core.tree import LINK, Entry
from hookrunner.edges import processes
from hookrunner.edges.processes import ProgramFailed

if TYPE_CHECKING:
    import git

_QUARANTINE = ("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH")
# Nothing of the machine, the user or the pushed tree decides how files are written out.
_OURS = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",  # anybody who pushes can push refs/replace/
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C.UTF-8",
}
_CONFIG = (
    "core.autocrlf=false", "core.fsmonitor=false", "core.hooksPath=/dev/null", "core.sparseCheckout=false",
    "core.symlinks=true", "core.quotePath=false",
)  # fmt: skip
ATTRIBUTES = "* -filter -ident -text -eol -working-tree-encoding -export-subst -export-ignore\n"

_LONGEST_PATH = 4096  # bytes, like PATH_MAX
_MOST_LINKS = 10_000


class TooMuch(Exception):
    """A tree that is larger than what is allowed. The message says by what."""


class Repository:
    """One bare repository."""

    def __init__(self, path: Path, *, in_quarantine: bool = False) -> None:
        """``in_quarantine``: called from pre-receive, where new objects are seen only through the environment."""
        self.path = path.resolve()
        self._env = environment(keep=_QUARANTINE if in_quarantine else ())
        self._git = ("git", f"--git-dir={self.path}", *(word for value in _CONFIG for word in ("-c", value)))

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make a bare repository whose HEAD is main. Raises :class:`ProgramFailed`."""
        import git

        try:
            git.Repo.init(path, mkdir=True, bare=True, initial_branch="main").close()
        except git.GitCommandError as error:
            raise ProgramFailed(f"git init: {error.stderr.strip()}") from error
        return cls(path)

    def is_bare(self) -> bool:
        """Whether this is a bare repository at all."""
        result = self._run("rev-parse", "--is-bare-repository", check=False)
        return result.out.strip() == b"true"

    def hooks_path(self) -> str:
        """Where the repository's own configuration says that its hooks are, or ""."""
        return self._run("config", "--local", "--get", "core.hooksPath", check=False).out.decode().strip()

    def is_branch_name(self, name: str) -> bool:
        """Whether git takes ``name`` for a branch (git-check-ref-format(1))."""
        return self._run("check-ref-format", "--branch", name, check=False).status == 0

    def configure(self, values: Mapping[str, str]) -> None:
        """Set keys of the section ``hookrunner`` in the repository's own configuration."""
        with self._python() as repo, repo.config_writer() as config:
            for key, value in values.items():
                config.set_value("hookrunner", key, value)

    def take_push_options(self) -> None:
        """Let clients send words along with a push (git-config(1), receive.advertisePushOptions)."""
        self._run("config", "--local", "receive.advertisePushOptions", "true")

    def forget(self) -> None:
        """Remove the section ``hookrunner``."""
        self._run("config", "--local", "--remove-section", "hookrunner", check=False)

    def protect_checkout(self) -> None:
        """Have the repository's own attributes undo whatever a pushed .gitattributes asks for (gitattributes(5))."""
        folder = self.path / "info"
        folder.mkdir(exist_ok=True)
        durable.replace(folder / "attributes", ATTRIBUTES.encode(), 0o644)

    def resolve(self, revision: str) -> str | None:
        """The commit that a person's ``revision`` means, or None."""
        words = ("--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        found = self._run("rev-parse", *words, check=False).out.decode().split()
        return found[-1] if found else None

    def config(self) -> dict[str, str]:
        """The section ``hookrunner``."""
        result = self._run("config", "--local", "--null", "--get-regexp", r"^hookrunner\.", check=False)
        pairs = (item.partition("\n") for item in result.out.decode().split("\0") if item)
        return {key.removeprefix("hookrunner."): value for key, _, value in pairs}

    def head(self) -> str:
        """The full ref that HEAD points to, born or not."""
        # gitrepository-layout(5). A repository that keeps its refs elsewhere (reftable) has a branch .invalid there.
        content = (self.path / "HEAD").read_text().strip()
        if content.startswith("ref: refs/heads/") and not content.endswith("/.invalid"):
            return content.removeprefix("ref: ")
        return self._text("symbolic-ref", "HEAD")

    def set_head(self, ref: str) -> None:
        """Point HEAD to ``ref``."""
        self._run("symbolic-ref", "HEAD", ref)

    def commit(self, name: str) -> str | None:
        """The commit that a full ref or an object id leads to, annotated tags peeled; None when there is none."""
        result = self._run("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", check=False)
        return result.out.decode().strip() or None

    def subject(self, commit: str) -> str:
        """The first line of the commit's message."""
        return self._run("show", "--no-patch", "--format=%s", commit).out.decode("utf-8", "replace").strip()

    def entry(self, commit: str, path: str) -> Entry | None:
        """What stands at ``path`` (a folder itself, not what it holds)."""
        found = _entries(self._run("ls-tree", "-z", "-l", "--full-tree", commit, "--", path).out)
        return next(found, None)

    def read(self, entry: Entry) -> bytes:
        """The bytes of a blob."""
        return self._run("cat-file", "blob", entry.object).out

    def tree(self, commit: str, *, most_entries: int, most_bytes: int) -> list[Entry]:
        """Every entry below ``commit``, folders included. Raises :class:`TooMuch` as soon as a limit is passed.

        A tree of a dozen objects can stand for millions of files, so nothing is kept before it was counted.
        """
        entries: list[Entry] = []
        total = 0
        argv = (*self._git, "ls-tree", "-r", "-t", "-z", "-l", "--full-tree", commit)
        with subprocess.Popen(
            argv, env=self._env, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        ) as listing:
            assert listing.stdout is not None  # noqa: S101
            try:
                rest = b""
                while chunk := os.read(listing.stdout.fileno(), 1 << 16):
                    whole, _, rest = (rest + chunk).rpartition(b"\0")
                    if len(rest) > _LONGEST_PATH + 100:
                        raise TooMuch(f"a path of more than {_LONGEST_PATH} bytes")
                    for entry in _entries(whole):
                        if len(os.fsencode(entry.path)) > _LONGEST_PATH:
                            raise TooMuch(f"a path of more than {_LONGEST_PATH} bytes")
                        entries.append(entry)
                        total += entry.size
                        if len(entries) > most_entries:
                            raise TooMuch(f"more than {most_entries:,} files and folders")
                        if total > most_bytes:
                            size = f"{most_bytes >> 20:,} MiB" if most_bytes >> 20 else f"{most_bytes:,} bytes"
                            raise TooMuch(f"more than {size}")
            except BaseException:
                listing.kill()
                raise
        if listing.returncode:
            raise ProgramFailed(f"git ls-tree ended with status {listing.returncode}")
        return entries

    def links(self, entries: Iterable[Entry]) -> dict[str, str]:
        """The symbolic links among ``entries``, each with its target."""
        links = [entry for entry in entries if entry.mode == LINK]
        if len(links) > _MOST_LINKS:
            raise TooMuch(f"more than {_MOST_LINKS:,} symbolic links")
        if any(link.size > _LONGEST_PATH for link in links):
            raise TooMuch("a symbolic link that is longer than any path")
        if not links:
            return {}
        out = self._run("cat-file", "--batch", content="".join(f"{link.object}\n" for link in links).encode()).out
        targets: dict[str, str] = {}
        for link in links:
            header, _, out = out.partition(b"\n")
            size = int(header.rsplit(b" ", 1)[1])
            targets[link.path] = out[:size].decode("utf-8", "surrogateescape")
            out = out[size + 1 :]
        return targets

    def check_out(self, commit: str, folder: Path, *, without: Iterable[str], index: Path) -> None:
        """Write the files of ``commit`` into ``folder``, readable for all; paths ``without`` are never created.

        No filter, hook or configuration of the tree is run: see `ATTRIBUTES` and `_CONFIG`.
        """
        env = {**self._env, "GIT_INDEX_FILE": str(index)}
        processes.run((*self._git, "read-tree", commit), env=env)
        dropped = "".join(f"{path}\0" for path in without).encode("utf-8", "surrogateescape")
        if dropped:
            argv = (*self._git, f"--work-tree={folder}", "update-index", "--force-remove", "-z", "--stdin")
            processes.run(argv, env=env, content=dropped)
        argv = (*self._git, f"--work-tree={folder}", "checkout-index", "--all", "--force", "--quiet")
        processes.run(argv, env=env, umask=0o022)

    def bundle(self, file: Path) -> bool:
        """Write all its refs and commits into one file (git-bundle(1)); False where there are none yet."""
        if not self._run("for-each-ref", "--count=1").out:
            return False
        self._run("bundle", "create", "--quiet", str(file), "--all")
        return True

    def _python(self) -> "git.Repo":
        import git

        repo = git.Repo(self.path)
        repo.git.update_environment(**_OURS, GIT_DIR=str(self.path))
        return repo

    def _run(self, *words: str, check: bool = True, content: bytes | None = None) -> processes.Result:
        return processes.run((*self._git, *words), env=self._env, check=check, content=content)

    def _text(self, *words: str) -> str:
        return self._run(*words).out.decode().strip()


def version() -> str:
    """What git says of itself. Raises :class:`ProgramFailed`."""
    return processes.run(["git", "version"]).out.decode().strip()


def hooks_paths(home: Path) -> Iterator[tuple[str, str]]:
    """Where git is told to look for hooks in every repository: for the "system" and for the user at ``home``."""
    env = _without_gits() | {"HOME": str(home)}
    for where in ("system", "global"):
        found = processes.run(["git", "config", f"--{where}", "--get", "core.hooksPath"], env=env, check=False)
        if path := found.out.decode().strip():
            yield where, path


def environment(*, keep: Iterable[str] = ()) -> dict[str, str]:
    """This process's environment without git's variables, which a hook has and other repositories must not see."""
    return _without_gits(keep=keep) | _OURS


def _without_gits(*, keep: Iterable[str] = ()) -> dict[str, str]:
    kept = set(keep)
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in kept}


def _entries(listing: bytes) -> Iterator[Entry]:
    for line in listing.split(b"\0"):
        if not line:
            continue
        facts, _, path = line.partition(b"\t")
        mode, _, oid, size = facts.decode("ascii").split()
        yield Entry(mode, oid, 0 if size == "-" else int(size), path.decode("utf-8", "surrogateescape"))
