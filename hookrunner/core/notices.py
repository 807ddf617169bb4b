"""What the owner is told of, once: a first failure, an expiry ahead, a recovery."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from hookrunner.core import renewal
from hookrunner.model import times
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import AppName, Domain
from hookrunner.model.obstacle import Obstacle


class Event(StrEnum):
    """Why the owner's program is called."""

    FAILURE = "failure"
    EXPIRY = "expiry"
    RECOVERY = "recovery"


class Health(NamedTuple):
    """How one name stands that is to have HTTPS."""

    domain: Domain
    certificate: Certificate | None
    obstacle: Obstacle | None

    def is_failing(self, now: datetime) -> bool:
        """Whether it lacks a certificate that it should have, or a renewal that is due."""
        if self.certificate is None or renewal.due(self.certificate) <= now:
            return self.obstacle is not None
        return False

    def expires_soon(self, now: datetime) -> bool:
        """Whether its certificate may end before it is renewed."""
        return self.certificate is not None and renewal.warning(self.certificate) <= now


class Told(NamedTuple):
    """What the owner knows of one name."""

    failing: bool = False
    expiry: str = ""  # the end of the certificate's life that was spoken of

    @property
    def is_bad(self) -> bool:
        """Whether there is something to recover from."""
        return self.failing or bool(self.expiry)


def news(
    healths: Iterable[Health], told: Mapping[Domain, Told], now: datetime
) -> tuple[dict[Event, list[Health]], dict[Domain, Told]]:
    """What to tell, and what will have been told then. The same is never told twice."""
    events: dict[Event, list[Health]] = {}
    after: dict[Domain, Told] = {}
    for health in healths:
        before = told.get(health.domain, Told())
        failing, expires = health.is_failing(now), health.expires_soon(now)
        end = times.written(health.certificate.not_after) if health.certificate else ""
        then = Told(before.failing or failing, end if expires else before.expiry)
        if failing and not before.failing:
            events.setdefault(Event.FAILURE, []).append(health)
        if expires and end != before.expiry:
            events.setdefault(Event.EXPIRY, []).append(health)
        if before.is_bad and health.certificate and not failing and not expires:
            events.setdefault(Event.RECOVERY, []).append(health)
            then = Told()
        if then != before:
            after[health.domain] = then
    return events, after


def document(event: Event, app: AppName, healths: Iterable[Health], now: datetime) -> dict[str, Any]:
    """What the program reads on its standard input."""
    return {
        "schema": 1,
        "event": str(event),
        "app": str(app),
        "at": times.written(now),
        "domains": [_name(health) for health in healths],
    }


def _name(health: Health) -> dict[str, Any]:
    obstacle, certificate = health.obstacle, health.certificate
    return {
        "name": str(health.domain),
        "kind": obstacle.kind if obstacle else None,
        "why": obstacle.why if obstacle else None,
        "hints": [" ".join(filter(None, one)) for one in obstacle.advice] if obstacle else [],
        "since": times.written(obstacle.since) if obstacle else None,
        "next_try": times.written(obstacle.until) if obstacle and obstacle.until else None,
        "not_after": times.written(certificate.not_after) if certificate else None,
    }
