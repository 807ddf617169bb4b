"""The ACME runner: orders in parallel, and one refused domain never stops another."""

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta

from hookrunner.core.problems import Refusal
from hookrunner.edges import suffixes
from hookrunner.edges.ca import account, http01
from hookrunner.edges.ca.account import Account
from hookrunner.edges.ca.client import Client, Trust
from hookrunner.edges.ca.dns01 import records
from hookrunner.edges.ca.http01 import Answers
from hookrunner.edges.ca.order import Order, Ordering
from hookrunner.edges.ca.refusals import Refused, refusal
from hookrunner.edges.records import Store
from hookrunner.model.certificate import Certificate
from hookrunner.model.server import Acme, Dns, Settings

_SKEW = timedelta(days=1)  # that a clock may go wrong


@dataclass(frozen=True, slots=True)
class Result:
    """How an order ended, and after how many seconds."""

    order: Order
    outcome: Certificate | Refusal
    took: float


def issue(
    orders: Sequence[Order],
    *,
    acme: Acme,
    settings: Settings,
    store: Store,
    now: datetime,
    meanwhile: Callable[[], None] = lambda: None,
) -> Iterator[Result]:
    """Ask the CA for every order, and yield each result as it comes. Raises nothing that a CA can cause.

    ``meanwhile`` is called once when the orders are under way. An order is on record (:mod:`hookrunner.edges.journal`)
    until its result was; closing that is the caller's.
    """
    if not orders:
        return
    started = time.monotonic()
    with ExitStack() as stack:
        try:
            if any(order.by_dns for order in orders):
                records.prepare(settings.dns)
            runner = _Runner(acme, stack.enter_context(http01.answers(settings, store)), settings.dns, store, now)
        except Exception as error:
            refused = refusal(error)
            took = time.monotonic() - started
            yield from (Result(order, refused, took) for order in orders)
            return
        yield from _results(runner, orders, acme.concurrency, meanwhile)


def _results(
    runner: "_Runner", orders: Sequence[Order], concurrency: int, meanwhile: Callable[[], None]
) -> Iterator[Result]:
    defect: BaseException | None = None
    with ThreadPoolExecutor(_threads(len(orders), concurrency), "acme") as pool:
        running: list[Future[Result]] = [pool.submit(runner.run, order) for order in orders]
        meanwhile()
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

    def __init__(self, acme: Acme, answers: Answers, dns: Dns, store: Store, now: datetime) -> None:
        self._acme = acme
        self._trust = Trust(acme.ca_bundle, acme.authority.directory)
        self._http01 = answers
        self._dns = dns
        self._store = store
        self._now = now
        network = self._trust.network()
        self._directory = Client.get_directory(acme.authority.directory, network)
        if abs(network.skew) > _SKEW:
            days, way = abs(network.skew).days, "behind" if network.skew > timedelta(0) else "ahead of"
            raise Refused(Refusal("clock", f"it is {days} days {way} the CA's"))
        self._account = account.account(store, acme, self._trust, self._directory)
        self._accounts = threading.Lock()
        self._has_new_account = False
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

    def _certificate(self, order: Order) -> Certificate:
        mine = self._account
        try:
            return self._ordering(mine).certificate(order)
        except Refused as error:
            if error.refusal.kind != "accountDoesNotExist" or not self._has_another(mine):
                raise
            return self._ordering(self._account).certificate(order)

    def _has_another(self, gone: Account) -> bool:
        """Whether there is another account than the one that the CA does not know: a new one, once."""
        with self._accounts:
            if self._account is gone and not self._has_new_account:
                self._has_new_account = True
                self._account = account.account(self._store, self._acme, self._trust, self._directory, but=gone)
        return self._account is not gone

    def _ordering(self, mine: Account) -> Ordering:
        """What this thread's orders go through."""
        there: Ordering | None = getattr(self._own, "ordering", None)
        if there is None or there.account is not mine:
            client = Client(self._directory, mine.network(self._trust))
            there = self._own.ordering = Ordering(client, mine, self._http01, self._dns, self._store, self._now)
        return there


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
