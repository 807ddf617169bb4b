"""http-01 through the webroot (RFC 8555 section 8.3): nginx serves the folder for any host, known to it or not."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hookrunner import durable
from hookrunner.edges.records import Store
from hookrunner.model.server import Settings

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


Http01 = Webroot


@contextmanager
def answering(settings: Settings, store: Store) -> Iterator[Http01]:
    """Whoever answers challenges, as the settings say."""
    yield Webroot(settings.challenges)
