"""What a CA says when it refuses, typed to the last line (RFC 8555 section 6.7), and what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass

from hookrunner.model.names import Domain

ACME = "urn:ietf:params:acme:error:"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a certificate could not be had. ``kind`` is an ACME error type without its URN, or one of ours.

    Ours: ``unreachable`` (no answer from the CA), ``timeout`` (it never came to an end), ``protocol`` (no ACME).
    """

    kind: str
    detail: str

    def __str__(self) -> str:
        words = _WORDS.get(self.kind, self.kind)
        return f"{words}: {self.detail}" if self.detail else words


_WORDS = {
    "badCSR": "the CA does not take this key or name",
    "caa": "a CAA record forbids this CA",
    "connection": "the CA could not connect",
    "dns": "the CA found no address in the DNS",
    "externalAccountRequired": "this CA wants an external account binding",
    "incorrectResponse": "the CA got a wrong answer",
    "rateLimited": "the CA's rate limit is reached",
    "rejectedIdentifier": "the CA does not issue for this name",
    "serverInternal": "the CA has an internal error",
    "tls": "the CA saw a TLS error",
    "unauthorized": "the CA was refused",
    "unreachable": "the CA does not answer",
    "timeout": "the CA did not come to an end",
    "protocol": "the CA's answer is not ACME",
    "lost": "the key is gone",
}

_HINTS = {
    "caa": "allow the CA in the CAA records of {name}",
    "connection": "{name} must reach this server on port 80, from the internet",
    "dns": "add an A or AAAA record for {name} that points to this server",
    "externalAccountRequired": "use a CA without external account binding, it is not supported yet",
    "incorrectResponse": "{name} is answered by another server; point its A and AAAA records here",
    "rateLimited": "wait, the limit is the CA's",
    "rejectedIdentifier": "leave {name} out, or use another CA for it",
    "unauthorized": "{name} is answered by another server; point its A and AAAA records here",
    "unreachable": "on the server: check acme.directory in server.toml, and the way to it",
}


def hint(refusal: Refusal, name: str) -> str:
    """What to do about it, or "" where nothing is known to help but another push."""
    return _HINTS.get(refusal.kind, "").format(name=name)


def hints(refused: Mapping[Domain, Refusal]) -> list[str]:
    """One hint a kind of refusal, so that a hundred names with one cause do not drown it."""
    texts: dict[str, str] = {}
    for domain, refusal in refused.items():
        if text := hint(refusal, str(domain)):
            texts.setdefault(refusal.kind, text)
    return list(texts.values())
