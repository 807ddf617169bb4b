"""What stands between a domain and its certificate, as it is remembered."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, Self

from hookrunner.model import times
from hookrunner.model.names import Domain


class Advice(NamedTuple):
    """What somebody can do: a sentence, and the DNS record that it speaks of."""

    text: str
    record: str = ""  # "type A  name app  value 203.0.113.7", as registrars ask for it


class Obstacle(NamedTuple):
    """Why ``domain`` has no certificate, or no new one, and when it is tried again."""

    domain: Domain
    authority: str  # the CA's name here
    kind: str  # an ACME error type, or a verdict of preflight
    why: str
    advice: tuple[Advice, ...]
    since: datetime  # when the trouble began
    seen: datetime  # when it was last met
    refusals: int = 0  # by the CA, one after another; 0: the CA was not asked
    until: datetime | None = None  # no try before; None: whenever the DNS is right
    is_firm: bool = False  # the CA named the moment: nothing makes it come sooner
    dns: str = ""  # digest of the DNS answer at that time; "": unknown
    asked: str = ""  # digest of what was asked for at that time: the app's domains, key, profile, account

    def to_json(self) -> dict[str, Any]:
        """The JSON form; times as RFC 3339."""
        return {
            "domain": str(self.domain),
            "authority": self.authority,
            "kind": self.kind,
            "why": self.why,
            "advice": [list(one) for one in self.advice],
            "since": times.written(self.since),
            "seen": times.written(self.seen),
            "refusals": self.refusals,
            "until": times.written(self.until) if self.until else None,
            "is_firm": self.is_firm,
            "dns": self.dns,
            "asked": self.asked,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read a record that :meth:`to_json` made."""
        return cls(
            domain=Domain.parse(data["domain"]),
            authority=data["authority"],
            kind=data["kind"],
            why=data["why"],
            advice=tuple(Advice(*one) for one in data["advice"]),
            since=times.read(data["since"]),
            seen=times.read(data["seen"]),
            refusals=data["refusals"],
            until=times.read(data["until"]) if data["until"] else None,
            is_firm=data["is_firm"],
            dns=data["dns"],
            asked=data["asked"],
        )
