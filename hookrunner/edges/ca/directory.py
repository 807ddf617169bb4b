"""What preflight has to know of the CA: who it is in CAA records, and which account is ours. Asks it once a day."""

from datetime import datetime, timedelta

from hookrunner.edges.records import Store
from hookrunner.model import times
from hookrunner.model.server import Acme

_FRESH = timedelta(days=1)


def caa_identities(store: Store, settings: Acme, now: datetime) -> tuple[str, ...]:
    """``meta.caaIdentities`` (RFC 8555 section 9.7.6); none when the CA has none or cannot be reached."""
    key = f"directories/{settings.authority.name}"
    record = store.get(key)
    url = settings.authority.directory
    known = record.value if record and record.value["url"] == url else None
    if known and now - times.read(known["read"]) < _FRESH:
        return tuple(known["caa_identities"])
    identities = _ask(settings)
    if identities is None:
        return tuple(known["caa_identities"]) if known else ()
    store.put(key, {"url": url, "read": times.written(now), "caa_identities": list(identities)})
    return identities


def account_url(store: Store, settings: Acme) -> str | None:
    """The URL of the account, for ``accounturi`` (RFC 8657); None before there is one."""
    record = store.get(f"accounts/{settings.authority.name}")
    return record.value["uri"] if record and record.value["directory"] == settings.authority.directory else None


def _ask(settings: Acme) -> tuple[str, ...] | None:
    from hookrunner.edges.ca.client import Client, Trust, refusal

    try:
        directory = Client.get_directory(settings.authority.directory, Trust(settings.ca_bundle).network())
        return tuple(str(name).lower() for name in directory.meta.caa_identities or ())
    except Exception as error:
        refusal(error)  # raises what is no fault of the CA
        return None
