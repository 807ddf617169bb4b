"""One connection to an ACME server: `acme`'s client with our trust, more patience, and typed refusals."""

import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import requests
import urllib3
from acme import errors, messages
from acme.client import ClientNetwork, ClientV2
from josepy.errors import Error as JoseError
from josepy.interfaces import JSONDeSerializable
from josepy.jwa import ES256
from josepy.jwk import JWK
from requests.adapters import HTTPAdapter

import hookrunner
from hookrunner.core.problems import ACME, Refusal, Subproblem
from hookrunner.edges.ca import roots
from hookrunner.edges.ca.dns01.errors import DnsFailed
from hookrunner.edges.ca.http01 import Unanswerable

_TIMEOUT = 20  # seconds to connect, and between two bytes
_WHOLE = 60.0  # seconds from a request to the end of its answer, however slowly it comes
_LARGEST = 1 << 20  # bytes of one answer
_NONCES = 30  # tries, bounded: at 60 % refused, one request in five million fails (RFC 8555 section 6.5)
_PAUSES, _LONGEST_PAUSE = 5, 10.0  # how often a CA that is busy is waited for, and the seconds it may ask for
_BUSY = (429, 503)
_LOST = (0.1, 0.5, 1.0, 2.0, 4.0)  # seconds before a request is sent again whose answer was lost


class Refused(Exception):
    """The CA, or the way to it, says no. ``refusal`` says why, typed; ``status`` is HTTP's, 0 without an answer."""

    def __init__(self, refusal: Refusal, status: int = 0) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal
        self.status = status


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
        if said := _date(response.headers.get("Date", "")):
            self.skew = said - datetime.now(UTC)
        return response

    @classmethod
    def _check_response(cls, response: requests.Response, content_type: str | None = None) -> requests.Response:
        if response.ok:
            return super()._check_response(response, content_type)
        raise Refused(_of_answer(response), response.status_code)


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
            timeout=_TIMEOUT,
        )
        network.session.mount("https://", _Adapter(self._context))
        # The environment says through which proxy, and is not asked again for each request.
        network.session.trust_env, network.session.proxies = False, dict(self._proxies)
        return network


class _Endless(OSError):
    """An answer that is not worth another try."""


class _Hurried(ssl.SSLSocket):
    """A connection on which each answer has to come to its end: in time, and in size."""

    _until = 0.0
    _received = 0

    def send(self, *args: Any, **kwargs: Any) -> int:
        """A request begins, or goes on: its answer is waited for from here."""
        self._until, self._received = time.monotonic() + _WHOLE, 0
        return super().send(*args, **kwargs)

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """A part of the answer."""
        if time.monotonic() > self._until:
            raise _Endless(f"its answer had no end after {_WHOLE:.0f} s")
        received = super().recv_into(*args, **kwargs)
        self._received += received
        if self._received > _LARGEST:
            raise _Endless(f"its answer is larger than {_LARGEST} bytes")
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


def refusal(error: Exception) -> Refusal:
    """What ``error``, from the library or below it, means; anything else is raised again."""
    match error:
        case Refused():
            return error.refusal
        case messages.Error():
            return _of_problem(error.to_partial_json())
        case Unanswerable():
            return Refusal("responder", str(error))
        case DnsFailed():
            return Refusal("zone", str(error))
        case errors.TimeoutError():
            return Refusal("timeout", "")
        case requests.exceptions.Timeout():
            return Refusal("unreachable", f"no answer within {_TIMEOUT} s, or none that ends within {_WHOLE:.0f} s")
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


def _pause(error: Refused, before: int) -> float | None:
    """The seconds to wait for a CA that is busy; None when that is not the trouble, or takes too long."""
    if error.status not in _BUSY or before >= _PAUSES:
        return None
    asked = error.refusal.retry_after
    if asked is None:
        return 0.5 * 2**before if error.status != _BUSY[0] else None
    pause = (asked - datetime.now(UTC)).total_seconds()
    return max(pause, 0.1) if pause <= _LONGEST_PAUSE else None


def _of_answer(response: requests.Response) -> Refusal:
    """An answer that is an error: a problem document (RFC 7807), or whatever else it is."""
    try:
        document = response.json()
    except ValueError:
        document = None
    busy = response.status_code in _BUSY
    if not isinstance(document, Mapping) or not str(document.get("type", "")).startswith(ACME):
        detail = str(document.get("detail", "")) if isinstance(document, Mapping) else ""
        kind = "overloaded" if busy else "protocol"
        found = Refusal(kind, detail or f"HTTP status {response.status_code}")
    else:
        found = _of_problem(document)
    return replace(found, retry_after=retry_after(response))


def _of_problem(document: Mapping[str, Any]) -> Refusal:
    kind = str(document.get("type") or "").removeprefix(ACME)
    subproblems = document.get("subproblems") or ()
    return Refusal(
        kind if kind not in ("", "about:blank") else "protocol",
        str(document.get("detail") or ""),
        subproblems=tuple(_subproblems(subproblems)) if isinstance(subproblems, list | tuple) else (),
    )


def _subproblems(documents: Iterable[object]) -> Iterable[Subproblem]:
    for document in documents:
        if isinstance(document, Mapping):
            identifier = document.get("identifier")
            name = identifier.get("value", "") if isinstance(identifier, Mapping) else ""
            kind = str(document.get("type") or "").removeprefix(ACME)
            yield Subproblem(str(name), kind, str(document.get("detail") or ""))


def retry_after(response: requests.Response) -> datetime | None:
    """``Retry-After`` in seconds or as a date (RFC 9110 section 10.2.3), by our clock; None when it is neither."""
    text, now = response.headers.get("Retry-After", "").strip(), datetime.now(UTC)
    if text.isascii() and text.isdecimal():
        return now + timedelta(seconds=min(int(text[:10]), 10**9))
    at = _date(text)
    if at is None:
        return None
    # The date is by the CA's clock, which may not be ours.
    return now + (at - (_date(response.headers.get("Date", "")) or now))


def _date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def was_connected(error: requests.exceptions.ConnectionError) -> bool:
    """Whether the CA was there, and its answer was lost on the way."""
    if isinstance(error, requests.exceptions.SSLError | requests.exceptions.Timeout):
        return False
    return not any(isinstance(one, urllib3.exceptions.NewConnectionError | _Endless) for one in _reasons(error))


def _reasons(error: BaseException) -> Iterator[BaseException]:
    """The error and what lies behind it, the innermost last."""
    yield error
    while inner := error.__cause__ or error.__context__:
        yield (error := inner)


def _innermost(error: BaseException) -> str:
    *_, error = _reasons(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)
