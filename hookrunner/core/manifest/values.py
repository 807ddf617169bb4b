"""Values of app.toml that have a grammar of their own, each a text to a value or an :class:`Invalid`.

Those that depend on the server take its policy, None where there is none: on a laptop.
"""

import re
from collections.abc import Callable

from hookrunner.core import tree
from hookrunner.core.manifest import fields
from hookrunner.core.manifest.policy import Policy
from hookrunner.model.app import Folder, Upstream, file_below
from hookrunner.model.names import Domain, Invalid
from hookrunner.model.registration import MANIFEST
from hookrunner.model.rules import REDIRECT_STATUSES, Header

_PROFILE = re.compile(r"[A-Za-z0-9._-]{0,64}\Z")


def redirect_status(value: object) -> int:
    """The status of a redirect (RFC 9110 section 15.4)."""
    status = fields.whole(100, 599)(value)
    if status not in REDIRECT_STATUSES:
        raise Invalid(f"is {status}; a redirect is one of {', '.join(map(str, REDIRECT_STATUSES))}")
    return status


def hsts(value: object) -> int:
    """A duration in seconds; ``"off"`` is 0."""
    return 0 if fields.text(value) == "off" else fields.duration(value)


def header(name: str) -> Callable[[object], Header]:
    """The response header ``name`` with its value."""
    return lambda value: Header.parse(name, fields.text(value))


def profile(text: str) -> str:
    """The name of an ACME profile."""
    if not _PROFILE.match(text):
        raise Invalid("is not the name of an ACME profile")
    return text


def domain(policy: Policy | None, named: list[Domain]) -> Callable[[str], Domain]:
    """A domain that the policy allows; ``named`` gets every one that is a domain, allowed or not."""

    def parse_one(text: str) -> Domain:
        domain = Domain.parse(text)
        named.append(domain)
        if policy:
            policy.check_domain(domain)
        return domain

    return parse_one


def folder(policy: Policy | None) -> Callable[[object], Folder]:
    """A folder of the release."""

    def parse_one(value: object) -> Folder:
        folder = Folder.parse(fields.text(value))
        if policy:
            policy.check_folder(folder)
        return folder

    return parse_one


def upstream(policy: Policy | None) -> Callable[[object], Upstream]:
    """An upstream that the app may use."""

    def parse_one(value: object) -> Upstream:
        text = fields.text(value)
        try:
            upstream = Upstream.parse(text)
            if policy:
                policy.check_upstream(upstream)
        except Invalid as error:
            raise Invalid(f'"{text}" {error}') from error
        return upstream

    return parse_one


def fallback(policy: Policy | None, content: Folder | Upstream | None) -> Callable[[object], str]:
    """A file below ``content``, which is a folder then."""

    def parse_one(value: object) -> str:
        if isinstance(content, Upstream):
            raise Invalid("goes with root; an upstream answers every path itself")
        file = file_below(fields.text(value))
        if tree.is_hidden(file, ".", policy.manifest if policy else MANIFEST):
            raise Invalid("is never served: dot files and app.toml stay hidden")
        if policy and content:
            policy.check_file(content, file)
        return file

    return parse_one
