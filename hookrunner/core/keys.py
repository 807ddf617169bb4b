"""The file of deploy keys: who may push, and to which apps, in sshd's format (sshd(8), AUTHORIZED_KEYS FILE FORMAT).

A key's limit stands in its line, as the option ``environment="HOOKRUNNER_APPS=…"``. sshd leaves that option alone
(PermitUserEnvironment is off), and what answers every SSH session reads it here.
"""

import base64
import binascii
import re
from collections.abc import Iterator

from hookrunner.model.key import Key
from hookrunner.model.names import AppName, Invalid

APPS = "HOOKRUNNER_APPS"
EMPTY = "# Who may push: `hookrunner keys add NAME` writes a line, one key in each.\n"

_KIND = r"(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)"
_OPTION = r'[A-Za-z0-9-]+(?:="(?:[^"\\]|\\.)*")?'
_KEY = re.compile(
    rf"(?:(?P<options>{_OPTION}(?:,{_OPTION})*)[ \t]+)?"
    rf"(?P<kind>{_KIND})[ \t]+(?P<blob>[A-Za-z0-9+/]+={{0,2}})(?:[ \t]+(?P<name>.*))?"
)
_LIMIT = re.compile(rf'(?:\A|,)environment="{APPS}=(?P<apps>[^"]*)"')
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,59}")
_LONGEST = 16_384  # characters of a public key file; an RSA key of 16384 bits has 2800


def read(text: str) -> Iterator[Key]:
    """The keys of a file; lines that sshd would pass over are passed over."""
    for line in text.split("\n"):  # as sshd does; Python knows more ends of a line
        if found := _KEY.fullmatch(line.strip()):
            options = found["options"] or ""
            yield Key(found["kind"], found["blob"], found["name"] or "", _apps(options), _others(options))


def find(text: str, blob: str) -> Key | None:
    """The key that sshd let in, by its base64.

    By which of several lines it did, nobody says (it passes over one whose ``from`` does not fit): so all limits hold.
    """
    lines = [key for key in read(text) if key.blob == blob]
    limits = [key.apps for key in lines if key.apps is not None]
    return lines[0]._replace(apps=frozenset.intersection(*limits) if limits else None) if lines else None


def public(text: str, name: str, apps: frozenset[AppName] | None) -> Key:
    """The key of an ``id_ed25519.pub``, under a name. Raises :class:`~hookrunner.model.names.Invalid`.

    One line without options: whoever hands in a key does not say what it may do.
    """
    if len(text) > _LONGEST:
        raise Invalid("is too long for a public key")
    text = text.removeprefix("\ufeff")  # of an editor on Windows
    if "PRIVATE KEY" in text:
        raise Invalid("is a private key; give the file that ends in .pub, and keep this one to yourself")
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) != 1:
        raise Invalid(f"has {len(lines)} lines; a public key is one" if lines else "is empty")
    found = _KEY.fullmatch(lines[0].strip())
    if found is None:
        raise Invalid('is no public key like "ssh-ed25519 AAAA… you@laptop", of type ed25519, ecdsa, rsa or sk-…')
    if found["options"]:
        raise Invalid("has options before its type; they are the server's to give")
    if not _is_sound(found["kind"], found["blob"]):
        raise Invalid("is damaged: it does not hold what its type says")
    return Key(found["kind"], found["blob"], called(name), apps)


def called(name: str) -> str:
    """A name for a key. Raises :class:`~hookrunner.model.names.Invalid`."""
    if not _NAME.fullmatch(name):
        raise Invalid("is no name for a key: up to 60 letters, digits and . _ @ + -, a letter or digit first")
    return name


def added(text: str, key: Key) -> str:
    """The file with one more key. Raises :class:`~hookrunner.model.names.Invalid` for one that is there."""
    for other in read(text):
        if other.blob == key.blob:
            raise Invalid(f"is there already, as {other.name or other.fingerprint}")
        if other.name == key.name:
            raise Invalid(f'has a name that another key has, "{key.name}"; name each device')
    return _ended(text or EMPTY) + f"{line(key)}\n"


def line(key: Key) -> str:
    """How the key is written: restricted, and with its limit."""
    limit = "" if key.apps is None else f',environment="{APPS}={",".join(key.limit)}"'
    return " ".join(filter(None, [f"restrict{limit}", key.kind, key.blob, key.name]))


def matching(text: str, wanted: str) -> list[Key]:
    """The keys of that name or fingerprint, each once, however many lines it has."""
    return list({key.blob: key for key in read(text) if wanted and wanted in (key.name, key.fingerprint)}.values())


def without(text: str, key: Key) -> str:
    """The file without any line of a key, all else as it was."""
    return "\n".join(line for line in text.split("\n") if key.blob not in (other.blob for other in read(line)))


def unlimited(authorized_keys: str) -> list[Key]:
    """The keys of somebody's own authorized_keys, without those with options, whose meaning is not known here."""
    found = (_KEY.fullmatch(line.strip()) for line in authorized_keys.split("\n"))
    return [Key(key["kind"], key["blob"], key["name"] or "") for key in found if key and not key["options"]]


def _others(options: str) -> str:
    """The options that are not of ours."""
    return ",".join(one for one in re.findall(_OPTION, options) if one != "restrict" and APPS not in one)


def _apps(options: str) -> frozenset[AppName] | None:
    """What the options limit the key to. A limit that cannot be read lets it reach nothing."""
    found = _LIMIT.search(options)
    if found is None:
        return frozenset() if APPS in options else None
    try:
        return frozenset(AppName.parse(name) for name in found["apps"].split(","))
    except Invalid:
        return frozenset()


def _is_sound(kind: str, blob: str) -> bool:
    """Whether the key is a row of strings (RFC 4251 section 5) that begins with its type and ends where it ends."""
    try:
        rest = base64.b64decode(blob, validate=True)
    except binascii.Error:
        return False
    strings: list[bytes] = []
    while rest:
        length = int.from_bytes(rest[:4])
        if len(rest) < 4 + length:
            return False
        strings.append(rest[4 : 4 + length])
        rest = rest[4 + length :]
    return len(strings) >= 2 and strings[0] == kind.encode() and (kind != "ssh-ed25519" or len(strings[1]) == 32)


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"
