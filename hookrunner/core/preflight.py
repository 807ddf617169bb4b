"""Preflight: whether the CA would find this server behind a domain, judged before the CA is asked.

Pure: `edges/dns` and `edges/probe` look, this decides. The CA's own view: it validates over any address it likes, IPv6
first (RFC 8555 section 8.3), and obeys CAA (`core/caa`).
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from hookrunner.core.caa import Authority, Record, forbidden
from hookrunner.core.obstacles import digest
from hookrunner.model.names import Domain
from hookrunner.model.obstacle import Advice

Address = IPv4Address | IPv6Address


class Trouble(StrEnum):
    """What kept the DNS from answering."""

    NONE = ""
    SERVFAIL = "servfail"
    SILENT = "silent"  # no answer in time, or the resolver does not take the question


class Answer(NamedTuple):
    """What the DNS says of one domain."""

    domain: Domain
    zone: str  # the registered domain, where its records are edited
    addresses: tuple[Address, ...] = ()
    aliases: tuple[str, ...] = ()  # the CNAMEs that were followed, the last one last
    trouble: Trouble = Trouble.NONE
    caa: tuple[Record, ...] = ()
    caa_at: str = ""  # where they stand: the domain or one above it
    caa_trouble: Trouble = Trouble.NONE

    @property
    def digest(self) -> str:
        """Changes when the answer does; "" when there was none."""
        if Trouble.SILENT in (self.trouble, self.caa_trouble):
            return ""
        records = (f"caa {record.flags} {record.tag} {record.value}" for record in self.caa)
        return digest([*map(str, self.addresses), *self.aliases, *records, self.trouble, f"caa {self.caa_trouble}"])


class Seen(StrEnum):
    """What a look through one address showed."""

    OURS = "ours"  # the token was there
    OTHER = "other"  # somebody else answered
    SILENT = "silent"  # nobody did
    UNASKED = "unasked"  # the address is neither global nor ours, so nothing was sent


class Look(NamedTuple):
    """The token fetched through one address."""

    address: Address
    seen: Seen
    is_own: bool  # the address is this server's
    status: int | None = None
    server: str = ""  # the header's words; not to be trusted
    url: str = ""  # where redirects led, "" without one
    trouble: str = ""  # why it could not be followed, in our words
    is_flexible: bool = False  # HTTPS before there is a certificate ends at our HTTP

    @property
    def is_cloudflare(self) -> bool:
        """Whether Cloudflare's proxy answered."""
        return self.server.strip().lower() == "cloudflare"


class Place(NamedTuple):
    """What the verdicts are made with."""

    public: tuple[Address, ...]  # this server's, for the records to add
    port: int  # the public HTTP port
    identities: tuple[str, ...]  # meta.caaIdentities of the CA's directory (RFC 8555 section 9.7.6)
    ca: str  # the CA's title
    account: str | None  # its account URL, for accounturi
    resolver_works: bool


class Verdict(NamedTuple):
    """What stands in the way of one domain: ``kind`` is "" when nothing does. ``advice`` may come with either."""

    kind: str
    why: str
    advice: tuple[Advice, ...]


GO = Verdict("", "", ())

NO_ADDRESS, DNSSEC, SILENT_DNS = "no-address", "dnssec", "silent-dns"
CAA, CAA_FAILS = "caa-record", "caa-fails"
UNREACHABLE, PRIVATE, ELSEWHERE, OWN_NGINX = "no-answer", "private", "elsewhere", "own-nginx"
CLOUDFLARE_STRICT, CLOUDFLARE_ORIGIN, CLOUDFLARE_FLEXIBLE = (
    "cloudflare-strict", "cloudflare-origin", "cloudflare-flexible",
)  # fmt: skip
DNS_KINDS = frozenset(
    {
        NO_ADDRESS, DNSSEC, SILENT_DNS, CAA, CAA_FAILS, UNREACHABLE, PRIVATE, ELSEWHERE, CLOUDFLARE_STRICT,
        CLOUDFLARE_ORIGIN,
    }
)  # fmt: skip


