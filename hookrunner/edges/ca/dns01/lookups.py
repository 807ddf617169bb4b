"""What the DNS says of a challenge's record: where its name really leads, and whether its values have arrived."""

import time
from collections.abc import Iterator, Mapping, Sequence

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.nameserver
import dns.query
import dns.rdatatype
import dns.resolver

from hookrunner.edges.ca.dns01.errors import DnsFailed
from hookrunner.model.server import Dns, Zone

_ALIASES = 10  # CNAMEs that are followed
_PATIENCE = 2.0  # seconds for one answer
_ANSWERED = 5.0  # seconds for a question to the resolvers
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 5.0  # seconds between two looks
_DEADLINE = 180.0  # seconds for a record to arrive everywhere

Server = tuple[str, int]  # an address and a port


class Lookups:
    """Asks the settings' resolvers, or the system's, and authoritative servers."""

    def __init__(self, settings: Dns) -> None:
        self._resolver = dns.resolver.Resolver(configure=not settings.resolvers)
        if settings.resolvers:
            self._resolver.nameservers = [dns.nameserver.Do53Nameserver(*server) for server in settings.resolvers]
        self._resolver.lifetime = _ANSWERED
        self._resolver.cache = None

    def target(self, name: str) -> str:
        """Where the CNAME records from ``name`` lead: the name whose TXT records the CA will read."""
        at, seen = name, {name}
        for _ in range(_ALIASES):
            try:
                answer = self._resolver.resolve(f"{at}.", "CNAME", raise_on_no_answer=False, search=False)
            except dns.exception.DNSException:  # no such name yet: nothing leads away from it
                return at
            if not answer.rrset:
                return at
            at = answer.rrset[0].target.to_text(omit_final_dot=True).lower()
            if at in seen:
                raise DnsFailed(f"the CNAME records of {name} lead in a circle")
            seen.add(at)
        raise DnsFailed(f"more than {_ALIASES} CNAME records lead from {name}")

    def wait(self, wanted: Mapping[str, Sequence[str]], zone: Zone) -> None:
        """Wait until every server of the zone has all the values of all the names. Raises :class:`DnsFailed`."""
        servers = zone.nameservers or tuple(self._authoritative(str(zone.name)))
        until = time.monotonic() + _DEADLINE
        pause = _FIRST_PAUSE
        for name, values in wanted.items():
            while missing := self._missing(name, values, servers):
                if time.monotonic() > until:
                    raise DnsFailed(f"the TXT record of {name} is not at {missing} after {_DEADLINE:.0f} s")
                time.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    def _missing(self, name: str, values: Sequence[str], servers: Sequence[Server]) -> str:
        """Who does not have the values yet. Where no server can be asked from here, the resolvers are."""
        answers = {server: _texts(name, *server) for server in servers}
        if all(found is None for found in answers.values()):
            return self._not_resolved(name, values)
        late = (
            f"{address}:{port}"
            for (address, port), found in answers.items()
            if found is not None and not found >= set(values)
        )
        return next(late, "")

    def _not_resolved(self, name: str, values: Sequence[str]) -> str:
        try:
            answer = self._resolver.resolve(f"{name}.", "TXT", raise_on_no_answer=False, search=False)
            found = {_text(record) for record in answer.rrset or ()}
        except dns.exception.DNSException:
            found = set()
        return "" if found.issuperset(values) else "the resolvers"

    def _authoritative(self, zone: str) -> Iterator[Server]:
        """The addresses of the zone's servers; none where the DNS does not say."""
        try:
            hosts = [record.target for record in self._resolver.resolve(f"{zone}.", "NS", search=False)]
        except dns.exception.DNSException:
            return
        for host in hosts:
            for kind in ("A", "AAAA"):
                try:
                    yield from ((record.address, 53) for record in self._resolver.resolve(host, kind, search=False))
                except dns.exception.DNSException:
                    continue


def _texts(name: str, address: str, port: int) -> set[str] | None:
    """The TXT values that a server has itself; None when it does not answer."""
    query = dns.message.make_query(f"{name}.", "TXT")
    query.flags &= ~dns.flags.RD
    try:
        reply, _ = dns.query.udp_with_fallback(query, address, _PATIENCE, port)
    except (dns.exception.DNSException, OSError):
        return None
    return {_text(record) for rrset in reply.answer if rrset.rdtype == dns.rdatatype.TXT for record in rrset}


def _text(record: object) -> str:
    return b"".join(getattr(record, "strings", ())).decode("ascii", "replace")
