"""What answers an SSH session of the user git (sshd's ForceCommand): git's services, a few commands, nothing else.

On the way of every push, so it imports late and goes past click. What is run gets an argument list and an environment
that are made here; of the client's own there is nothing in them.
"""

import os
import pwd
import sys
from pathlib import Path
from typing import NamedTuple, NoReturn

from hookrunner.cli import files
from hookrunner.cli.files import Unusable
from hookrunner.core import keys, remote, wording
from hookrunner.core.remote import Git, Help, Typed
from hookrunner.core.visible import visible
from hookrunner.core.wording import Line
from hookrunner.edges import apps, people, processes
from hookrunner.edges import keys as key_file
from hookrunner.edges.records import FileStore
from hookrunner.model.key import Key
from hookrunner.model.names import AppName, Invalid
from hookrunner.model.server import Settings

_WIDEST = 36  # columns of a command in the help; what is longer has a line of its own
_SHOWN = 80  # characters of a line that is refused
_OF_SSHD = ("SSH_CONNECTION", "SSH_USER_AUTH")  # who is there, for the record of a deploy


class _Session(NamedTuple):
    config: Path
    settings: Settings
    key: Key

    @property
    def store(self) -> FileStore:
        return FileStore(self.settings.records)

    def reached(self, app: AppName) -> AppName:
        """The app, which need not exist; raises :class:`Unusable` for one that the key may not know of."""
        if not self.key.reaches(app):
            mine = ", ".join(self.key.limit) or "none"
            raise Unusable(
                [wording.error(f"there is no app {app} for this key"), wording.hint(f"it reaches: {mine}")], 1
            )
        return app

    def changed(self, app: AppName) -> None:
        """Raise :class:`Unusable` where a key with a limit would decide which domains an app has."""
        if self.key.apps is not None and self.settings.app(app).may_name_any:
            what = f"this key is limited to apps, and {app} may name any domain"
            hint = f'on the server: write allowed_domains = ["…"] under [apps.{app}] in {self.config}'
            raise Unusable([wording.error(what), wording.hint(hint)], 1)


def main(config: str) -> int:
    """Answer one session; its exit status. Where the line is in the grammar, this process becomes what it means."""
    line = os.environ.get("SSH_ORIGINAL_COMMAND", "")
    _fresh_environment()
    try:
        path = files.config_path(config)
        key = _key(path)
        session = _Session(path, _settings(path, key), key)
        if not line:
            raise Unusable([wording.error("there is no shell here"), _help_hint()])
        match remote.parse(line):
            case Help():
                return _help(key)
            case Git() as git:
                _git(session, git)
            case Typed() as typed:
                _typed(session, typed)
    except Invalid as error:
        _say([wording.error(f'"{visible(line, limit=_SHOWN)}" {error}'), _help_hint()])
        return 2
    except Unusable as error:
        _say(error.lines)
        return error.status
    except Exception as error:
        from hookrunner.core import machine

        _say(list(machine.trouble(error)))
        return 1


def _key(config: Path) -> Key:
    """The key that sshd let in. One that is not in the file, as after its removal, reaches nothing."""
    blob = people.key(os.environ)
    key = keys.find(key_file.text(files.deploy_keys(config)), blob) if blob else None
    if key is None:
        raise Unusable([wording.error("this key is not known here (any more)")], 1)
    return key


def _settings(path: Path, key: Key) -> Settings:
    """The settings; a key with a limit is not shown what is wrong with them."""
    try:
        return files.load(path)
    except Unusable as error:
        if key.apps is None:
            raise
        wrong = wording.error("the server's settings cannot be read")
        raise Unusable([wrong, wording.hint("tell the owner of the server")], error.status) from error