def of_dns(answer: Answer, place: Place) -> Verdict:
    """What the DNS alone says; only a domain that passes is looked at through its addresses."""
    return _joined(list(_dns_findings(answer, place)))


def of_caa(answer: Answer, place: Place) -> Verdict:
    """What the DNS says of a domain that dns-01 shows."""
    return _joined(list(_caa_findings(answer, place)))


def of_looks(answer: Answer, looks: Sequence[Look], place: Place) -> Verdict:
    """What the looks through every address say."""
    findings = [finding for look in looks if (finding := _look(answer, look, place))]
    if findings:
        return _joined(findings)
    if any(look.is_flexible for look in looks):
        text = f"Cloudflare reaches this server over HTTP for {answer.domain}: set its SSL/TLS mode to Full (strict)"
        return Verdict("", "", (Advice(f"{text}, else its redirects never end"),))
    return GO


def _joined(findings: Sequence[Verdict]) -> Verdict:
    if not findings:
        return GO
    whys = dict.fromkeys(finding.why for finding in findings)
    advice = dict.fromkeys(one for finding in findings for one in finding.advice)
    return Verdict(findings[0].kind, "; ".join(whys), tuple(advice))


def _dns_findings(answer: Answer, place: Place) -> Iterator[Verdict]:
    if answer.trouble is Trouble.SERVFAIL:
        text = f"at the registrar of {answer.zone} compare the DS record with the zone's keys, or remove it"
        yield Verdict(DNSSEC, "its DNS fails (SERVFAIL), probably broken DNSSEC", (Advice(text),))
        return
    if answer.trouble is Trouble.SILENT:
        if place.resolver_works:
            text = f"at the registrar of {answer.zone} check that its name servers answer"
            yield Verdict(SILENT_DNS, "its name servers do not answer", (Advice(text),))
        return
    if not answer.addresses:
        yield Verdict(NO_ADDRESS, _no_address(answer), _to_here(answer, place))
    yield from _caa_findings(answer, place)


def _caa_findings(answer: Answer, place: Place) -> Iterator[Verdict]:
    if answer.caa_trouble is Trouble.SERVFAIL:
        text = f"at the DNS of {answer.zone} have the name servers answer CAA questions"
        yield Verdict(CAA_FAILS, "the question for its CAA records fails (SERVFAIL)", (Advice(text),))
    elif finding := _caa(answer, place):
        yield finding


def _no_address(answer: Answer) -> str:
    if answer.aliases:
        return f"an alias of {answer.aliases[-1]}, which has no A or AAAA record"
    return "no A or AAAA record"


def _to_here(answer: Answer, place: Place, wrong: Address | None = None) -> tuple[Advice, ...]:
    """The records that lead here, instead of ``wrong`` where there is one."""
    name = _relative(answer.domain.name, answer.zone)
    where = f"at the DNS of {answer.zone}"
    if answer.aliases:
        replace = Advice(f"{where} remove", _record("CNAME", name, answer.aliases[0]))
        return (replace, *(Advice(f"{where} add", record) for record in _records(name, place)))
    if wrong is None:
        return tuple(Advice(f"{where} add", record) for record in _records(name, place))
    kind = _kind(wrong)
    remove = Advice(f"{where} remove", _record(kind, name, str(wrong)))
    others = [address for address in answer.addresses if address != wrong and _kind(address) == kind]
    mine = [address for address in place.public if _kind(address) == kind]
    if any(address in others for address in mine) or (kind == "AAAA" and not mine):
        return (remove,)  # the right record stands beside it, or this server has no such address
    records = [record for record in _records(name, place) if record.startswith(f"type {kind} ")]
    return (remove, *(Advice(f"{where} add", record) for record in records))


def _records(name: str, place: Place) -> list[str]:
    if not place.public:
        return [_record("A", name, "this server's public IPv4 address")]
    return [_record(_kind(address), name, str(address)) for address in place.public]


