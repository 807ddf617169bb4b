"""The machine that `setup` makes a deploy server: its users, files, units and programs."""

import grp
import hashlib
import os
import platform
import pwd
import re
import shutil
import socket
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from hookrunner import durable
from hookrunner.core.setup import (
    DEFAULT_SITES,
    MAIN_FILE,
    Affects,
    Aside,
    File,
    Folder,
    Item,
    Link,
    Running,
    User,
)
from hookrunner.edges import processes
from hookrunner.edges.processes import ProgramFailed

_NGINX = Path("/etc/nginx")
_ENTER, _WRITE = 0o001, 0o022


def differs(item: Item) -> str | None:
    """How the machine is not as the item says: "missing" or what is another; None where it is."""
    match item:
        case User(name, home, shell):
            there = _user(name)
            return "missing" if there is None else None if there == (str(home), shell) else "other home or shell"
        case Folder(path, owner, group, mode):
            return _folder_differs(path, owner, group, mode)
        case File(path, text, group, mode):
            if not path.is_file():
                return "missing"
            if path.read_text(errors="replace") != text:
                return "other text"
            return None if (_owner(path), _mode(path)) == (("root", group), mode) else "other owner or mode"
        case Link(path, target):
            if not path.is_symlink():
                return "missing"
            return None if path.readlink() == target else "other target"
        case Aside(path, _):
            return "there" if os.path.lexists(path) else None
        case Running(unit):
            if not (_is_enabled(unit) and _is_active(unit)):
                return "not running"
            return "other text" if _is_changed(unit) else None


def make(item: Item) -> Callable[[], None]:
    """Have the machine as the item says; what puts it back, as far as another item can be at fault."""
    match item:
        case User(name, home, shell):
            _make_user(name, home, shell)
        case Folder(path, owner, group, mode):
            _make_folder(path, owner, group, mode)
        case File(path, text, group, mode):
            before = path.read_bytes() if path.is_file() else None
            _write(path, text.encode(), group, mode)
            return lambda: path.unlink() if before is None else _write(path, before, group, mode)
        case Link(path, target):
            path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            durable.link(path, str(target))
        case Aside(path, to):
            durable.move(path, to)
            return lambda: durable.move(to, path)
        case Running(unit):
            _systemctl("daemon-reload")
            _systemctl("enable", unit)
            _systemctl("restart", unit)
    return lambda: None


def unmake(item: Item) -> bool:
    """Take it away, or put it back; whether there was something to do. Users, folders and data stay."""
    match item:
        case File(path, is_data=False) | Link(path) if os.path.lexists(path):
            if path.suffix == ".service":
                _end(path.name)
            path.unlink()
            return True
        case Aside(path, to) if os.path.lexists(to) and not os.path.lexists(path):
            durable.move(to, path)
            return True
        case Running(unit, is_ours=True) if _is_enabled(unit) or _is_active(unit):
            _systemctl("disable", "--now", unit)
            return True
    return False


def tell(affected: Affects) -> None:
    """Have systemd or sshd read its files anew. Raises :class:`~hookrunner.edges.processes.ProgramFailed`."""
    match affected:
        case Affects.SYSTEMD:
            _systemctl("daemon-reload")
        case Affects.SSH:
            processes.run(["sshd", "-t"], env=_env())
            _systemctl("reload", "ssh.service")
        case Affects.NGINX | Affects.NOBODY:
            pass


def has_systemd() -> bool:
    """Whether systemd runs this machine (sd_booted(3))."""
    return Path("/run/systemd/system").is_dir()


def has_program(name: str) -> bool:
    """Whether there is a program of this name."""
    return shutil.which(name, path=_env()["PATH"]) is not None


def restart(unit: str) -> None:
    """Start a unit anew. Raises :class:`~hookrunner.edges.processes.ProgramFailed`."""
    _systemctl("restart", unit)


def name() -> str:
    """What this machine is called."""
    return socket.gethostname()


def system() -> str:
    """What this machine runs (os-release(5))."""
    with suppress(OSError):
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    return "Linux"


def nginx_version(nginx: str) -> tuple[int, int, int]:
    """The version of nginx, (0, 0, 0) where it does not say."""
    with suppress(ProgramFailed):
        if found := re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", processes.run([nginx, "-v"], env=_env()).err):
            return int(found[1]), int(found[2]), int(found[3])
    return 0, 0, 0


def nginx_conf() -> str:
    """nginx.conf, and what others than we have in the folder for the main context."""
    files = [_NGINX / "nginx.conf", *sorted((_NGINX / "modules-enabled").glob("*.conf"))]
    return "\n".join(file.read_text(errors="replace") for file in files if file.name != MAIN_FILE)


