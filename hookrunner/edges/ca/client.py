"""One connection to an ACME server: `acme`'s client with our trust, more patience, and typed refusals."""

import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from acme import messages
from acme.client import ClientNetwork, ClientV2
from josepy.interfaces import JSONDeSerializable
from josepy.jwa import ES256
from josepy.jwk import JWK
from requests.adapters import HTTPAdapter

import hookrunner
from hookrunner.core.problems import Refusal
from hookrunner.edges.ca import roots
from hookrunner.edges.ca.refusals import BUSY, TIMEOUT, WHOLE, Endless, Refused, http_date, of_answer, was_connected

_LARGEST = 1 << 20  # bytes of one answer
_NONCES = 30  # tries, bounded: at 60 % refused, one request in five million fails (RFC 8555 section 6.5)
_PAUSES, _LONGEST_PAUSE = 5, 10.0  # how often a CA that is busy is waited for, and the seconds it may ask for
_LOST = (0.1, 0.5, 1.0, 2.0, 4.0)  # seconds before a request is sent again whose answer was lost


class Network(ClientNetwork):
    """`ClientNetwork` that asks again after ``badNonce``, a lost answer, and when the CA is busy for a moment.

    The library loses ``Retry-After`` and what a 409 says; here every answer that is an error raises :class:`Refused`.
    ``skew`` is how far the CA's clock is ahead of ours, by its last answer.
    """

    skew = timedelta(0)

    def get(self, *args: Any, **kwargs: Any) -> requests.Response:
        """GET; see the base class."""
        return self._patiently(lambda: super(Network, self).get(*args, **kwargs))

    def head(self, *args: Any, **kwargs: Any) -> requests.Response:
        """HEAD, for a nonce; see the base class."""
        return self._patiently(lambda: super(Network, self).head(*args, **kwargs))

    def post(self, *args: Any, **kwargs: Any) -> requests.Response:
        """POST a signed object; see the base class. Not ``again``: a second one would ask for more than the first."""
        again = kwargs.pop("again", True)
        return self._patiently(lambda: self._post_once(*args, **kwargs), again=again)

    def _patiently(self, send: Callable[[], requests.Response], *, again: bool = True) -> requests.Response:
        nonces = pauses = lost = 0
        while True:
            try:
                return send()
            except Refused as error:
                if error.refusal.kind == "badNonce" and nonces < _NONCES:
                    nonces += 1
                elif (pause := _pause(error, pauses)) is not None:
                    pauses += 1
                    time.sleep(pause)
                else:
                    raise
            except requests.exceptions.ConnectionError as error:
                if not again or lost >= len(_LOST) or not was_connected(error):
                    raise
                time.sleep(_LOST[lost])
                lost += 1

    def _send_request(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:
        try:
            response = super()._send_request(method, url, *args, **kwargs)
        except requests.exceptions.ChunkedEncodingError as error:  # cut off in the middle
            raise requests.exceptions.ConnectionError(*error.args, request=error.request) from error
        if said := http_date(response.headers.get("Date", "")):
            self.skew = said - datetime.now(UTC)
        return response

    @classmethod
    def _check_response(cls, response: requests.Response, content_type: str | None = None) -> requests.Response:
        if response.ok:
            return super()._check_response(response, content_type)
        raise Refused(of_answer(response), response.status_code)


class Client(ClientV2):
    """`ClientV2` with the single steps that polling of our own needs. Not for use by two threads at once."""

    net: Network

    def fetch(self, url: str) -> requests.Response:
        """POST-as-GET (RFC 8555 section 6.3)."""
        return self._post_as_get(url)

    def submit(self, url: str, body: JSONDeSerializable, *, again: bool = True) -> requests.Response:
        """POST a signed object; not ``again`` where a lost answer must not make it be sent twice."""
        return self._post(url, body, again=again)

    def place(self, name: str) -> str | None:
        """The URL of a resource of the directory; None where the CA has none."""
        return str(self.directory[name]) if name in self.directory.to_partial_json() else None


class Trust:
    """Which servers are believed: the system's roots and those of the settings' ``ca_bundle``."""

    def __init__(self, bundle: Path | None, directory: str) -> None:
        """Raises :class:`Refused` for a bundle that cannot be read."""
        self._proxies = requests.utils.get_environ_proxies(directory)
        self._context = roots.context()
        self._context.sslsocket_class = _Hurried
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
            timeout=TIMEOUT,
        )
        network.session.mount("https://", _Adapter(self._context))
        # The environment says through which proxy, and is not asked again for each request.
        network.session.trust_env, network.session.proxies = False, dict(self._proxies)
        return network


class _Hurried(ssl.SSLSocket):
    """A connection on which each answer has to come to its end: in time, and in size."""

    _until = 0.0
    _received = 0

    def send(self, *args: Any, **kwargs: Any) -> int:
        """A request begins, or goes on: its answer is waited for from here."""
        self._until, self._received = time.monotonic() + WHOLE, 0
        return super().send(*args, **kwargs)

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """A part of the answer."""
        if time.monotonic() > self._until:
            raise Endless(f"its answer had no end after {WHOLE:.0f} s")
        received = super().recv_into(*args, **kwargs)
        self._received += received
        if self._received > _LARGEST:
            raise Endless(f"its answer is larger than {_LARGEST} bytes")
        return received


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


def _pause(error: Refused, before: int) -> float | None:
    """The seconds to wait for a CA that is busy; None when that is not the trouble, or takes too long."""
    if error.status not in BUSY or before >= _PAUSES:
        return None
    asked = error.refusal.retry_after
    if asked is None:
        return 0.5 * 2**before if error.status != BUSY[0] else None
    pause = (asked - datetime.now(UTC)).total_seconds()
    return max(pause, 0.1) if pause <= _LONGEST_PAUSE else None
