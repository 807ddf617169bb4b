"""Keeps orders within what the CAs are known to allow."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from hookrunner.core import budget
from hookrunner.core.certificates import Decision, Issue
from hookrunner.edges.records import Store
from hookrunner.edges.suffixes import registered
from hookrunner.flows.holding import wait

if TYPE_CHECKING:
    from hookrunner.flows.outlook import Outlook

BUDGET = "budget"


def afford(outlooks: "Sequence[Outlook]", store: Store, now: datetime) -> None:
    """Leave for later what would go over a CA's limits, unless another CA can be asked; renewals come first."""
    wanted = {name for outlook in outlooks for issue in outlook.issues for name in issue.authorities}
    if not wanted & budget.KNOWN.keys():
        return
    from hookrunner.edges import orders

    ledgers = {
        name: budget.Ledger(limits, orders.spent(store, name, now), now)
        for name, limits in budget.KNOWN.items()
        if name in wanted
    }
    for is_renewal in (True, False):
        for outlook in outlooks:
            for place, decision in enumerate(outlook.decisions):
                if not isinstance(decision, Issue) or decision.resumes or (decision.replaces is not None) != is_renewal:
                    continue
                outlook.decisions[place] = _afforded(decision, outlook, ledgers, now)


def _afforded(issue: Issue, outlook: "Outlook", ledgers: Mapping[str, budget.Ledger], now: datetime) -> Decision:
    """The order at the first of its CAs that has room for it; at the others only if that one refuses."""
    later: list[budget.Later] = []
    for number, name in enumerate(issue.authorities):
        there = ledgers[name].later(spending(issue, outlook, now)) if name in ledgers else None
        if there is None:
            return issue.at(*issue.authorities[number:])
        later.append(there)
    soonest = min(later, key=lambda one: one.until)
    return wait(issue, issue.domains, BUDGET, soonest.why, (), soonest.until)


def spending(issue: Issue, outlook: "Outlook", now: datetime) -> budget.Spent:
    """The order as the CA counts it."""
    return budget.Spent(
        at=now,
        app=outlook.app,
        names=frozenset(issue.names),
        registered=frozenset(map(registered, issue.names)),
        is_renewal=issue.replaces is not None,
        has_failed=False,
    )
