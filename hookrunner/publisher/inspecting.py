"""Looks at root's room for `doctor`, and changes nothing."""

import re
from collections.abc import Iterable, Iterator

from hookrunner.model.inspection import Inspection
from hookrunner.model.names import Domain, Invalid
from hookrunner.model.publication import CertificateId
from hookrunner.model.server import Settings
from hookrunner.publisher import default
from hookrunner.publisher.keys import KeyFolder
from hookrunner.publisher.nginx import Server

_SERVER_NAMES = re.compile(r"^[^#\n]*\bserver_name\s+([^;]*);", re.MULTILINE)


def inspect(settings: Settings, keys: KeyFolder, claimed: Iterable[Domain]) -> Inspection:
    """What is there; ``claimed`` are the names that apps hold."""
    server = Server(settings.nginx)
    version, (tested, texts) = server.version, server.read()
    sites = settings.nginx.sites
    return Inspection(
        version=".".join(map(str, version)) if any(version) else "",
        test=() if tested.ok else tested.words,
        is_included=str(default.file(settings)) in texts,
        is_served=default.is_served(settings),
        foreign=_foreign({path: text for path, text in texts.items() if not path.startswith(f"{sites}/")}, claimed),
        sites=tuple(sorted(file.stem for file in sites.glob("*.conf") if file.name != default.NAME)),
        pairs={one: keys.inspect(one) for one in _certificates(keys)},
    )


def _foreign(texts: dict[str, str], claimed: Iterable[Domain]) -> dict[Domain, tuple[str, ...]]:
    names = {path: set(_server_names(text)) for path, text in texts.items()}
    found = {domain: tuple(path for path in names if domain.name in names[path]) for domain in claimed}
    return {domain: files for domain, files in found.items() if files}


def _server_names(text: str) -> Iterator[str]:
    for found in _SERVER_NAMES.findall(text):
        for word in found.split():
            name = word.strip("\"'").lower()
            yield f"*{name}" if name.startswith(".") else name  # ".a.org" is a.org and *.a.org
            if name.startswith("."):
                yield name[1:]


def _certificates(keys: KeyFolder) -> Iterator[CertificateId]:
    for link in sorted(keys.root.glob("*/*/current")):
        authority, name = link.parent.parent.name, link.parent.name.replace("_", "*", 1)
        try:
            yield CertificateId(authority, Domain.parse(name))
        except Invalid:  # a folder of somebody else's
            continue
