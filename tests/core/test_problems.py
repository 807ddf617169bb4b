"""What a CA's refusal says to a person, and what to do about it."""

import pytest

from hookrunner.core.problems import Refusal, hint, hints
from hookrunner.model.names import Domain

ELSEWHERE = "a.org is answered by another server; point its A and AAAA records here"
WORDS = [
    ("badCSR", "the CA does not take this key or name", ""),
    ("caa", "a CAA record forbids this CA", "allow the CA in the CAA records of a.org"),
    ("connection", "the CA could not connect", "a.org must reach this server on port 80, from the internet"),
    (
        "dns",
        "the CA found no address in the DNS",
        "add an A or AAAA record for a.org that points to this server",
    ),
    (
        "externalAccountRequired",
        "this CA wants an external account binding",
        "use a CA without external account binding, it is not supported yet",
    ),
    ("incorrectResponse", "the CA got a wrong answer", ELSEWHERE),
    ("rateLimited", "the CA's rate limit is reached", "wait, the limit is the CA's"),
    ("rejectedIdentifier", "the CA does not issue for this name", "leave a.org out, or use another CA for it"),
    ("serverInternal", "the CA has an internal error", ""),
    ("tls", "the CA saw a TLS error", ""),
    ("unauthorized", "the CA was refused", ELSEWHERE),
    (
        "unreachable",
        "the CA does not answer",
        "on the server: check acme.directory in server.toml, and the way to it",
    ),
    ("timeout", "the CA did not come to an end", ""),
    ("protocol", "the CA's answer is not ACME", ""),
    ("lost", "the key is gone", ""),
    ("somethingNew", "somethingNew", ""),
]


@pytest.mark.parametrize(("kind", "words", "advice"), WORDS, ids=[row[0] for row in WORDS])
def test_a_refusal_in_words(kind: str, words: str, advice: str) -> None:
    """A refusal reads as words with the CA's detail behind them, and has a hint where one is known to help."""
    assert str(Refusal(kind, "")) == words
    assert str(Refusal(kind, "no {name} 403")) == f"{words}: no {{name}} 403"
    assert hint(Refusal(kind, "no {name} 403"), "a.org") == advice


def test_one_hint_a_kind() -> None:
    """A hundred names with one cause get one hint, of the first of them; kinds without a hint get none."""
    refused = {
        Domain("a.org"): Refusal("dns", "x"),
        Domain("b.org"): Refusal("tls", ""),
        Domain("c.org"): Refusal("rateLimited", ""),
        Domain("d.org"): Refusal("dns", "y"),
    }
    assert hints(refused) == [
        "add an A or AAAA record for a.org that points to this server",
        "wait, the limit is the CA's",
    ]
    assert hints({}) == []
