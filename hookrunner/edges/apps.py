"""The apps of the server, as records."""

from hookrunner.edges.records import Store
from hookrunner.model.names import AppName
from hookrunner.model.registration import Registration


def every(store: Store) -> list[AppName]:
    """Every app, by name."""
    return [AppName.parse(record.key.removeprefix("apps/")) for record in store.list("apps")]


def get(store: Store, app: AppName) -> Registration | None:
    """The app, or None when there is none of this name."""
    record = store.get(f"apps/{app}")
    return Registration.from_json(app, record.value) if record else None


def save(store: Store, registration: Registration) -> None:
    """Make the app known, or write its record anew."""
    store.put(f"apps/{registration.app}", registration.to_json())


def forget(store: Store, app: AppName) -> None:
    """Remove everything that was recorded of the app, itself last, so that a broken off removal can be repeated."""
    for record in store.list(f"deploys/{app}"):
        store.delete(record.key)
    for key in (f"numbers/{app}", f"publications/{app}", f"heads/{app}", f"apps/{app}"):
        store.delete(key)
