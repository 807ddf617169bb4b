"""The way into root's room: one JSON document in, one out. Everything is parsed again, whoever sent it."""

import fcntl
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hookrunner import durable
from hookrunner.model.app import Upstream
from hookrunner.model.names import AppName, Domain, Invalid
from hookrunner.model.publication import (
    CertificateId,
    CsrRequest,
    Publication,
    Published,
    Reason,
    Refused,
)
from hookrunner.model.server import Settings
from hookrunner.publisher import leaves, render
from hookrunner.publisher.keys import KeyFolder, KeyLost
from hookrunner.publisher.nginx import Outcome, Server
from hookrunner.publisher.undo import Undo

DEFAULT_FILE = "00-hookrunner.conf"


@dataclass(frozen=True, slots=True)
class Holders:
    """Who holds what, as the records say."""

    domains: Mapping[Domain, AppName]
    upstreams: Mapping[str, AppName]


class Door:
    """Answers requests for keys and publications. ``holders`` reads the claims, each time anew."""

    def __init__(self, settings: Settings, holders: Callable[[], Holders]) -> None:
        self._settings = settings
        self._holders = holders
        self._keys = KeyFolder(settings.certificates)
        self._nginx = Server(settings.nginx)

    def answer(self, request: object) -> dict[str, Any]:
        """The answer to one request: ``{"csr": […]}``, ``{"published": …}`` or ``{"refused": …}``.

        A request that is none is refused; nothing that is asked can raise :class:`Invalid` out of here.
        """
        try:
            match request:
                case {"csr": list(wanted), **rest} if not rest:
                    return {"csr": self._csrs([CsrRequest.from_json(one) for one in wanted])}
                case {"publish": document, **rest} if not rest:
                    answer = self._publish(Publication.from_json(document))
                    return {"published" if isinstance(answer, Published) else "refused": answer.to_json()}
                case _:
                    raise Invalid("not a request that the publisher knows")
        except Invalid as error:
            return {"refused": Refused(Reason.REQUEST, (str(error),)).to_json()}

    def _csrs(self, requests: list[CsrRequest]) -> list[str]:
        domains = self._holders().domains
        for request in requests:
            if unclaimed := [name for name in (request.certificate.domain, *request.names) if name not in domains]:
                raise Invalid(f"no app holds {unclaimed[0]}")
        with self._alone():
            return [self._keys.csr(request) for request in requests]

    def _publish(self, publication: Publication) -> Published | Refused:
        holders = self._holders()
        self._check(publication, holders)
        with self._alone(), Undo() as undo:
            try:
                changed = self._install(publication, undo)
            except KeyLost as error:
                lost = CertificateId.parse(str(error))
                return Refused(Reason.KEY, (f"the key of {lost.domain} is gone",), (lost,))
            file = self._settings.nginx.sites / f"{publication.app}.conf"
            if changed or not self._is_published(publication, file):
                answer = self._reload_with(publication, holders, file, undo)
            else:
                answer = Published(0, {})
            if isinstance(answer, Refused):
                return answer
            self._switch(publication)
            undo.keep()
            for certificate in changed:
                self._keys.prune(certificate)
        return answer

    def _check(self, publication: Publication, holders: Holders) -> None:
        if len({name.domain for name in publication.names}) != len(publication.names):
            raise Invalid("a domain is named twice")
        for name in publication.names:
            if holders.domains.get(name.domain) != publication.app:
                raise Invalid(f"{name.domain} is not claimed by {publication.app}")
            if name.certificate and name.certificate not in publication.chains:
                raise Invalid(f"the chain of {name.certificate} is missing")
        for certificate in publication.chains:
            if holders.domains.get(certificate.domain) != publication.app:
                raise Invalid(f"the certificate {certificate} is not of a domain of {publication.app}")
        for upstream in publication.upstreams:
            if holders.upstreams.get(upstream.claim) != publication.app:
                raise Invalid(f"{upstream} is not claimed by {publication.app}")
        for site in publication.sites:
            if isinstance(site.content, Upstream):
                continue
            release = self._settings.releases(publication.app) / publication.release
            if not _is_folder(release / site.content.path):
                raise Invalid(f"{site.content} is no folder of release {publication.release}")

    def _install(self, publication: Publication, undo: "Undo") -> list[CertificateId]:
        """Put the chains beside their keys; the certificates whose pair in use is another now."""
        changed: list[CertificateId] = []
        for certificate, chain in publication.chains.items():
            served = frozenset(name.domain for name in publication.names if name.certificate == certificate)
            if swap := self._keys.install(certificate, chain, served):
                undo.swapped(swap)
                changed.append(certificate)
        return changed

    def _is_published(self, publication: Publication, file: Path) -> bool:
        try:
            text = file.read_text()
        except FileNotFoundError:
            return False
        made_from = render.inputs(publication, self._settings)
        return render.is_made_from(text, made_from) and self._nginx.answers(_generation(self._default_file))

    @property
    def _default_file(self) -> Path:
        return self._settings.nginx.sites / DEFAULT_FILE

    def _reload_with(self, publication: Publication, holders: Holders, file: Path, undo: "Undo") -> Published | Refused:
        """Write, test, reload, and see the new workers answer. When it returns a refusal, the files are put back."""
        from concurrent.futures import ThreadPoolExecutor  # most pushes change content alone

        version = self._nginx.version()
        generation = os.urandom(16).hex()
        undo.write(file, render.app_file(publication, self._settings, version))
        undo.write(
            self._default_file,
            render.default_file(self._settings, version, generation=generation, names=_names(holders)),
        )
        tested = self._nginx.test()
        if not tested.ok:
            undo.back()
            if not tested.called:
                return Refused(Reason.PROGRAM, tested.words)
            without = self._nginx.test()
            return Refused(Reason.TEST if without.ok else Reason.FOREIGN, tested.words if without.ok else without.words)
        if ours := sorted(name.domain for name in publication.names if str(name.domain) in tested.clashes):
            words = tuple(self._where_else(domain, file) for domain in ours)
            undo.back()
            return Refused(Reason.CONFLICT, words)
        reloaded = self._nginx.reload()
        if reloaded.ok:
            with ThreadPoolExecutor(1) as beside:  # most of both is waiting
                checked = beside.submit(
                    leaves.check, publication, self._nginx.address(), self._settings.nginx.https_port
                )
                if self._nginx.runs(generation, reading=reloaded.took):
                    return Published(1, checked.result())
        undo.back()
        self._nginx.reload()
        return Refused(Reason.RELOAD if reloaded.called else Reason.PROGRAM, _why_not_reloaded(reloaded))

    def _where_else(self, domain: Domain, file: Path) -> str:
        others = self._nginx.files_with(domain, but=str(file))
        return f"{domain} is in {', '.join(others) or 'another nginx file'} too"

    def _switch(self, publication: Publication) -> None:
        link = self._settings.current(publication.app)
        target = f"releases/{publication.release}"
        if not link.is_symlink() or str(link.readlink()) != target:
            durable.link(link, target)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._settings.certificates.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(self._settings.certificates / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


def _is_folder(path: Path) -> bool:
    """Whether it is one that an nginx file can name; a path too long for the disk, or no UTF-8, is none."""
    try:
        str(path).encode()
        return path.is_dir()
    except (OSError, UnicodeEncodeError):
        return False


def _names(holders: Holders) -> set[str]:
    return {domain.name for domain in holders.domains}


def _generation(default_file: Path) -> str:
    """The generation that the file has written down: what nginx runs, unless a reload was missed."""
    try:
        found = re.search(r"location = /([0-9a-f]{32}) ", default_file.read_text())
    except FileNotFoundError:
        return ""
    return found[1] if found else ""


def _why_not_reloaded(reloaded: Outcome) -> tuple[str, ...]:
    if not reloaded.ok:
        return reloaded.words
    return ("the reload was accepted, but the old workers went on", "nginx's error log says why")


def prepare(settings: Settings, holders: Holders) -> list[Path]:
    """Make the publisher's folders and the default nginx file: files alone, nothing is tested or reloaded."""
    made = durable.folders({settings.certificates: 0o700, settings.nginx.sites: 0o755})
    file = settings.nginx.sites / DEFAULT_FILE
    if not file.exists():
        made.append(file)
    version = Server(settings.nginx).version()
    generation = _generation(file) or os.urandom(16).hex()
    text = render.default_file(settings, version, generation=generation, names=_names(holders))
    durable.replace(file, text.encode(), 0o644)
    return made
