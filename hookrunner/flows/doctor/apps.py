"""Whether apps, repositories, hooks and nginx files belong together, and git does what it has to."""

import os
import pwd
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from hookrunner.core.findings import Finding, found
from hookrunner.edges import git
from hookrunner.edges.processes import ProgramFailed
from hookrunner.edges.shipped import shipped
from hookrunner.flows.create import HOOKS
from hookrunner.flows.doctor.patient import Patient
from hookrunner.model.inspection import Inspection
from hookrunner.model.names import AppName, Invalid

_OLDEST_GIT = (2, 28)  # the first with `init --initial-branch`


def orphans(patient: Patient) -> Iterator[Finding]:
    """What is left of apps that are none, and apps that lack something."""
    settings, known = patient.settings, set(patient.registrations)
    for folder in sorted(settings.repositories.glob("*.git")):
        app = _app(folder.stem)
        if app and app not in known:
            make = f"hookrunner hooks install {_quoted(folder)} --app {app}"
            yield found(f"{folder} belongs to no app", make, f"or: rm -r {_quoted(folder)}")
    for folder in sorted(settings.apps_folder.glob("*")):
        app = _app(folder.name)
        if app and app not in known:
            yield found(f"{folder} belongs to no app", f"rm -r {_quoted(folder)}")
    if isinstance(patient.inspection, Inspection):
        for name in patient.inspection.sites:
            if _app(name) not in known:
                file = settings.nginx.sites / f"{name}.conf"
                reload = shlex.join(settings.nginx.reload)
                yield found(f"nginx serves {name}, which is no app: {file}", f"rm {_quoted(file)}", reload)
    for app in sorted(patient.holders - known):
        again = (f"hookrunner apps create {app}", f"hookrunner apps remove {app}")
        yield found(f"{app} holds domains, and is no app", *again)
    for app, publication in patient.publications.items():
        if not (settings.current(app) / ".").is_dir():
            yield found(f"the live release of {app} is gone", f"hookrunner deploy {app}")
        elif (
            isinstance(patient.inspection, Inspection)
            and publication.names
            and str(app) not in patient.inspection.sites
        ):
            yield found(f"nginx has no file for {app}", f"hookrunner deploy {app}")


def hooks(patient: Patient) -> Iterator[Finding]:
    """Whether each repository calls us, as it was made to."""
    for app in patient.registrations:
        repository = patient.repository(app)
        again = f"hookrunner hooks install {_quoted(repository.path)} --app {app}"
        if not repository.path.is_dir():
            yield found(f"the repository of {app} is gone: {repository.path}", f"hookrunner apps remove {app}")
            continue
        if (owner := repository.path.stat().st_uid) != os.geteuid():
            user = pwd.getpwuid(os.geteuid()).pw_name
            whose = _user(owner)
            yield found(f"{repository.path} is {whose}'s", f"chown -R {user}: {_quoted(repository.path)}")
            continue
        if not repository.is_bare():
            yield found(
                f"git cannot read {repository.path}", f"git --git-dir {_quoted(repository.path)} fsck",
                "put it back from a backup", f"hookrunner apps remove {app}",
            )  # fmt: skip
            continue
        if elsewhere := repository.hooks_path():
            unset = f"git -C {_quoted(repository.path)} config --unset core.hooksPath"
            yield found(f"{repository.path} has its hooks in {elsewhere}", unset)
        for hook in HOOKS:
            if wrong := _wrong(repository.path / "hooks" / hook, shipped("hooks") / hook):
                yield found(f"the {hook} hook of {app} {wrong}", again)
        config = repository.config()
        wanted = {"app": str(app), "command": str(patient.command), "config": str(patient.config)}
        for key, value in wanted.items():
            if config.get(key) != value:
                yield found(
                    f"the hooks of {app} have hookrunner.{key} = {config.get(key) or 'nothing'}, not {value}", again
                )


def version(patient: Patient) -> Iterator[Finding]:
    """Whether git is new enough, and nobody told it to leave hooks out."""
    try:
        said = git.version()
    except ProgramFailed as error:
        yield found(f"git cannot be called: {error}", "apt install git")
        return
    numbers = re.search(r"(\d+)\.(\d+)", said)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < _OLDEST_GIT:
        yield found(f"{said} is too old", f"git {'.'.join(map(str, _OLDEST_GIT))} or later, from backports")
    for where, path in git.hooks_paths(patient.settings.repositories):
        yield found(f"git's {where} configuration has core.hooksPath = {path}: no hook of an app runs",
                    f"git config --{where} --unset core.hooksPath")  # fmt: skip


def _wrong(hook: Path, as_shipped: Path) -> str:
    if not hook.is_file():
        return "is gone"
    if hook.read_bytes() != as_shipped.read_bytes():
        return "was changed"
    return "" if os.access(hook, os.X_OK) else "cannot be run"


def _app(name: str) -> AppName | None:
    try:
        return AppName.parse(name)
    except Invalid:
        return None


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
