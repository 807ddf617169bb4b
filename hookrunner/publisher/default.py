"""The default server: the file of ours that nginx always has, and that tells which generation of all files it runs."""

import os
import re
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from hookrunner import durable
from hookrunner.model.publication import Reason, Refused
from hookrunner.model.server import Settings
from hookrunner.publisher import render
from hookrunner.publisher.nginx import Server, why_not_reloaded

NAME = "00-hookrunner.conf"


def file(settings: Settings) -> Path:
    """Where it is."""
    return settings.nginx.sites / NAME


def new_generation() -> str:
    """A generation that nginx cannot run yet."""
    return os.urandom(16).hex()


def generation(path: Path) -> str:
    """The generation that the file has written down: what nginx runs, unless a reload was missed."""
    try:
        found = re.search(r"location = /([0-9a-f]{32}) ", path.read_text(errors="replace"))
    except FileNotFoundError:
        return ""
    return found[1] if found else ""


def prepare(settings: Settings, names: Collection[str]) -> list[Path]:
    """Make the publisher's folders and the file: nothing is tested or reloaded. ``names`` are the domains of all apps.

    What was not there before.
    """
    made = durable.folders(
        {settings.certificates: 0o700, settings.nginx.sites: 0o755}
        | ({settings.nginx.logs: 0o755} if settings.nginx.logs else {})
    )
    path = file(settings)
    before = path.read_text(errors="replace") if path.exists() else None
    version, current = Server(settings.nginx).version, generation(path) or new_generation()
    text = render.default_file(settings, version, generation=current, names=names)
    if text != before:
        durable.replace(path, text.encode(), 0o644)
    return made if before is not None else [*made, path]


def start(settings: Settings) -> Refused | None:
    """Have nginx run with the file that is there: tested, reloaded or started anew, and seen to answer."""
    server, wanted = Server(settings.nginx), generation(file(settings))
    tested = server.test()
    if not tested.ok:
        return Refused(Reason.FOREIGN if tested.called else Reason.PROGRAM, tested.words)
    done = server.reload()
    # One address instead of all of them is what a reload accepts and does not take over.
    if (done.ok and server.runs(wanted, reading=done.took)) or server.restart().ok:
        done = replace(done, ok=server.runs(wanted, reading=done.took))
    return None if done.ok else Refused(Reason.RELOAD, why_not_reloaded(done))


def is_served(settings: Settings) -> bool:
    """Whether nginx runs the file that is there."""
    return Server(settings.nginx).answers(generation(file(settings)))
