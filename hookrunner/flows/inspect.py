"""Is a commit fit to be deployed? Reads the manifest and the tree from git's objects, never from files."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

from hookrunner.core import challenges, grouping, tree
from hookrunner.core.manifest.parse import ManifestError, parse
from hookrunner.core.manifest.policy import Policy
from hookrunner.core.manifest.toml import LARGEST, Problem
from hookrunner.edges import apps, suffixes
from hookrunner.edges.claims import read_claims
from hookrunner.edges.git import Repository, TooMuch
from hookrunner.edges.records import Store
from hookrunner.model.app import Certificates, Manifest
from hookrunner.model.names import AppName, Domain
from hookrunner.model.registration import Registration
from hookrunner.model.server import Dns, Settings


class NoApp(Exception):
    """The server has no app of this name. The message says so."""


class NoManifest(Exception):
    """The commit has no app.toml, or whatever the app's is called: it does not want to be deployed."""

    def __init__(self, manifest: str) -> None:
        super().__init__(manifest)
        self.manifest = manifest


class Unfit(Exception):
    """The commit cannot be deployed: problems of its manifest, and paths with what is wrong with them."""

    def __init__(self, manifest: str, problems: Sequence[Problem], paths: Sequence[tuple[str, str]]) -> None:
        super().__init__("unfit to be deployed")
        self.manifest = manifest
        self.problems = tuple(problems)
        self.paths = tuple(paths)


class Fit(NamedTuple):
    """A commit that can be deployed. ``dropped`` are its links that are left out, each with the reason."""

    manifest: Manifest
    dropped: dict[str, str]
    path: str  # of the manifest


def registered(store: Store, app: AppName) -> Registration:
    """The app's record; raises :class:`NoApp`."""
    registration = apps.get(store, app)
    if registration is None:
        raise NoApp(f"this server has no app {app}")
    return registration


def inspect(repository: Repository, commit: str, *, app: AppName, settings: Settings, store: Store) -> Fit:
    """Check ``commit`` for ``app``.

    Raises :class:`NoApp`, :class:`NoManifest`, and :class:`Unfit` with everything that is wrong.
    """
    limits, path = settings.limits, registered(store, app).manifest
    try:
        entries = repository.tree(commit, most_entries=limits.files, most_bytes=limits.bytes)
        file = next((entry for entry in entries if entry.path == path), None)
        links = repository.links(entries) if file else {}
    except TooMuch as error:
        if repository.entry(commit, path) is None:
            raise NoManifest(path) from error
        raise Unfit(path, [], [(".", f"the commit holds {error}; the server's limit")]) from error
    if file is None:
        raise NoManifest(path)
    if problem := _wrong_kind(file):
        raise Unfit(path, [Problem(None, "", problem)], [])
    modes = {entry.path: entry.mode for entry in entries}
    missing_zone = functools.partial(_missing_zone, dns=settings.dns)
    policy = Policy.of(settings, app, read_claims(store), modes, path, missing_zone)
    problems: Sequence[Problem] = ()
    manifest: Manifest | None = None
    try:
        manifest = parse(repository.read(file), policy)
    except ManifestError as error:
        problems = error.problems
    roots = [folder.path for folder in manifest.folders] if manifest else []
    bad = tree.bad_links(links, roots, manifest=path)
    paths = [(link, why) for link, why in bad.items() if any(tree.is_below(link, root) for root in roots)]
    paths += [
        (entry.path, "is a submodule: its files are not in this repository; add them to it")
        for entry in entries
        if entry.mode == tree.SUBMODULE
    ]
    if problems or paths or manifest is None:
        raise Unfit(path, problems, paths)
    return Fit(manifest, bad, path)


def _missing_zone(domain: Domain, way: Certificates, dns: Dns) -> str | None:
    """The zone that is in the settings neither by its name nor by a CNAME record; None when one is."""
    names = grouping.names((domain,), way, suffixes.registered)
    missing = [name for name in names if not dns.zone_of(challenges.txt_name(name))]
    if missing and dns.zones:
        from hookrunner.edges.ca.dns01 import records
        from hookrunner.edges.ca.dns01.errors import DnsFailed

        try:
            for name in missing:
                records.place(name, dns)
        except DnsFailed:
            pass
        else:
            return None
    return suffixes.registered(domain) if missing else None


def _wrong_kind(file: tree.Entry) -> str | None:
    match file.mode:
        case tree.LINK:
            return "is a symbolic link; push the file itself"
        case tree.FOLDER:
            return "is a folder"
        case tree.SUBMODULE:
            return "is a submodule"
        case mode if mode not in tree.FILES:
            return f"is not a plain file (mode {mode})"
    return f"is larger than {LARGEST // 1024} KiB" if file.size > LARGEST else None
