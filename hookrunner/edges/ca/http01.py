"""http-01 through the webroot (RFC 8555 section 8.3): nginx serves the folder for any host, known to it or not."""

from pathlib import Path

from hookrunner import durable

WELL_KNOWN = Path(".well-known") / "acme-challenge"


class Webroot:
    """The folder of tokens."""

    def __init__(self, challenges: Path) -> None:
        self._folder = challenges / WELL_KNOWN

    def show(self, token: str, answer: str) -> None:
        """Serve ``answer`` under ``token``; a base64url text, so never a path."""
        durable.replace(self._folder / token, answer.encode(), 0o644, forever=False)

    def hide(self, token: str) -> None:
        """Serve it no more."""
        (self._folder / token).unlink(missing_ok=True)
