"""An nginx of our own beside the system's: one folder, loopback ports, ended by its process id."""

import os
from pathlib import Path

from tests.lab.machine import Process, program

_MIME_TYPES = Path("/etc/nginx/mime.types")


class Nginx:
    """Written on creation, started by :meth:`start`. ``sites`` is what hookrunner fills."""

    def __init__(self, folder: Path) -> None:
        self.program = program("nginx")
        self.folder = folder
        self.sites = folder / "sites"
        self.others = folder / "others"  # the owner's own files
        self.errors = folder / "error.log"
        for made in (folder, self.sites, self.others, folder / "temp"):
            made.mkdir(exist_ok=True)
        self.config = folder / "nginx.conf"
        user = "user www-data;" if os.geteuid() == 0 else ""
        types = f"include {_MIME_TYPES};" if _MIME_TYPES.exists() else ""
        temporary = "\n".join(
            f"    {kind}_temp_path {folder}/temp/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        self.config.write_text(
            f"""{user}
worker_processes 2;
pid {folder}/nginx.pid;
error_log {self.errors} notice;
events {{ worker_connections 1024; }}
http {{
    {types}
    access_log off;
{temporary}
    include {self.others}/*.conf;
    include {self.sites}/*.conf;
}}
"""
        )
        self._process: Process | None = None

    @property
    def test(self) -> list[str]:
        """How to have it test its configuration."""
        return [self.program, "-t", "-q", "-e", str(self.errors), "-c", str(self.config)]

    @property
    def reload(self) -> list[str]:
        """How to have it reload."""
        return [self.program, "-e", str(self.errors), "-c", str(self.config), "-s", "reload"]

    def start(self) -> None:
        """Run it in the foreground of a process that :meth:`stop` ends."""
        argv = [self.program, "-e", str(self.errors), "-c", str(self.config), "-g", "daemon off;"]
        pid = self.folder / "nginx.pid"
        self._process = Process(argv, self.folder / "nginx.out").wait_for(
            lambda: pid.exists() and pid.read_text() != ""
        )

    def stop(self) -> None:
        """End it."""
        if self._process:
            self._process.stop()

    def pids(self) -> list[int]:
        """Its process id."""
        return [self._process.pid] if self._process else []

    def reloads(self) -> int:
        """How often it took a new configuration over, by its own log."""
        return self.errors.read_text().count(": reconfiguring\n")
