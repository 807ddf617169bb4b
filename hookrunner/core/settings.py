"""The schema of server.toml: the server's own settings, with the same care for the person who wrote them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hookrunner.core import authorities, zones
from hookrunner.core.manifest import fields, toml
from hookrunner.core.manifest.fields import Table
from hookrunner.core.manifest.toml import Problem
from hookrunner.model.app import Upstream
from hookrunner.model.names import AppName, Domain, Invalid
from hookrunner.model.server import (
    AppSettings,
    Dns,
    Http01,
    Limits,
    Nginx,
    Pattern,
    Settings,
    Ssh,
)

TOP_KEYS = ("state", "notify", "acme", "nginx", "dns", "ssh", "limits", "apps")
NGINX_KEYS = (
    "publisher", "sites", "listen", "http_port", "https_port", "public_http_port", "public_https_port",
    "program", "test", "reload", "trusted_proxies", "logs",
)  # fmt: skip
DNS_KEYS = ("resolvers", "public_addresses", "zones")
SSH_KEYS = ("create_apps",)
LIMITS_KEYS = ("domains", "files", "bytes", "keep_releases")
APP_KEYS = ("allowed_domains", "proxies", "units", "activate", "activate_timeout")

_NGINX, _LIMITS = Nginx(), Limits()
_STATE = Path("/var/lib/hookrunner")

# systemd.unit(5)
_UNIT = re.compile(r"[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]*\.(?:service|socket|target|timer|path|scope|slice)\Z")
_SECRET = re.compile(r"(?:key|secret|token|pass|auth|credential|user)[\w\"'-]*\s*=", re.IGNORECASE)
_UNSAFE_IN_NGINX = re.compile(r"[\x00-\x1f\x7f$\"'\\{};]")


class SettingsError(Exception):
    """A server.toml that cannot be used. ``problems`` lists all that is wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(sorted(map(_without_secret, problems), key=lambda problem: problem.line or 0))
        super().__init__("; ".join(problem.text for problem in self.problems))


def parse(content: bytes) -> Settings:
    """Return the settings that ``content`` writes; raise :class:`SettingsError`."""
    try:
        document = toml.read(content)
    except toml.Unreadable as error:
        raise SettingsError([error.problem]) from error
    problems: list[Problem] = []
    settings = _settings(Table(document, (), document.data, problems))
    if problems:
        raise SettingsError(problems)
    return settings


def with_nginx(text: str, keys: Mapping[str, str]) -> str:
    """The file with these keys under ``[nginx]``, where they are not or are empty; all else as its owner wrote it."""
    lines = text.splitlines()
    at = next((n for n, line in enumerate(lines) if re.match(r"\[nginx\]\s*(#|\Z)", line)), None)
    if at is None:
        lines += ["", "[nginx]"] if lines else ["[nginx]"]
        at = len(lines) - 1
    end = next((n for n in range(at + 1, len(lines)) if lines[n].startswith("[")), len(lines))
    inside = [line for line in lines[at + 1 : end] if not re.match(rf'({"|".join(keys)})\s*=\s*""', line)]
    added = [f'{key} = "{value}"' for key, value in keys.items() if not any(re.match(rf"{key}\s*=", i) for i in inside)]
    return "\n".join([*lines[: at + 1], *added, *inside, *lines[end:]]) + "\n"


def _settings(top: Table) -> Settings:
    top.refuse_unknown(TOP_KEYS)
    acme = top.table("acme")
    return Settings(
        acme=authorities.acme(acme),
        state=top.take("state", fields.of_text(_path), _STATE),
        notify=() if top.data.get("notify") == [] else top.take("notify", _argv, ()),
        nginx=_nginx(top.table("nginx")),
        dns=_dns(top.table("dns")),
        ssh=_ssh(top.table("ssh")),
        limits=_limits(top.table("limits")),
        http01=acme.take("http01", fields.choice(Http01), Http01.WEBROOT),
        responder_port=acme.take("responder_port", fields.port, 8888),
        apps=_apps(top.table("apps")),
    )


def _dns(table: Table) -> Dns:
    table.refuse_unknown(DNS_KEYS)
    addresses = table.take_each("public_addresses", _address) or ()
    if not addresses and not table.has("resolvers") and not table.has("zones"):
        return Dns()
    import ipaddress

    return Dns(
        resolvers=table.take_each("resolvers", _resolver) or (),
        public_addresses=tuple(map(ipaddress.ip_address, addresses)),
        zones=zones.zones(table.table("zones"), _resolver, _address),
    )


