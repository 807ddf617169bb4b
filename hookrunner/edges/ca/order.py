"""One order, from its beginning or from where an earlier run was broken off (RFC 8555 section 7.4)."""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

import requests
from acme import messages
from cryptography import x509
from josepy import json_util

from hookrunner.core.problems import Refusal
from hookrunner.edges import journal
from hookrunner.edges.ca import ari, chains, polling
from hookrunner.edges.ca.account import Account
from hookrunner.edges.ca.authorizations import OPEN, Authorizing
from hookrunner.edges.ca.client import Client
from hookrunner.edges.ca.http01 import Answers
from hookrunner.edges.ca.refusals import Refused, refusal, was_connected
from hookrunner.edges.journal import Entry
from hookrunner.edges.records import Store
from hookrunner.model.app import KeyType
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import Domain
from hookrunner.model.publication import CertificateId
from hookrunner.model.server import Dns

_SENT = 4  # tries, where the answer to a new order is lost and the CA does not have it
_FINALIZED = 5  # tries, where the CA says ready and then is not
_LISTED = 100  # orders of the account that are looked at for one whose answer was lost

_GONE = (403, 404, 410)  # what HTTP says of an order that there is not, or not for us
# A refusal of one of these kinds is the same without `replaces`.
_NOT_OF_REPLACES = {
    "accountDoesNotExist", "badNonce", "externalAccountRequired", "invalidProfile", "overloaded", "rateLimited",
    "rejectedIdentifier", "unreachable", "unsupportedIdentifier", "userActionRequired",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Order:
    """A certificate to ask for; the CSR (PEM) is the publisher's."""

    certificate: CertificateId
    names: tuple[Domain, ...]
    key: KeyType
    csr: str
    profile: str = ""
    by_dns: frozenset[Domain] = frozenset()  # the names that dns-01 shows
    replaces: str | None = None  # the chain (PEM) that it takes the place of
    entry: Entry | None = None  # of an earlier run


class _NewOrder(messages.NewOrder):
    """With what RFC 9773 section 5 adds."""

    replaces: str | None = json_util.field("replaces", omitempty=True)


class _Placed(NamedTuple):
    """An order that the CA has."""

    url: str
    body: messages.Order


@dataclass(frozen=True, slots=True)
class Ordering:
    """Carries orders out, over one connection, with one account."""

    client: Client
    account: Account
    http01: Answers
    dns: Dns
    store: Store
    now: datetime

    def certificate(self, order: Order) -> Certificate:
        """The certificate. Raises what `acme` and `Authorizing` raise; an order that is dead then is forgotten."""
        try:
            placed = self._resumed(order) or self._placed(order)
            if placed.body.status == messages.STATUS_PENDING:
                authorizing = Authorizing(self.client, self.account, self.http01, self.dns, self.store)
                authorizing.authorize(placed.body.authorizations, order.by_dns)
            chain = chains.read(self._chain(placed, order.csr), order.csr, order.names)
        except Refused as error:
            if not error.refusal.leaves_order_open:
                journal.close(self.store, order.certificate)
            raise
        leaf = chain[0]
        return Certificate(
            id=order.certificate,
            names=order.names,
            key=order.key,
            not_before=leaf.not_valid_before_utc,
            not_after=leaf.not_valid_after_utc,
            issued=self.now,
            serial=f"{leaf.serial_number:x}",
            chain=chains.written(chain),
            profile=order.profile,
            order=placed.url,
        )

    def _resumed(self, order: Order) -> _Placed | None:
        """The order of an earlier run, if it is one that can be gone on with."""
        entry = order.entry
        if entry is None or entry.account != self.account.uri:
            return None
        if not entry.order:
            return self._lost(order, entry)
        try:
            body = messages.Order.from_json(self.client.fetch(entry.order).json())
        except Refused as error:
            if error.status not in _GONE and error.refusal.leaves_order_open:
                raise
            return None
        return None if body.status == messages.STATUS_INVALID else _Placed(entry.order, body)

    def _placed(self, order: Order) -> _Placed:
        """A new order; on record before it is sent, and its URL before anything else is done with it."""
        self._check_profile(order.profile)
        entry = Entry(order.certificate, order.names, order.key, order.profile, order.csr, self.now, self.account.uri)
        journal.write(self.store, entry)
        for tries in range(_SENT, 0, -1):
            try:
                answer = self._send(order)
                break
            except requests.exceptions.ConnectionError as error:
                if not was_connected(error):
                    raise
                if found := self._lost(order, entry):
                    return found
                if tries == 1:
                    raise
        placed = _Placed(answer.headers.get("Location", ""), _order(answer))
        if not placed.url:
            raise Refused(Refusal("protocol", "the CA gives the new order no URL"))
        journal.write(self.store, entry._replace(order=placed.url))
        return placed

    def _send(self, order: Order) -> requests.Response:
        """Ask for the order; once more without what it replaces, where the CA may dislike that."""
        identifiers = [messages.Identifier(typ=messages.IDENTIFIER_FQDN, value=name.name) for name in order.names]
        replaces = ari.identifier(order.replaces) if order.replaces and self.client.place("renewalInfo") else None
        wanted = _NewOrder(identifiers=identifiers, profile=order.profile, replaces=replaces)
        try:
            try:
                return self._post_order(wanted)
            except Refused as error:
                if replaces is None or error.refusal.kind in _NOT_OF_REPLACES:
                    raise
                return self._post_order(_NewOrder(identifiers=identifiers, profile=order.profile))
        except Refused as error:
            raise Refused(replace(error.refusal, names=_named(error.refusal, order.names)), error.status) from error

    def _post_order(self, wanted: _NewOrder) -> requests.Response:
        try:  # an answer that is lost must not make it two orders
            return self.client.submit(self.client.directory["newOrder"], wanted, again=False)
        except Refused as error:
            if error.refusal.kind != "unauthorized" or wanted.replaces:
                raise
            # No name was looked at yet: it is the account that may not, such as one that was deactivated.
            raise Refused(replace(error.refusal, kind="accountDoesNotExist"), error.status) from error

    def _check_profile(self, profile: str) -> None:
        if not profile:
            return
        known = sorted(self.client.directory.meta.profiles or ())
        if profile not in known:
            those = f"it has {', '.join(known)}" if known else "it has none at all"
            raise Refused(Refusal("invalidProfile", f'"{profile}"; {those}'))

    def _lost(self, order: Order, entry: Entry) -> _Placed | None:
        """An order that the CA made and whose answer never came: in the account's list (RFC 8555 section 7.1.2.1)."""
        for url in self._listed():
            body = messages.Order.from_json(self.client.fetch(url).json())
            names = {identifier.value for identifier in body.identifiers}
            if names == {name.name for name in order.names} and body.status in (*OPEN, messages.STATUS_READY):
                journal.write(self.store, entry._replace(order=url))
                return _Placed(url, body)
        return None

    def _listed(self) -> list[str]:
        """The URLs of the account's orders, the newest first; none where the CA keeps no list."""
        try:
            place = self.client.fetch(self.account.uri).json().get("orders")
            found = self.client.fetch(place).json()["orders"] if place else []
        except Refused as error:
            if error.refusal.kind in ("unreachable", "overloaded"):
                raise
            return []
        return [str(url) for url in found[: -_LISTED - 1 : -1]]

    def _chain(self, placed: _Placed, csr: str) -> str:
        """Hand in the CSR and fetch the chain (RFC 8555 section 7.4)."""
        request = messages.CertificateRequest(csr=x509.load_pem_x509_csr(csr.encode()))
        order = placed.body
        is_authorized = order.status == messages.STATUS_PENDING  # so it is ready now (section 7.1.6)
        pauses = polling.pauses()
        for number in range(_FINALIZED):
            if order.status != messages.STATUS_READY and not is_authorized:
                order = _order(polling.until(self.client, placed.url, _ended))
            if order.status == messages.STATUS_VALID:
                return self.client.fetch(str(order.certificate)).text
            is_authorized = False
            time.sleep(next(pauses) if number else 0)
            try:
                order = _order(self.client.submit(order.finalize, request))
            except Refused as error:
                if error.refusal.kind != "orderNotReady":
                    raise
                order = _order(self.client.fetch(placed.url))
        raise Refused(Refusal("orderNotReady", f"it says ready and is not, {_FINALIZED} times"))


def _named(refusal: Refusal, names: Iterable[Domain]) -> tuple[str, ...]:
    """The names that a refusal of the whole order is about, by its subproblems or its words; none if all are."""
    if not refusal.is_about_the_name:
        return ()
    told = {subproblem.identifier for subproblem in refusal.subproblems}
    words = re.findall(r"[\w.*-]+", refusal.detail)
    return tuple(name.name for name in names if name.name in told or name.name in words)


def _ended(answer: requests.Response) -> bool:
    """Whether it is our turn again: the order is ready, or valid."""
    return _order(answer).status not in OPEN


def _order(answer: requests.Response) -> messages.Order:
    """The order; raises :class:`Refused` when it is invalid."""
    order: messages.Order = messages.Order.from_json(answer.json())
    if order.status == messages.STATUS_INVALID:
        raise Refused(
            refusal(order.error)
            if order.error
            else Refusal("malformed", "the order is invalid, the CA does not say why")
        )
    return order
