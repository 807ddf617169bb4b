"""The ACME runner: orders in parallel, quick polling, and one refused domain never stops another."""

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import requests
from acme import challenges, messages
from cryptography import x509

from hookrunner.core.problems import Refusal
from hookrunner.edges import suffixes
from hookrunner.edges.ca import account
from hookrunner.edges.ca.client import Client, Refused, Trust, refusal
from hookrunner.edges.ca.http01 import Webroot
from hookrunner.edges.records import Store
from hookrunner.model.app import KeyType
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import Domain
from hookrunner.model.publication import CertificateId
from hookrunner.model.server import Acme

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 5.0  # seconds between two looks
_DEADLINE = 90.0  # seconds for the authorizations, and again for the order


@dataclass(frozen=True, slots=True)
class Order:
    """A certificate to ask for; the CSR (PEM) is the publisher's."""

    certificate: CertificateId
    names: tuple[Domain, ...]
    key: KeyType
    csr: str


@dataclass(frozen=True, slots=True)
class Result:
    """How an order ended, and after how many seconds."""

    order: Order
    outcome: Certificate | Refusal
    took: float


def issue(orders: Sequence[Order], *, settings: Acme, webroot: Path, store: Store, now: datetime) -> Iterator[Result]:
    """Ask the CA for every order, and yield each result as it comes. Raises nothing that a CA can cause."""
    if not orders:
        return
    started = time.monotonic()
    try:
        runner = _Runner(settings, Webroot(webroot), store, now)
    except Exception as error:
        refused = refusal(error)
        took = time.monotonic() - started
        yield from (Result(order, refused, took) for order in orders)
        return
    defect: BaseException | None = None
    with ThreadPoolExecutor(_threads(len(orders), settings.concurrency), "acme") as pool:
        running: list[Future[Result]] = [pool.submit(runner.run, order) for order in orders]
        for done in as_completed(running):
            if broken := done.exception():  # ours, such as a full disk: what the CA issued comes first
                defect = broken
            else:
                yield done.result()
    if defect:
        raise defect


def _threads(orders: int, most: int) -> int:
    """As few connections as take no more rounds than ``most`` would: each costs a TLS handshake."""
    rounds = math.ceil(orders / most)
    return math.ceil(orders / rounds)


class _Runner:
    """Runs orders with one account, each thread over a connection of its own."""

    def __init__(self, settings: Acme, webroot: Webroot, store: Store, now: datetime) -> None:
        self._trust = Trust(settings.ca_bundle)
        self._webroot = webroot
        self._now = now
        self._directory = Client.get_directory(settings.authority.directory, self._trust.network())
        self._key, self._account = account.account(store, settings, self._trust, self._directory)
        self._own = threading.local()
        self._brake = _Brake()

    def run(self, order: Order) -> Result:
        started = time.monotonic()
        outcome: Certificate | Refusal | None = self._brake.holding(order)
        if outcome is None:
            try:
                outcome = self._certificate(order)
            except Exception as error:
                outcome = refusal(error)
                self._brake.refused(order, outcome)
        return Result(order, outcome, time.monotonic() - started)

    def _client(self) -> Client:
        if not hasattr(self._own, "client"):
            self._own.client = Client(self._directory, self._trust.network(self._key, self._account))
        client: Client = self._own.client
        return client

    def _certificate(self, order: Order) -> Certificate:
        client = self._client()
        placed = client.new_order(order.csr.encode())
        self._authorize(client, placed.authorizations)
        chain = self._finalize(client, placed)
        leaf = x509.load_pem_x509_certificates(chain.encode())[0]
        return Certificate(
            id=order.certificate,
            names=order.names,
            key=order.key,
            not_before=leaf.not_valid_before_utc,
            not_after=leaf.not_valid_after_utc,
            issued=self._now,
            serial=f"{leaf.serial_number:x}",
            chain=chain,
        )

    def _authorize(self, client: Client, authorizations: Sequence[messages.AuthorizationResource]) -> None:
        """Show the CA that the domains are ours (RFC 8555 section 7.5)."""
        shown: list[str] = []
        try:
            for authorization in authorizations:
                if authorization.body.status == messages.STATUS_PENDING:
                    challenge = _http01(authorization.body)
                    token = challenge.chall.encode("token")
                    shown.append(token)
                    response, answer = challenge.response_and_validation(self._key)
                    self._webroot.show(token, answer)
                    client.submit(challenge.uri, response)
            for authorization in authorizations:
                _until(client, authorization.uri, _settled)
        finally:
            for token in shown:
                self._webroot.hide(token)

    def _finalize(self, client: Client, placed: messages.OrderResource) -> str:
        """Hand in the CSR and fetch the chain (RFC 8555 section 7.4)."""
        _until(client, placed.uri, lambda answer: _order(answer).status != messages.STATUS_PENDING)
        order = client.begin_finalization(placed).body
        if order.status != messages.STATUS_VALID:
            order = _order(_until(client, placed.uri, lambda answer: _order(answer).status == messages.STATUS_VALID))
        return client.fetch(str(order.certificate)).text


