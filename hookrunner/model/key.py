"""An SSH key that may push, and to what."""

import base64
import binascii
import hashlib
from typing import NamedTuple

from hookrunner.model.names import AppName


class Key(NamedTuple):
    """A public key (sshd(8), AUTHORIZED_KEYS FILE FORMAT)."""

    kind: str  # "ssh-ed25519"
    blob: str  # base64 (RFC 4253 section 6.6)
    name: str = ""  # its comment
    apps: frozenset[AppName] | None = None  # what it may reach; None: every app of the server
    options: str = ""  # what its owner wrote beside that, like from="10.0.0.0/8", for sshd

    @property
    def fingerprint(self) -> str:
        """As ``ssh-keygen -l`` shows it; empty where the key is none."""
        try:
            blob = base64.b64decode(self.blob, validate=True)
        except binascii.Error:
            return ""
        return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")

    @property
    def limit(self) -> list[str]:
        """The names of the apps that it is limited to, in their order."""
        return sorted(map(str, self.apps or ()))

    def reaches(self, app: AppName) -> bool:
        """Whether it may do something with the app."""
        return self.apps is None or app in self.apps
