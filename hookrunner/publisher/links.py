"""The links by which nginx, and everybody else, finds the release of an app and the one before it.

nginx's file of an app names the links of its slot, ``current-SLOT`` and ``previous-SLOT``: so a new file and a new
release come into use in the same moment, and workers of before go on with the links of theirs.
"""

from pathlib import Path

from hookrunner import durable
from hookrunner.model.names import AppName
from hookrunner.model.publication import Publication
from hookrunner.model.server import Settings
from hookrunner.publisher.acting import as_owner

_KEPT = 2  # of the files before: old workers finish their requests


class Links:
    """The links of all apps, which are touched as their owner."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def prepare(self, publication: Publication, slot: str) -> None:
        """Have the links of a slot, before nginx reads the file that names them."""
        current = self._settings.current(publication.app)
        with as_owner(self._settings.apps_folder):
            if not current.with_name(f"{current.name}-{slot}").is_symlink():  # else it is in use until the switch
                self._point(publication, f"-{slot}")

    def switch(self, publication: Publication, slot: str) -> None:
        """Have the app's file, and everybody else, find the release; links of files that are gone go too."""
        app = publication.app
        with as_owner(self._settings.apps_folder):
            self._point(publication, f"-{slot}")
            self._point(publication, "")
            stale = [link for link in self._every(app) if "-" in link.name and not link.name.endswith(f"-{slot}")]
            for link in sorted(stale, key=lambda link: link.lstat().st_mtime)[:-_KEPT]:
                link.unlink()
            durable.sync_folder(self._settings.app_folder(app))

    def remove(self, app: AppName) -> None:
        """Take all links of an app away; its releases stay."""
        with as_owner(self._settings.apps_folder):
            for link in self._every(app):
                link.unlink(missing_ok=True)

    def _point(self, publication: Publication, suffix: str) -> None:
        # The one before comes first, so that there is no moment in which its files are in neither.
        app = publication.app
        for link, release in (
            (self._settings.previous(app), publication.previous),
            (self._settings.current(app), publication.release),
        ):
            _lead(link.with_name(f"{link.name}{suffix}"), release)

    def _every(self, app: AppName) -> list[Path]:
        folder = self._settings.app_folder(app)
        return [link for pattern in ("current*", "previous*") for link in folder.glob(pattern) if link.is_symlink()]


def _lead(link: Path, release: str | None) -> None:
    target = f"releases/{release}" if release else None
    before = str(link.readlink()) if link.is_symlink() else None
    if target and target != before:
        durable.link(link, target, forever=False)
    elif before and not target:
        link.unlink()
