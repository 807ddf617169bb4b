"""The TXT records of orders under way: written down before they are set, and taken away whatever happens."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import NamedTuple, Protocol

from hookrunner.core.challenges import txt_name
from hookrunner.edges.ca.dns01.errors import DnsFailed
from hookrunner.edges.records import Busy, Store
from hookrunner.model.names import Domain
from hookrunner.model.server import Dns, Zone


class Provider(Protocol):
    """Who changes a zone."""

    def check(self) -> None:
        """Raise :class:`DnsFailed` for what stands in the way, as far as that shows without a change."""

    def present(self, name: str, value: str) -> None:
        """Add a TXT record beside those that the name has. Raises :class:`DnsFailed`."""

    def cleanup(self, name: str, value: str) -> None:
        """Take this value away, and no other. Raises :class:`DnsFailed`."""


class Record(NamedTuple):
    """A TXT record and the zone that it is in."""

    zone: str
    name: str
    value: str

    @property
    def key(self) -> str:
        """Its place among the records of the store."""
        return f"txt/{hashlib.sha256(f'{self.name} {self.value}'.encode()).hexdigest()}"


class Challenges:
    """The records of one order. Use as a context: at its end they are gone, or left to :func:`sweep`."""

    def __init__(self, settings: Dns, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._shown: list[Record] = []
        self._locks = ExitStack()

    def __enter__(self) -> "Challenges":
        return self

    def __exit__(self, *_: object) -> None:
        with self._locks:
            for record in self._shown:
                with suppress(DnsFailed):  # it stays written down, and the next sweep tells
                    _take_away(record, self._settings, self._store)

    def show(self, domain: Domain, value: str) -> None:
        """Set the record that the CA looks for. Raises :class:`DnsFailed`."""
        zone, name = place(domain, self._settings)
        record = Record(str(zone.name), name, value)
        self._locks.enter_context(self._store.lock(record.key))
        self._store.put(record.key, record._asdict())
        self._shown.append(record)
        provider(zone).present(record.name, value)  # which may have happened if it fails

    def wait(self) -> None:
        """Wait until they are seen by everybody. Raises :class:`DnsFailed`."""
        if not self._shown:
            return
        from hookrunner.edges.ca.dns01.lookups import Lookups

        lookups = Lookups(self._settings)
        for zone in self._settings.zones:
            wanted: dict[str, list[str]] = {}
            for record in self._shown:
                if record.zone == str(zone.name):
                    wanted.setdefault(record.name, []).append(record.value)
            if wanted:
                lookups.wait(wanted, zone)


def prepare(settings: Dns) -> None:
    """Import what orders in threads will need: of modules that need each other, two that import see halves."""
    import hookrunner.edges.ca.dns01.lookups  # noqa: F401

    for zone in settings.zones:
        with suppress(DnsFailed):  # which is told where the zone is used
            provider(zone)


def place(domain: Domain, settings: Dns) -> tuple[Zone, str]:
    """The zone and the name of the record for ``domain``, by its CNAME records. Raises :class:`DnsFailed`."""
    from hookrunner.edges.ca.dns01.lookups import Lookups

    asked = txt_name(domain)
    name = Lookups(settings).target(asked)
    zone = settings.zone_of(name)
    if zone is None:
        via = f", where the CNAME of {asked} leads" if name != asked else ""
        raise DnsFailed(f"no [dns.zones] table of server.toml is for {name}{via}")
    return zone, name


def sweep(settings: Dns, store: Store) -> Iterator[str]:
    """Take away what processes that died have left; yields why one could not be."""
    for document in store.list("txt"):
        record = Record(**document.value)
        try:
            with store.lock(record.key, wait=0):
                _take_away(record, settings, store)
        except Busy:  # of an order under way
            continue
        except DnsFailed as error:
            yield str(error)


def provider(zone: Zone) -> Provider:
    """Who changes the zone. Raises :class:`DnsFailed` for a provider that there is not."""
    match zone.provider:
        case "rfc2136":
            from hookrunner.edges.ca.dns01.rfc2136 import Rfc2136

            return Rfc2136(zone)
        case "exec":
            from hookrunner.edges.ca.dns01.program import Program

            return Program(zone)
        case _:
            from hookrunner.edges.ca.dns01.lexicon import Lexicon

            return Lexicon(zone)


def _take_away(record: Record, settings: Dns, store: Store) -> None:
    """Its entry goes when it has gone; without its zone in the settings nobody can."""
    zone = next((zone for zone in settings.zones if str(zone.name) == record.zone), None)
    if zone is None:
        raise DnsFailed(f"a TXT record of {record.name} was left, and its zone {record.zone} is not in server.toml now")
    provider(zone).cleanup(record.name, record.value)
    store.delete(record.key)
