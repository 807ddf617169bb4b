"""The way into root's room: one JSON document in, one out. Everything is parsed again, whoever sent it."""

import fcntl
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hookrunner import durable
from hookrunner.model.app import MOST_LOCATIONS
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

        Requests are ``{"csr": […]}``, ``{"publish": …}`` and ``{"withdraw": app}``. Several apps at once,
        ``{"publish": […]}``, have ``{"answers": […]}``, one each.

        A request that is none is refused; nothing that is asked can raise :class:`Invalid` out of here.
        """
        try:
            match request:
                case {"csr": list(wanted), **rest} if not rest:
                    return {"csr": self._csrs([CsrRequest.from_json(one) for one in wanted])}
                case {"publish": list(documents), **rest} if not rest:
                    wanted = [Publication.from_json(document) for document in documents]
                    return {"answers": [_document(answer) for answer in self._publish_all(wanted)]}
                case {"publish": document, **rest} if not rest:
                    return _document(self._publish(Publication.from_json(document)))
                case {"withdraw": str(app), **rest} if not rest:
                    return _document(self._withdraw(AppName.parse(app)))
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
        with self._alone():
            return self._publish_one(publication, holders)

    def _publish_all(self, publications: list[Publication]) -> list[Published | Refused]:
        """One test and one reload for all of them; where that does not work, each by itself."""
        if len({publication.app for publication in publications}) != len(publications) or not publications:
            raise Invalid("names no app, or one twice")
        holders = self._holders()
        with self._alone():
            try:
                for publication in publications:
                    self._check(publication, holders)
                together = self._publish_together(publications, holders)
            except Invalid:
                together = None
            return together or [self._publish_or_refuse(publication, holders) for publication in publications]

    def _publish_or_refuse(self, publication: Publication, holders: Holders) -> Published | Refused:
        try:
            self._check(publication, holders)
        except Invalid as error:
            return Refused(Reason.REQUEST, (str(error),))
        return self._publish_one(publication, holders)

    def _publish_together(self, publications: list[Publication], holders: Holders) -> list[Published | Refused] | None:
        """All of them or None, and then nothing has changed."""
        with Undo() as undo:
            try:
                changed = [one for publication in publications for one in self._install(publication, undo)]
            except KeyLost:
                return None
            version = self._nginx.version()
            for publication in publications:
                undo.write(self._file(publication.app), render.app_file(publication, self._settings, version))
            answer = self._take_over(publications[0].app, publications, holders, undo)
            if isinstance(answer, Refused):
                return None
            for publication in publications:
                self._switch(publication)
            undo.keep()
            for certificate in changed:
                self._keys.prune(certificate)
        shares = ({name.domain for name in publication.names} for publication in publications)
        return [
            Published(answer.reloads, {domain: words for domain, words in answer.checked.items() if domain in mine})
            for mine in shares
        ]

    def _publish_one(self, publication: Publication, holders: Holders) -> Published | Refused:
        with Undo() as undo:
            try:
                changed = self._install(publication, undo)
            except KeyLost as error:
                lost = CertificateId.parse(str(error))
                return Refused(Reason.KEY, (f"the key of {lost.domain} is gone",), (lost,))
            file = self._file(publication.app)
            if changed or not self._is_published(publication, file):
                version = self._nginx.version()
                undo.write(file, render.app_file(publication, self._settings, version))
                answer = self._take_over(publication.app, [publication], holders, undo)
            else:
                answer = Published(0, {})
            if isinstance(answer, Refused):
                return answer
            self._switch(publication)
            undo.keep()
            for certificate in changed:
                self._keys.prune(certificate)
        return answer

    def _withdraw(self, app: AppName) -> Published | Refused:
        """Take the app out of nginx, and its links away; its certificates stay."""
        with self._alone(), Undo() as undo:
            answer: Published | Refused = Published(0, {})
            if self._file(app).exists():
                undo.remove(self._file(app))
                answer = self._take_over(app, [], self._holders(), undo)
            if isinstance(answer, Published):
                undo.keep()
                for link in (self._settings.current(app), self._settings.previous(app)):
                    link.unlink(missing_ok=True)
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
        if sum(published.site.locations for published in publication.sites) > MOST_LOCATIONS:
            raise Invalid(f"more than {MOST_LOCATIONS} locations")
        release = self._settings.releases(publication.app) / publication.release
        for folder in publication.folders:
            if not _is_folder(release / folder.path):
                raise Invalid(f"{folder} is no folder of release {publication.release}")

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

    def _file(self, app: AppName) -> Path:
        return self._settings.nginx.sites / f"{app}.conf"

    @property
    def _default_file(self) -> Path:
        return self._settings.nginx.sites / DEFAULT_FILE

    def _take_over(
        self, app: AppName, publications: Sequence[Publication], holders: Holders, undo: Undo
    ) -> Published | Refused:
        """Have nginx test the files as they are now, reload, and see the new workers answer.

        When it returns a refusal, the files are put back.
        """
        from concurrent.futures import ThreadPoolExecutor  # most pushes change content alone

        generation = os.urandom(16).hex()
        version, names = self._nginx.version(), _names(holders)
        undo.write(self._default_file, render.default_file(self._settings, version, generation=generation, names=names))
        served = [name.domain for publication in publications for name in publication.names]
        tested = self._nginx.test()
        if not tested.ok:
            undo.back()
            return self._blamed(app, tested)
        if ours := sorted(domain for domain in served if str(domain) in tested.clashes):
            words = tuple(self._where_else(domain, self._file(app)) for domain in ours)
            undo.back()
            return Refused(Reason.CONFLICT, words)
        reloaded = self._nginx.reload()
        if reloaded.ok:
            with ThreadPoolExecutor(1) as beside:  # most of both is waiting
                https = (self._nginx.address(), self._settings.nginx.https_port)
                checked = beside.submit(leaves.check, publications, *https)
                if self._nginx.runs(generation, reading=reloaded.took):
                    return Published(1, checked.result())
        undo.back()
        self._nginx.reload()
        return Refused(Reason.RELOAD if reloaded.called else Reason.PROGRAM, _why_not_reloaded(reloaded))

    def _blamed(self, app: AppName, tested: Outcome) -> Refused:
        """Whose fault it is that nginx does not pass its test; the files are put back already."""
        if not tested.called:
            return Refused(Reason.PROGRAM, tested.words)
        without = self._nginx.test()
        if not without.ok:
            return Refused(Reason.FOREIGN, without.words)
        is_owners = tested.words[0].startswith(f"{self._settings.nginx.sites / f'{app}.d'}/")
        return Refused(Reason.OWN_LINES if is_owners else Reason.TEST, tested.words)

    def _where_else(self, domain: Domain, file: Path) -> str:
        others = self._nginx.files_with(domain, but=str(file))
        return f"{domain} is in {', '.join(others) or 'another nginx file'} too"

    def _switch(self, publication: Publication) -> None:
        # The one before comes first, so that there is no moment in which its files are in neither.
        _point(self._settings.previous(publication.app), publication.previous)
        _point(self._settings.current(publication.app), publication.release)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._settings.certificates.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(self._settings.certificates / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


def _document(answer: Published | Refused) -> dict[str, Any]:
    return {"published" if isinstance(answer, Published) else "refused": answer.to_json()}


def _point(link: Path, release: str | None) -> None:
    target = f"releases/{release}" if release else None
    before = str(link.readlink()) if link.is_symlink() else None
    if target and target != before:
        durable.link(link, target)
    elif before and not target:
        link.unlink()


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
