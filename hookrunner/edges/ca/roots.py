"""The roots that the system trusts. Reading them takes OpenSSL forty milliseconds, beside which Python goes on."""

import ssl
import threading


class _Reading(threading.Thread):
    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.context: ssl.SSLContext | None = None

    def run(self) -> None:
        self.context = ssl.create_default_context()


_ahead: _Reading | None = None


def read_ahead() -> None:
    """Begin to read them, for the next :func:`context`."""
    global _ahead
    _ahead = _Reading()
    _ahead.start()


def context() -> ssl.SSLContext:
    """A context that trusts them, and is the caller's own."""
    global _ahead
    reading, _ahead = _ahead, None
    if reading is not None:
        reading.join()
    return (reading and reading.context) or ssl.create_default_context()
