"""Who is at the other end: the SSH key that sshd let in, else the address, else the user of this machine."""

import base64
import binascii
import getpass
import hashlib
import os
import pwd
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from hookrunner.core.visible import visible
from hookrunner.model.deploy import Person
from hookrunner.model.server import DEPLOY_KEYS

_LONGEST_NAME = 60


def person(environment: Mapping[str, str]) -> Person:
    """Who set this process in motion, as far as the environment tells. Never a commit's author.

    The key stands in the file that ``SSH_USER_AUTH`` names (sshd_config(5), ExposeAuthInfo), as ``publickey TYPE KEY``;
    its comment is looked up in the user's authorized_keys.
    """
    key = _key(environment.get("SSH_USER_AUTH", ""))
    address = environment.get("SSH_CONNECTION", "").partition(" ")[0]
    user = environment.get("SUDO_USER") or _user()
    name = (_comment(key) if key else "") or (f"{user} from {address}" if address else user)
    return Person(visible(name, limit=_LONGEST_NAME), _fingerprint(key) if key else "")


def become_owner(folder: Path) -> None:
    """Be the owner of ``folder`` from now on, where we are root: what others can write is nothing for root to run."""
    owner = folder.lstat().st_uid if folder.exists() else 0
    if os.geteuid() != 0 or owner == 0:
        return
    user = pwd.getpwuid(owner)
    os.initgroups(user.pw_name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(owner)
    os.environ["HOME"] = user.pw_dir
    if not os.access(".", os.X_OK):
        os.chdir("/")


def address(repositories: Path) -> str:
    """How to write a remote for this user: what stands before a repository's name in ``repositories``."""
    user = pwd.getpwuid(os.geteuid())
    here = f"{user.pw_name}@{socket.gethostname()}"
    return f"{here}:" if Path(user.pw_dir) == repositories else f"{here}:{repositories}/"


def _key(file: str) -> str:
    try:
        lines = Path(file).read_text().splitlines() if file else []
    except (OSError, UnicodeDecodeError):
        return ""
    found = [line.split() for line in lines if line.startswith("publickey ")]
    return next((words[2] for words in found if len(words) >= 3), "")


def _fingerprint(key: str) -> str:
    """As ``ssh-keygen -l`` shows it."""
    try:
        blob = base64.b64decode(key, validate=True)
    except binascii.Error:
        return ""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _comment(key: str) -> str:
    """What follows the key in authorized_keys (sshd(8))."""
    lines: list[str] = []
    for file in (DEPLOY_KEYS, Path("~/.ssh/authorized_keys")):
        with suppress(OSError, RuntimeError):
            lines += file.expanduser().read_text(errors="replace").splitlines()
    keys = (line.split() for line in lines if not line.lstrip().startswith("#"))
    return next((" ".join(words[words.index(key) + 1 :]) for words in keys if key in words), "")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return f"user {os.getuid()}"
