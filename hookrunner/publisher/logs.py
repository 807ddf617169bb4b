"""An access and an error log for each app, made before nginx opens them: it would have everybody read them."""

import os
from pathlib import Path

from hookrunner.model.names import AppName


def make(folder: Path | None, app: AppName) -> None:
    """Make the app's logs, where there is a folder for them. nginx's master opens them, and gives them its user."""
    if folder is None:
        return
    for kind in ("access", "error"):
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        os.close(os.open(folder / f"{app}.{kind}.log", flags, 0o640))
