"""The machine that `setup` makes a deploy server: its users, files, units and programs."""

import grp
import os
import pwd
import shutil
import socket
import stat
from collections.abc import Callable
from pathlib import Path

from hookrunner import durable
from hookrunner.core.setup import Affects, Aside, File, Folder, Item, Link, Running, User
from hookrunner.edges import processes

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
            processes.run(["sshd", "-t"], env=processes.SYSTEM)
            _systemctl("reload", "ssh.service")
        case Affects.NGINX | Affects.NOBODY:
            pass


def has_systemd() -> bool:
    """Whether systemd runs this machine (sd_booted(3))."""
    return Path("/run/systemd/system").is_dir()


def has_program(name: str) -> bool:
    """Whether there is a program of this name."""
    return shutil.which(name, path=processes.PATH) is not None


def restart(unit: str) -> None:
    """Start a unit anew. Raises :class:`~hookrunner.edges.processes.ProgramFailed`."""
    _systemctl("restart", unit)


def name() -> str:
    """What this machine is called."""
    return socket.gethostname()


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
        processes.run(["usermod", "--shell", shell, name], env=processes.SYSTEM)
    else:
        processes.run(["useradd", *words, "--password", "*", name], env=processes.SYSTEM)


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
    return processes.run(["systemctl", "is-enabled", "--quiet", unit], env=processes.SYSTEM, check=False).status == 0


def _is_active(unit: str) -> bool:
    return processes.run(["systemctl", "is-active", "--quiet", unit], env=processes.SYSTEM, check=False).status == 0


def _is_changed(unit: str) -> bool:
    shown = processes.run(["systemctl", "show", "--property=NeedDaemonReload", unit], env=processes.SYSTEM, check=False)
    return b"=yes" in shown.out


def _end(service: str) -> None:
    """Stop what still runs by a unit that goes away, and have systemd forget that it failed.

    A template (``@.service``) is neither: each of its instances ends with its connection.
    """
    for verb in ("stop", "reset-failed"):
        processes.run(["systemctl", "--quiet", verb, service], env=processes.SYSTEM, check=False)


def _systemctl(*words: str) -> None:
    processes.run(["systemctl", "--quiet", *words], env=processes.SYSTEM)
