"""Whether what is elsewhere can be reached: the resolvers, the CAs; and whether the clock agrees with theirs."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

from hookrunner.core import problems
from hookrunner.core.findings import Finding, found, here, is_for_here
from hookrunner.edges import certificates
from hookrunner.flows.doctor.patient import Patient

_SKEW = timedelta(minutes=2)


def clock(patient: Patient) -> Iterator[Finding]:
    """Whether it is the CA's time here: tokens, renewals and certificates go by it."""
    for title, standing in patient.standings.items():
        if abs(standing.skew) > _SKEW:
            way = "behind" if standing.skew > timedelta(0) else "ahead of"
            seconds = abs(standing.skew).total_seconds()
            yield found(
                f"the clock is {seconds:.0f} s {way} that of {title}", "timedatectl set-ntp true", "timedatectl"
            )
            return


def resolvers(patient: Patient) -> Iterator[Finding]:
    """Whether each of them answers."""
    from hookrunner.edges.dns import Resolver

    mend = "resolvers under [dns] in server.toml" if patient.settings.dns.resolvers else "/etc/resolv.conf"
    servers = Resolver(patient.settings.dns.resolvers).servers
    if not servers:
        yield found("there is no resolver", f"name one in {mend}")

    name = urlsplit(patient.settings.acme.authority.directory).hostname or "localhost"

    async def all_of_them() -> list[bool]:
        return list(await asyncio.gather(*(Resolver([server]).is_there(name) for server in servers)))

    for (address, port), is_there in zip(servers, asyncio.run(all_of_them()), strict=True):
        if not is_there:
            yield found(f"the resolver {address} port {port} does not answer", f"mend or replace it in {mend}")


def authorities(patient: Patient) -> Iterator[Finding]:
    """Whether each CA answers, and takes the account."""
    for title, standing in patient.standings.items():
        if refusal := standing.trouble:
            if refusal.kind == "accountDoesNotExist":
                continue  # a new one is made with the next order
            hint = here(problems.hint(refusal, title))
            if standing.has_account and refusal.kind == "unauthorized":
                hint = f"move {patient.settings.records}/accounts away, the next order makes a new one"
            yield found(f"{title}: {refusal}", hint or "the CA's status page")


def zones(patient: Patient) -> Iterator[Finding]:
    """Whether there is who changes each zone of the settings, as far as that shows without changing it."""
    from hookrunner.edges.ca.dns01.errors import DnsFailed
    from hookrunner.edges.ca.dns01.records import provider

    for zone in patient.settings.dns.zones:
        try:
            provider(zone).check()
        except DnsFailed as error:
            yield found(f"{zone.name}: {error}", f'mend [dns.zones."{zone.name}"] in {patient.config}')


def waiting(patient: Patient) -> Iterator[Finding]:
    """Whether the last try for a name ended at something that only whoever has this server can mend."""
    names: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for publication in patient.publications.values():
        for name in publication.names:
            obstacle = certificates.obstacle(patient.store, name.domain)
            hints = tuple(one.text for one in obstacle.advice if is_for_here(one.text)) if obstacle else ()
            if obstacle and hints:
                names.setdefault((obstacle.why, hints), []).append(str(name.domain))
    for (why, hints), those in names.items():
        who = those[0] if len(those) == 1 else f"{those[0]} and {len(those) - 1} more"
        yield found(f"{who}: {why}", *map(here, hints))
