"""http-01 (RFC 8555 section 8.3): nginx answers for any host, known to it or not."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

from hookrunner import durable
from hookrunner.edges.records import Busy, Store
from hookrunner.model.server import Settings

WELL_KNOWN = Path(".well-known") / "acme-challenge"

_LONGEST_WAIT = 120.0  # seconds for another run that has the responder


class Unanswerable(Exception):
    """Nobody can answer the CA's looks."""


class Answers(Protocol):
    """Where the CA finds the answer to a token, a base64url text."""

    def show(self, token: str, answer: str) -> None:
        """Serve ``answer`` under ``token``."""

    def hide(self, token: str) -> None:
        """Serve it no more."""


@contextmanager
def answers(settings: Settings, store: Store) -> Iterator[Answers]:
    """What the settings say, for as long as the block lasts. Raises :class:`Unanswerable`.

    There is one responder on a server at a time; others wait for it.
    """
    if settings.responder is None:
        yield Webroot(settings.challenges)
        return
    from hookrunner.edges.ca.responder import Responder

    with ExitStack() as stack:
        try:
            stack.enter_context(store.lock("responder", wait=_LONGEST_WAIT))
        except Busy:
            raise Unanswerable(f"another run has it for more than {_LONGEST_WAIT:.0f} s") from None
        try:
            responder = stack.enter_context(Responder(settings.responder))
        except OSError as error:
            raise Unanswerable(f"port {settings.responder}: {error.strerror}") from None
        yield responder


class Webroot:
    """The folder of tokens."""

    def __init__(self, challenges: Path) -> None:
        self._folder = challenges / WELL_KNOWN

    def show(self, token: str, answer: str) -> None:
        """See :class:`Answers`; the token is never a path."""
        durable.replace(self._folder / token, answer.encode(), 0o644, forever=False)

    def hide(self, token: str) -> None:
        """See :class:`Answers`."""
        (self._folder / token).unlink(missing_ok=True)