def _record(kind: str, name: str, value: str) -> str:
    """A record in the form that registrars ask for: the name is relative to the zone, "@" the zone itself."""
    return f"type {kind}  name {name}  value {value}"


def _kind(address: Address) -> str:
    return "A" if address.version == 4 else "AAAA"


def _relative(name: str, zone: str) -> str:
    return name.removesuffix(zone).rstrip(".") or "@"


def _caa(answer: Answer, place: Place) -> Verdict | None:
    found = forbidden(
        answer.caa,
        at=answer.caa_at,
        is_wildcard=answer.domain.is_wildcard,
        ca=Authority(place.ca, place.identities, place.account),
    )
    if not found:
        return None
    record = _record("CAA", _relative(answer.caa_at, answer.zone), f'0 {found.tag} "{found.value}"')
    return Verdict(CAA, found.why, (Advice(f"at the DNS of {answer.zone} {found.do}", record),))


def _look(answer: Answer, look: Look, place: Place) -> Verdict | None:
    """What is wrong behind one address."""
    for check in (_not_asked, _nobody, _cloudflare, _own_nginx, _somebody):
        if finding := check(answer, look, place):
            return finding
    return None


def _not_asked(answer: Answer, look: Look, place: Place) -> Verdict | None:
    if look.seen is not Seen.UNASKED:
        return None
    why = f"{look.address} is no public address, and not this server's"
    return Verdict(PRIVATE, why, _to_here(answer, place, look.address))


def _nobody(answer: Answer, look: Look, place: Place) -> Verdict | None:
    if look.seen is not Seen.SILENT or look.is_own:  # ours, and not to be reached from inside: a NAT without a loop
        return None
    why = f"{look.address} does not answer on port {place.port}, and is not this server's"
    return Verdict(UNREACHABLE, why, _to_here(answer, place, look.address))


_ORIGIN_TLS = (525, 526)  # Cloudflare: no handshake with the origin, or no certificate that it believes
_ORIGIN_DOWN = range(520, 525)


def _cloudflare(answer: Answer, look: Look, place: Place) -> Verdict | None:
    if look.seen is not Seen.OTHER or not look.is_cloudflare:
        return None
    if look.status in _ORIGIN_TLS:
        text = f"at Cloudflare turn off Always Use HTTPS for {answer.domain}, or set its record to DNS only,"
        why = f"Cloudflare leads to HTTPS, which has no certificate here yet ({look.status})"
        return Verdict(CLOUDFLARE_STRICT, why, (Advice(f"{text} until HTTPS is here"),))
    reached = "does not reach this server" if look.status in _ORIGIN_DOWN else "reaches another server"
    why = f"Cloudflare answers for it and {reached} ({look.status})"
    records = _records(_relative(answer.domain.name, answer.zone), place)
    advice = tuple(Advice("at Cloudflare change the proxied record to", record) for record in records)
    return Verdict(CLOUDFLARE_ORIGIN, why, advice)


def _own_nginx(answer: Answer, look: Look, _place: Place) -> Verdict | None:
    if look.seen is not Seen.OTHER or not look.is_own or look.url:
        return None
    why = f"this server answers for it, but not from hookrunner's nginx files ({look.trouble or look.status})"
    text = f"on the server: see which server block of nginx takes {answer.domain}; it needs a reload after init"
    return Verdict(OWN_NGINX, why, (Advice(text),))


def _somebody(answer: Answer, look: Look, place: Place) -> Verdict | None:
    if look.seen is not Seen.OTHER:
        return None
    answered = f'{look.status} from "{look.server}"' if look.server else f"{look.status}"
    said = look.trouble or answered
    why = f"{look.address} is another server ({said})"
    if look.url:
        why = f"{look.address} leads to {look.url} ({said})"
    if look.is_own:
        text = f"on the server: let /.well-known/acme-challenge/ of {answer.domain} pass without a redirect"
        return Verdict(OWN_NGINX, why, (Advice(text),))
    return Verdict(ELSEWHERE, why, _to_here(answer, place, look.address))