def _nginx(table: Table) -> Nginx:
    table.refuse_unknown(NGINX_KEYS)
    http_port = table.take("http_port", fields.port, _NGINX.http_port)
    https_port = table.take("https_port", fields.port, _NGINX.https_port)
    if http_port == https_port:
        table.wrong("https_port", f"is {https_port}, which is http_port too")
    return Nginx(
        sites=table.take("sites", fields.of_text(_path), _NGINX.sites),
        listen=table.take_each("listen", _address) or (),
        trusted_proxies=table.take_each("trusted_proxies", _network) or (),
        http_port=http_port,
        https_port=https_port,
        public_http_port=table.take("public_http_port", fields.port, _NGINX.public_http_port),
        public_https_port=table.take("public_https_port", fields.port, _NGINX.public_https_port),
        program=table.take("program", fields.text, _NGINX.program),
        test=table.take("test", _argv, _NGINX.test),
        reload=table.take("reload", _argv, _NGINX.reload),
        publisher=table.take("publisher", fields.of_text(_path_or_none), None),
        logs=table.take("logs", fields.of_text(_path_or_none), None),
    )


def _ssh(table: Table) -> Ssh:
    table.refuse_unknown(SSH_KEYS)
    return Ssh(create_apps=table.take("create_apps", fields.flag, Ssh().create_apps))


def _limits(table: Table) -> Limits:
    table.refuse_unknown(LIMITS_KEYS)
    return Limits(
        domains=table.take("domains", fields.whole(1, 10_000), _LIMITS.domains),
        files=table.take("files", fields.whole(1, 10_000_000), _LIMITS.files),
        bytes=table.take("bytes", _bytes, _LIMITS.bytes),
        keep_releases=table.take("keep_releases", fields.whole(2, 1000), _LIMITS.keep_releases),
    )


def _apps(table: Table) -> dict[AppName, AppSettings]:
    apps: dict[AppName, AppSettings] = {}
    for name in table.data:
        own = table.table(name)
        own.refuse_unknown(APP_KEYS)
        settings = AppSettings(
            allowed_domains=own.take_each("allowed_domains", lambda text: Pattern(Domain.parse(text))),
            proxies=own.take_each("proxies", Upstream.parse) or (),
            units=own.take_each("units", _unit) or (),
            activate=own.take("activate", _argvs, ()),
            activate_timeout=own.take("activate_timeout", fields.duration, AppSettings().activate_timeout),
        )
        try:
            apps[AppName.parse(name)] = settings
        except Invalid as error:
            table.wrong(name, str(error))
    return apps


def _unit(text: str) -> str:
    if not _UNIT.match(text):
        raise Invalid('is not the name of a systemd unit, like "parkspot.service"')
    return text


def _argvs(value: object) -> tuple[tuple[str, ...], ...]:
    if not isinstance(value, list) or not all(isinstance(one, list) for one in value):
        raise Invalid('takes a list of programs with their arguments, like [["/usr/local/bin/migrate", "--all"]]')
    return tuple(_program(one) for one in value)


def _program(value: object) -> tuple[str, ...]:
    argv = _argv(value)
    if "/" in argv[0] and not argv[0].startswith("/"):
        raise Invalid(f"names {argv[0]}, which is nowhere: give the full path, nothing is run from the release")
    return argv


def _path(text: str) -> Path:
    if not text.startswith("/") or ".." in text.split("/"):
        raise Invalid("is not an absolute path")
    if _UNSAFE_IN_NGINX.search(text):
        raise Invalid("holds a character that an nginx file cannot take")
    return Path(text)


def _path_or_none(text: str) -> Path | None:
    return _path(text) if text else None


def _address(text: str) -> str:
    import ipaddress

    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        raise Invalid("is not an IP address") from None


def _resolver(text: str) -> tuple[str, int]:
    """``192.0.2.1``, ``192.0.2.1:53``, ``2001:db8::1``, ``[2001:db8::1]:53``."""
    found = re.fullmatch(r"\[([^]]*)\](?::([0-9]{1,5}))?|([^:]*):([0-9]{1,5})", text)
    address, port = (found[1] or found[3], int(found[2] or found[4] or 53)) if found else (text, 53)
    try:
        if not 1 <= port <= 65535:
            raise Invalid("has no port that there is")
        return _address(address or ""), port
    except Invalid as error:
        raise Invalid(f"{error}; a resolver is one, with its port or without: 192.0.2.53:53") from None


def _network(text: str) -> str:
    import ipaddress

    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        hint = "; the bits behind the prefix are not 0" if "host bits" in str(error) else ""
        raise Invalid(f"is not an IP address or a network like 192.0.2.0/24{hint}") from None


def _argv(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(word, str) and word for word in value):
        raise Invalid('takes a program and its arguments as a list, like ["nginx", "-t", "-q"]')
    return tuple(value)


def _bytes(value: Any) -> int:
    return fields.size(value) if isinstance(value, str) else fields.whole(1, 1024**5)(value)


def _without_secret(problem: Problem) -> Problem:
    """The problem without the line that it stands in, where that says a secret."""
    found = _SECRET.search(problem.source)
    return problem._replace(source=f"{problem.source[: found.end()]} …") if found else problem
