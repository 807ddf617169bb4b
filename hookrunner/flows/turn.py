"""A deploy's turn: one at a time for an app, in their order, and of several pushes that wait only the newest."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

from hookrunner.core import queueing, wording
from hookrunner.core.wording import Kind, Line
from hookrunner.edges import deploys
from hookrunner.edges.git import Repository
from hookrunner.edges.records import Busy, Store
from hookrunner.model.deploy import Cause, Deploy, State

_POLL = 0.05  # seconds between two looks


class NotNeeded(Exception):
    """The deploy is not carried out here; ``deploy`` is its record."""

    def __init__(self, deploy: Deploy) -> None:
        super().__init__(deploy.outcome)
        self.deploy = deploy


@contextmanager
def turn(
    wanted: Deploy, *, store: Store, repository: Repository, say: Callable[[Line], None], now: datetime
) -> Iterator[Deploy]:
    """Wait until nothing else works on the app; then hold its lock, with the record of the running deploy.

    Raises :class:`NotNeeded`: another process carried it out, a newer commit superseded it, or its app is gone.
    """
    with deploys.carried_out(store, wanted), ExitStack() as locks:
        said = False
        while True:
            mine = deploys.get(store, wanted.app, wanted.number)
            if mine is None:
                say(wording.error("the app was removed meanwhile, nothing was deployed"))
                raise NotNeeded(wanted.at(State.ABANDONED))
            others = [d for d in deploys.since(store, mine.app, mine.queued) if d.number != mine.number]
            if mine.state is State.QUEUED:
                mine = _superseded([mine, *others], repository, store) or mine
            if mine.state is not State.QUEUED:
                if mine.state is State.SUPERSEDED:
                    say(Line(Kind.WARNING, mine.outcome))
                raise NotNeeded(mine)
            if _is_first(mine, others, store):
                try:
                    lock = locks.enter_context(store.lock(f"apps/{mine.app}", wait=0))
                except Busy:
                    pass
                else:
                    running = mine.at(State.RUNNING, started=datetime.now(UTC) if said else now)
                    if lock.still_held() and deploys.advance(store, mine, running):
                        _bury(others, running, store)
                        yield running
                        return
                    locks.pop_all().close()
                    continue
            if not said:
                say(wording.detail(_waits(others)))
                said = True
            time.sleep(_POLL)


def _superseded(every: list[Deploy], repository: Repository, store: Store) -> Deploy | None:
    """Settle which of the waiting pushes are not needed any more; the first of them all, if it is one of those."""
    mine = every[0]
    pushes = [d for d in every if d.cause is Cause.PUSH and d.ref == mine.ref]
    if mine.cause is not Cause.PUSH or not any(d.is_open or (d.ended and d.ended >= mine.queued) for d in pushes[1:]):
        return None
    tip = repository.commit(mine.ref)
    settled: Deploy | None = None
    for waiting in (d for d in pushes if d.state is State.QUEUED):
        if by := queueing.superseded_by(waiting, [d for d in pushes if d is not waiting], tip):
            after = supersede(waiting, by, store)
            settled = after if waiting is mine else settled
    return settled


def supersede(waiting: Deploy, by: Deploy, store: Store) -> Deploy:
    """The record of a push that is not deployed because another one is."""
    text = f"deploy {waiting.number} is superseded by deploy {by.number} ({by.short})"
    after = waiting.at(State.SUPERSEDED, ended=datetime.now(UTC), outcome=text)
    deploys.advance(store, waiting, after)
    return after


def abandon(dead: Deploy, text: str, store: Store) -> None:
    """The record of a deploy that nobody carries out any more."""
    deploys.advance(store, dead, dead.at(State.ABANDONED, ended=datetime.now(UTC), outcome=text, why=text))


def _is_first(mine: Deploy, others: list[Deploy], store: Store) -> bool:
    return not any(deploys.is_alive(store, deploy) for deploy in queueing.ahead(mine, others))


def _bury(others: list[Deploy], running: Deploy, store: Store) -> None:
    """What is still open below the one that runs now was left by processes that died."""
    for dead in others:
        if dead.is_open and dead.number < running.number and not deploys.is_alive(store, dead):
            abandon(dead, f"deploy {dead.number} was abandoned: its process died", store)


def _waits(others: list[Deploy]) -> str:
    running = next((d for d in others if d.state is State.RUNNING), None)
    if running is None:
        return "waits for what works on the app now: another deploy, or its renewal"
    since = running.started or running.queued
    by = f" of {running.who}" if str(running.who) else ""
    return f"waits for deploy {running.number} ({running.short}){by}, running since {since:%H:%M:%S} UTC"
