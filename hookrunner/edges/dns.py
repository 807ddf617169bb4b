"""The DNS: addresses, aliases and CAA records of many domains at once, through dnspython, bounded in time."""

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address
from typing import NamedTuple

import dns.asyncquery
import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver

from hookrunner.core.caa import Record
from hookrunner.core.preflight import Address, Answer, Trouble
from hookrunner.edges import suffixes
from hookrunner.model.names import Domain

_TRIES, _PATIENCE = 2, 2.0  # tries at each resolver, and the seconds of one
_ALIASES = 10  # CNAMEs that are followed
_AT_ONCE = 64  # questions


class Resolver:
    """Asks the settings' resolvers, or the system's; each question once, however many domains need its answer."""

    def __init__(self, servers: Sequence[tuple[str, int]]) -> None:
        """``servers`` are addresses with ports; none: the system's."""
        self._servers = tuple(servers) or _of_the_system()
        self._asked: dict[tuple[str, str], asyncio.Task[_Records]] = {}
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self.works = False  # whether any question was answered

    async def answer(self, domain: Domain) -> Answer:
        """What the DNS says of ``domain``. Raises nothing that a DNS can cause."""
        (v4, v6), (caa, caa_at, caa_trouble) = await asyncio.gather(
            asyncio.gather(self._addresses(domain.base, "A"), self._addresses(domain.base, "AAAA")),
            self._caa(domain),
        )
        addresses = (*v6.addresses, *v4.addresses)
        trouble = Trouble.NONE
        if Trouble.SERVFAIL in (v4.trouble, v6.trouble):
            trouble = Trouble.SERVFAIL
        elif not addresses and Trouble.SILENT in (v4.trouble, v6.trouble):
            trouble = Trouble.SILENT
        return Answer(
            domain=domain,
            zone=suffixes.registered(domain),
            addresses=addresses,
            aliases=max(v4.aliases, v6.aliases, key=len),
            trouble=trouble,
            caa=caa,
            caa_at=caa_at,
            caa_trouble=caa_trouble,
        )

    async def addresses(self, host: str) -> tuple[Address, ...]:
        """Every address of a host that a redirect names; none when it has none."""
        found = await asyncio.gather(self._addresses(host, "AAAA"), self._addresses(host, "A"))
        return tuple(address for one in found for address in one.addresses)

    async def is_there(self, name: str) -> bool:
        """Whether any of the servers answers at all, when it is asked for a name."""
        await self._ask(name, "A")
        return self.works

    @property
    def servers(self) -> tuple[tuple[str, int], ...]:
        """Whom it asks: addresses with ports."""
        return self._servers

    async def _addresses(self, name: str, kind: str) -> "_Records":
        aliases: list[str] = []
        while len(aliases) <= _ALIASES:
            records = await self._ask(name, kind)
            aliases += records.aliases
            if records.addresses or records.trouble or not records.aliases:
                return records._replace(aliases=tuple(aliases))
            name = records.aliases[-1]  # a server that is no resolver leaves the rest of the chain to us
        return _Records(aliases=tuple(aliases))

    async def _caa(self, domain: Domain) -> tuple[tuple[Record, ...], str, Trouble]:
        """The CAA records that count: the nearest ones, climbing the tree (RFC 8659 section 3)."""
        labels = domain.base.split(".")
        names = [".".join(labels[depth:]) for depth in range(len(labels))]
        for name, records in zip(names, await asyncio.gather(*(self._ask(n, "CAA") for n in names)), strict=True):
            if records.trouble is Trouble.SERVFAIL:
                return (), name, Trouble.SERVFAIL
            if records.caa:
                return records.caa, name, Trouble.NONE
        return (), "", Trouble.NONE

    async def _ask(self, name: str, kind: str) -> "_Records":
        question = (name, kind)
        if question not in self._asked:
            self._asked[question] = asyncio.create_task(self._look_up(name, kind))
        return await self._asked[question]

    async def _look_up(self, name: str, kind: str) -> "_Records":
        query = dns.message.make_query(f"{name}.", kind)
        trouble = Trouble.SILENT
        async with self._at_once:
            for server, port in self._servers * _TRIES:
                try:
                    reply, _ = await dns.asyncquery.udp_with_fallback(query, server, _PATIENCE, port)
                except (dns.exception.DNSException, OSError):
                    continue
                if reply.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                    self.works = True
                    return _read(reply, name, kind)
                if reply.rcode() == dns.rcode.SERVFAIL:
                    self.works, trouble = True, Trouble.SERVFAIL
        return _Records(trouble=trouble)


def _of_the_system() -> tuple[tuple[str, int], ...]:
    try:
        system = dns.resolver.Resolver()
    except dns.resolver.NoResolverConfiguration:
        return ()
    return tuple((str(server), system.port) for server in system.nameservers)


class _Records(NamedTuple):
    """What one question brought."""

    addresses: tuple[Address, ...] = ()
    aliases: tuple[str, ...] = ()
    caa: tuple[Record, ...] = ()
    trouble: Trouble = Trouble.NONE


def _read(reply: dns.message.Message, name: str, kind: str) -> _Records:
    """The records of the wanted kind at the end of the chain of aliases that starts at ``name``."""
    at = dns.name.from_text(f"{name}.")
    aliases: list[str] = []
    sets = {(rrset.name, rrset.rdtype): rrset for rrset in reply.answer}
    while (alias := sets.get((at, dns.rdatatype.CNAME))) and len(aliases) < _ALIASES:
        at = alias[0].target
        aliases.append(at.to_text(omit_final_dot=True).lower())
    found = tuple(sets.get((at, dns.rdatatype.from_text(kind))) or ())
    if kind == "CAA":
        return _Records(caa=tuple(sorted(Record(one.flags, _text(one.tag), _text(one.value)) for one in found)))
    return _Records(tuple(sorted((ip_address(one.address) for one in found), key=int)), tuple(aliases))


def _text(octets: bytes) -> str:
    return octets.decode("ascii", "backslashreplace")
