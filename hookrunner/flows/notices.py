"""Tells the owner's program (`notify` in server.toml) what changed for the worse or the better."""

import json
from collections.abc import Callable
from datetime import datetime

from hookrunner.core import notices, wording
from hookrunner.core.notices import Health, Told
from hookrunner.core.wording import Kind, Line
from hookrunner.edges import processes
from hookrunner.edges.records import Store
from hookrunner.flows import observe
from hookrunner.flows.observe import Standing
from hookrunner.model.names import AppName, Domain
from hookrunner.model.server import Settings

_PATIENCE = 10.0  # seconds: a push waits for it


def tell(settings: Settings, store: Store, app: AppName, now: datetime, say: Callable[[Line], None]) -> None:
    """Call the program for each kind of news, with all names that it is about.

    What it did not take (another exit status than 0) is not told, and comes again with the next deploy or renewal.
    """
    if not settings.notify:
        return
    names = observe.status(store, app).names
    healths = [Health(n.domain, n.certificate, n.obstacle) for n in names if n.standing is not Standing.HTTP]
    events, after = notices.news(healths, _told(store, healths), now)
    for event, those in events.items():
        content = json.dumps(notices.document(event, app, those, now), ensure_ascii=False, indent=1).encode()
        try:
            processes.run(settings.notify, content=content, timeout=_PATIENCE)
        except processes.ProgramFailed as error:
            say(Line(Kind.WARNING, f"the owner was not told: {error}"))
            say(wording.hint("on the server: mend notify in server.toml"))
            return
    for domain, then in after.items():
        store.put(_key(domain), {"failing": then.failing, "expiry": then.expiry})


def _told(store: Store, healths: list[Health]) -> dict[Domain, Told]:
    records = {health.domain: store.get(_key(health.domain)) for health in healths}
    return {d: Told(record.value["failing"], record.value["expiry"]) for d, record in records.items() if record}


def _key(domain: Domain) -> str:
    return f"notices/{domain}"
