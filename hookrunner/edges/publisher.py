"""The way to the publisher: in this process, or behind root's socket. Flows know the protocol alone."""

import json
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from hookrunner.edges.claims import read_claims
from hookrunner.edges.records import Store
from hookrunner.model.inspection import Inspection
from hookrunner.model.names import AppName
from hookrunner.model.publication import CertificateId, CsrRequest, Publication, Published, Refused, Restarted
from hookrunner.model.server import Settings

if TYPE_CHECKING:
    from hookrunner.publisher.changeover import Holders
    from hookrunner.publisher.door import Door


_TIMEOUT = 900  # seconds: two tests and two reloads of nginx at 120, and those of whoever comes before
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)  # seconds before another try


class PublisherError(Exception):
    """The publisher does not do what it was asked for, or is not there. The message says why."""


class Publisher(Protocol):
    """What serves: it alone has the keys and the web server's files."""

    def csrs(self, requests: Sequence[CsrRequest]) -> list[str]:
        """A CSR (PEM) for each request. Raises :class:`PublisherError`."""
        ...

    def publish(self, publication: Publication) -> Published | Refused:
        """Serve exactly this for the app, or change nothing."""
        ...

    def publish_all(self, publications: Sequence[Publication]) -> list[Published | Refused]:
        """Serve these, with one reload; an app whose publication is refused keeps what it has."""
        ...

    def get_ready(self) -> None:
        """Get ready to publish, while something else is waited for."""
        ...

    def withdraw(self, app: AppName) -> Published | Refused:
        """Serve nothing for the app any more, or change nothing."""
        ...

    def restart(self, app: AppName) -> Restarted | Refused:
        """Restart the systemd units that the settings list for the app."""
        ...

    def forget(self, certificates: Sequence[CertificateId]) -> list[CertificateId]:
        """Remove certificates with their keys; those that are gone then. One that nginx serves stays."""
        ...

    def inspect(self) -> Inspection:
        """What there is of nginx, its files and the certificates. Raises :class:`PublisherError`, OSError."""
        ...

    def recover(self) -> None:
        """Put back what a publisher that was killed left half done."""
        ...


class _Asking(ABC):
    """A publisher that is asked by JSON documents, whatever lies in between."""

    def csrs(self, requests: Sequence[CsrRequest]) -> list[str]:
        """See :meth:`Publisher.csrs`."""
        answer = self.ask({"csr": [request.to_json() for request in requests]})
        if "csr" not in answer:
            raise PublisherError("; ".join(Refused.from_json(answer["refused"]).words))
        return [str(csr) for csr in answer["csr"]]

    def publish(self, publication: Publication) -> Published | Refused:
        """See :meth:`Publisher.publish`."""
        return _outcome(self.ask({"publish": publication.to_json()}))

    def publish_all(self, publications: Sequence[Publication]) -> list[Published | Refused]:
        """See :meth:`Publisher.publish_all`."""
        if not publications:
            return []
        answer = self.ask({"publish": [publication.to_json() for publication in publications]})
        if "answers" not in answer:
            return [_outcome(answer) for _ in publications]
        return [_outcome(one) for one in answer["answers"]]

    def withdraw(self, app: AppName) -> Published | Refused:
        """See :meth:`Publisher.withdraw`."""
        return _outcome(self.ask({"withdraw": str(app)}))

    def restart(self, app: AppName) -> Restarted | Refused:
        """See :meth:`Publisher.restart`."""
        answer = self.ask({"restart": str(app)})
        return (
            Restarted.from_json(answer["restarted"]) if "restarted" in answer else Refused.from_json(answer["refused"])
        )

    def forget(self, certificates: Sequence[CertificateId]) -> list[CertificateId]:
        """See :meth:`Publisher.forget`."""
        answer = self.ask({"forget": [str(certificate) for certificate in certificates]})
        return [CertificateId.parse(one) for one in answer.get("forgotten", [])]

    def inspect(self) -> Inspection:
        """See :meth:`Publisher.inspect`."""
        return Inspection.from_json(self.ask({"inspect": True})["inspected"])

    def recover(self) -> None:
        """See :meth:`Publisher.recover`."""
        self.ask({"recover": True})

    @abstractmethod
    def ask(self, request: Any) -> dict[str, Any]:
        """The answer to one request, as JSON documents: see :meth:`hookrunner.publisher.door.Door.answer`."""