def _git(session: _Session, git: Git) -> NoReturn:
    app = session.reached(_app_of(session, git))
    if git.service == "receive-pack":
        session.changed(app)
        if apps.get(session.store, app) is None and session.settings.ssh.create_apps:
            _create(session, app)
    registration = apps.get(session.store, app)
    if registration is None:
        by_push = session.settings.ssh.create_apps and git.service != "receive-pack"
        hint = "the first push to it makes it" if by_push else f"on the server: hookrunner apps create {app}"
        raise Unusable([wording.error(f"there is no app {app}"), wording.hint(hint)], 1)
    _become(["git", git.service, str(registration.path(session.settings))], session.key)


def _app_of(session: _Session, git: Git) -> AppName:
    """The app by its name, or by the full path of its repository."""
    if git.app:
        return git.app
    for app in filter(session.key.reaches, apps.every(session.store)):
        registration = apps.get(session.store, app)
        place = str(registration.path(session.settings)) if registration else ""
        if git.path in (place, place.removesuffix(".git")):
            return app
    raise Invalid("names no app; git push git@server:NAME takes its name alone")


def _create(session: _Session, app: AppName) -> None:
    """The app, with its first push."""
    from datetime import UTC, datetime

    from hookrunner.cli.context import own_command
    from hookrunner.flows import create
    from hookrunner.model.registration import Registration

    wanted = Registration(app, datetime.now(UTC))
    caller = create.Caller(own_command(), session.config)
    try:
        create.app(wanted, None, settings=session.settings, store=session.store, caller=caller)
    except create.AlreadyThere:  # another first push was quicker
        return
    _say([wording.step(f"{app}: made, this is its first push")])


def _typed(session: _Session, typed: Typed) -> NoReturn:
    if session.key.apps is not None and typed.rule.only_for_all:
        raise Unusable([wording.error(f"{' '.join(typed.rule.words)} is for keys that reach every app")], 1)
    if typed.app:
        session.reached(typed.app)
    if typed.rule.changes and session.key.apps is not None:
        if typed.app is None:
            raise Invalid(f"does not say which app, and this key does not reach all: {typed.rule.usage}")
        session.changed(typed.app)
    if typed.rule.words == ("apps", "create") and not session.settings.ssh.create_apps:
        raise Unusable([wording.error(f"apps are made on the server: hookrunner apps create {typed.app}")], 1)
    # -I: nothing of the environment or the working directory decides what is imported.
    _become([sys.executable, "-I", "-m", "hookrunner", "--config", str(session.config), *typed.argv], session.key)


def _become(argv: list[str], key: Key) -> NoReturn:
    """Run the program in place of this process."""
    limit = {} if key.apps is None else {keys.APPS: ",".join(key.limit)}
    processes.become(argv, {**os.environ, **limit})


def _fresh_environment() -> None:
    """Leave nothing in the environment that the client could have sent, for this process and what comes of it."""
    user = pwd.getpwuid(os.geteuid())
    kept = {name: os.environ[name] for name in _OF_SSHD if name in os.environ}
    os.environ.clear()
    os.environ.update(kept, PATH=processes.PATH, LANG="C.UTF-8")
    os.environ.update(HOME=user.pw_dir, USER=user.pw_name, LOGNAME=user.pw_name)


def _help(key: Key) -> int:
    rows = [(rule.usage, rule.does) for rule in remote.RULES if key.apps is None or not rule.only_for_all]
    width = max(len(usage) for usage, _ in rows if len(usage) <= _WIDEST)
    text = ["over SSH, with a key of this server:", ""]
    text += ["  git push git@SERVER:APP main".ljust(width + 4) + "deploy; the app is made with its first push", ""]
    for usage, does in rows:
        text += [f"  {usage}", f"  {'':{width}}  {does}"] if len(usage) > width else [f"  {usage:{width}}  {does}"]
    sys.stdout.write("".join(f"{line}\n" for line in text))
    return 0


def _help_hint() -> Line:
    return wording.hint("ssh git@SERVER help lists what can be typed")


def _say(lines: list[Line]) -> None:
    from hookrunner.cli.output import say_all

    say_all(lines)
