"""An app's release folders: made whole or not at all, and pruned."""

import errno
import os
import shutil
from pathlib import Path

from hookrunner.edges import deploys
from hookrunner.edges.git import Repository
from hookrunner.edges.processes import ProgramFailed
from hookrunner.edges.records import Store
from hookrunner.model.deploy import Deploy
from hookrunner.model.names import AppName
from hookrunner.model.server import Settings

_LITTLE = 1024**2  # bytes


def check_out(deploy: Deploy, repository: Repository, dropped: dict[str, str], settings: Settings) -> str:
    """Write the deploy's own release under another name, then rename: it is whole or not there. Its name."""
    releases = settings.releases(deploy.app)
    release = releases / deploy.own_release
    making = releases / f".{deploy.own_release}"
    index = making.with_suffix(".index")
    for left in (making, release):  # by a process that died over the same deploy
        shutil.rmtree(left, ignore_errors=True)
    making.mkdir(parents=True)
    making.chmod(0o755)  # whatever the umask: nginx's workers are somebody else
    try:
        repository.check_out(deploy.commit, making, without=dropped, index=index)
        making.rename(release)
    except ProgramFailed as error:
        if _is_full(releases):  # git does not say why it could not write
            raise OSError(errno.ENOSPC, str(error), str(releases)) from error
        raise
    finally:
        index.unlink(missing_ok=True)
        shutil.rmtree(making, ignore_errors=True)
    return deploy.own_release


def prune(deploy: Deploy, *, settings: Settings, store: Store) -> None:
    """Remove the app's oldest releases, never the live one, the one before it, or the one of ``deploy`` itself.

    Live is what the records say, and what a link leads to: a deploy may have died between the two.

    Releases that were never live do not push out those that one can go back to. Whoever calls it holds the app's lock,
    so what is half made was left by a process that died.
    """
    folder = settings.releases(deploy.app)
    served = deploys.kept_releases(store, deploy.app) | _in_place(settings.app_folder(deploy.app))
    good: list[str] = []
    for name in sorted((r.name for r in folder.iterdir() if not r.name.startswith(".")), key=_number, reverse=True):
        made_by = deploys.get(store, deploy.app, _number(name))
        if name in served or (made_by and made_by.was_live):
            good.append(name)
    kept = {*served, *good[: settings.limits.keep_releases], deploy.own_release}
    for release in folder.iterdir():
        if release.name in kept:
            continue
        if release.is_dir():
            shutil.rmtree(release, ignore_errors=True)
        else:
            release.unlink(missing_ok=True)


def is_in_place(app: AppName, release: str, settings: Settings) -> bool:
    """Whether ``current`` leads to the release."""
    current = settings.current(app)
    return current.is_symlink() and current.readlink().name == release


def _in_place(folder: Path) -> set[str]:
    """The releases that a link of the app leads to: those that nginx reads."""
    return {link.readlink().name for link in folder.iterdir() if link.is_symlink()}


def _is_full(folder: Path) -> bool:
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize < _LITTLE or (disk.f_files > 0 and disk.f_favail == 0)


def _number(release: str) -> int:
    return int(release.partition("-")[0])
