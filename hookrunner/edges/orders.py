"""The orders that were placed, as records: what the CA counts against its limits."""

import os
from datetime import datetime

from hookrunner.core.budget import LONGEST_WINDOW, Spent
from hookrunner.edges.records import Store
from hookrunner.model import times
from hookrunner.model.names import AppName, Domain


def spent(store: Store, authority: str, now: datetime) -> list[Spent]:
    """The orders of the last week at this CA; older ones are dropped."""
    found: list[Spent] = []
    for record in store.list(f"orders/{authority}"):
        value = record.value
        at = times.read(value["at"])
        if at <= now - LONGEST_WINDOW:
            store.delete(record.key)
            continue
        found.append(
            Spent(
                at=at,
                app=AppName.parse(value["app"]),
                names=frozenset(map(Domain.parse, value["names"])),
                registered=frozenset(value["registered"]),
                is_renewal=value["renewal"],
                has_failed=value["failed"],
            )
        )
    return found


def place(store: Store, authority: str, order: Spent) -> str:
    """Count an order before it is sent; its key."""
    key = f"orders/{authority}/{os.urandom(8).hex()}"
    store.put(key, _document(order))
    return key


def failed(store: Store, key: str, order: Spent) -> None:
    """The CA refused it."""
    store.put(key, _document(order._replace(has_failed=True)))


def taken_back(store: Store, key: str) -> None:
    """It never reached the CA."""
    store.delete(key)


def _document(order: Spent) -> dict[str, object]:
    return {
        "at": times.written(order.at),
        "app": str(order.app),
        "names": sorted(map(str, order.names)),
        "registered": sorted(order.registered),
        "renewal": order.is_renewal,
        "failed": order.has_failed,
    }
