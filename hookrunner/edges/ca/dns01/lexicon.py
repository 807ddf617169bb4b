"""Records by dns-lexicon: the APIs of some ninety DNS providers, for those who installed ``hookrunner[dns]``.

`lexicon.client.Client` fetches a list of suffixes from the network to guess a zone's name; the settings name the zone,
so the provider is called without it.
"""

import base64
import json
import re
from argparse import ArgumentParser
from typing import Any
from urllib.parse import quote, quote_plus

from hookrunner.core import nearest
from hookrunner.edges.ca.dns01.errors import DnsFailed
from hookrunner.model.server import Zone

_TTL = 60  # seconds; some providers raise it to their least


class Lexicon:
    """One zone at its provider."""

    def __init__(self, zone: Zone) -> None:
        """Raises :class:`DnsFailed` for a provider or an option that there is not."""
        self._zone = str(zone.name)
        self._provider = zone.provider
        self._class = _class(zone)
        self._options = dict(zone.options)
        known = _options(self._class)
        for option in self._options:
            if option not in known:
                near = nearest.word(option, known)
                advice = f'did you mean "{near}"?' if near else f"it has {', '.join(known)}"
                raise DnsFailed(f'the provider {zone.provider} has no option "{option}"; {advice}')

    def check(self) -> None:
        """Its making has looked at all that shows without a call."""

    def present(self, name: str, value: str) -> None:
        """Add the record. Raises :class:`DnsFailed`."""
        self._call("create_record", name, value)

    def cleanup(self, name: str, value: str) -> None:
        """Take this value away. Raises :class:`DnsFailed`."""
        self._call("delete_record", name, value)

    def _call(self, what: str, name: str, value: str) -> None:
        from lexicon.config import ConfigResolver

        common = {"domain": self._zone, "ttl": _TTL}
        facts = {"provider_name": self._provider, **common, self._provider: {**common, **self._options}}
        try:
            resolver: Any = ConfigResolver
            provider = self._class(resolver().with_dict(facts))
            provider.authenticate()
            try:
                done = (
                    provider.create_record("TXT", name, value)
                    if what == "create_record"
                    else provider.delete_record(None, "TXT", name, value)
                )
            finally:
                provider.cleanup()
        except Exception as error:  # whatever a provider's module raises, which may be anything
            raise DnsFailed(f"{self._provider}: {self._told(error)}") from None
        if not done:
            raise DnsFailed(f"{self._provider} does not change the zone {self._zone}, and does not say why")

    def _told(self, error: Exception) -> str:
        """The error's words, without what the settings keep secret."""
        text = " ".join(str(error).split()) or type(error).__name__
        secrets = {spelt for secret in self._options.values() if len(secret) > 3 for spelt in _spellings(secret)}
        for secret in sorted(secrets, key=len, reverse=True):
            text = re.sub(re.escape(secret), "…", text, flags=re.IGNORECASE)
        return text[:200]


def _spellings(secret: str) -> set[str]:
    """How it may stand in a URL, a form, JSON or a header."""
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
    return {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], encoded}


def _class(zone: Zone) -> Any:
    try:
        from lexicon import config  # noqa: F401 — with the rest, before threads do
        from lexicon._private import discovery
    except ModuleNotFoundError:
        raise DnsFailed(
            f'"{zone.provider}" is a provider of dns-lexicon, which is not installed: pip install "hookrunner[dns]"'
        ) from None
    available = discovery.find_providers()
    if zone.provider not in available:
        near = nearest.word(zone.provider, ["rfc2136", "exec", *available])
        advice = f'; did you mean "{near}"?' if near else ""
        raise DnsFailed(f'"{zone.provider}" is no DNS provider that dns-lexicon knows{advice}')
    if not available[zone.provider]:
        raise DnsFailed(f'the provider {zone.provider} needs more: pip install "dns-lexicon[{zone.provider}]"')
    return discovery.load_provider_module(zone.provider).Provider


def _options(provider: Any) -> list[str]:
    parser = ArgumentParser(add_help=False)
    provider.configure_parser(parser)
    return [action.dest for action in parser._actions]
