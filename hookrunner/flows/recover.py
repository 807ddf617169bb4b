"""Finds what nobody carries out: deploys whose process died, and a branch that moved without its post-receive."""

import time
from collections.abc import Iterator
from datetime import datetime

from hookrunner.core import queueing
from hookrunner.core.queueing import Fate
from hookrunner.edges import deploys
from hookrunner.edges.git import Repository
from hookrunner.edges.records import Store
from hookrunner.flows.turn import abandon, supersede
from hookrunner.model.deploy import Deploy
from hookrunner.model.names import AppName

_REPORTING = 1.0  # seconds that receive-pack may take from the branch's move to post-receive


def recover(app: AppName, repository: Repository, *, store: Store, now: datetime) -> Iterator[Deploy]:
    """The queued deploys that somebody has to carry out now; what is obsolete is settled on the way."""
    recent = deploys.since(store, app, now)
    for dead in [d for d in recent if d.is_open and not deploys.is_alive(store, d)]:
        match queueing.fate(dead, recent):
            case Fate.RESUMED:
                yield dead
            case Fate.REPEATED:
                again = _again(dead, store, now)
                _died(dead, f", taken up again as deploy {again.number}", store)
                yield again
            case Fate.ENDED:
                if by := queueing.superseded_by(dead, recent, None):
                    supersede(dead, by, store)
                else:
                    _died(dead, "", store)
    if found := lost(app, repository, store=store, now=now):
        yield found


def lost(app: AppName, repository: Repository, *, store: Store, now: datetime) -> Deploy | None:
    """A deploy of what the branch holds, when it was pushed by a client that died before the hook was called."""
    ref = repository.head()
    tip = repository.commit(ref)
    if tip is None or not deploys.lost(store, app, ref, tip):
        return None
    time.sleep(_REPORTING)  # perhaps it is just being reported
    if repository.commit(ref) != tip or not deploys.lost(store, app, ref, tip):
        return None
    return deploys.queue(store, app, commit=tip, ref=ref, now=now)


def _again(dead: Deploy, store: Store, now: datetime) -> Deploy:
    return deploys.queue(
        store,
        dead.app,
        commit=dead.commit,
        ref=dead.ref,
        now=now,
        cause=dead.cause,
        who=dead.who,
        options=dead.options,
        back_to=dead.back_to,
        tries=dead.tries + 1,
    )


def _died(dead: Deploy, then: str, store: Store) -> None:
    abandon(dead, f"deploy {dead.number} was abandoned: its process died{then}", store)
