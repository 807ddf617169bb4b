"""The file of deploy keys: what is let in, what is refused, and whom a line limits to what."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookrunner.core import keys
from hookrunner.model.key import Key
from hookrunner.model.names import AppName, Invalid

BLOB = "AAAAC3NzaC1lZDI1NTE5AAAAIJdf++TB2pdxuIybwKcn9Y9Ks/7mufBfkjdnIggPaUzW"
OTHER = "AAAAC3NzaC1lZDI1NTE5AAAAIE9ZKxRGbgYzbgGWhHCXDhVBwXMzCRFIrRYzGIKmcWDl"
ECDSA = (
    "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHzwtMF7KHEwl0DSz62MVCd9regSYP/NJaimjHMFvy3P"
    "oH9fp8BuE6rPsqHQE1E3cYtOp8DhvGDQoC4e4kny1QE="
)
PUBLIC = f"ssh-ed25519 {BLOB} you@laptop\n"
NOTES, SHOP = AppName("notes"), AppName("shop")


def damaged(kind: str, *strings: bytes, behind: bytes = b"") -> str:
    """A public key that is none, in the right encoding."""
    blob = b"".join(len(one).to_bytes(4) + one for one in strings) + behind
    return f"{kind} {base64.b64encode(blob).decode()} x"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (PUBLIC, "ssh-ed25519"),
        (f"\n  {PUBLIC}\n\n", "ssh-ed25519"),
        (f"ssh-ed25519 {BLOB}", "ssh-ed25519"),
        (f"\ufeffssh-ed25519 {BLOB} written on Windows\r\n", "ssh-ed25519"),
        (f"ecdsa-sha2-nistp256 {ECDSA} a comment with words\r\n", "ecdsa-sha2-nistp256"),
    ],
)
def test_a_public_key_is_taken(text: str, kind: str) -> None:
    """As ssh-keygen wrote it; its comment gives way to the name."""
    key = keys.public(text, "ada@laptop", None)
    assert (key.kind, key.name, key.apps) == (kind, "ada@laptop", None)
    assert keys.line(key) == f"restrict {kind} {key.blob} ada@laptop"


def test_the_fingerprint_is_ssh_keygens() -> None:
    """As `ssh-keygen -lf` showed it for this key."""
    assert keys.public(PUBLIC, "a", None).fingerprint == "SHA256:+5opg+osxpYvJFRX5JGQMQnvczG88Q+Jhyfg00aoRDE"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        (PUBLIC * 2, "has 2 lines"),
        (f"{PUBLIC}command=\"id\" {PUBLIC}", "has 2 lines"),
        (f"ssh-ed25519 {BLOB} x\x0bssh-ed25519 {OTHER} y", "has 2 lines"),
        (f"ssh-ed25519 {BLOB} x\rssh-ed25519 {OTHER} y", "has 2 lines"),
        (f'command="id" {PUBLIC}', "has options"),
        (f"no-pty,{PUBLIC}", "is no public key"),
        (f"restrict,pty {PUBLIC}", "has options"),
        (f'environment="HOOKRUNNER_APPS=notes" {PUBLIC}', "has options"),
        (f'environment="X=\n" {PUBLIC}', "has 2 lines"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n", "is a private key"),
        ("ssh-dss AAAAB3NzaC1kc3M= x", "is no public key"),
        ("ssh-ed25519-cert-v01@openssh.com AAAA x", "is no public key"),
        (f"ssh-ed25519 {BLOB}!", "is no public key"),
        ("ssh-ed25519", "is no public key"),
        ("# ssh-ed25519 AAAA", "is no public key"),
        (f"ssh-rsa {BLOB}", "is damaged"),
        (f"ssh-ed25519 {BLOB[:-4]}", "is damaged"),
        (f"ssh-ed25519 {BLOB[:-1]}", "is damaged"),
        (damaged("ssh-ed25519", b"ssh-ed25519", b"\0" * 31), "is damaged"),
        (damaged("ssh-ed25519", b"ssh-ed25519", b"\0" * 32, behind=b"\0\0\0\7x"), "is damaged"),
        (damaged("ssh-ed25519", b"ssh-ed25519"), "is damaged"),
        (damaged("ssh-ed25519"), "is damaged"),
        ("x" * 20_000, "is too long"),
    ],
)  # fmt: skip
def test_what_is_no_public_key(text: str, why: str) -> None:
    """Nothing but one whole key on one line, without options."""
    with pytest.raises(Invalid, match=why):
        keys.public(text, "ada", None)


@pytest.mark.parametrize("name", ["", " ", "a b", "a\nb", 'a"', "-a", "a,b", "x" * 61, "é", "a\x1b[31m"])
def test_what_is_no_name(name: str) -> None:
    """A name stands in the file, in records and in the push's output."""
    with pytest.raises(Invalid, match="is no name for a key"):
        keys.public(PUBLIC, name, None)


