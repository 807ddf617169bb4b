"""The way to the publisher: in this process, or (later) behind root's socket. Flows know the protocol alone."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from hookrunner.edges.claims import read_claims
from hookrunner.edges.records import Store
from hookrunner.model.names import AppName
from hookrunner.model.publication import CsrRequest, Publication, Published, Refused, Restarted
from hookrunner.model.server import Settings

if TYPE_CHECKING:
    from hookrunner.publisher.changeover import Holders


class PublisherError(Exception):
    """The publisher does not make a key for this."""


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

    def withdraw(self, app: AppName) -> Published | Refused:
        """Serve nothing for the app any more, or change nothing."""
        ...

    def restart(self, app: AppName) -> Restarted | Refused:
        """Restart the systemd units that the settings list for the app."""
        ...

    def recover(self) -> None:
        """Put back what a publisher that was killed left half done."""
        ...


class InProcess:
    """The publisher in this process, called through the same JSON documents as across a socket."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store

    def csrs(self, requests: Sequence[CsrRequest]) -> list[str]:
        """See :meth:`Publisher.csrs`."""
        answer = self._ask({"csr": [request.to_json() for request in requests]})
        if "csr" not in answer:
            raise PublisherError("; ".join(Refused.from_json(answer["refused"]).words))
        return [str(csr) for csr in answer["csr"]]

    def publish(self, publication: Publication) -> Published | Refused:
        """See :meth:`Publisher.publish`."""
        return _outcome(self._ask({"publish": publication.to_json()}))

    def publish_all(self, publications: Sequence[Publication]) -> list[Published | Refused]:
        """See :meth:`Publisher.publish_all`."""
        if not publications:
            return []
        answer = self._ask({"publish": [publication.to_json() for publication in publications]})
        if "answers" not in answer:
            return [_outcome(answer) for _ in publications]
        return [_outcome(one) for one in answer["answers"]]

    def withdraw(self, app: AppName) -> Published | Refused:
        """See :meth:`Publisher.withdraw`."""
        return _outcome(self._ask({"withdraw": str(app)}))

    def restart(self, app: AppName) -> Restarted | Refused:
        """See :meth:`Publisher.restart`."""
        answer = self._ask({"restart": str(app)})
        return (
            Restarted.from_json(answer["restarted"]) if "restarted" in answer else Refused.from_json(answer["refused"])
        )

    def recover(self) -> None:
        """See :meth:`Publisher.recover`."""
        self._ask({"recover": True})

    def prepare(self) -> list[Path]:
        """Make the folders and the default nginx file; what was not there before. Only on the machine itself."""
        from hookrunner.publisher import changeover

        return changeover.prepare(self._settings, self._holders())

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        from hookrunner.publisher.door import Door

        answer = Door(self._settings, self._holders).answer(json.loads(json.dumps(request)))
        return dict(json.loads(json.dumps(answer)))

    def _holders(self) -> "Holders":
        from hookrunner.publisher.changeover import Holders

        claims = read_claims(self._store)
        return Holders(claims.domains, claims.upstreams)


def _outcome(answer: dict[str, Any]) -> Published | Refused:
    if "published" in answer:
        return Published.from_json(answer["published"])
    return Refused.from_json(answer["refused"])
