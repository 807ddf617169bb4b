"""What git's hooks call. On the way of every push, so it imports late and goes past click."""

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hookrunner.cli import files
from hookrunner.cli.files import Unusable
from hookrunner.core import wording
from hookrunner.core.options import Options
from hookrunner.core.refs import Update, parse_updates
from hookrunner.core.wording import Line
from hookrunner.edges.git import Repository
from hookrunner.edges.processes import ProgramFailed
from hookrunner.edges.records import Damaged, FileStore
from hookrunner.flows import receive
from hookrunner.flows.inspect import NoApp
from hookrunner.model.names import AppName, Invalid
from hookrunner.model.server import Settings

if TYPE_CHECKING:
    from hookrunner.cli.output import Printer
    from hookrunner.model.deploy import Deploy

NAMES = ("pre-receive", "post-receive")


def main(name: str, app: str | None, *, config: str | None) -> int:
    """Run one hook in the repository that git named; its exit status. Without ``app`` the repository says which."""
    try:
        if name not in NAMES:
            hint = wording.hint("hookrunner hooks install puts them where git calls them")
            raise Unusable([wording.error(f'"{name}" is not a hook; the hooks are {" and ".join(NAMES)}'), hint])
        updates = parse_updates(sys.stdin.buffer.read().decode("utf-8", "surrogateescape"))
        path = files.config_path(config)
        settings = files.load(path)
        repository = Repository(Path(os.environ.get("GIT_DIR", ".")), in_quarantine=name == "pre-receive")
        if name == "pre-receive":
            return _pre_receive(repository, updates, _app(repository, app), settings)
        return _post_receive(repository, updates, _app(repository, app), settings, path)
    except Unusable as error:
        _say_all(error.lines)
        return error.status
    except NoApp as error:
        _say_all([wording.error(str(error)), wording.hint("on the server: hookrunner apps list")])
        return 1
    except (ProgramFailed, Damaged, OSError) as error:
        from hookrunner.core import machine

        _say_all([*machine.trouble(error), *_what_now(name)])
        return 1
    except Exception as error:
        _say_all([wording.error(f"a defect of hookrunner: {type(error).__name__}: {error}")])
        return 1


def _app(repository: Repository, given: str | None) -> AppName:
    try:
        return AppName.parse(given or repository.config().get("app", ""))
    except Invalid as error:
        lines = [wording.error(f"{repository.path} is no app's repository: hookrunner.app is not set")]
        raise Unusable([*lines, wording.hint("on the server: hookrunner apps create")]) from error


def _pre_receive(repository: Repository, updates: list[Update], app: AppName, settings: Settings) -> int:
    lines = receive.check(
        repository,
        updates,
        app=app,
        settings=settings,
        store=FileStore(settings.records),
        options=Options.of(_push_options()),
        now=datetime.now(UTC),
    )
    _say_all(lines)
    return 1 if lines else 0


def _post_receive(repository: Repository, updates: list[Update], app: AppName, settings: Settings, config: Path) -> int:
    from hookrunner.cli.detached import run_detached, show
    from hookrunner.edges.people import person

    now, store, words = datetime.now(UTC), FileStore(settings.records), _push_options()
    who = person(os.environ, files.deploy_keys(config))
    deploy = receive.record(repository, updates, app=app, store=store, now=now, who=who, words=words)
    if deploy is None:
        options = Options.of(words)
        if options.skip_deploy:
            _say_all(list(receive.skipped(repository, updates, app=app, options=options, store=store)))
            return 0
        from hookrunner.flows import recover  # something else was pushed; perhaps a push before it came to nothing

        deploy = recover.lost(app, repository, store=store, now=now)
        if deploy is None:
            return 0
    queued, log = deploy, settings.log(app, deploy.number)
    wake = run_detached(log, lambda printer: _deploy(queued, repository, settings, now, printer))
    is_whole = show(log, wake)
    _say_all(list(_untold(queued, store, is_whole=is_whole)))
    return 0


def _untold(queued: "Deploy", store: FileStore, *, is_whole: bool) -> Iterator[Line]:
    """The verdict, where the log does not have it."""
    from hookrunner.edges import deploys

    deploy = deploys.get(store, queued.app, queued.number) or queued
    if deploy.is_open and not deploys.is_alive(store, deploy):
        yield wording.hint("it is taken up by the next run of `hookrunner renew`")
        yield wording.error(f"deploy {deploy.number} broke off: its process died")
    elif not is_whole:
        yield wording.error(f"the log of deploy {deploy.number} could not be written whole")
        yield wording.hint("on the server: df -h and df -i show what is full; make room there")
        yield wording.verdict(deploy)


def _push_options() -> tuple[str, ...]:
    """What the client gave with ``git push -o`` (githooks(5))."""
    count = os.environ.get("GIT_PUSH_OPTION_COUNT", "")
    return tuple(os.environ.get(f"GIT_PUSH_OPTION_{n}", "") for n in range(int(count) if count.isdecimal() else 0))


def _what_now(hook: str) -> list[Line]:
    """What became of the push when the hook could not do its work."""
    if hook == "pre-receive":
        return [wording.error("nothing was pushed, nothing was deployed; what is live goes on")]
    hint = "it is deployed by the next run of `hookrunner renew`, within minutes where a timer runs it"
    return [wording.hint(hint), wording.error("the push was taken and is not deployed yet; what was live goes on")]


def _deploy(deploy: "Deploy", repository: Repository, settings: Settings, now: datetime, printer: "Printer") -> None:
    from hookrunner.cli.deploying import run

    run(deploy, repository, settings, now, printer)


def _say_all(lines: list[Line]) -> None:
    if lines:
        from hookrunner.cli.output import say_all  # a push that is accepted says nothing

        say_all(lines)
