"""Files that come with hookrunner: in the wheel beside the package, in a checkout at its top."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def shipped(name: str) -> Path:
    """The path of ``hooks``, ``app.toml.example`` or the man page, ``docs/hookrunner.1``."""
    installed = _PACKAGE / "shipped" / name
    return installed if installed.exists() else _PACKAGE.parent / name
