"""What `setup` makes of a machine, as items to look at, to make and to take away again. Pure: no machine is touched."""

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from hookrunner.core import units
from hookrunner.core.units import Place
from hookrunner.model.server import Settings

_SYSTEMD = Path("/etc/systemd/system")
_NGINX = Path("/etc/nginx")
_SHARE = Path("/usr/local/share")
MAIN_FILE = "90-hookrunner.conf"
DEFAULT_SITES = (_NGINX / "sites-enabled" / "default", _NGINX / "conf.d" / "default.conf")  # Debian's, nginx.org's


NGINX = "nginx"  # the title of its section


class Affects(StrEnum):
    """Whom a change has to be told to."""

    NOBODY = ""
    NGINX = "nginx"
    SSH = "ssh"
    SYSTEMD = "systemd"


class User(NamedTuple):
    """A system user without a password."""

    name: str
    home: Path
    shell: str

    def __str__(self) -> str:
        return f"the user {self.name}, home {self.home}, shell {self.shell}"


class Folder(NamedTuple):
    """A folder with its owner and mode."""

    path: Path
    owner: str
    group: str
    mode: int

    def __str__(self) -> str:
        return f"{self.path}/{_whose(self.owner, self.group, self.mode, 0o755)}"


class File(NamedTuple):
    """A file of root's. ``is_data``: taking hookrunner away leaves it."""

    path: Path
    text: str
    group: str = "root"
    mode: int = 0o644
    affects: Affects = Affects.NOBODY
    is_data: bool = False

    def __str__(self) -> str:
        return f"{self.path}{_whose('root', self.group, self.mode, 0o644)}"


class Link(NamedTuple):
    """A symbolic link."""

    path: Path
    target: Path

    def __str__(self) -> str:
        return f"{self.path} -> {self.target}"


class Aside(NamedTuple):
    """A file of the distribution's that has to be away; taking hookrunner away puts it back."""

    path: Path
    to: Path

    def __str__(self) -> str:
        return f"{self.path} to {self.to}"


class Running(NamedTuple):
    """A systemd unit that is enabled and started. ``is_ours``: it ends with hookrunner."""

    unit: str
    is_ours: bool = True

    def __str__(self) -> str:
        return self.unit


Item = User | Folder | File | Link | Aside | Running


class Section(NamedTuple):
    """Items that belong together."""

    title: str
    items: tuple[Item, ...]


class Facts(NamedTuple):
    """The machine and what its owner wants, as far as it matters here."""

    place: Place
    settings: Settings
    settings_text: str  # of server.toml as it is to be
    nginx_version: tuple[int, int, int]
    nginx_conf: str  # the text of nginx.conf and of the files for its main context
    worker: str  # the user of nginx's workers
    default_site: Path | None  # the distribution's, as it was shipped
    keys: str | None  # the text of the deploy keys; None: they stay as they are
    manual: Path  # the man page
    has_sshd: bool
    has_logrotate: bool


def sections(facts: Facts) -> Iterator[Section]:
    """All that a deploy server has, in the order of making it."""
    place, settings = facts.place, facts.settings
    yield Section("the user, who is not root, and the folders", (*_folders(facts),))
    own = [File(place.config, facts.settings_text, place.user, 0o640, is_data=True)]
    if facts.keys is not None:
        own.append(File(place.keys, facts.keys, place.user, 0o640, is_data=True))
    yield Section("the settings and the deploy keys", tuple(own))
    yield Section(
        "the command, its manual and completion",
        (
            Link(Path("/usr/local/bin/hookrunner"), place.command),
            Link(_SHARE / "man" / "man1" / "hookrunner.1", facts.manual),
            File(_SHARE / "bash-completion" / "completions" / "hookrunner", units.bash_completion(place)),
        ),
    )
    yield Section(NGINX, (*_nginx(facts),))
    yield Section(
        "the publisher, which alone is root, behind a socket",
        (
            _unit(f"{units.PUBLISHER}@.service", units.publisher_service(place, settings)),
            _unit(f"{units.PUBLISHER}.socket", units.publisher_socket(place)),
            Running(f"{units.PUBLISHER}.socket"),
        ),
    )
    yield Section(
        "the timer, for names that wait and certificates that are due",
        (
            _unit(f"{units.RENEW}.service", units.renew_service(place, settings)),
            _unit(f"{units.RENEW}.timer", units.renew_timer()),
            Running(f"{units.RENEW}.timer"),
        ),
    )
    rest = [
        File(Path("/etc/ssh/sshd_config.d/hookrunner.conf"), units.sshd(place), affects=Affects.SSH)
    ] * facts.has_sshd
    logs = settings.nginx.logs or units.LOGS
    rest += [File(Path("/etc/logrotate.d/hookrunner"), units.logrotate(logs, facts.worker))] * facts.has_logrotate
    if rest:
        yield Section("SSH and log rotation", tuple(rest))


def _folders(facts: Facts) -> Iterator[Item]:
    settings, user = facts.settings, facts.place.user
    yield User(user, settings.repositories, "/bin/sh")  # which sshd has run the forced command
    yield Folder(facts.place.config.parent, "root", "root", 0o755)
    yield Folder(settings.state, "root", "root", 0o755)
    yield Folder(settings.repositories, user, user, 0o750)
    # nginx reads releases, and no other user of the machine does.
    yield Folder(settings.apps_folder, user, facts.worker, 0o750)
    yield Folder(settings.challenges, user, user, 0o755)
    for folder in (settings.records, settings.removed):
        yield Folder(folder, user, user, 0o700)
    yield Folder(settings.certificates, "root", "root", 0o700)
    # The group of new logs is this folder's.
    yield Folder(settings.nginx.logs or units.LOGS, "root", "adm", 0o2755)


def _nginx(facts: Facts) -> Iterator[Item]:
    yield Folder(facts.settings.nginx.sites, "root", "root", 0o755)
    if facts.default_site:
        yield Aside(facts.default_site, aside(facts.place.config, facts.default_site))
    text = units.nginx_include(facts.settings, facts.nginx_version)
    yield File(_NGINX / "conf.d" / "hookrunner.conf", text, affects=Affects.NGINX)
    if main := main_file(facts.nginx_conf):
        yield File(main, units.nginx_main(), affects=Affects.NGINX)
    yield Running("nginx.service", is_ours=False)


def main_file(nginx_conf: str) -> Path | None:
    """The file for nginx's main context; None where there is no place for one, or the owner has said it already."""
    folder = _NGINX / "modules-enabled"
    said = re.search(r"^\s*worker_shutdown_timeout\s", nginx_conf, re.MULTILINE)
    return None if said or f"include {folder}/*.conf;" not in nginx_conf else folder / MAIN_FILE


def aside(config: Path, path: Path) -> Path:
    """Where a file of the distribution's is kept meanwhile."""
    return config.parent / "aside" / "-".join(path.relative_to(_NGINX).parts)


def kept_sites(config: Path) -> Path:
    """Where hookrunner's nginx files are kept while it is away."""
    return config.parent / "aside" / "sites"


def _whose(owner: str, group: str, mode: int, usual: int) -> str:
    return "" if (owner, group, mode) == ("root", "root", usual) else f" ({owner}:{group} {mode:04o})"


def _unit(name: str, text: str) -> File:
    return File(_SYSTEMD / name, text, affects=Affects.SYSTEMD)
