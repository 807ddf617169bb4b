"""Preflight: looks at domains before the CA is asked; all of them together, in a short bounded time.

Answers are kept for the run. Verdicts are `core/preflight`'s.
"""

import asyncio
import ipaddress
import secrets
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from hookrunner.core import preflight
from hookrunner.core.preflight import Address, Answer, Look, Place, Seen, Trouble, Verdict
from hookrunner.edges.ca.http01 import WELL_KNOWN, Unanswerable, answers
from hookrunner.edges.records import Store
from hookrunner.model.names import Domain
from hookrunner.model.server import Acme, Settings

_LONGEST = 10.0  # seconds for the DNS of all domains, and again for all looks
_AT_ONCE = 64  # looks

_K = TypeVar("_K")
_R = TypeVar("_R")


def is_wanted(settings: Settings) -> bool:
    """Whether the settings ask for it.

    A CA on a loopback address is one for tests, with a DNS of its own: without ``dns.resolvers`` nothing can be said.
    """
    host = urlsplit(settings.acme.authority.directory).hostname or ""
    return settings.acme.preflight and (bool(settings.dns.resolvers) or not _is_loopback(host))


class Preflight:
    """One run's eyes. Use as a context: what it started is over when it is left."""

    def __init__(self, settings: Settings, store: Store, now: datetime) -> None:
        from hookrunner.edges import dns

        self._now = now
        self._settings = settings
        self._store = store
        self._runner = asyncio.Runner()
        self._resolver = dns.Resolver(settings.dns.resolvers)
        self._answers: dict[Domain, Answer] = {}
        self._forbidden: dict[Domain, dict[str, Verdict]] = {}

    def __enter__(self) -> Self:
        self._runner.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._runner.__exit__(kind, error, at)

    def answers(self, domains: Iterable[Domain]) -> Mapping[Domain, Answer]:
        """What the DNS says of each domain."""
        new = {
            domain: self._resolver.answer(domain) for domain in dict.fromkeys(domains) if domain not in self._answers
        }
        found = self._runner.run(_within(_LONGEST, new))
        self._answers |= found | {domain: _unanswered(domain) for domain in new if domain not in found}
        return self._answers

    def verdicts(
        self, domains: Sequence[Domain], *, secured: frozenset[Domain], by_dns: frozenset[Domain]
    ) -> dict[Domain, Verdict]:
        """What stands in the way of each domain. ``secured`` ones have a certificate now.

        Those that dns-01 shows need no address, and nobody who answers there.
        """
        answers = self.answers(domains)
        has_caa = any(answers[domain].caa for domain in domains)
        places = {acme.authority.name: self._place(acme, has_caa) for acme in self._settings.acme.every}
        first = next(iter(places.values()))
        found: dict[Domain, Verdict] = {}
        for domain in domains:
            look = preflight.of_caa if domain in by_dns else preflight.of_dns
            seen = {name: look(answers[domain], place) for name, place in places.items()}
            self._forbidden[domain] = {name: verdict for name, verdict in seen.items() if verdict.kind == preflight.CAA}
            found[domain] = next((one for one in seen.values() if one.kind != preflight.CAA), next(iter(seen.values())))
        passed = {d: answers[d] for d, verdict in found.items() if not verdict.kind and d not in by_dns}
        looks = self._looks(passed, secured)
        for domain, answer in passed.items():
            found[domain] = preflight.of_looks(answer, looks[domain], first)
        return found

    def forbidden(self, domain: Domain) -> Mapping[str, Verdict]:
        """The CAs that CAA records keep from issuing, by their names here; after :meth:`verdicts`."""
        return self._forbidden[domain]

    def _place(self, acme: Acme, has_caa: bool) -> Place:
        from hookrunner.edges import addresses

        identities: tuple[str, ...] = ()
        account: str | None = None
        if has_caa:
            from hookrunner.edges.ca import directory

            facts = directory.facts(self._store, acme, self._now)
            identities = facts.caa_identities if facts else ()
            account = directory.account_url(self._store, acme)
        return Place(
            public=self._settings.dns.public_addresses or addresses.public(),
            port=self._settings.nginx.public_http_port,
            identities=identities,
            ca=acme.authority.title,
            account=account,
            resolver_works=self._resolver.works,
        )

    def _looks(self, passed: Mapping[Domain, Answer], secured: frozenset[Domain]) -> dict[Domain, list[Look]]:
        from hookrunner.edges import probe

        name, content = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        nginx = self._settings.nginx
        web = probe.Web(nginx.public_http_port, nginx.public_https_port, self._is_own, self._resolver.addresses)
        token = probe.Token(f"/{WELL_KNOWN}/{name}", content.encode())
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def look(domain: Domain, address: Address) -> Look:
            async with at_once:
                return await probe.look(domain.name, address, token, web, has_https=domain in secured)

        places = [(domain, address) for domain, answer in passed.items() for address in answer.addresses]
        if not places:
            return {domain: [] for domain in passed}
        try:
            with answers(self._settings, self._store) as shown:
                shown.show(name, content)
                try:
                    found = self._runner.run(_within(_LONGEST, {place: look(*place) for place in places}))
                finally:
                    shown.hide(name)
        except Unanswerable:  # which whoever asks the CA will say
            return {domain: [] for domain in passed}
        return {
            domain: [
                found.get((domain, address)) or Look(address, Seen.SILENT, self._is_own(address))
                for address in answer.addresses
            ]
            for domain, answer in passed.items()
        }

    def _is_own(self, address: Address) -> bool:
        from hookrunner.edges import addresses

        return address in self._settings.dns.public_addresses or addresses.is_own(address)


async def _within(seconds: float, wanted: Mapping[_K, Coroutine[Any, Any, _R]]) -> dict[_K, _R]:
    """The results of those that end in time."""
    tasks = {key: asyncio.create_task(work) for key, work in wanted.items()}
    if not tasks:
        return {}
    done, late = await asyncio.wait(tasks.values(), timeout=seconds)
    for task in late:
        task.cancel()
    return {key: task.result() for key, task in tasks.items() if task in done}


def _unanswered(domain: Domain) -> Answer:
    from hookrunner.edges import suffixes

    return Answer(domain, suffixes.registered(domain), trouble=Trouble.SILENT)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
