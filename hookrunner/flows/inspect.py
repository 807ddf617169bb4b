"""Is a commit fit to be deployed? Reads the manifest and the tree from git's objects, never from files."""

from collections.abc import Sequence
from typing import NamedTuple

from hookrunner.core import tree
from hookrunner.core.manifest.parse import ManifestError, parse
from hookrunner.core.manifest.policy import Policy
from hookrunner.core.manifest.toml import LARGEST, Problem
from hookrunner.edges.claims import read_claims
from hookrunner.edges.git import Repository, TooMuch
from hookrunner.edges.records import Store
from hookrunner.model.app import Manifest
from hookrunner.model.names import AppName
from hookrunner.model.server import Settings

MANIFEST = "app.toml"

_FILE_MODES = ("100644", "100755")


class NoManifest(Exception):
    """The commit has no app.toml: it does not want to be deployed."""


class Unfit(Exception):
    """The commit cannot be deployed: problems of its app.toml, and paths with what is wrong with them."""

    def __init__(self, problems: Sequence[Problem], paths: Sequence[tuple[str, str]]) -> None:
        super().__init__("unfit to be deployed")
        self.problems = tuple(problems)
        self.paths = tuple(paths)


class Fit(NamedTuple):
    """A commit that can be deployed. ``dropped`` are its links that are left out, each with the reason."""

    manifest: Manifest
    dropped: dict[str, str]


def inspect(repository: Repository, commit: str, *, app: AppName, settings: Settings, store: Store) -> Fit:
    """Check ``commit`` for ``app``. Raises :class:`NoManifest`, :class:`Unfit` with everything that is wrong."""
    limits = settings.limits
    try:
        entries = repository.tree(commit, most_entries=limits.files, most_bytes=limits.bytes)
        file = next((entry for entry in entries if entry.path == MANIFEST), None)
        links = repository.links(entries) if file else {}
    except TooMuch as error:
        if repository.entry(commit, MANIFEST) is None:
            raise NoManifest from error
        raise Unfit([], [(".", f"the commit holds {error}; the server's limit")]) from error
    if file is None:
        raise NoManifest
    if problem := _wrong_kind(file):
        raise Unfit([Problem(None, "", problem)], [])
    policy = Policy.of(settings, app, read_claims(store), {entry.path: entry.mode for entry in entries})
    problems: Sequence[Problem] = ()
    manifest: Manifest | None = None
    try:
        manifest = parse(repository.read(file), policy)
    except ManifestError as error:
        problems = error.problems
    roots = [folder.path for folder in manifest.folders] if manifest else []
    bad = tree.bad_links(links, roots)
    paths = [(path, why) for path, why in bad.items() if any(tree.is_below(path, root) for root in roots)]
    paths += [
        (entry.path, "is a submodule: its files are not in this repository; add them to it")
        for entry in entries
        if entry.mode == tree.SUBMODULE
    ]
    if problems or paths or manifest is None:
        raise Unfit(problems, paths)
    return Fit(manifest, bad)


def _wrong_kind(file: tree.Entry) -> str | None:
    match file.mode:
        case tree.LINK:
            return "is a symbolic link; push the file itself"
        case tree.FOLDER:
            return "is a folder"
        case tree.SUBMODULE:
            return "is a submodule"
        case mode if mode not in _FILE_MODES:
            return f"is not a plain file (mode {mode})"
    return f"is larger than {LARGEST // 1024} KiB" if file.size > LARGEST else None