class _Brake:
    """Sends no further orders to a CA that wants none: a limit holds for its registered domain, the rest for all."""

    _FOR_ALL = frozenset({"unreachable", "overloaded", "accountDoesNotExist", "externalAccountRequired"})

    def __init__(self) -> None:
        self._limited: dict[str, Refusal] = {}
        self._all: Refusal | None = None

    def refused(self, order: Order, refusal: Refusal) -> None:
        """Remember a refusal that says something of the orders to come."""
        if refusal.kind == "rateLimited":
            self._limited[suffixes.registered(order.certificate.domain)] = refusal
        if refusal.kind in self._FOR_ALL or len(self._limited) > 1:
            self._all = refusal

    def holding(self, order: Order) -> Refusal | None:
        """Why ``order`` is not sent."""
        if self._all or not self._limited:
            return self._all
        return self._limited.get(suffixes.registered(order.certificate.domain))


def _http01(authorization: messages.Authorization) -> messages.ChallengeBody:
    for challenge in authorization.challenges:
        if isinstance(challenge.chall, challenges.HTTP01):
            return challenge
    raise Refused(Refusal("protocol", "the CA offers no http-01 challenge"))


def _until(client: Client, url: str, done: Callable[[requests.Response], bool]) -> requests.Response:
    """Look at ``url`` until ``done``: soon at first, then half as often; Retry-After is the ceiling of the pause."""
    until = time.monotonic() + _DEADLINE
    pause = _FIRST_PAUSE
    while True:
        answer = client.fetch(url)
        if done(answer):
            return answer
        if time.monotonic() > until:
            raise Refused(Refusal("timeout", f"still {answer.json().get('status', 'open')} after {_DEADLINE:.0f} s"))
        time.sleep(min(pause, _ceiling(answer)))
        pause *= 2


def _ceiling(answer: requests.Response) -> float:
    asked = (Client.retry_after(answer, int(_LONGEST_PAUSE)) - datetime.now()).total_seconds()  # noqa: DTZ005 — naive, like acme's
    return min(max(asked, _FIRST_PAUSE), 60.0)


def _settled(answer: requests.Response) -> bool:
    """Whether an authorization is valid; raises :class:`Refused` when it never will be."""
    authorization = messages.Authorization.from_json(answer.json())
    if authorization.status in (messages.STATUS_PENDING, messages.STATUS_PROCESSING):
        return False
    if authorization.status == messages.STATUS_VALID:
        return True
    for challenge in authorization.challenges:
        if challenge.error is not None:
            raise Refused(refusal(challenge.error))
    raise Refused(Refusal("unauthorized", f"the authorization is {authorization.status.name}, the CA does not say why"))


def _order(answer: requests.Response) -> messages.Order:
    """The order; raises :class:`Refused` when it is invalid."""
    order: messages.Order = messages.Order.from_json(answer.json())
    if order.status == messages.STATUS_INVALID:
        raise Refused(
            refusal(order.error)
            if order.error
            else Refusal("protocol", "the order is invalid, the CA does not say why")
        )
    return order
