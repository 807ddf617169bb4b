"""What `renew` would do about the certificates: the same looks and decisions, and then nothing done."""

from collections.abc import Sequence
from datetime import datetime

from hookrunner.core.certificates import Decision, Issue, Keep, Wait
from hookrunner.edges import deploys
from hookrunner.edges.records import Store, Unwritten
from hookrunner.flows import outlook
from hookrunner.model.names import AppName
from hookrunner.model.server import Settings


def preview(
    names: Sequence[AppName], *, settings: Settings, store: Store, now: datetime
) -> list[tuple[AppName, Decision]]:
    """Every certificate of the live apps, and what becomes of it."""
    live = [
        (name, manifest, publication[1])
        for name in sorted(names)
        if (manifest := deploys.live_manifest(store, name)) and (publication := deploys.publication(store, name))
    ]
    looked = outlook.look(live, settings=settings, store=Unwritten(store), now=now)
    return [(one.app, decision) for one in looked for decision in one.decisions]


def words(decision: Decision, now: datetime) -> str:
    """What, when and why."""
    match decision:
        case Issue(replaces=None):
            return f"would be issued now: {decision.why}"
        case Issue():
            return f"would be renewed now: {decision.why}"
        case Wait():
            return f"waits: {outlook.words(decision, now)}"
        case Keep():
            return f"renews {decision.due:%Y-%m-%d %H:%M} UTC ({decision.when})"
        case _:
            raise AssertionError(decision)
