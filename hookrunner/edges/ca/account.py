"""The account at a CA: made once, its key durable before the CA hears of it, then reused (RFC 8555 section 7.3)."""

from typing import Any

from acme import errors, messages
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from josepy.jwk import JWKEC
from josepy.util import ComparableECKey

from hookrunner.edges.ca.client import Client, Trust
from hookrunner.edges.records import Store
from hookrunner.model.server import Acme


def account(
    store: Store, settings: Acme, trust: Trust, directory: messages.Directory
) -> tuple[JWKEC, messages.RegistrationResource]:
    """The key and the account for the settings' CA. Raises what `acme` raises."""
    name = f"accounts/{settings.authority.name}"
    with store.lock(name):
        record = store.get(name)
        value: dict[str, Any] = record.value if record else {}
        if value.get("directory") != settings.authority.directory:
            value = {
                "directory": settings.authority.directory,
                "email": settings.email,
                "key": _new_key(),
                "uri": None,
            }
            store.put(name, value)
        key = _read_key(value["key"])
        if value["uri"] is None:
            value["uri"] = _register(Client(directory, trust.network(key)), settings.email)
            store.put(name, value)
    return key, messages.RegistrationResource(body=messages.Registration(), uri=value["uri"])


def _register(client: Client, email: str) -> str:
    """Make the account, or find the one that an earlier try made with this key; its URL."""
    wanted = messages.NewRegistration.from_data(email=email, terms_of_service_agreed=True)
    try:
        return str(client.new_account(wanted).uri)
    except errors.ConflictError as there:
        return str(there.location)


def _new_key() -> str:
    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )


def _read_key(pem: str) -> JWKEC:
    key = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)  # noqa: S101 — _new_key made it
    return JWKEC(key=ComparableECKey(key))
