"""Whether the machine does what has to be done again and again: renewals, and what they need of files and disks."""

import os
import shlex
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from hookrunner.core import keys as grammar
from hookrunner.core import setup, units
from hookrunner.core.findings import Finding, found
from hookrunner.core.setup import File, Running
from hookrunner.edges import host, runs
from hookrunner.edges import keys as there
from hookrunner.flows.doctor.patient import Patient

_LATE = timedelta(hours=1)  # without a run of `renew`
_LITTLE = 200 << 20  # bytes that have to be free
_FEW = 1000  # files that have to fit
_TIMER = f"{units.RENEW}.timer"


def renewals(patient: Patient) -> Iterator[Finding]:
    """Whether `renew` runs, by the timer or by whatever the owner has."""
    if patient.facts and host.differs(Running(_TIMER)) == "not running":
        yield found("the timer does not run: nothing is renewed", f"systemctl enable --now {_TIMER}")
        return
    log = f"journalctl -u {units.RENEW} -n 50" if patient.facts else "hookrunner renew shows why"
    last = runs.last(patient.store)
    start = (
        f"systemctl start {units.RENEW}" if patient.facts else "have cron run it every five minutes: hookrunner renew"
    )
    if last is None:
        created = [one.created for one in patient.registrations.values()]
        if patient.publications and patient.now - min(created) > _LATE:
            yield found("renew has never run: nothing is renewed", start)
    elif patient.now - last.ended > _LATE:
        yield found(f"renew ran last at {last.ended:%Y-%m-%d %H:%M} UTC", start, log)
    elif last.failed:
        yield found(f"the run of renew at {last.ended:%Y-%m-%d %H:%M} UTC failed", log)


def files(patient: Patient) -> Iterator[Finding]:
    """Whether files, folders, owners, modes and units are as `setup` makes them, or as the user needs them."""
    if patient.facts:
        for section in setup.sections(patient.facts):
            for item in section.items:
                if item != Running(_TIMER) and (differed := host.differs(item)):
                    what = str(item.path) if isinstance(item, File) else str(item)
                    yield found(f"{what}: {differed}", "hookrunner setup")
        return
    settings = patient.settings
    for folder in (settings.repositories, settings.apps_folder, settings.records, settings.challenges):
        if not folder.is_dir():
            yield found(f"{folder} is missing", "hookrunner init")
        elif not os.access(folder, os.W_OK | os.X_OK):
            yield found(f"{folder} cannot be written by this user", f"chown -R $USER {shlex.quote(str(folder))}")
    if settings.records.is_dir() and settings.records.stat().st_mode & 0o077:
        yield found(f"{settings.records} can be read by others", f"chmod 700 {shlex.quote(str(settings.records))}")


def keys(patient: Patient) -> Iterator[Finding]:
    """Whether anybody may push, and whether a key's limit holds."""
    if patient.facts is None:
        return
    every = list(grammar.read(there.text(patient.facts.place.keys)))
    if not every:
        yield found("no key may push", "hookrunner keys add you@laptop < id_ed25519.pub")
    for key in every:
        wide = [app for app in sorted(key.apps or ()) if patient.settings.app(app).may_name_any]
        for app in wide:
            yield found(
                f"the key {key.name} is limited to {app}, which may name any domain: it can change nothing there",
                f'write into {patient.config}, under [apps.{app}]: allowed_domains = ["…"]',
            )


def disk(patient: Patient) -> Iterator[Finding]:
    """Whether there is room, in bytes and in files."""
    seen: set[int] = set()
    settings = patient.settings
    for folder in (settings.state, settings.records, settings.apps_folder, settings.certificates, settings.nginx.sites,
                   Path("/tmp")):  # fmt: skip  # noqa: S108 (nothing is written there)
        if not folder.exists() or folder.stat().st_dev in seen:
            continue
        seen.add(folder.stat().st_dev)
        facts = os.statvfs(folder)
        if facts.f_flag & os.ST_RDONLY:
            yield found(f"the file system of {folder} is read-only", "dmesg says why", f"mount -o remount,rw {folder}")
        elif (free := facts.f_bavail * facts.f_frsize) < _LITTLE:
            yield found(f"{free >> 20} MB are left on the disk of {folder}", f"df -h {folder}", "make room there")
        elif facts.f_files > 0 and facts.f_favail < _FEW:
            yield found(f"the disk of {folder} takes {facts.f_favail} files more", f"df -i {folder}", "make room there")
