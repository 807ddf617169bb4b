"""A web server of our own for http-01, on the loopback: `acme`'s, with a thread for each look."""

import threading
from socketserver import ThreadingMixIn
from types import TracebackType
from typing import Self

from acme import challenges, standalone
from josepy.b64 import b64decode

_Resource = standalone.HTTP01RequestHandler.HTTP01Resource

_TIMEOUT = 10  # seconds for one look


class _Server(ThreadingMixIn, standalone.HTTP01Server):
    daemon_threads = True


class Responder:
    """Listens from creation on, serves while it is used as a context. Raises :class:`OSError` for a taken port."""

    def __init__(self, port: int) -> None:
        self._shown: dict[str, _Resource] = {}
        self._changing = threading.Lock()
        self._server = _Server(("127.0.0.1", port), set(), timeout=_TIMEOUT)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def show(self, token: str, answer: str) -> None:
        """Serve ``answer`` under ``token``."""
        with self._changing:
            self._shown[token] = _Resource(challenges.HTTP01(token=b64decode(token)), None, answer)
            self._take_over()

    def hide(self, token: str) -> None:
        """Serve it no more."""
        with self._changing:
            self._shown.pop(token, None)
            self._take_over()

    def _take_over(self) -> None:
        """A set of its own for the looks to come: those that are under way read the one before."""
        resources = set(self._shown.values())
        handler = standalone.HTTP01RequestHandler.partial_init(simple_http_resources=resources, timeout=_TIMEOUT)
        self._server.RequestHandlerClass = handler
