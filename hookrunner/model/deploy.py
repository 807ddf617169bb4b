"""One run for one commit: its record, and the states it goes through."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Self

from hookrunner.model import times
from hookrunner.model.names import AppName


class State(StrEnum):
    """How far a deploy has come."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    PARTLY = "partly"  # live, with names that wait for their certificate
    FAILED = "failed"
    SUPERSEDED = "superseded"  # it waited, and a newer commit of its branch was deployed instead
    ABANDONED = "abandoned"  # its process died, or was broken off


class Cause(StrEnum):
    """What set a deploy in motion."""

    PUSH = "push"
    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    RENEW = "renew"


_LACKING: Mapping[str, Any] = {
    "seconds": None, "cause": "push", "who": {}, "options": (), "back_to": None, "tries": 1, "release": "",
    "names": (), "certificates": (),
}  # fmt: skip

OPEN = (State.QUEUED, State.RUNNING)
LIVE = (State.DONE, State.PARTLY)


class Person(NamedTuple):
    """Who asked for a deploy: not the commit's author, who could be anybody."""

    name: str = ""  # what is known: the key's comment, an address, a user of the server
    key: str = ""  # the fingerprint of the SSH key, "SHA256:…"

    def __str__(self) -> str:
        return self.name or self.key


NOBODY = Person()


class Deploy(NamedTuple):
    """A deploy's record. It alone says what to do, so that any process can pick it up."""

    app: AppName
    number: int
    commit: str  # the full object id
    ref: str  # the branch it came by, or the revision that was asked for
    queued: datetime
    state: State = State.QUEUED
    started: datetime | None = None
    ended: datetime | None = None
    seconds: float | None = None  # how long it ran
    outcome: str = ""  # the verdict, in words
    why: str = ""  # what made it fail
    cause: Cause = Cause.PUSH
    who: Person = NOBODY
    options: tuple[str, ...] = ()  # the push options, as they were given
    back_to: int | None = None  # a rollback: the deploy whose release it takes
    tries: int = 1  # how many processes have died over it, and this one
    release: str = ""  # the folder that it has put live, "<deploy>-<commit>"
    names: tuple[str, ...] = ()  # the domains that it has put live
    certificates: tuple[str, ...] = ()  # the domains that were given a new certificate

    @property
    def short(self) -> str:
        """The commit as people write it."""
        return self.commit[:7]

    @property
    def own_release(self) -> str:
        """The name of the release folder that it makes."""
        return f"{self.number}-{self.commit}"

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.state in OPEN

    @property
    def was_live(self) -> bool:
        """Whether it put a release live, and nothing of it failed."""
        return self.state in LIVE and self.release != ""

    def at(self, state: State, **changes: Any) -> Self:
        """The record one state later."""
        return self._replace(state=state, **changes)

    def to_json(self) -> dict[str, Any]:
        """The JSON form; times as RFC 3339."""
        return {
            "app": str(self.app),
            "number": self.number,
            "commit": self.commit,
            "ref": self.ref,
            "queued": times.written(self.queued),
            "state": str(self.state),
            "started": times.written(self.started) if self.started else None,
            "ended": times.written(self.ended) if self.ended else None,
            "seconds": self.seconds,
            "outcome": self.outcome,
            "why": self.why,
            "cause": str(self.cause),
            "who": {"name": self.who.name, "key": self.who.key},
            "options": list(self.options),
            "back_to": self.back_to,
            "tries": self.tries,
            "release": self.release,
            "names": list(self.names),
            "certificates": list(self.certificates),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read a record that :meth:`to_json` made, now or before it had all of these facts."""
        data = {**_LACKING, **data}
        return cls(
            app=AppName.parse(data["app"]),
            number=data["number"],
            commit=data["commit"],
            ref=data["ref"],
            queued=times.read(data["queued"]),
            state=State(data["state"]),
            started=times.read(data["started"]) if data["started"] else None,
            ended=times.read(data["ended"]) if data["ended"] else None,
            seconds=data["seconds"],
            outcome=data["outcome"],
            why=data["why"],
            cause=Cause(data["cause"]),
            who=Person(**data["who"]),
            options=tuple(data["options"]),
            back_to=data["back_to"],
            tries=data["tries"],
            release=data["release"],
            names=tuple(data["names"]),
            certificates=tuple(data["certificates"]),
        )
