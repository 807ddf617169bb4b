"""Names: what becomes a domain or an app's name, and which domains stand for one another."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookrunner.model.names import AppName, Domain, Invalid

LABEL_63, LABEL_64 = "a" * 63, "a" * 64
NAME_253 = ".".join([LABEL_63, LABEL_63, LABEL_63, "a" * 61])
NAME_251 = ".".join([LABEL_63, LABEL_63, LABEL_63, "a" * 59])
LDH = "is not a domain name: labels hold letters, digits and inner hyphens only"
ADDRESS = "is an IP address; name a domain"
STAR = 'has a "*" that is not the whole first label; write "*.example.org"'
EMPTY_LABEL = "has an empty label"

GOOD = {
    "a.example": "a.example",
    "WWW.Park-Spot.CO": "www.park-spot.co",
    "a.example.": "a.example",
    "1.example": "1.example",
    "3com.example": "3com.example",
    "x--y.example": "x--y.example",
    "a.b.c.d.e.example": "a.b.c.d.e.example",
    "*.a.example": "*.a.example",
    "*.A.Example.": "*.a.example",
    "bücher.example": "xn--bcher-kva.example",
    "BÜCHER.example.": "xn--bcher-kva.example",
    "*.bücher.example": "*.xn--bcher-kva.example",
    "xn--bcher-kva.example": "xn--bcher-kva.example",
    "XN--BCHER-KVA.example": "xn--bcher-kva.example",
    "faß.example": "xn--fa-hia.example",
    "bücher。example": "xn--bcher-kva.example",
    "пример.рф": "xn--e1afmkfd.xn--p1ai",
    f"{LABEL_63}.example": f"{LABEL_63}.example",
    NAME_253: NAME_253,
    f"{NAME_253}.": NAME_253,
    f"*.{NAME_251}": f"*.{NAME_251}",
}

BAD = {
    "": "is empty; name a domain",
    "*.": "is empty; name a domain",
    "localhost": "is a single label; a public domain has a dot in it",
    "*.example": "is a single label; a public domain has a dot in it",
    "example.": "is a single label; a public domain has a dot in it",
    "https://a.example": "is a URL; leave the scheme away",
    "a.example/": "holds a path; name the domain alone",
    "a.example/b": "holds a path; name the domain alone",
    "a.example:443": "holds a port; name the domain alone",
    "192.0.2.1": ADDRESS,
    "2001:db8::1": ADDRESS,
    "[2001:db8::1]": ADDRESS,
    "::1": ADDRESS,
    "*.192.0.2.1": ADDRESS,
    "192.0.2.1.": ADDRESS,
    "127.1": "ends in a number, which no public domain does",
    "a.example.1": "ends in a number, which no public domain does",
    "*": STAR,
    "*a.example": STAR,
    "a.*.example": STAR,
    "*.*.example": STAR,
    "a.example.*": STAR,
    " a.example": "holds white space",
    "a.example\n": "holds white space",
    "a .example": "holds white space",
    "a\u00a0b.example": "holds white space",
    ".example.org": EMPTY_LABEL,
    "a..example": EMPTY_LABEL,
    "a.example..": EMPTY_LABEL,
    ".": EMPTY_LABEL,
    "*..example": EMPTY_LABEL,
    "-a.example": LDH,
    "a-.example": LDH,
    "a_b.example": LDH,
    "a;b.example": LDH,
    "a.example\x00": LDH,
    "a$b.example": LDH,
    'a".example': LDH,
    "a@b.example": LDH,
    "xn--.example": LDH,
    "xn--a-.example": LDH,
    "a\u202e.example": LDH,
    "\ud800.example": LDH,
    "☃.example": LDH,
    f"{LABEL_64}.example": "has a label of more than 63 characters",
    f"{'ü' * 64}.example": "has a label of more than 63 characters",
    f"a.{NAME_253}": "is longer than 253 characters",
    f"*.{NAME_253}": "is longer than 253 characters",
}


@pytest.mark.parametrize(("text", "expected"), GOOD.items())
def test_a_domain_becomes_its_one_spelling(text: str, expected: str) -> None:
    """However a domain is written, it becomes lower-case A-labels without a trailing dot."""
    assert str(Domain.parse(text)) == expected


@pytest.mark.parametrize(("text", "words"), BAD.items())
def test_what_is_no_public_domain_is_refused_in_words(text: str, words: str) -> None:
    """What no public CA would put into a certificate is refused, and the words say why."""
    with pytest.raises(Invalid) as caught:
        Domain.parse(text)
    assert str(caught.value) == words


@settings(max_examples=400, derandomize=True, deadline=None, database=None)
@given(
    st.one_of(
        st.text(max_size=20), st.from_regex(r"(\*\.)?[a-zß-ü0-9-]{1,6}([.。][a-z0-9é-]{1,6}){1,3}\.?", fullmatch=True)
    )
)
def test_a_domain_is_refused_or_settled(text: str) -> None:
    """Any text is refused as Invalid, or becomes plain ASCII that parses to itself."""
    try:
        domain = Domain.parse(text)
    except Invalid:
        return
    assert Domain.parse(domain.name) == domain
    assert set(domain.base) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
    assert len(domain.name) <= 253


@pytest.mark.parametrize(
    ("name", "wildcard", "base"),
    [("a.example", False, "a.example"), ("*.a.example", True, "a.example")],
)
def test_a_wildcard_knows_its_base(name: str, wildcard: bool, base: str) -> None:
    """A wildcard says that it is one, and what it stands below."""
    assert (Domain(name).is_wildcard, Domain(name).base) == (wildcard, base)


@pytest.mark.parametrize(
    ("one", "other", "covers", "conflicts"),
    [
        ("a.example", "a.example", True, True),
        ("a.example", "b.example", False, False),
        ("a.example", "w.a.example", False, False),
        ("*.a.example", "*.a.example", True, True),
        ("*.a.example", "w.a.example", True, True),
        ("w.a.example", "*.a.example", False, True),
        ("*.a.example", "a.example", False, False),
        ("a.example", "*.a.example", False, False),
        ("*.a.example", "v.w.a.example", False, False),
        ("*.a.example", "*.w.a.example", False, False),
        ("*.a.example", "w.ba.example", False, False),
        ("*.a.example", "wa.example", False, False),
    ],
)
def test_which_domains_stand_for_another(one: str, other: str, covers: bool, conflicts: bool) -> None:
    """A wildcard covers exactly one label below it, and two domains conflict when either covers the other."""
    assert Domain(one).covers(Domain(other)) is covers
    assert Domain(one).conflicts(Domain(other)) is conflicts
    assert Domain(other).conflicts(Domain(one)) is conflicts


@pytest.mark.parametrize(
    ("name", "expected"),
    [("w.a.example", "*.a.example"), ("a.example", "*.example"), ("v.w.a.example", "*.w.a.example")],
)
def test_the_wildcard_over_a_name(name: str, expected: str) -> None:
    """The wildcard over a name is the one that covers it."""
    assert Domain(name).parent_wildcard == Domain(expected)
    assert Domain(expected).covers(Domain(name))


@pytest.mark.parametrize("text", ["a", "0", "shop", "my-shop_2", "1-a", "a" * 50, "00-hookrunner2", "a-"])
def test_a_plain_app_name_is_taken(text: str) -> None:
    """A short plain name is an app's, as it is written."""
    assert str(AppName.parse(text)) == text


PLAIN = "an app's name starts with a-z or 0-9 and holds a-z, 0-9, - and _, 50 characters at most"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        *(
            (text, PLAIN)
            for text in ("", "A", "shöp", "-a", "_a", ".", "..", "a.b", "a/b", "a b", "a\n", "a" * 51, "²")
        ),
        ("00-hookrunner", "00-hookrunner is the name of hookrunner's own nginx file"),
    ],
)
def test_any_other_app_name_is_refused(text: str, words: str) -> None:
    """What could leave a folder or take hookrunner's own file is no app's name."""
    with pytest.raises(Invalid) as caught:
        AppName.parse(text)
    assert str(caught.value) == words
