"""What an app is on the server: where its repository is, and what of it deploys."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Self

from hookrunner.model import times
from hookrunner.model.names import AppName
from hookrunner.model.server import Settings

MANIFEST = "app.toml"


class Registration(NamedTuple):
    """An app's record."""

    app: AppName
    created: datetime
    manifest: str = MANIFEST  # its path in the pushed commit
    repository: Path | None = None  # one that was there before; None: among our own
    has_branch: bool = False  # HEAD was set on purpose, and no first push changes it

    def path(self, settings: Settings) -> Path:
        """Where its repository is."""
        return self.repository or settings.repository(self.app)

    def to_json(self) -> dict[str, Any]:
        """The JSON form, without the name, which is the record's key."""
        return {
            "created": times.written(self.created),
            "manifest": self.manifest,
            "repository": str(self.repository) if self.repository else None,
            "has_branch": self.has_branch,
        }

    @classmethod
    def from_json(cls, app: AppName, data: Mapping[str, Any]) -> Self:
        """Read a record that :meth:`to_json` made."""
        return cls(
            app,
            times.read(data["created"]),
            data["manifest"],
            Path(data["repository"]) if data["repository"] else None,
            data["has_branch"],
        )
