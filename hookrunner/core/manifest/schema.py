"""Every key of app.toml: what it takes, its default, and what it is for. Parser, reference and editors share it."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from hookrunner.model.app import Certificates, Challenge, Https, KeyType
from hookrunner.model.rules import REDIRECT_STATUSES


class Key(NamedTuple):
    """One key. ``default`` is written as in app.toml; "" where there is none. ``values`` is a JSON Schema."""

    default: str
    says: str
    values: Mapping[str, Any]
    is_required: bool = False


def _text(**more: Any) -> dict[str, Any]:
    return {"type": "string", **more}


def _one_of(words: Iterable[StrEnum]) -> dict[str, Any]:
    return {"enum": [str(word) for word in words]}


_DURATION = _text(pattern="^[0-9]{1,9}[smhd]$", examples=["60s", "5m", "1h"])
_PATH = _text(pattern=r"^/[^?#]*$", examples=["/api/*", "/old"])
_ROOT = Key("", "a folder of the repository with static files", _text(examples=["public", "."]))
_PROXY = Key(
    "",
    "a program on this server: http://IP:PORT, or unix:/PATH",
    _text(pattern="^(http://|unix:/)", examples=["http://127.0.0.1:8000"]),
)

ROUTE: Mapping[str, Key] = {
    "root": _ROOT,
    "proxy": _PROXY,
    "timeout": Key("", "how long nginx waits for this upstream; the site's, unless it says otherwise", _DURATION),
}

REDIRECT: Mapping[str, Key] = {
    "from": Key("", "the path; a * at its end stands for the rest", _PATH, is_required=True),
    "to": Key(
        "",
        "a path, or an http or https URL; :splat is what the * stood for",
        _text(pattern="^(/|https?://)", examples=["/new/:splat", "https://example.org/"]),
        is_required=True,
    ),
    "status": Key("301", "the HTTP status", {"enum": list(REDIRECT_STATUSES)}),
}

HEADER: Mapping[str, Key] = {
    "for": Key("", "the path; a * at its end stands for the rest", _PATH, is_required=True),
    "values": Key(
        "",
        'a table of response headers; "" takes one away',
        {"type": "object", "additionalProperties": {"type": "string"}},
        is_required=True,
    ),
}

SITE: Mapping[str, Key] = {
    "domains": Key(
        "",
        "the names it answers to; an empty list takes it off the web",
        {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        is_required=True,
    ),
    "canonical": Key("", "the domain that the others redirect to (301)", _text()),
    "root": _ROOT,
    "proxy": _PROXY,
    "fallback": Key(
        "",
        "with root: the file for paths without a file extension that do not exist",
        _text(examples=["index.html"]),
    ),
    "https": Key('"auto"', "what plain HTTP does before there is a certificate", _one_of(Https)),
    "hsts": Key(
        '"off"',
        "how long browsers remember to use HTTPS only",
        _text(pattern="^(off|[0-9]{1,9}[smhd])$", examples=["off", "180d"]),
    ),
    "max_body": Key('"10m"', "the largest request body", _text(pattern="^[0-9]{1,12}[kmg]$", examples=["10m", "1g"])),
    "timeout": Key('"60s"', "how long nginx waits for the next byte from or to an upstream", _DURATION),
    "routes": Key("", "paths that are served from elsewhere", {"type": "object"}),
    "redirects": Key("", "paths that lead elsewhere", {"type": "array"}),
    "headers": Key("", "response headers, by path", {"type": "array"}),
}

TLS: Mapping[str, Key] = {
    "certificates": Key('"per-domain"', "how the domains are spread over certificates", _one_of(Certificates)),
    "challenge": Key('"auto"', "how the CA is shown that a domain is yours", _one_of(Challenge)),
    "key": Key('"ecdsa-p256"', "the key of each certificate", _one_of(KeyType)),
    "profile": Key('""', "an ACME profile of the CA; empty is the CA's default", _text()),
}

APP: Mapping[str, Key] = {
    "sites": Key("", "several sites: the keys of a site in each, and none of them at the top", {"type": "array"}),
    "tls": Key("", "how the app's certificates are made", {"type": "object"}),
    "deploy": Key("", "has no keys yet", {"type": "object"}),
}

DEPLOY: Mapping[str, Key] = {}


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 7, which TOML editors read) of app.toml, so that they complete and check it.

    It knows the form of each value; what the values mean to each other, `hookrunner check` does.
    """
    site = _properties(SITE) | {
        "routes": {"type": "object", "additionalProperties": _table(ROUTE)} | _described(SITE["routes"]),
        "redirects": {"type": "array", "items": _table(REDIRECT)} | _described(SITE["redirects"]),
        "headers": {"type": "array", "items": _table(HEADER)} | _described(SITE["headers"]),
    }
    app = {
        "tls": _table(TLS) | _described(APP["tls"]),
        "deploy": _table(DEPLOY) | _described(APP["deploy"]),
    }
    of_one = {"type": "object", "properties": site, "required": ["domains"], **_CLOSED}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "app.toml of hookrunner",
        "oneOf": [
            {**of_one, "properties": site | app},
            {
                "type": "object",
                "properties": {"sites": {"type": "array", "items": of_one} | _described(APP["sites"])} | app,
                "required": ["sites"],
                **_CLOSED,
            },
        ],
    }


_TABLES: Mapping[str, Any] = {"anyOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]}
_CLOSED: Mapping[str, Any] = {"additionalProperties": False, "patternProperties": {"^x-": _TABLES}}


def _properties(keys: Mapping[str, Key]) -> dict[str, Any]:
    return {name: {**key.values, **_described(key)} for name, key in keys.items()}


def _described(key: Key) -> dict[str, Any]:
    described: dict[str, Any] = {"description": key.says}
    if key.default:
        described["default"] = int(key.default) if key.default.isdigit() else key.default.strip('"')
    return described


def _table(keys: Mapping[str, Key]) -> dict[str, Any]:
    required = [name for name, key in keys.items() if key.is_required]
    return {
        "type": "object",
        "properties": _properties(keys),
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }
