"""The way into root's room: one JSON document in, one out. Everything is parsed again, whoever sent it."""

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from hookrunner.model import allowance, wire
from hookrunner.model.app import MOST_LOCATIONS
from hookrunner.model.names import AppName, Domain, Invalid
from hookrunner.model.publication import CertificateId, CsrRequest, Publication, Published, Reason, Refused, Restarted
from hookrunner.model.server import Settings
from hookrunner.publisher import render, units
from hookrunner.publisher.acting import as_owner
from hookrunner.publisher.changeover import Changeover, Holders
from hookrunner.publisher.inspecting import inspect
from hookrunner.publisher.keys import KeyFolder
from hookrunner.publisher.tickets import Ticket, Tickets


class Door:
    """Answers requests for keys and publications. ``holders`` reads the claims, each time anew."""

    def __init__(self, settings: Settings, holders: Callable[[], Holders]) -> None:
        self._settings = settings
        self._holders = holders
        self._keys = KeyFolder(settings.certificates)
        self._tickets = Tickets(settings.certificates / ".waiting")

    def answer(self, request: object) -> dict[str, Any]:
        """The answer to one request: ``csr``, ``published``, ``restarted`` or ``refused``, with what belongs to it.

        Requests are ``{"csr": […]}``, ``{"publish": …}``, ``{"withdraw": app}``, ``{"restart": app}``,
        ``{"forget": […]}`` (certificates, ``forgotten``), ``{"recover": true}``, ``{"inspect": true}`` (``inspected``).
        Several apps at once, ``{"publish": […]}``, have ``{"answers": […]}``, one each.

        A request that is none is refused; nothing that is asked can raise :class:`Invalid` out of here.
        """
        try:
            match request:
                case {"csr": list(wanted), **rest} if not rest:
                    return {"csr": self._csrs([CsrRequest.from_json(one) for one in wanted])}
                case {"publish": list(documents), **rest} if not rest:
                    wanted = [Publication.from_json(document) for document in documents]
                    if len({publication.app for publication in wanted}) != len(wanted) or not wanted:
                        raise Invalid("names no app, or one twice")
                    return {"answers": self._in_turn(wanted)}
                case {"publish": document, **rest} if not rest:
                    return self._in_turn([Publication.from_json(document)])[0]
                case {"withdraw": str(app), **rest} if not rest:
                    with self._alone() as changeover:
                        return _document(changeover.withdraw(AppName.parse(app)))
                case {"restart": str(app), **rest} if not rest:
                    return _document(units.restart(self._settings.app(AppName.parse(app)).units))
                case {"forget": list(wanted), **rest} if not rest:
                    return {"forgotten": self._forget([CertificateId.parse(wire.text(one)) for one in wanted])}
                case {"recover": True, **rest} if not rest:
                    with self._alone():
                        return _document(Published(0, {}))
                case {"inspect": True, **rest} if not rest:
                    return {"inspected": inspect(self._settings, self._keys, self._holders().domains).to_json()}
                case _:
                    raise Invalid("not a request that the publisher knows")
        except Invalid as error:
            return {"refused": Refused(Reason.REQUEST, (str(error),)).to_json()}

    def adopt(self, certificate: CertificateId, chain: str, key: str) -> None:
        """Keep a pair that was made elsewhere. No request does this: a key never comes through the socket."""
        with self._locked(".keys"):
            self._keys.adopt(certificate, chain, key)

    def pairs(self, app: AppName) -> dict[CertificateId, tuple[str, str]]:
        """The chains and keys that nginx has for an app, for the owner of the machine. No request gets them."""
        found: dict[CertificateId, tuple[str, str]] = {}
        file = self._settings.nginx.sites / f"{app}.conf"
        for holding in render.holdings(file.read_text(errors="replace")) if file.exists() else ():
            with suppress(Invalid):  # a domain or an upstream
                certificate = CertificateId.parse(holding)
                if pair := self._keys.read(certificate):
                    found[certificate] = pair
        return found

    def _csrs(self, requests: list[CsrRequest]) -> list[str]:
        domains = self._holders().domains
        for request in requests:
            if request.certificate.domain not in domains:
                raise Invalid(f"no app holds {request.certificate.domain}")
            if unclaimed := [name for name in request.names if not _is_over(name, domains)]:
                raise Invalid(f"no app holds {unclaimed[0]}")
        with self._locked(".keys"):
            return [self._keys.csr(request) for request in requests]

    def _forget(self, certificates: list[CertificateId]) -> list[str]:
        """Remove those that nginx does not serve; what is gone then."""
        with self._alone() as changeover, self._locked(".keys"):
            served = changeover.held()
            gone = [certificate for certificate in certificates if str(certificate) not in served]
            for certificate in gone:
                self._keys.forget(certificate)
            return [str(certificate) for certificate in gone]

    def _in_turn(self, publications: list[Publication]) -> list[dict[str, Any]]:
        """One answer each. Whoever waits for this lock is served by whoever has it: one reload for all of them."""
        with self._tickets.draw([publication.to_json() for publication in publications]) as mine:
            with self._alone() as changeover:
                while mine.answer is None:
                    self._carry_out(self._tickets.waiting(), changeover)
            return list(mine.answer or [])

    def _carry_out(self, tickets: list[Ticket], changeover: Changeover) -> None:
        holders = self._holders()
        taken: list[tuple[Ticket, list[Publication]]] = []
        answers: dict[AppName, Published | Refused] = {}
        sound: dict[AppName, Publication] = {}
        for ticket in tickets:
            publications = [Publication.from_json(document) for document in ticket.request]
            if any(publication.app in answers or publication.app in sound for publication in publications):
                continue  # one after another, in turns of their own
            taken.append((ticket, publications))
            for publication in publications:
                try:
                    self._check(publication, holders)
                    sound[publication.app] = publication
                except Invalid as error:
                    answers[publication.app] = Refused(Reason.REQUEST, (str(error),))
        answers |= changeover.publish(list(sound.values()))
        for ticket, publications in taken:
            ticket.answer = [_document(answers[publication.app]) for publication in publications]

    def _check(self, publication: Publication, holders: Holders) -> None:
        app, own = publication.app, self._settings.app(publication.app)
        if len({name.domain for name in publication.names}) != len(publication.names):
            raise Invalid("a domain is named twice")
        if len(publication.names) > self._settings.limits.domains:
            raise Invalid(f"more than {self._settings.limits.domains} domains")
        for name in publication.names:
            if holders.domains.get(name.domain) != app:
                raise Invalid(f"{name.domain} is not claimed by {app}")
            _as_allowed(name.domain, lambda domain: allowance.check_domain(domain, app, own.allowed_domains))
            if name.certificate and name.certificate not in publication.chains:
                raise Invalid(f"the chain of {name.certificate} is missing")
        for certificate in publication.chains:
            if holders.domains.get(certificate.domain) != app:
                raise Invalid(f"the certificate {certificate} is not of a domain of {app}")
        reserved = self._settings.reserved_ports
        for upstream in publication.upstreams:
            if holders.upstreams.get(upstream.claim) != app:
                raise Invalid(f"{upstream} is not claimed by {app}")
            _as_allowed(upstream, lambda one: allowance.check_upstream(one, app, own.proxies, reserved))
        if sum(published.site.locations for published in publication.sites) > MOST_LOCATIONS:
            raise Invalid(f"more than {MOST_LOCATIONS} locations")
        release = self._settings.releases(app) / publication.release
        with as_owner(self._settings.apps_folder):
            missing = [folder for folder in publication.folders if not _is_folder(release / folder.path)]
        if missing:
            raise Invalid(f"{missing[0]} is no folder of release {publication.release}")

    @contextmanager
    def _alone(self) -> Iterator[Changeover]:
        with self._locked(".lock"):
            changeover = Changeover(self._settings, self._keys, self._holders())
            changeover.recover()
            yield changeover

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        self._settings.certificates.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(self._settings.certificates / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


def _document(answer: Published | Refused | Restarted) -> dict[str, Any]:
    match answer:
        case Published():
            return {"published": answer.to_json()}
        case Restarted():
            return {"restarted": answer.to_json()}
    return {"refused": answer.to_json()}


def _is_over(name: Domain, domains: Iterable[Domain]) -> bool:
    """Whether it is one of the domains, or what a wildcard certificate for one of them names beside it."""
    return any(domain.base == name.base or domain.base.endswith(f".{name.base}") for domain in domains)


_T = TypeVar("_T")


def _as_allowed(asked: _T, check: Callable[[_T], None]) -> None:
    try:
        check(asked)
    except Invalid as error:
        raise Invalid(f"{asked} {error}") from error


def _is_folder(path: Path) -> bool:
    """Whether it is one that an nginx file can name; a path too long for the disk, or no UTF-8, is none."""
    try:
        str(path).encode()
        return path.is_dir()
    except (OSError, UnicodeEncodeError):
        return False