def test_a_limit_comes_back_from_its_line() -> None:
    """What is written is what is read."""
    key = keys.public(PUBLIC, "ada", frozenset({SHOP, NOTES}))
    assert keys.line(key) == f'restrict,environment="HOOKRUNNER_APPS=notes,shop" ssh-ed25519 {BLOB} ada'
    assert keys.find(keys.added("", key), BLOB) == key
    assert key.reaches(NOTES)
    assert not key.reaches(AppName("wiki"))


@pytest.mark.parametrize(
    ("options", "apps"),
    [
        ("", None),
        ("restrict ", None),
        ('from="10.0.0.0/8,192.0.2.1",restrict ', None),
        ('restrict,environment="HOOKRUNNER_APPS=notes" ', {NOTES}),
        ('environment="HOOKRUNNER_APPS=notes,shop",from="x" ', {NOTES, SHOP}),
        ('environment="HOOKRUNNER_APPS=" ', set()),
        ('environment="HOOKRUNNER_APPS=Notes" ', set()),
        ('environment="HOOKRUNNER_APPS=notes, shop" ', set()),
        ('environment="HOOKRUNNER_APPS" ', set()),
        (r'command="echo \",environment=\"HOOKRUNNER_APPS=notes" ', set()),
        ('ENVIRONMENT="HOOKRUNNER_APPS=notes" ', set()),
    ],
)
def test_what_a_line_limits_to(options: str, apps: set[AppName] | None) -> None:
    """Options of the owner's own are none of ours; a limit that cannot be read lets the key reach nothing."""
    key = keys.find(f"{options}ssh-ed25519 {BLOB} ada\n", BLOB)
    assert key
    assert key.apps == apps


def test_only_keys_are_read() -> None:
    """Comments, empty and broken lines are passed over."""
    text = f"# ssh-ed25519 {BLOB} no\n\nnonsense\nssh-ed25519 {OTHER} b\nrestrict ssh-ed25519 {OTHER} c\n"
    assert [key.name for key in keys.read(text)] == ["b", "c"]
    found = keys.find(text, OTHER)
    assert found
    assert found.name == "b"
    assert keys.find(text, BLOB) is None


def test_all_limits_of_a_key_hold() -> None:
    """sshd may have let it in by any of its lines: the first says its name, and the narrowest what it reaches."""
    wide = f'from="10.0.0.0/8" ssh-ed25519 {BLOB} office'
    lines = [f'environment="HOOKRUNNER_APPS={apps}" ssh-ed25519 {BLOB} ada' for apps in ("notes,shop", "shop,wiki")]
    found = keys.find("\n".join([wide, *lines]), BLOB)
    assert found
    assert (found.name, found.apps, found.options) == ("office", frozenset({SHOP}), 'from="10.0.0.0/8"')
    assert keys.matching("\n".join([wide, *lines]), found.fingerprint) == [next(iter(keys.read(lines[1])))]
    assert keys.without("\n".join([wide, "# kept", *lines]), found) == "# kept"


def test_a_key_and_a_name_are_there_once() -> None:
    """The one that is there is named."""
    text = keys.added("# mine", Key("ssh-ed25519", BLOB, "ada"))
    assert text == f"# mine\nrestrict ssh-ed25519 {BLOB} ada\n"
    with pytest.raises(Invalid, match="is there already, as ada"):
        keys.added(text, Key("ssh-ed25519", BLOB, "bob"))
    with pytest.raises(Invalid, match='has a name that another key has, "ada"'):
        keys.added(text, Key("ssh-ed25519", OTHER, "ada"))


def test_a_key_is_taken_away_and_nothing_else() -> None:
    """Every other line stays as its owner wrote it."""
    text = f'# mine \n\nssh-ed25519 {BLOB} ada\n  from="x"   ssh-ed25519 {OTHER} bob \n'
    (ada,) = keys.matching(text, "ada")
    assert keys.without(text, ada) == f'# mine \n\n  from="x"   ssh-ed25519 {OTHER} bob \n'
    assert keys.matching(text, ada.fingerprint) == [ada]
    assert keys.matching(text, "") == []


def test_roots_keys_without_options_may_push() -> None:
    """A line with options of its own is left out; its meaning is not known here."""
    text = f'ssh-ed25519 {BLOB} ada\n# nobody\n\ncommand="id" ssh-ed25519 {OTHER} b\nnonsense\n'
    assert keys.unlimited(text) == [Key("ssh-ed25519", BLOB, "ada")]


@given(st.text(), st.text())
def test_whatever_is_handed_in_makes_one_line_or_none(text: str, name: str) -> None:
    """A key never brings a line or an option of its own into the file."""
    for content in (text, f"{text} {PUBLIC}", f"{PUBLIC.strip()}{text}"):
        try:
            key = keys.public(content, name, None)
        except Invalid:
            continue
        assert keys.line(key) == f"restrict {key.kind} {key.blob} {name}"
        assert keys.line(key).isprintable()