class InProcess(_Asking):
    """The publisher in this process, called through the same JSON documents as across a socket."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store

    def get_ready(self) -> None:
        """See :meth:`Publisher.get_ready`."""
        from hookrunner.publisher import render

        render.get_ready()

    def prepare(self) -> list[Path]:
        """Make the folders and the default nginx file; what was not there before. Only on the machine itself."""
        from hookrunner.publisher import default

        return default.prepare(self._settings, self._holders().names)

    def start(self) -> Refused | None:
        """Have nginx run with what :meth:`prepare` made. Only on the machine itself."""
        from hookrunner.publisher import default

        return default.start(self._settings)

    def is_served(self) -> bool:
        """Whether nginx runs with what :meth:`prepare` made."""
        from hookrunner.publisher import default

        return default.is_served(self._settings)

    def adopt(self, certificate: CertificateId, chain: str, key: str) -> None:
        """Keep a pair that was made elsewhere. Only on the machine itself."""
        self._door().adopt(certificate, chain, key)

    def pairs(self, app: AppName) -> dict[CertificateId, tuple[str, str]]:
        """The chains and keys that nginx has for an app. Only on the machine itself."""
        return self._door().pairs(app)

    def ask(self, request: Any) -> dict[str, Any]:
        """See :meth:`_Asking.ask`."""
        answer = self._door().answer(json.loads(json.dumps(request)))
        return dict(json.loads(json.dumps(answer)))

    def _door(self) -> "Door":
        from hookrunner.publisher.door import Door

        return Door(self._settings, self._holders)

    def _holders(self) -> "Holders":
        from hookrunner.publisher.changeover import Holders

        claims = read_claims(self._store)
        return Holders(claims.domains, claims.upstreams)


class Behind(_Asking):
    """Root's publisher behind its socket: one connection a request (see :mod:`hookrunner.publisher.service`)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get_ready(self) -> None:
        """See :meth:`Publisher.get_ready`: it is a process of its own."""

    def ask(self, request: Any) -> dict[str, Any]:
        """See :meth:`_Asking.ask`."""
        for pause in _PAUSES:
            answer = self._one(json.dumps(request).encode())
            if answer is not None:
                return self._read(answer)
            time.sleep(pause)
        raise PublisherError(f"root's publisher takes no request at {self._path}")

    def _one(self, request: bytes) -> bytes | None:
        """The answer; None where so many ask at once that systemd took this connection away, before anybody read it."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(_TIMEOUT)
                connection.connect(str(self._path))
                if not _received(connection, 1):
                    return None
                connection.sendall(request)
                connection.shutdown(socket.SHUT_WR)
                return b"".join(iter(lambda: connection.recv(1 << 16), b""))
        except TimeoutError as error:
            raise PublisherError(f"root's publisher did not answer within {_TIMEOUT} s") from error
        except OSError as error:
            raise PublisherError(f"root's publisher does not answer at {self._path}: {error.strerror}") from error

    def _read(self, answer: bytes) -> dict[str, Any]:
        if not answer:
            raise PublisherError("root's publisher broke off")
        document = dict(json.loads(answer))
        if "failed" in document:  # an error of the machine, as it would have been raised in this process
            raise OSError(*document["failed"])
        if "defect" in document:
            raise PublisherError(f"root's publisher broke off: {document['defect']}")
        return document


def publisher_of(settings: Settings, store: Store) -> Publisher:
    """The one that the settings name."""
    return Behind(settings.nginx.publisher) if settings.nginx.publisher else InProcess(settings, store)


def _received(connection: socket.socket, number: int) -> bytes:
    try:
        return connection.recv(number)
    except ConnectionResetError:
        return b""


def _outcome(answer: dict[str, Any]) -> Published | Refused:
    if "published" in answer:
        return Published.from_json(answer["published"])
    return Refused.from_json(answer["refused"])
