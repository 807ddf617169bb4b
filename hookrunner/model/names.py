"""Names that others give us: domains and apps. Text becomes one of these or an :class:`Invalid`."""

import re
from typing import NamedTuple, Self


class Invalid(ValueError):
    """A text that is not the value it should be. Its message says what is wrong, for the person who wrote it."""


_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z")
_APP = re.compile(r"[a-z0-9][a-z0-9_-]{0,49}\Z")
_LONGEST_DOMAIN = 253
_LONGEST_LABEL = 63


class Domain(NamedTuple):
    """A DNS name as A-labels (RFC 5890), lower case, no trailing dot; a leading ``*.`` makes it a wildcard."""

    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the domain that ``text`` writes, internationalised names and a trailing dot included.

        Raises :class:`Invalid` for anything that a public CA would not put into a certificate.
        """
        wildcard = text.startswith("*.")
        bare = text[2:] if wildcard else text
        _refuse_foreign_syntax(bare)
        name = _to_a_labels(bare.removesuffix("."))
        labels = name.split(".")
        if any(len(label) > _LONGEST_LABEL for label in labels):
            raise Invalid(f"has a label of more than {_LONGEST_LABEL} characters")
        if len(name) + 2 * wildcard > _LONGEST_DOMAIN:
            raise Invalid(f"is longer than {_LONGEST_DOMAIN} characters")
        if not all(map(_LABEL.match, labels)):
            raise Invalid("is not a domain name: labels hold letters, digits and inner hyphens only")
        if _is_address(name):
            raise Invalid("is an IP address; name a domain")
        if len(labels) < 2:
            raise Invalid("is a single label; a public domain has a dot in it")
        if labels[-1].isdigit():
            raise Invalid("ends in a number, which no public domain does")
        return cls(f"*.{name}" if wildcard else name)

    @property
    def is_wildcard(self) -> bool:
        """Whether this stands for every name one label below :attr:`base`."""
        return self.name.startswith("*.")

    @property
    def base(self) -> str:
        """The name without its ``*.``."""
        return self.name.removeprefix("*.")

    @property
    def parent_wildcard(self) -> "Domain":
        """The one wildcard that covers this name, which is none itself."""
        return Domain(f"*.{self.name.partition('.')[2]}")

    def covers(self, other: "Domain") -> bool:
        """Whether a certificate for this domain is good for ``other`` (RFC 9525 section 6.3)."""
        if self == other:
            return True
        return self.is_wildcard and not other.is_wildcard and other.name.partition(".")[2] == self.base

    def conflicts(self, other: "Domain") -> bool:
        """Whether one request could be for both, so that two apps cannot hold them."""
        return self.covers(other) or other.covers(self)

    def __str__(self) -> str:
        return self.name


def _refuse_foreign_syntax(text: str) -> None:
    if not text:
        raise Invalid("is empty; name a domain")
    if _is_address(text.strip("[]")):
        raise Invalid("is an IP address; name a domain")
    if "://" in text:
        raise Invalid("is a URL; leave the scheme away")
    if "/" in text:
        raise Invalid("holds a path; name the domain alone")
    if ":" in text:
        raise Invalid("holds a port; name the domain alone")
    if "*" in text:
        raise Invalid('has a "*" that is not the whole first label; write "*.example.org"')
    if any(character.isspace() for character in text):
        raise Invalid("holds white space")
    if ".." in text or text.startswith("."):
        raise Invalid("has an empty label")


def _to_a_labels(text: str) -> str:
    lower = text.lower()
    if lower.isascii() and "--" not in lower:
        return lower
    import idna  # 10 ms, and few names need it

    try:
        name = idna.encode(text, uts46=True, std3_rules=True).decode("ascii")
    except UnicodeError as error:
        if any(len(label) > _LONGEST_LABEL for label in text.split(".")):
            raise Invalid(f"has a label of more than {_LONGEST_LABEL} characters") from error
        if len(text) > _LONGEST_DOMAIN:
            raise Invalid(f"is longer than {_LONGEST_DOMAIN} characters") from error
        raise Invalid("is not a domain name: labels hold letters, digits and inner hyphens only") from error
    if not text.isprintable():  # UTS 46 takes zero-width characters out in silence
        raise Invalid("holds a character that cannot be seen")
    return name


def _is_address(text: str) -> bool:
    if ":" not in text and not text[-1:].isdigit():
        return False
    import ipaddress

    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


class AppName(NamedTuple):
    """The name of an app: it becomes a folder, a file and a claim, so it is short and plain."""

    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the name; raise :class:`Invalid` unless it is a-z, 0-9, ``-`` and ``_``, 50 characters at most."""
        if not _APP.match(text):
            raise Invalid("an app's name starts with a-z or 0-9 and holds a-z, 0-9, - and _, 50 characters at most")
        if text == "00-hookrunner":
            raise Invalid("00-hookrunner is the name of hookrunner's own nginx file")
        return cls(text)

    def __str__(self) -> str:
        return self.name
