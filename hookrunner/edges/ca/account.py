"""The account at a CA: made once, its key durable before the CA hears of it, then reused (RFC 8555 section 7.3)."""

from typing import Any, NamedTuple

from acme import errors, messages
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from josepy.jwk import JWKEC
from josepy.util import ComparableECKey

from hookrunner.core.problems import Refusal
from hookrunner.edges.ca.client import Client, Network, Trust
from hookrunner.edges.ca.directory import account_record
from hookrunner.edges.ca.refusals import Refused
from hookrunner.edges.records import Store
from hookrunner.model.server import Acme


class Account(NamedTuple):
    """A key that the CA knows, and under which URL."""

    key: JWKEC
    uri: str

    def network(self, trust: Trust) -> Network:
        """A connection that signs with it."""
        return trust.network(self.key, messages.RegistrationResource(body=messages.Registration(), uri=self.uri))


def account(
    store: Store, acme: Acme, trust: Trust, directory: messages.Directory, *, but: Account | None = None
) -> Account:
    """The account at the settings' CA; another one than ``but``, which the CA does not know any more.

    Raises what `acme` raises, and :class:`Refused`.
    """
    name = f"accounts/{acme.authority.name}"
    with store.lock(name):
        record = store.get(name)
        value: dict[str, Any] = record.value if record else {}
        if value.get("directory") != acme.authority.directory or (but and value["uri"] == but.uri):
            value = {
                "directory": acme.authority.directory,
                "email": acme.email,
                "key": _new_key(),
                "uri": None,
            }
            store.put(name, value)
        key = _read_key(value["key"])
        if value["uri"] is None:
            value["uri"] = _register(Client(directory, trust.network(key)), acme, key)
            store.put(name, value)
    return Account(key, value["uri"])


def stored(store: Store, acme: Acme) -> Account | None:
    """The account that was made there before; None where there is none."""
    record = account_record(store, acme)
    return Account(_read_key(record["key"]), record["uri"]) if record and record["uri"] else None


def _register(client: Client, acme: Acme, key: JWKEC) -> str:
    """Make the account, or find the one that an earlier try made with this key; its URL."""
    binding = None
    if acme.eab:
        binding = messages.ExternalAccountBinding.from_data(
            key.public_key(), acme.eab.kid, acme.eab.hmac_key, client.directory
        )
    elif client.external_account_required():
        raise Refused(Refusal("externalAccountRequired", ""))
    wanted = messages.NewRegistration.from_data(
        email=acme.email, terms_of_service_agreed=True, external_account_binding=binding
    )
    try:
        uri = client.new_account(wanted).uri
    except errors.ConflictError as there:
        uri = there.location
    except Refused as error:
        if binding and error.refusal.kind in ("unauthorized", "malformed"):  # RFC 8555 section 7.3.4 names no type
            raise Refused(Refusal("binding", error.refusal.detail), error.status) from error
        raise
    if not uri:
        raise Refused(Refusal("protocol", "the CA gives the account no URL"))
    return str(uri)


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