def nginx_worker(conf: str) -> str:
    """The user of nginx's workers."""
    said = re.search(r"^\s*user\s+([\w-]+)", conf, re.MULTILINE)
    for name in (said[1] if said else "", "www-data", "nginx"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name if name else ""
    return "nobody"


def default_site() -> Path | None:
    """The distribution's default site, where it stands in the way."""
    is_default = (path for path in DEFAULT_SITES if path.is_file())
    return next((path for path in is_default if "default_server" in path.read_text(errors="replace")), None)


def is_shipped(path: Path) -> bool:
    """Whether a file, or what a link leads to, is as its package brought it (dpkg-query(1), Conffiles)."""
    file = path.resolve()
    with suppress(ProgramFailed):
        owner = processes.run(["dpkg-query", "--search", str(file)], env=_env()).out.decode().partition(":")[0]
        words = ["dpkg-query", "--show", "--showformat=${Conffiles}", owner]
        for line in processes.run(words, env=_env()).out.decode().splitlines():
            name, _, digest = line.strip().partition(" ")
            if name == str(file):
                return digest.split()[0] == hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
    return False


def owner_of(folder: Path) -> str | None:
    """The user who owns a folder; None for root, and where there is none."""
    name = _owner(folder)[0] if folder.is_dir() else "root"
    return None if name == "root" else name


def home_of(user: str) -> Path | None:
    """The home of a user; None where there is no such user."""
    there = _user(user)
    return Path(there[0]) if there else None


def unsafe(place: Path, package: Path) -> str | None:
    """Why root cannot run what is installed there, or another user cannot; None where it is sound."""
    for folder in (*reversed(place.parents), place, *reversed(package.parents), package):
        facts = folder.stat()
        if facts.st_uid != 0 or facts.st_mode & _WRITE:
            return f"{folder} can be written by others than root"
        if not facts.st_mode & _ENTER:
            return f"{folder} cannot be entered by others than root"
    for folder_name, _, files, descriptor in os.fwalk(place):
        for name in (".", *files):
            facts = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            if facts.st_uid != 0 or (not stat.S_ISLNK(facts.st_mode) and facts.st_mode & _WRITE):
                return f"{folder_name}/{name} can be written by others than root"
    return None


def _user(name: str) -> tuple[str, str] | None:
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        return None
    return found.pw_dir, found.pw_shell


def _make_user(name: str, home: Path, shell: str) -> None:
    # "*" and not "!": sshd takes the latter for a locked account where it does not use PAM (passwd(5)).
    words = ["--system", "--user-group", "--home-dir", str(home), "--no-create-home", "--shell", shell]
    if _user(name):
        processes.run(["usermod", "--shell", shell, name], env=_env())
    else:
        processes.run(["useradd", *words, "--password", "*", name], env=_env())


def _folder_differs(path: Path, owner: str, group: str, mode: int) -> str | None:
    if path.is_symlink() or not path.is_dir():
        return "missing"
    return None if (_owner(path), _mode(path)) == ((owner, group), mode) else "other owner or mode"


def _make_folder(path: Path, owner: str, group: str, mode: int) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    uid, gid = pwd.getpwnam(owner).pw_uid, grp.getgrnam(group).gr_gid
    before = path.lstat().st_uid
    if before == 0 and uid != 0:  # what root had while there was no user of its own
        _give(path, uid, pwd.getpwnam(owner).pw_gid)
    os.chown(path, uid, gid)
    path.chmod(mode)


def _give(path: Path, user: int, group: int) -> None:
    for _, folders, files, descriptor in os.fwalk(path):
        for name in (*folders, *files):
            if os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_uid == 0:
                os.chown(name, user, group, dir_fd=descriptor, follow_symlinks=False)


def _write(path: Path, content: bytes, group: str, mode: int) -> None:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    durable.replace(path, content, mode, group=grp.getgrnam(group).gr_gid)


def _owner(path: Path) -> tuple[str, str]:
    facts = path.lstat()
    try:
        user = pwd.getpwuid(facts.st_uid).pw_name
    except KeyError:
        user = str(facts.st_uid)
    try:
        return user, grp.getgrgid(facts.st_gid).gr_name
    except KeyError:
        return user, str(facts.st_gid)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def _is_enabled(unit: str) -> bool:
    return processes.run(["systemctl", "is-enabled", "--quiet", unit], env=_env(), check=False).status == 0


def _is_active(unit: str) -> bool:
    return processes.run(["systemctl", "is-active", "--quiet", unit], env=_env(), check=False).status == 0


def _is_changed(unit: str) -> bool:
    shown = processes.run(["systemctl", "show", "--property=NeedDaemonReload", unit], env=_env(), check=False)
    return b"=yes" in shown.out


def _end(service: str) -> None:
    """Stop what still runs by a unit that goes away, and have systemd forget that it failed.

    A template (``@.service``) is neither: each of its instances ends with its connection.
    """
    for verb in ("stop", "reset-failed"):
        processes.run(["systemctl", "--quiet", verb, service], env=_env(), check=False)


def _systemctl(*words: str) -> None:
    processes.run(["systemctl", "--quiet", *words], env=_env())


def _env() -> dict[str, str]:
    """root's environment, whatever the shell's: with it, ``su`` without ``-`` finds no /usr/sbin."""
    return {"PATH": processes.PATH, "LC_ALL": "C"}
