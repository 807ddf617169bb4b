"""What the CAA records of a domain forbid a CA (RFC 8659, its parameters RFC 8657). Pure."""

from collections.abc import Sequence
from typing import NamedTuple

METHOD = "http-01"
_KNOWN_TAGS = {"issue", "issuewild", "issuemail", "iodef", "contactemail", "contactphone"}
_CRITICAL = 0x80


class Record(NamedTuple):
    """One CAA record (RFC 8659 section 4.1)."""

    flags: int
    tag: str
    value: str


class Authority(NamedTuple):
    """The CA that is to issue."""

    title: str
    identities: tuple[str, ...]  # meta.caaIdentities of its directory (RFC 8555 section 9.7.6)
    account: str | None  # our account's URL, for accounturi


class Forbidden(NamedTuple):
    """Why the CA may not issue, and the property to "add" or to "remove"."""

    why: str
    do: str
    tag: str
    value: str


def forbidden(records: Sequence[Record], *, at: str, is_wildcard: bool, ca: Authority) -> Forbidden | None:
    """What the records, which stand at the name ``at``, forbid ``ca``; without its identities nothing can be judged."""
    if not records or not ca.identities:
        return None
    for record in records:
        if record.flags & _CRITICAL and record.tag.lower() not in _KNOWN_TAGS:
            why = f'the CAA records of {at} have a critical property "{record.tag}", which forbids every CA'
            return Forbidden(why, "remove", record.tag, record.value)
    tag = "issuewild" if is_wildcard and _tagged(records, "issuewild") else "issue"
    issuers = [_issuer(record.value) for record in _tagged(records, tag)]
    if not issuers or any(_allows(name, parameters, ca) for name, parameters in issuers):
        return None
    mine = ca.identities[0]
    if any(name in ca.identities for name, _ in issuers):
        why = f"the CAA record of {at} allows {ca.title} for another account or method only"
        return Forbidden(why, "add", tag, f"{mine}; accounturi={ca.account}" if ca.account else mine)
    allowed = sorted({name for name, _ in issuers if name})
    whom = f"only {', '.join(allowed)}" if allowed else "no CA"
    return Forbidden(f"the CAA record of {at} allows {whom}, not {ca.title}", "add", tag, mine)


def _tagged(records: Sequence[Record], tag: str) -> list[Record]:
    return [record for record in records if record.tag.lower() == tag]


def _issuer(value: str) -> tuple[str, dict[str, str]]:
    """The CA's name and the parameters of an ``issue`` value (RFC 8659 section 4.2)."""
    name, *parameters = (part.strip() for part in value.split(";"))
    pairs = (part.partition("=") for part in parameters if part)
    return name.lower().rstrip("."), {key.strip().lower(): text.strip() for key, _, text in pairs}


def _allows(name: str, parameters: dict[str, str], ca: Authority) -> bool:
    if name not in ca.identities:
        return False
    account = parameters.get("accounturi")
    if account and ca.account and account != ca.account:
        return False
    methods = parameters.get("validationmethods")
    return methods is None or METHOD in (method.strip() for method in methods.split(","))
