"""Everything of one app in one archive: for a move to another server, or away."""

import io
import json
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, NamedTuple

import toml

from hookrunner.core import refs
from hookrunner.edges import apps, deploys
from hookrunner.edges.git import Repository
from hookrunner.edges.publisher import InProcess
from hookrunner.edges.records import Store
from hookrunner.model.names import AppName
from hookrunner.model.publication import CertificateId
from hookrunner.model.registration import MANIFEST, Registration
from hookrunner.model.server import Settings

_PRIVATE, _PUBLIC = 0o600, 0o644
_README = """\
The app {app} of a server with hookrunner, as it was on {day}.

On another server with hookrunner, as root:

    hookrunner certificates import {app}/certificates
    hookrunner apps create {app}{options}

From here, with a key of that server:

    git clone --mirror {app}/repository.bundle {app}.git
    git -C {app}.git push git@SERVER:{app} {branch}

(What it never had, certificates or commits, is not here; those lines are left out then.)

settings.toml is what the old server's settings say of the app; nginx.conf is what its nginx was told, and nginx/ what
its owner had added. The keys in certificates/ are secrets.
"""


class Entry(NamedTuple):
    """A file of the archive; its content, or the file that has it."""

    name: str
    content: str | Path
    mode: int = _PUBLIC


def secrets(app: AppName, settings: Settings, publisher: InProcess) -> list[Entry]:
    """The app's certificates with their keys, called as certbot does, and its owner's lines. For root alone."""
    pairs = publisher.pairs(app).items()
    return [entry for one, pair in pairs for entry in _pair(one, *pair)] + _own_lines(app, settings)


def archive(
    app: AppName, kept: Sequence[Entry], out: IO[bytes], *,
    settings: Settings, settings_text: str, store: Store, repository: Repository, now: datetime,
) -> None:  # fmt: skip
    """Write the archive, a tar file, to ``out``; ``kept`` is of :func:`secrets`."""
    registration = apps.get(store, app)
    assert registration  # noqa: S101 (whoever calls has looked)
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=out, mode="w|") as tar:
        bundle = Path(folder, "repository.bundle")
        has_commits = repository.bundle(bundle)
        entries = [*_words(registration, settings_text, store, repository, now), *_nginx(app, settings), *kept]
        for entry in [*entries, *([Entry("repository.bundle", bundle)] * has_commits)]:
            _add(tar, entry._replace(name=f"{app}/{entry.name}"), now)


def _pair(certificate: CertificateId, chain: str, key: str) -> Iterator[Entry]:
    folder = f"certificates/{certificate.domain.name.replace('*', '_')}"
    yield Entry(f"{folder}/fullchain.pem", chain)
    yield Entry(f"{folder}/privkey.pem", key, _PRIVATE)


def _own_lines(app: AppName, settings: Settings) -> list[Entry]:
    files = sorted((settings.nginx.sites / f"{app}.d").glob("*.conf"))
    return [Entry(f"nginx/{app}.d/{file.name}", file.read_text(errors="replace"), _PRIVATE) for file in files]


def _nginx(app: AppName, settings: Settings) -> Iterator[Entry]:
    file = settings.nginx.sites / f"{app}.conf"
    if file.exists():
        yield Entry("nginx.conf", file.read_text(errors="replace"))


def _words(
    registration: Registration, settings_text: str, store: Store, repository: Repository, now: datetime
) -> Iterator[Entry]:
    app, live, branch = registration.app, deploys.publication(store, registration.app), refs.short(repository.head())
    options = f" --branch {branch}" if registration.has_branch or branch not in ("main", "master") else ""
    options += f" --manifest {registration.manifest}" if registration.manifest != MANIFEST else ""
    yield Entry("README.txt", _README.format(app=app, day=f"{now:%Y-%m-%d}", options=options, branch=branch))
    facts = {
        "name": str(app),
        "branch": branch,
        "manifest": registration.manifest,
        "deploy": live[0].number if live else None,
        "commit": live[0].commit if live else None,
        "domains": [str(name.domain) for name in live[1].names] if live else [],
    }
    yield Entry("app.json", json.dumps({"schema": 1, "app": facts}, indent=2) + "\n")
    own = _own_settings(app, settings_text)
    if own:
        yield Entry("settings.toml", own)


def _own_settings(app: AppName, text: str) -> str:
    import tomllib

    table = tomllib.loads(text).get("apps", {}).get(str(app), {})
    return toml.dumps({"apps": {str(app): table}}) if table else ""


def _add(tar: tarfile.TarFile, entry: Entry, now: datetime) -> None:
    header = tarfile.TarInfo(entry.name)
    header.mode, header.mtime = entry.mode, int(now.timestamp())
    if isinstance(entry.content, Path):
        header.size = entry.content.stat().st_size
        with entry.content.open("rb") as file:
            tar.addfile(header, file)
    else:
        content = entry.content.encode()
        header.size = len(content)
        tar.addfile(header, io.BytesIO(content))
