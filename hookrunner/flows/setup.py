"""Makes this machine a deploy server, and takes that away: each item is looked at first, and made if it differs."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from hookrunner import durable
from hookrunner.core import keys, publishing, setup, units, wording
from hookrunner.core.setup import Affects, Aside, Facts, File, Item, Link, Running, Section
from hookrunner.core.units import Place
from hookrunner.core.wording import Line
from hookrunner.edges import distribution, host
from hookrunner.edges.processes import ProgramFailed
from hookrunner.edges.publisher import InProcess
from hookrunner.edges.shipped import shipped
from hookrunner.model.key import Key
from hookrunner.model.server import Settings


class Failed(Exception):
    """The machine did not take something; what could be put back is. ``lines`` say what and why."""

    def __init__(self, lines: list[Line]) -> None:
        super().__init__("; ".join(line.text for line in lines))
        self.lines = lines


class Step(NamedTuple):
    """An item, and how the machine differed from it; None: it did not. ``text`` is how it reads."""

    item: Item | None
    differed: str | None
    text: str


@dataclass
class Setup:
    """One run. ``is_dry``: only look. ``publisher`` is the one in this process."""

    facts: Facts
    publisher: InProcess
    is_dry: bool
    _back: list[Callable[[], None]] = field(default_factory=list)

    def steps(self, section: Section) -> Iterator[Step]:
        """What the section needs, made as it is yielded. Raises :class:`Failed`, and OSError."""
        if section.title == setup.NGINX:
            yield from self._kept_sites()
        self._back, affected = [], set[Affects]()
        for item in section.items:
            if isinstance(item, Running) and not item.is_ours:
                continue
            if differed := host.differs(item):
                self._make(item)
                affected.add(item.affects if isinstance(item, File) else Affects.NGINX)
            yield Step(item, differed, str(item))
        if section.title == setup.NGINX:
            yield from self._nginx(is_changed=bool(affected))
        elif not self.is_dry:
            for one in affected:
                self._tell(one)

    def undo(self) -> Iterator[Step]:
        """Take away what is ours, what runs first, as it is yielded. Raises :class:`Failed`."""
        items = [item for section in setup.sections(self.facts) for item in section.items]
        affected = set[Affects]()
        for item in sorted(items, key=lambda item: not isinstance(item, Running)):
            if not self._is_there(item):
                continue
            if not self.is_dry:
                host.unmake(item)
            affected.add(item.affects if isinstance(item, File) else Affects.NOBODY)
            yield Step(item, "there", str(item))
        sites, kept = self.facts.settings.nginx.sites, setup.kept_sites(self.facts.place.config)
        if sites.is_dir():
            yield from self._moved(sites, kept)
        if self.is_dry:
            return
        for one in affected - {Affects.NGINX}:
            self._tell(one)
        if Affects.NGINX in affected:
            host.restart("nginx.service")
            yield Step(None, "restarted", "nginx, as the distribution ships it")

    def _is_there(self, item: Item) -> bool:
        match item:
            case File(is_data=False) | Link():
                return host.differs(item) != "missing"
            case Aside(_, to):
                return to.exists() or to.is_symlink()
            case Running(_, is_ours=True):
                return host.differs(item) != "not running"
        return False

    def _make(self, item: Item) -> None:
        if not self.is_dry:
            self._back.append(host.make(item))

    def _kept_sites(self) -> Iterator[Step]:
        """What an earlier ``--undo`` kept is there again."""
        sites, kept = self.facts.settings.nginx.sites, setup.kept_sites(self.facts.place.config)
        if kept.is_dir() and not sites.exists():
            yield from self._moved(kept, sites)

    def _moved(self, path: Path, to: Path) -> Iterator[Step]:
        if not self.is_dry:
            durable.move(path, to)
        yield Step(Aside(path, to), "there", f"{path} to {to}")

    def _nginx(self, *, is_changed: bool) -> Iterator[Step]:
        """Have nginx take it all over, or put it all back."""
        running = Running("nginx.service", is_ours=False)
        if self.is_dry:
            yield Step(running, "not running" if is_changed else host.differs(running), "nginx, tested and reloaded")
            return
        made = self.publisher.prepare()
        if is_changed or made or not self.publisher.is_served():
            refused = self.publisher.start()
            if refused:
                self._put_back()
                raise Failed(list(publishing.refused(refused, "hookrunner", None)))
            yield Step(running, "not running", "nginx, tested and reloaded")
        else:
            yield Step(running, None, "nginx, with hookrunner's default server")
        if host.differs(running):
            self._make(running)

    def _tell(self, affected: Affects) -> None:
        try:
            host.tell(affected)
        except ProgramFailed:
            self._put_back()
            raise

    def _put_back(self) -> None:
        for back in reversed(self._back):
            back()


class Wanted(NamedTuple):
    """What the owner of the machine wants. ``user`` is None where none was named."""

    config: Path
    command: Path
    python: Path
    user: str | None = None
    with_roots_keys: bool = False


def obstacles(*, place: Path, package: Path) -> Iterator[Line]:
    """Why this machine cannot be one yet, each with what to do. ``place`` is where hookrunner is installed."""
    if os.geteuid() != 0:
        yield wording.error("setup changes the machine: type it as root")
        return
    if not host.has_systemd():
        yield wording.error("this machine is not run by systemd, which starts the publisher and the timer")
        yield wording.hint("hookrunner init --email you@example.org writes files alone; then `renew` is cron's")
        return
    if missing := [name for name in ("git", "nginx") if not host.has_program(name)]:
        yield wording.error(f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed")
        yield wording.hint(f"apt install {' '.join(missing)}")
    if unsafe := host.unsafe(place, package):
        yield wording.error(f"root's publisher cannot run from {place}: {unsafe}")
        yield wording.hint("python3 -m venv /opt/hookrunner")
        yield wording.hint("/opt/hookrunner/bin/pip install hookrunner, or the path of its checkout")
    if missing:
        return
    conf = distribution.nginx_conf()
    if not re.search(r"^\s*include\s+(/etc/nginx/)?conf\.d/\*\.conf\s*;", conf, re.MULTILINE):
        yield wording.error("/etc/nginx/nginx.conf does not include /etc/nginx/conf.d/*.conf")
        yield wording.hint("write this line into its http { }: include /etc/nginx/conf.d/*.conf;")
    site = distribution.default_site()
    if site and not distribution.is_shipped(site):
        yield wording.error(f"{site} is the default server, and is not as the distribution ships it")
        yield wording.hint("take default_server out of its listen lines, or move it away: hookrunner brings its own")


def facts(wanted: Wanted, settings: Settings, settings_text: str) -> Facts:
    """The machine as it is, and what is wanted of it. Raises :class:`Failed`."""
    user = wanted.user or host.owner_of(settings.records) or "git"
    home = host.home_of(user)
    if home not in (None, settings.repositories):
        raise Failed(
            [
                wording.error(f"there is a user {user} already, with the home {home}: it is somebody else's"),
                wording.hint("hookrunner setup --user NAME takes another name"),
            ]
        )
    conf = distribution.nginx_conf()
    aside = (path for path in setup.DEFAULT_SITES if os.path.lexists(setup.aside(wanted.config, path)))
    place = Place(wanted.python, wanted.command, wanted.config, user)
    return Facts(
        place=place,
        settings=settings,
        settings_text=settings_text,
        nginx_version=distribution.nginx_version(settings.nginx.program),
        nginx_conf=conf,
        worker=distribution.nginx_worker(conf),
        default_site=distribution.default_site() or next(aside, None),
        keys=_keys(place.keys, wanted.with_roots_keys),
        manual=shipped("docs/hookrunner.1"),
        has_sshd=host.has_program("sshd"),
        has_logrotate=Path("/etc/logrotate.d").is_dir(),
    )


def roots_keys() -> list[Key]:
    """root's own SSH keys that could push."""
    return keys.unlimited(_text(Path("/root/.ssh/authorized_keys")))


def _keys(file: Path, with_roots_keys: bool) -> str:
    before = _text(file) or keys.EMPTY
    more = [key for key in roots_keys() if keys.find(before, key.blob) is None] if with_roots_keys else []
    return before + "".join(f"{keys.line(key)}\n" for key in more)


def _text(file: Path) -> str:
    return file.read_text(errors="replace") if file.is_file() else ""


def left(facts: Facts) -> Iterator[str]:
    """What stays when hookrunner is taken away: data."""
    settings = facts.settings
    yield f"{settings.state}: repositories, releases, records, certificates and their keys"
    yield f"{facts.place.config.parent}: the settings, the deploy keys, nginx's files of the apps"
    yield f"{settings.nginx.logs or units.LOGS}: the logs of the apps"
    yield f"the user {facts.place.user}, to whom the repositories belong"
