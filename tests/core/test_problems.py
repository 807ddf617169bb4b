"""What a CA's refusal says to a person, and what to do about it."""

import pytest

from hookrunner.core.problems import Refusal, Subproblem, hint

ELSEWHERE = "a.org is answered by another server; point its A and AAAA records here"
AGAIN = "it is the CA's to mend; it is asked again by itself"
AUTHORITY = "on the server: check acme.directory in server.toml"
WORDS = [
    ("accountDoesNotExist", "the CA does not know the account", f"{AUTHORITY}; the CA takes no account of ours"),
    (
        "alreadyReplaced",
        "the certificate was renewed already",
        "nothing to do, the next renewal asks without naming the old certificate",
    ),
    ("alreadyRevoked", "the certificate was revoked already", "nothing to do, it is not valid any more"),
    ("badCSR", "the CA does not take this key or name", "choose another tls.key in app.toml, or leave a.org out"),
    ("badNonce", "the CA refuses its own nonces", AGAIN),
    ("badPublicKey", "the CA does not take this key", "choose another tls.key in app.toml"),
    ("badRevocationReason", "the CA does not take this reason", "give another reason, or none"),
    ("badSignatureAlgorithm", "the CA does not take the account's signature", "use another CA, it does not take ES256"),
    ("caa", "a CAA record forbids this CA", "allow the CA in the CAA records of a.org"),
    ("compound", "the CA refuses several names", "mend what the CA says of each name"),
    ("connection", "the CA could not connect", "a.org must reach this server on port 80, from the internet"),
    ("dns", "the CA found no address in the DNS", "add an A or AAAA record for a.org that points to this server"),
    (
        "externalAccountRequired",
        "this CA wants an external account binding",
        "on the server: write the CA's eab_kid and eab_hmac_key into server.toml",
    ),
    ("incorrectResponse", "the CA got a wrong answer", ELSEWHERE),
    (
        "invalidContact",
        "the CA does not take the e-mail address",
        "on the server: write an e-mail address in acme.email that the CA takes",
    ),
    ("invalidProfile", "the CA has no such profile", "choose another tls.profile in app.toml, or none"),
    (
        "malformed",
        "the CA does not understand the request",
        "if a.org looks right, report it: hookrunner and the CA do not understand each other",
    ),
    ("orderNotReady", "the CA was not ready", AGAIN),
    ("overloaded", "the CA is overloaded", AGAIN),
    (
        "protocol",
        "the CA's answer is not ACME",
        "on the server: check that acme.directory in server.toml is an ACME directory",
    ),
    ("rateLimited", "the CA's rate limit is reached", "wait, the limit is the CA's"),
    ("rejectedIdentifier", "the CA does not issue for this name", "leave a.org out, or use another CA for it"),
    ("serverInternal", "the CA has an internal error", AGAIN),
    ("timeout", "the CA did not come to an end", AGAIN),
    ("tls", "the CA saw a TLS error", "a.org redirects the CA to HTTPS that does not work; see what answers there"),
    ("unauthorized", "the CA was refused", ELSEWHERE),
    ("unreachable", "the CA does not answer", f"{AUTHORITY}, and the way to it"),
    (
        "unsupportedContact",
        "the CA does not take this kind of contact",
        "on the server: write a plain e-mail address in acme.email",
    ),
    (
        "unsupportedIdentifier",
        "the CA does not issue for this kind of name",
        "leave a.org out, or use another CA for it",
    ),
    (
        "userActionRequired",
        "the CA wants its terms accepted anew",
        "on the server: read the CA's new terms; its newest account takes them",
    ),
    ("lost", "the key is gone", ""),
    ("somethingNew", "somethingNew", ""),
]


@pytest.mark.parametrize(("kind", "words", "advice"), WORDS, ids=[row[0] for row in WORDS])
def test_a_refusal_in_words(kind: str, words: str, advice: str) -> None:
    """A refusal reads as words with the CA's detail behind them, and has a hint where one is known to help."""
    assert str(Refusal(kind, "")) == words
    assert str(Refusal(kind, "no {name} 403")) == f"{words}: no {{name}} 403"
    assert hint(Refusal(kind, "no {name} 403"), "a.org") == advice


def test_every_type_of_the_standards_has_words_and_a_hint() -> None:
    """RFC 8555 section 6.7, RFC 9773 section 5 and the draft on profiles: none is left to its bare name."""
    types = [
        "accountDoesNotExist",
        "alreadyRevoked",
        "badCSR",
        "badNonce",
        "badPublicKey",
        "badRevocationReason",
        "badSignatureAlgorithm",
        "caa",
        "compound",
        "connection",
        "dns",
        "externalAccountRequired",
        "incorrectResponse",
        "invalidContact",
        "malformed",
        "orderNotReady",
        "rateLimited",
        "rejectedIdentifier",
        "serverInternal",
        "tls",
        "unauthorized",
        "unsupportedContact",
        "unsupportedIdentifier",
        "userActionRequired",
        "alreadyReplaced",
        "invalidProfile",
    ]
    assert {kind for kind, _, advice in WORDS if advice} >= set(types)


def test_subproblems_name_their_identifier() -> None:
    """A refusal of several names says what is wrong with each (RFC 8555 section 6.7.1)."""
    refusal = Refusal(
        "compound", "Errors during validation",
        subproblems=(Subproblem("a.org", "caa", "x"), Subproblem("", "somethingNew", "y"), Subproblem("b.org", "dns", "")),
    )  # fmt: skip
    assert str(refusal) == (
        "the CA refuses several names: a.org: a CAA record forbids this CA; a name: somethingNew; "
        "b.org: the CA found no address in the DNS"
    )
