"""Records by a program of the owner's: ``PROGRAM present|cleanup NAME VALUE``."""

import os
from pathlib import Path

from hookrunner.edges.ca.dns01.errors import DnsFailed
from hookrunner.edges.processes import ProgramFailed, run
from hookrunner.model.server import Zone

_TIMEOUT = 120.0  # seconds
_KEPT = ("PATH", "HOME", "LANG")


class Program:
    """The program, called without a shell, and with nothing of a client's environment."""

    def __init__(self, zone: Zone) -> None:
        self._program = zone.options["program"]

    def check(self) -> None:
        """Raise :class:`DnsFailed` where it is none that can be called."""
        if not os.access(self._program, os.X_OK) or not Path(self._program).is_file():
            raise DnsFailed(f"{self._program} is no program that can be run")

    def present(self, name: str, value: str) -> None:
        """Have it add the record. Raises :class:`DnsFailed`."""
        self._call("present", name, value)

    def cleanup(self, name: str, value: str) -> None:
        """Have it take the record away. Raises :class:`DnsFailed`."""
        self._call("cleanup", name, value)

    def _call(self, action: str, name: str, value: str) -> None:
        env = {key: os.environ[key] for key in _KEPT if key in os.environ}
        try:
            run((self._program, action, name, value), env=env, timeout=_TIMEOUT)
        except ProgramFailed as error:
            raise DnsFailed(str(error)) from None
