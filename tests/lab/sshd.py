"""What sshd does for a session of the user git, without a network: the forced command, with sshd's own environment."""

import os
import subprocess
from pathlib import Path

from tests.lab.server import Clone, Server

_SSH = """\
#!/bin/sh
# Called by git as: ssh [options] git@server COMMAND.
for command; do :; done
exec env -i PATH="$PATH" {more} SSH_CONNECTION="203.0.113.5 50000 192.0.2.1 22" SSH_USER_AUTH={auth} \\
  SSH_ORIGINAL_COMMAND="$command" {program} --config {config} ssh
"""


class Session:
    """Somebody with a key: what it types, and git with it. ``sent`` is what the client has sshd take over."""

    def __init__(self, server: Server, name: str, *, sent: str = "") -> None:
        self.server, self.name = server, name
        folder = server.folder / "sessions" / name
        folder.mkdir(parents=True)
        self._key = folder / "id_ed25519"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self._key], check=True, timeout=30)
        self.public = self._key.with_suffix(".pub")
        auth = folder / "auth"
        auth.write_text("publickey " + " ".join(self.public.read_text().split()[:2]) + "\n")
        self._ssh = folder / "ssh"
        self._ssh.write_text(
            _SSH.format(more=sent, auth=auth, program=server.command, config=server.config),
        )
        self._ssh.chmod(0o755)

    def let_in(self, *apps: str) -> None:
        """The owner adds the key, for some apps or for all."""
        options = [word for app in apps for word in ("--app", app)]
        self.server.run("keys", "add", self.name, str(self.public), *options)

    def type(self, line: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """Type a line; what came of it."""
        return subprocess.run(
            [self._ssh, "git@server", line], input=stdin, capture_output=True, text=True, check=False, timeout=120
        )

    def repository(self, app: str, folder: str = "") -> Clone:
        """A repository with the app as its remote ``server``, over SSH."""
        place = self.server.folder / "clones" / f"{self.name}-{folder or app}"
        return Clone(place, Path(f"git@server:{app}"), ssh=os.fspath(self._ssh))
