"""How a decision over a certificate is printed for programs."""

from hookrunner.cli.tables import advice_json, moment
from hookrunner.core.certificates import Decision, Issue, Keep, Wait


def decision_json(decision: Decision) -> dict[str, object]:
    """The decision: ``action`` is keep, issue or wait; ``name`` the domain that it is called after, or one of them."""
    called = decision.certificate.domain
    return {
        "name": str(called if called in decision.domains else decision.domains[0]),
        "ca": decision.certificate.authority,
        "names": [str(domain) for domain in decision.names],
        "domains": [str(domain) for domain in decision.domains],
        "action": type(decision).__name__.lower(),
        "why": decision.why,
        "renews": decision.replaces is not None if isinstance(decision, Issue) else False,
        "due": moment(decision.due) if isinstance(decision, Keep) else None,
        "kind": decision.kind if isinstance(decision, Wait) else None,
        "next_try": moment(decision.until) if isinstance(decision, Wait) else None,
        "hints": advice_json(decision.advice) if isinstance(decision, Wait) else [],
    }
