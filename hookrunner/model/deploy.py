"""One run for one commit: its record, and the states it goes through."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Self

from hookrunner.model import times
from hookrunner.model.names import AppName


class State(StrEnum):
    """How far a deploy has come. ``partly``: live, with names that wait for their certificate."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    PARTLY = "partly"
    FAILED = "failed"


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
    outcome: str = ""  # the verdict, in words
    why: str = ""  # what made it fail
    cause: str = "push"  # what set it in motion: push, deploy or renew

    @property
    def short(self) -> str:
        """The commit as people write it."""
        return self.commit[:7]

    @property
    def release(self) -> str:
        """The name of its release folder."""
        return f"{self.number}-{self.commit}"

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
            "outcome": self.outcome,
            "why": self.why,
            "cause": self.cause,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read a record that :meth:`to_json` made."""
        return cls(
            app=AppName.parse(data["app"]),
            number=data["number"],
            commit=data["commit"],
            ref=data["ref"],
            queued=times.read(data["queued"]),
            state=State(data["state"]),
            started=times.read(data["started"]) if data["started"] else None,
            ended=times.read(data["ended"]) if data["ended"] else None,
            outcome=data["outcome"],
            why=data["why"],
            cause=data.get("cause", "push"),
        )
