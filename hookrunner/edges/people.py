"""Who is at the other end: the SSH key that sshd let in, else the address, else the user of this machine."""

import getpass
import os
import pwd
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from hookrunner.core import keys
from hookrunner.core.visible import visible
from hookrunner.model.deploy import Person
from hookrunner.model.key import Key
from hookrunner.model.names import AppName

_LONGEST_NAME = 60


def person(environment: Mapping[str, str], deploy_keys: Path) -> Person:
    """Who set this process in motion, as far as the environment tells. Never a commit's author.

    The key's comment is looked up in the file of deploy keys, and in the user's own authorized_keys.
    """
    found = _key(environment, deploy_keys)
    address = environment.get("SSH_CONNECTION", "").partition(" ")[0]
    user = environment.get("SUDO_USER") or _user()
    name = (found.name if found else "") or (f"{user} from {address}" if address else user)
    return Person(visible(name, limit=_LONGEST_NAME), found.fingerprint if found else "")


def key(environment: Mapping[str, str]) -> str:
    """The key that sshd let in, as base64; empty where there is none.

    It stands in the file that ``SSH_USER_AUTH`` names (sshd_config(5), ExposeAuthInfo), as ``publickey TYPE KEY``.
    """
    file = environment.get("SSH_USER_AUTH", "")
    try:
        lines = Path(file).read_text().splitlines() if file else []
    except (OSError, UnicodeDecodeError):
        return ""
    found = [line.split() for line in lines if line.startswith("publickey ")]
    return next((words[2] for words in found if len(words) >= 3), "")


def limit(environment: Mapping[str, str]) -> frozenset[AppName] | None:
    """The apps that the session's SSH key is limited to; None where it is not."""
    names = environment.get(keys.APPS)
    return None if names is None else frozenset(AppName(name) for name in names.split(","))


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


def _key(environment: Mapping[str, str], deploy_keys: Path) -> Key | None:
    blob = key(environment)
    if not blob:
        return None
    for file in (deploy_keys, Path("~/.ssh/authorized_keys")):
        with suppress(OSError, RuntimeError):
            if found := keys.find(file.expanduser().read_text(errors="replace"), blob):
                return found
    return Key("", blob)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return f"user {os.getuid()}"
