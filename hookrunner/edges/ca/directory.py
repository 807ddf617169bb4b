"""What is known of a CA without asking it each time: its directory (RFC 8555 section 7.1.1), read once a day."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from hookrunner.edges.records import Store
from hookrunner.model import times
from hookrunner.model.server import Acme

_FRESH = timedelta(days=1)


class Facts(NamedTuple):
    """What a directory says, but for its URLs."""

    caa_identities: tuple[str, ...]  # who it is in CAA records (section 9.7.6)
    has_ari: bool  # whether it suggests when to renew (RFC 9773)


def facts(store: Store, acme: Acme, now: datetime) -> Facts | None:
    """The facts; None where the CA was never reached."""
    record = store.get(_key(acme))
    url = acme.authority.directory
    known = record.value if record and record.value["url"] == url else None
    # A moment in the future comes of a wrong clock.
    if known and "has_ari" in known and timedelta(0) <= now - times.read(known["read"]) < _FRESH:
        return _facts(known)
    if (found := _ask(acme)) is None:
        return _facts(known) if known else None
    store.put(_key(acme), {"url": url, "read": times.written(now), **found._asdict()})
    return found


def account_url(store: Store, acme: Acme) -> str | None:
    """The URL of the account, for ``accounturi`` (RFC 8657); None before there is one."""
    record = account_record(store, acme)
    return record["uri"] if record else None


def account_record(store: Store, acme: Acme) -> Mapping[str, Any] | None:
    """What is known of the account at this directory; None where there is nothing."""
    record = store.get(f"accounts/{acme.authority.name}")
    return record.value if record and record.value["directory"] == acme.authority.directory else None


def _key(acme: Acme) -> str:
    return f"directories/{acme.authority.name}"


def _facts(record: Mapping[str, Any]) -> Facts:
    return Facts(tuple(record["caa_identities"]), record.get("has_ari", False))


def _ask(acme: Acme) -> Facts | None:
    from hookrunner.edges.ca.client import Client, Trust
    from hookrunner.edges.ca.refusals import refusal

    try:
        trust = Trust(acme.ca_bundle, acme.authority.directory)
        directory = Client.get_directory(acme.authority.directory, trust.network())
        identities = tuple(str(name).lower() for name in directory.meta.caa_identities or ())
        return Facts(identities, "renewalInfo" in directory.to_partial_json())
    except Exception as error:
        refusal(error)  # raises what is no fault of the CA
        return None
