"""What a CA says when it refuses, typed to the last line (RFC 8555 section 6.7, RFC 9773), and what to do about it."""

from dataclasses import dataclass
from datetime import datetime

ACME = "urn:ietf:params:acme:error:"


@dataclass(frozen=True, slots=True)
class Subproblem:
    """One identifier's share of a refusal (RFC 8555 section 6.7.1)."""

    identifier: str  # "" where the CA names none
    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a certificate could not be had. ``kind`` is an ACME error type without its URN, or one of ours.

    Ours: ``unreachable`` (no answer from the CA), ``timeout`` (it never came to an end), ``protocol`` (no ACME),
    ``overloaded`` (503 or 429 without a type), ``chain`` (a certificate that is not what was asked for), ``clock``,
    ``responder`` (nobody could answer the CA's looks), ``zone`` (the TXT record of dns-01 could not be set or seen).
    """

    kind: str
    detail: str
    retry_after: datetime | None = None  # what the CA asked for (RFC 9110 section 10.2.3)
    subproblems: tuple[Subproblem, ...] = ()
    by_dns: bool = False  # dns-01 was to show that the name is ours
    names: tuple[str, ...] = ()  # those of the order that it is about; none: the order as a whole

    def __str__(self) -> str:
        words = _WORDS.get(self.kind, self.kind)
        if len(self.subproblems) < 2:
            return f"{words}: {self.detail}" if self.detail else words
        shares = (f"{sub.identifier or 'a name'}: {_WORDS.get(sub.kind, sub.kind)}" for sub in self.subproblems)
        return f"{words}: {'; '.join(shares)}"

    @property
    def is_about_the_name(self) -> bool:
        """Whether the domain is to blame: its DNS, its web server, its name. Else it is the CA, or the account."""
        return self.kind in _ABOUT_THE_NAME

    @property
    def is_of_this_ca(self) -> bool:
        """Whether another CA may well say yes."""
        return is_of_one_ca(self.kind)

    @property
    def leaves_order_open(self) -> bool:
        """Whether the order may be gone on with, later."""
        return self.kind in _LEAVES_ORDER_OPEN

    @property
    def was_counted(self) -> bool:
        """Whether the CA may count the try against its limits."""
        return self.kind not in ("unreachable", "overloaded", "rateLimited", "responder", "clock")


_ABOUT_THE_NAME = {
    "caa", "compound", "connection", "dns", "incorrectResponse", "malformed", "rejectedIdentifier", "tls",
    "unauthorized", "unsupportedIdentifier", "badCSR",
}  # fmt: skip

# What each CA finds out for itself and every one finds the same: the domain's DNS and web server.
_SAME_EVERYWHERE = {
    "compound", "connection", "dns", "incorrectResponse", "tls", "unauthorized", "lost", "responder", "zone",
}  # fmt: skip

_LEAVES_ORDER_OPEN = {
    "badNonce", "orderNotReady", "overloaded", "protocol", "rateLimited", "responder", "serverInternal", "timeout",
    "unreachable", "zone",
}  # fmt: skip


def is_of_one_ca(kind: str) -> bool:
    """Whether a refusal of this kind says nothing of other CAs."""
    return (kind in _WORDS and kind not in _SAME_EVERYWHERE) or kind == "caa-record"


_WORDS = {
    "accountDoesNotExist": "the CA does not know the account",
    "alreadyReplaced": "the certificate was renewed already",
    "alreadyRevoked": "the certificate was revoked already",
    "badCSR": "the CA does not take this key or name",
    "badNonce": "the CA refuses its own nonces",
    "badPublicKey": "the CA does not take this key",
    "badRevocationReason": "the CA does not take this reason",
    "badSignatureAlgorithm": "the CA does not take the account's signature",
    "binding": "the CA does not take the external account binding",
    "caa": "a CAA record forbids this CA",
    "chain": "the CA's certificate is not what was asked for",
    "clock": "this server's clock is wrong, or the CA's",
    "compound": "the CA refuses several names",
    "connection": "the CA could not connect",
    "dns": "the CA found no address in the DNS",
    "externalAccountRequired": "this CA wants an external account binding",
    "incorrectResponse": "the CA got a wrong answer",
    "invalidContact": "the CA does not take the e-mail address",
    "invalidProfile": "the CA has no such profile",
    "malformed": "the CA does not understand the request",
    "orderNotReady": "the CA was not ready",
    "rateLimited": "the CA's rate limit is reached",
    "rejectedIdentifier": "the CA does not issue for this name",
    "responder": "the responder for http-01 cannot listen",
    "serverInternal": "the CA has an internal error",
    "tls": "the CA saw a TLS error",
    "unauthorized": "the CA was refused",
    "unsupportedContact": "the CA does not take this kind of contact",
    "unsupportedIdentifier": "the CA does not issue for this kind of name",
    "userActionRequired": "the CA wants its terms accepted anew",
    "unreachable": "the CA does not answer",
    "overloaded": "the CA is overloaded",
    "timeout": "the CA did not come to an end",
    "protocol": "the CA's answer is not ACME",
    "lost": "the key is gone",
    "zone": "its TXT record could not be set",
}

_AGAIN = "it is the CA's to mend; it is asked again by itself"
_ELSEWHERE = "{name} is answered by another server; point its A and AAAA records here"
_BY_DNS = "see that every name server of _acme-challenge.{name} answers with new TXT records at once"
_SEEN_BY_DNS = {"connection", "dns", "incorrectResponse", "unauthorized"}
_HINTS = {
    "accountDoesNotExist": "on the server: check acme.directory in server.toml; the CA takes no account of ours",
    "alreadyReplaced": "nothing to do, the next renewal asks without naming the old certificate",
    "alreadyRevoked": "nothing to do, it is not valid any more",
    "badCSR": "choose another tls.key in app.toml, or leave {name} out",
    "badNonce": _AGAIN,
    "badPublicKey": "choose another tls.key in app.toml",
    "badRevocationReason": "give another reason, or none",
    "badSignatureAlgorithm": "use another CA, it does not take ES256",
    "binding": "on the server: compare eab_kid and eab_hmac_key in server.toml with what the CA gave you",
    "caa": "allow the CA in the CAA records of {name}",
    "chain": _AGAIN,
    "clock": "on the server: set the clock, timedatectl set-ntp true",
    "compound": "mend what the CA says of each name",
    "connection": "{name} must reach this server on port 80, from the internet",
    "dns": "add an A or AAAA record for {name} that points to this server",
    "externalAccountRequired": "on the server: write the CA's eab_kid and eab_hmac_key into server.toml",
    "incorrectResponse": _ELSEWHERE,
    "invalidContact": "on the server: write an e-mail address in acme.email that the CA takes",
    "invalidProfile": "choose another tls.profile in app.toml, or none",
    "malformed": "if {name} looks right, report it: hookrunner and the CA do not understand each other",
    "orderNotReady": _AGAIN,
    "overloaded": _AGAIN,
    "protocol": "on the server: check that acme.directory in server.toml is an ACME directory",
    "rateLimited": "wait, the limit is the CA's",
    "rejectedIdentifier": "leave {name} out, or use another CA for it",
    "responder": "on the server: ss -ltnp shows what has acme.responder_port; end it, or choose another port",
    "serverInternal": _AGAIN,
    "timeout": _AGAIN,
    "tls": "{name} redirects the CA to HTTPS that does not work; see what answers there",
    "unauthorized": _ELSEWHERE,
    "unreachable": "on the server: check acme.directory in server.toml, and the way to it",
    "unsupportedContact": "on the server: write a plain e-mail address in acme.email",
    "unsupportedIdentifier": "leave {name} out, or use another CA for it",
    "zone": "on the server: mend [dns.zones] in server.toml",
    "userActionRequired": "on the server: read the CA's new terms; its newest account takes them",
}


def hint(refusal: Refusal, name: str) -> str:
    """What to do about it, or "" where nothing is known to help but another push."""
    if refusal.by_dns and refusal.kind in _SEEN_BY_DNS:
        return _BY_DNS.format(name=name.removeprefix("*."))
    return _HINTS.get(refusal.kind, "").format(name=name)
