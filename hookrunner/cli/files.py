"""Where the settings are, and what to say when they are not."""

import os
import stat
from pathlib import Path

from hookrunner.core import settings as schema
from hookrunner.core import wording
from hookrunner.core.settings import SettingsError
from hookrunner.core.wording import Line
from hookrunner.model.server import Settings

DEFAULT = Path("/etc/hookrunner/server.toml")


class Unusable(Exception):
    """The command cannot be carried out as it was typed or as things are; ``lines`` say why. ``status``: its exit."""

    def __init__(self, lines: list[Line], status: int = 2) -> None:
        super().__init__("; ".join(line.text for line in lines))
        self.lines = lines
        self.status = status


def config_path(given: str | None) -> Path:
    """``--config``, else ``$HOOKRUNNER_CONFIG``, else the usual place; absolute."""
    return Path(given or os.environ.get("HOOKRUNNER_CONFIG") or DEFAULT).absolute()


def deploy_keys(config: Path) -> Path:
    """Who may push (sshd(8), AUTHORIZED_KEYS FILE FORMAT): beside the settings, and as much root's as they are."""
    return config.parent / "authorized_keys"


def load(path: Path) -> Settings:
    """The settings; raises :class:`Unusable`."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        hint = "hookrunner --config FILE init --email you@example.org writes one"
        raise Unusable([wording.error(f"there are no settings at {path}"), wording.hint(hint)]) from None
    except OSError as error:
        hint = f"on the server: ls -l {path}"
        if isinstance(error, PermissionError):
            hint = "type it as root, or as the user that owns the state"
        raise Unusable([wording.error(f"cannot read {path}: {error.strerror}"), wording.hint(hint)]) from error
    settings = parsed(path, content)
    if settings.has_secrets and path.stat().st_mode & stat.S_IROTH:
        hint = f"on the server: chmod o= {path}"
        raise Unusable([wording.error(f"{path} holds secrets, and every user may read it"), wording.hint(hint)])
    return settings


def parsed(path: Path, content: bytes) -> Settings:
    """The settings that ``content`` of ``path`` writes; raises :class:`Unusable`."""
    try:
        return schema.parse(content)
    except SettingsError as error:
        lines = wording.problems(str(path), error.problems, "nothing was done")
        raise Unusable([*lines, wording.hint(f"on the server: mend {path}")]) from error


def new_settings(email: str, directory: str | None) -> str:
    """The text of a first server.toml; raises :class:`Unusable`."""
    import toml

    text = toml.dumps({"acme": {"email": email} | ({"directory": directory} if directory else {})})
    try:
        schema.parse(text.encode())
    except SettingsError as error:
        lines = [wording.error(f"{line.source}: {line.text}") for line in error.problems]
        raise Unusable([*lines, wording.hint("for example --email you@example.org --directory letsencrypt")]) from error
    return text
