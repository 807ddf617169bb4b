"""Root's publisher behind a socket, as systemd would start it: a process for each connection."""

import socket
import subprocess
import sys
import threading
from pathlib import Path


class Service:
    """Accepts on ``path`` after creation, with the settings in ``config``; :meth:`stop` ends it."""

    def __init__(self, path: Path, config: Path) -> None:
        self.path, self._config = path, config
        self.log = path.with_suffix(".log")
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen(64)
        self._running: list[subprocess.Popen[bytes]] = []
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:  # stopped
                return
            with connection, self.log.open("ab") as log:
                words = [sys.executable, "-I", "-m", "hookrunner.publisher", str(self._config)]
                started = subprocess.Popen(
                    words, stdin=connection.fileno(), stdout=connection.fileno(), stderr=log, cwd="/"
                )
            self._running = [one for one in self._running if one.poll() is None] + [started]

    def stop(self) -> None:
        """Take no more connections, and wait for those that run."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()
        for one in self._running:
            one.wait(60)
        self.path.unlink()
