"""Has the CAs issue what was decided: CSRs from the publisher, orders in parallel, every result kept at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from hookrunner.core import budget, grouping, obstacles
from hookrunner.core.certificates import Issue
from hookrunner.core.problems import Refusal
from hookrunner.edges import certificates, journal, orders
from hookrunner.edges.journal import Entry
from hookrunner.edges.publisher import Publisher
from hookrunner.edges.records import Store
from hookrunner.edges.suffixes import registered
from hookrunner.flows.affording import spending
from hookrunner.flows.outlook import Outlook
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import AppName, Domain
from hookrunner.model.obstacle import Obstacle
from hookrunner.model.publication import CertificateId, CsrRequest
from hookrunner.model.server import Acme, Settings

if TYPE_CHECKING:
    from hookrunner.edges.ca.order import Order


@dataclass(frozen=True, slots=True)
class Result:
    """How one order ended for ``domains``: a certificate, or what stands in their way; after so many seconds."""

    app: AppName
    domains: tuple[Domain, ...]
    outcome: Certificate | Obstacle
    took: float


@dataclass(frozen=True, slots=True)
class AskedNext:
    """Another CA is asked now, for so many certificates of the app. ``why`` the one before it did not do."""

    app: AppName
    authority: str  # title
    count: int
    why: tuple[str, ...]


def issue(
    outlooks: Sequence[Outlook], *, settings: Settings, store: Store, publisher: Publisher, now: datetime
) -> Iterator[AskedNext | Result]:
    """Every certificate that is asked for, as they come; of the next CA where one refuses for reasons of its own."""
    wanted = [(outlook, one) for outlook in outlooks for one in outlook.issues]
    whys: dict[CertificateId, str] = {}
    while wanted:
        name = next(name for name in settings.acme.authorities if any(one.authorities[0] == name for _, one in wanted))
        acme = next(acme for acme in settings.acme.every if acme.authority.name == name)
        mine = [(outlook, one) for outlook, one in wanted if one.authorities[0] == name]
        wanted = [(outlook, one) for outlook, one in wanted if one.authorities[0] != name]
        for outlook in outlooks:
            if because := [
                whys[one.certificate] for owner, one in mine if owner is outlook and one.certificate in whys
            ]:
                yield AskedNext(outlook.app, acme.authority.title, len(because), tuple(dict.fromkeys(because)))
        batch = _Batch(acme, settings, store, publisher, now)
        for outlook, one, outcome, took in batch.run(mine):
            if not isinstance(outcome, Refusal):
                yield Result(outlook.app, one.domains, outcome, took)
                continue
            refused = _refused(outcome, one)
            left = one.without(refused, registered, now)
            others = one.authorities[1:]
            if isinstance(left, Issue):  # at once: one bad name never stops the others
                wanted.append((outlook, left))
            elif outcome.is_of_this_ca and others:
                wanted.append((outlook, one.at(*others)))
                whys[wanted[-1][1].certificate] = f"{acme.authority.title}: {outcome}"
                continue
            for domain in refused:
                obstacle = certificates.obstacle(store, domain)
                assert obstacle  # noqa: S101 — it was saved just now
                yield Result(outlook.app, (domain,), obstacle, took)


def _refused(refusal: Refusal, one: Issue) -> tuple[Domain, ...]:
    """The domains that a refusal is about."""
    bad = set(refusal.names)
    way = one.tls.certificates
    hit = [d for d in one.domains if bad & {name.name for name in grouping.names((d,), way, registered)}]
    return tuple(hit) or one.domains


_Wanted = tuple[Outlook, Issue]
_Counted = tuple[str, budget.Spent]


@dataclass(frozen=True, slots=True)
class _Batch:
    """Orders at one CA."""

    acme: Acme
    settings: Settings
    store: Store
    publisher: Publisher
    now: datetime

    def run(self, wanted: Sequence[_Wanted]) -> Iterator[tuple[Outlook, Issue, Certificate | Refusal, float]]:
        from hookrunner.edges.ca import issuer

        asked = {one.certificate: (outlook, one) for outlook, one in wanted}
        placed = self._orders([one for _, one in wanted])
        counted = self._count(wanted)
        results = issuer.issue(
            placed, acme=self.acme, settings=self.settings, store=self.store, now=self.now,
            meanwhile=self.publisher.get_ready,
        )  # fmt: skip
        for result in results:
            certificate = result.order.certificate
            outlook, one = asked[certificate]
            if isinstance(result.outcome, Refusal):
                for domain in _refused(result.outcome, one):
                    self._remember(result.outcome, domain, outlook)
                self._correct(result.outcome, counted.get(certificate))
            else:
                certificates.save(self.store, result.outcome, one.domains)
                journal.close(self.store, certificate)
            yield outlook, one, result.outcome, result.took

    def _orders(self, issues: Sequence[Issue]) -> "list[Order]":
        """What to ask for; with the CSR of the order that is under way, or with a new one."""
        from hookrunner.edges.ca.order import Order

        entries = journal.entries(self.store, [one.certificate for one in issues])
        resumed = {one.certificate: e for one in issues if (e := entries.get(one.certificate)) and _is_open(e, one)}
        new = [one for one in issues if one.certificate not in resumed]
        made = self.publisher.csrs([CsrRequest(one.certificate, one.names, one.tls.key) for one in new]) if new else []
        csrs = {one.certificate: csr for one, csr in zip(new, made, strict=True)}
        return [
            Order(
                one.certificate,
                one.names,
                one.tls.key,
                csrs.get(one.certificate) or resumed[one.certificate].csr,
                one.tls.profile,
                one.by_dns,
                _replaced(one),
                resumed.get(one.certificate),
            )
            for one in issues
        ]

    def _remember(self, refusal: Refusal, domain: Domain, outlook: Outlook) -> None:
        authority = self.acme.authority.name
        obstacle = obstacles.after_refusal(
            refusal,
            domain,
            certificates.obstacle_at(self.store, domain, authority),
            authority=authority,
            now=self.now,
            dns=outlook.digests.get(domain, ""),
            asked=outlook.asked,
        )
        certificates.save_obstacle(self.store, obstacle)

    def _count(self, wanted: Sequence[_Wanted]) -> dict[CertificateId, _Counted]:
        """Count the orders before they are sent, where the CA's limits are known."""
        authority = self.acme.authority.name
        if authority not in budget.KNOWN:
            return {}
        counted: dict[CertificateId, _Counted] = {}
        for outlook, one in wanted:
            if not one.resumes:
                spent = spending(one, outlook, self.now)
                counted[one.certificate] = orders.place(self.store, authority, spent), spent
        return counted

    def _correct(self, refusal: Refusal, counted: _Counted | None) -> None:
        """A refused order is counted as the CA counts it."""
        if counted is None:
            return
        key, spent = counted
        if refusal.is_about_the_name:
            orders.failed(self.store, key, spent)
        elif not refusal.was_counted:
            orders.taken_back(self.store, key)


def _is_open(entry: Entry, one: Issue) -> bool:
    """Whether an order under way is the one that is wanted now, and not the one of the certificate that is there."""
    is_done = one.replaces is not None and one.replaces.order == entry.order != ""
    return entry.fits(one.names, one.tls.key, one.tls.profile) and not is_done


def _replaced(one: Issue) -> str | None:
    """The chain whose renewal this is: a CA knows its own alone (RFC 9773 section 5)."""
    there = one.replaces
    return there.chain if there and there.id == one.certificate and there.names == one.names else None
