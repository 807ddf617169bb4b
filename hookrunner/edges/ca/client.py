"""One connection to an ACME server: `acme`'s client with our trust, more patience for nonces, and typed refusals."""

import ssl
from pathlib import Path
from typing import Any

import requests
from acme import errors, messages
from acme.client import ClientNetwork, ClientV2
from josepy.errors import Error as JoseError
from josepy.interfaces import JSONDeSerializable
from josepy.jwa import ES256
from josepy.jwk import JWK
from requests.adapters import HTTPAdapter

import hookrunner
from hookrunner.core.problems import ACME, Refusal

_TIMEOUT = 20  # seconds to connect, and between two bytes
_NONCES = 10  # tries; Pebble refuses every twentieth nonce by default (RFC 8555 section 6.5)


class Refused(Exception):
    """The CA, or the way to it, says no. ``refusal`` says why, typed."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


class Network(ClientNetwork):
    """`ClientNetwork` that asks again after ``badNonce``, which the library does once."""

    def post(self, *args: Any, **kwargs: Any) -> requests.Response:
        """POST a signed object; see the base class."""
        for _ in range(_NONCES - 1):
            try:
                return super().post(*args, **kwargs)
            except messages.Error as error:
                if error.code != "badNonce":
                    raise
        return super().post(*args, **kwargs)


class Client(ClientV2):
    """`ClientV2` with the single steps that polling of our own needs. Not for use by two threads at once."""

    def fetch(self, url: str) -> requests.Response:
        """POST-as-GET (RFC 8555 section 6.3)."""
        return self._post_as_get(url)

    def submit(self, url: str, body: JSONDeSerializable) -> requests.Response:
        """POST a signed object."""
        return self._post(url, body)


class Trust:
    """Which servers are believed: the system's roots and those of the settings' ``ca_bundle``."""

    def __init__(self, bundle: Path | None) -> None:
        """Raises :class:`Refused` for a bundle that cannot be read."""
        self._context = ssl.create_default_context()
        if bundle:
            try:
                self._context.load_verify_locations(cafile=bundle)
            except OSError as error:
                raise Refused(Refusal("unreachable", f"acme.ca_bundle {bundle}: {error.strerror or error}")) from error

    def network(self, key: JWK | None = None, account: messages.RegistrationResource | None = None) -> Network:
        """A network that signs with ``key``."""
        network = Network(
            key,
            account=account,
            alg=ES256,
            user_agent=f"hookrunner/{hookrunner.__version__}",
            timeout=_TIMEOUT,
        )
        network.session.mount("https://", _Adapter(self._context))
        return network


class _Adapter(HTTPAdapter):
    """Verifies with one given context: neither the environment nor certifi adds or replaces a root."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: bool | str, cert: Any = None
    ) -> Any:
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        pool.pop("ca_certs", None)
        pool.pop("ca_cert_dir", None)
        return host, pool | {"cert_reqs": "CERT_REQUIRED", "ssl_context": self._context}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:  # noqa: ARG002
        conn.cert_reqs = "CERT_REQUIRED"
        conn.ca_certs = conn.ca_cert_dir = None


def refusal(error: Exception) -> Refusal:
    """What ``error``, from the library or below it, means; anything else is raised again."""
    match error:
        case Refused():
            return error.refusal
        case messages.Error():
            kind = (error.typ or "").removeprefix(ACME)
            return Refusal(kind or "protocol", error.detail or "")
        case errors.TimeoutError():
            return Refusal("timeout", "")
        case requests.exceptions.Timeout():
            return Refusal("unreachable", f"no answer within {_TIMEOUT} s")
        case requests.exceptions.SSLError():
            return Refusal("unreachable", f"its certificate is not trusted: {_innermost(error)}")
        case requests.exceptions.JSONDecodeError():
            return Refusal("protocol", "an answer is not JSON")
        case (
            requests.exceptions.MissingSchema() | requests.exceptions.InvalidSchema() | requests.exceptions.InvalidURL()
        ):
            return Refusal("protocol", str(error))
        case requests.exceptions.RequestException():
            return Refusal("unreachable", _innermost(error))
        case errors.Error() | JoseError() | ValueError():
            return Refusal("protocol", str(error))
        case AttributeError() | LookupError() | TypeError():  # what the library raises for JSON of another shape
            return Refusal("protocol", f"an answer has another shape than RFC 8555 gives it: {error}")
        case _:
            raise error


def _innermost(error: BaseException) -> str:
    while inner := error.__cause__ or error.__context__:
        error = inner
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)
