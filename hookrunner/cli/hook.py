"""What git's hooks call. On the way of every push, so it imports late and goes past click."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hookrunner.cli import files
from hookrunner.cli.files import Unusable
from hookrunner.core import wording
from hookrunner.core.refs import Update, parse_updates
from hookrunner.core.wording import Line
from hookrunner.edges.git import Repository
from hookrunner.edges.processes import ProgramFailed
from hookrunner.edges.records import FileStore
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
            raise Unusable([wording.error(f'"{name}" is not a hook; the hooks are {" and ".join(NAMES)}')])
        updates = parse_updates(sys.stdin.buffer.read().decode("utf-8", "surrogateescape"))
        settings = files.load(files.config_path(config))
        repository = Repository(Path(os.environ.get("GIT_DIR", ".")), in_quarantine=name == "pre-receive")
        run = _pre_receive if name == "pre-receive" else _post_receive
        return run(repository, updates, _app(repository, app), settings)
    except Unusable as error:
        _say_all(error.lines)
        return error.status
    except NoApp as error:
        _say_all([wording.error(str(error)), wording.hint("on the server: hookrunner apps list")])
        return 1
    except (ProgramFailed, OSError) as error:
        _say_all([wording.error(str(error))])
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
    store = FileStore(settings.records)
    lines = receive.check(repository, updates, app=app, settings=settings, store=store)
    _say_all(lines)
    return 1 if lines else 0


def _post_receive(repository: Repository, updates: list[Update], app: AppName, settings: Settings) -> int:
    from hookrunner.cli.detached import run_detached, show

    now = datetime.now(UTC)
    deploy = receive.record(repository, updates, app=app, store=FileStore(settings.records), now=now)
    if deploy is None:
        return 0
    log = settings.log(app, deploy.number)
    wake = run_detached(log, lambda printer: _deploy(deploy, repository, settings, now, printer))
    show(log, wake)
    return 0


def _deploy(deploy: "Deploy", repository: Repository, settings: Settings, now: datetime, printer: "Printer") -> None:
    from hookrunner.cli.deploying import run

    run(deploy, repository, settings, now, printer)


def _say_all(lines: list[Line]) -> None:
    if lines:
        from hookrunner.cli.output import say_all  # a push that is accepted says nothing

        say_all(lines)
