"""When `renew` ran last, and whether it went well."""

from datetime import datetime
from typing import NamedTuple

from hookrunner.edges.records import Store
from hookrunner.model import times

_KEY = "runs/renew"


class Run(NamedTuple):
    """One run over all apps."""

    ended: datetime
    failed: bool


def ended(store: Store, run: Run) -> None:
    """Write down that it came to its end."""
    store.put(_KEY, {"ended": times.written(run.ended), "failed": run.failed})


def last(store: Store) -> Run | None:
    """The last one; None before the first."""
    record = store.get(_KEY)
    return Run(times.read(record.value["ended"]), record.value["failed"]) if record else None
