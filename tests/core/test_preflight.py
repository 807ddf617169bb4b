"""What preflight says of a DNS answer and of the looks through its addresses, and the records to add or change."""

from ipaddress import ip_address
from typing import Any

import pytest

from hookrunner.core import preflight
from hookrunner.core.caa import Record
from hookrunner.core.preflight import GO, Answer, Look, Place, Seen, Trouble, Verdict, of_dns, of_looks
from hookrunner.model.names import Domain
from hookrunner.model.obstacle import Advice

HERE, HERE6 = ip_address("203.0.113.7"), ip_address("2001:db8:7::7")
AWAY, AWAY6 = ip_address("198.51.100.4"), ip_address("2606:4700::4")
APP, APEX, WILD = Domain("app.park-spot.co"), Domain("park-spot.co"), Domain("*.park-spot.co")
ZONE = "park-spot.co"
PLACE = Place((HERE,), 80, ("ca.example",), "Example CA", "https://ca.example/acct/1", resolver_works=True)
BOTH = PLACE._replace(public=(HERE, HERE6))
UNKNOWN = PLACE._replace(public=())
ISSUE = Record(0, "issue", "ca.example")
AT = f"at the DNS of {ZONE}"


def answer(domain: Domain = APP, **facts: Any) -> Answer:
    """An answer that is right but for ``facts``."""
    return Answer(domain, ZONE, addresses=(HERE,))._replace(**facts)


def caa(*records: Record) -> dict[str, Any]:
    """CAA records at the zone."""
    return {"caa": records, "caa_at": ZONE}


def add(record: str) -> Advice:
    """A record to add."""
    return Advice(f"{AT} add", record)


def remove(record: str) -> Advice:
    """A record to remove."""
    return Advice(f"{AT} remove", record)


A_APP = add("type A  name app  value 203.0.113.7")
DNS = [
    pytest.param(answer(), PLACE, "", "", (), id="an address"),
    pytest.param(answer(addresses=()), PLACE, "no-address", "no A or AAAA record", (A_APP,), id="no address"),
    pytest.param(
        answer(APEX, addresses=()), BOTH, "no-address", "no A or AAAA record",
        (add("type A  name @  value 203.0.113.7"), add("type AAAA  name @  value 2001:db8:7::7")), id="apex, both",
    ),
    pytest.param(
        answer(addresses=()), UNKNOWN, "no-address", "no A or AAAA record",
        (add("type A  name app  value this server's public IPv4 address"),), id="behind a NAT",
    ),
    pytest.param(
        answer(addresses=(), aliases=("a.example", "b.example")), PLACE, "no-address",
        "an alias of b.example, which has no A or AAAA record",
        (remove("type CNAME  name app  value a.example"), A_APP), id="alias to nowhere",
    ),
    pytest.param(
        answer(addresses=(), trouble=Trouble.SERVFAIL), PLACE, "dnssec",
        "its DNS fails (SERVFAIL), probably broken DNSSEC",
        (Advice(f"at the registrar of {ZONE} compare the DS record with the zone's keys, or remove it"),), id="servfail",
    ),
    pytest.param(
        answer(addresses=(), trouble=Trouble.SILENT), PLACE, "silent-dns", "its name servers do not answer",
        (Advice(f"at the registrar of {ZONE} check that its name servers answer"),), id="name servers silent",
    ),
    pytest.param(
        answer(addresses=(), trouble=Trouble.SILENT), PLACE._replace(resolver_works=False), "", "", (),
        id="no resolver: the CA sees for itself",
    ),
    pytest.param(answer(**caa(ISSUE)), PLACE, "", "", (), id="caa allows"),
    pytest.param(answer(**caa(Record(0, "ISSUE", "CA.example. ; x=y"))), PLACE, "", "", (), id="caa in capitals"),
    pytest.param(answer(**caa(Record(0, "issue", "other.example"), ISSUE)), PLACE, "", "", (), id="caa, one of two"),
    pytest.param(answer(**caa(Record(0, "iodef", "mailto:a@b"))), PLACE, "", "", (), id="caa without issue"),
    pytest.param(answer(**caa(Record(0, "issuewild", ";"))), PLACE, "", "", (), id="issuewild is for wildcards"),
    pytest.param(
        answer(**caa(Record(0, "issue", "other.example"))), PLACE._replace(identities=()), "", "", (),
        id="caa of a CA without identities",
    ),
    pytest.param(
        answer(**caa(Record(0, "issue", "other.example"))), PLACE, "caa-record",
        "the CAA record of park-spot.co allows only other.example, not Example CA",
        (add('type CAA  name @  value 0 issue "ca.example"'),), id="caa for another",
    ),
    pytest.param(
        answer(**caa(Record(0, "issue", ";"))), PLACE, "caa-record",
        "the CAA record of park-spot.co allows no CA, not Example CA",
        (add('type CAA  name @  value 0 issue "ca.example"'),), id="caa for none",
    ),
    pytest.param(
        answer(WILD, **caa(ISSUE, Record(0, "issuewild", "other.example"))), PLACE, "caa-record",
        "the CAA record of park-spot.co allows only other.example, not Example CA",
        (add('type CAA  name @  value 0 issuewild "ca.example"'),), id="issuewild",
    ),
    pytest.param(answer(WILD, **caa(ISSUE)), PLACE, "", "", (), id="a wildcard without issuewild"),
    pytest.param(
        answer(**caa(Record(0, "issue", "ca.example; accounturi=https://ca.example/acct/2"))), PLACE, "caa-record",
        "the CAA record of park-spot.co allows Example CA for another account or method only",
        (add('type CAA  name @  value 0 issue "ca.example; accounturi=https://ca.example/acct/1"'),), id="accounturi",
    ),
    pytest.param(
        answer(**caa(Record(0, "issue", "ca.example; accounturi=https://ca.example/acct/1"))), PLACE, "", "", (),
        id="our accounturi",
    ),
    pytest.param(
        answer(**caa(Record(0, "issue", "ca.example; validationmethods=dns-01"))), PLACE._replace(account=None),
        "caa-record", "the CAA record of park-spot.co allows Example CA for another account or method only",
        (add('type CAA  name @  value 0 issue "ca.example"'),), id="validationmethods",
    ),
    pytest.param(
        answer(**caa(ISSUE, Record(128, "future", "x"))), PLACE, "caa-record",
        'the CAA records of park-spot.co have a critical property "future", which forbids every CA',
        (remove('type CAA  name @  value 0 future "x"'),), id="critical",
    ),
    pytest.param(
        answer(caa_trouble=Trouble.SERVFAIL), PLACE, "caa-fails", "the question for its CAA records fails (SERVFAIL)",
        (Advice(f"{AT} have the name servers answer CAA questions"),), id="caa servfail",
    ),
    pytest.param(
        answer(addresses=(), **caa(Record(0, "issue", "other.example"))), PLACE, "no-address",
        "no A or AAAA record; the CAA record of park-spot.co allows only other.example, not Example CA",
        (A_APP, add('type CAA  name @  value 0 issue "ca.example"')), id="two things at once",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "place", "kind", "why", "advice"), DNS)
def test_what_the_dns_says(seen: Answer, place: Place, kind: str, why: str, advice: tuple[Advice, ...]) -> None:
    """Each verdict has a kind, words, and the record to add or remove as registrars ask for it."""
    assert of_dns(seen, place) == Verdict(kind, why, advice)


OURS = Look(HERE, Seen.OURS, is_own=True, status=200)
OTHER = Look(AWAY, Seen.OTHER, is_own=False, status=404, server="Apache")
CLOUDFLARE = OTHER._replace(server="cloudflare")
TO_HERE = (remove("type A  name app  value 198.51.100.4"), A_APP)
LOOKS = [
    pytest.param([OURS], PLACE, "", "", (), id="ours"),
    pytest.param([OURS._replace(address=AWAY, is_own=False)], PLACE, "", "", (), id="reached behind a proxy"),
    pytest.param([OURS._replace(seen=Seen.SILENT)], PLACE, "", "", (), id="ours, not to be reached from inside"),
    pytest.param(
        [OTHER], PLACE, "elsewhere", '198.51.100.4 is another server (404 from "Apache")', TO_HERE, id="another server"
    ),
    pytest.param(
        [OTHER._replace(server="", url="https://x.example/", trouble="redirects without an end")], PLACE, "elsewhere",
        "198.51.100.4 leads to https://x.example/ (redirects without an end)", TO_HERE, id="led away",
    ),
    pytest.param(
        [OURS, OTHER], PLACE, "elsewhere", '198.51.100.4 is another server (404 from "Apache")',
        (remove("type A  name app  value 198.51.100.4"),), id="one right, one wrong",
    ),
    pytest.param(
        [Look(AWAY, Seen.SILENT, is_own=False)], PLACE, "no-answer",
        "198.51.100.4 does not answer on port 80, and is not this server's", TO_HERE, id="nobody",
    ),
    pytest.param(
        [Look(AWAY6, Seen.SILENT, is_own=False)], PLACE, "no-answer",
        "2606:4700::4 does not answer on port 80, and is not this server's",
        (remove("type AAAA  name app  value 2606:4700::4"),), id="an IPv6 address, and this server has none",
    ),
    pytest.param(
        [Look(AWAY6, Seen.SILENT, is_own=False)], BOTH, "no-answer",
        "2606:4700::4 does not answer on port 80, and is not this server's",
        (remove("type AAAA  name app  value 2606:4700::4"), add("type AAAA  name app  value 2001:db8:7::7")),
        id="an IPv6 address, and this server has another",
    ),
    pytest.param(
        [Look(ip_address("10.0.0.9"), Seen.UNASKED, is_own=False)], PLACE, "private",
        "10.0.0.9 is no public address, and not this server's",
        (remove("type A  name app  value 10.0.0.9"), A_APP), id="private",
    ),
    pytest.param(
        [OTHER._replace(is_own=True)], PLACE, "own-nginx",
        "this server answers for it, but not from hookrunner's nginx files (404)",
        (Advice(f"on the server: see which server block of nginx takes {APP}; it needs a reload after init"),),
        id="our nginx, not our files",
    ),
    pytest.param(
        [OTHER._replace(is_own=True, url="https://x.example/", status=200, server="")], PLACE, "own-nginx",
        "198.51.100.4 leads to https://x.example/ (200)",
        (Advice(f"on the server: let /.well-known/acme-challenge/ of {APP} pass without a redirect"),),
        id="our nginx redirects it away",
    ),
    pytest.param(
        [CLOUDFLARE._replace(status=526, url="https://app.park-spot.co/x")], PLACE, "cloudflare-strict",
        "Cloudflare leads to HTTPS, which has no certificate here yet (526)",
        (Advice(f"at Cloudflare turn off Always Use HTTPS for {APP}, or set its record to DNS only, until HTTPS is here"),),
        id="always HTTPS with a strict origin",
    ),
    pytest.param(
        [CLOUDFLARE._replace(status=521)], PLACE, "cloudflare-origin",
        "Cloudflare answers for it and does not reach this server (521)",
        (Advice("at Cloudflare change the proxied record to", "type A  name app  value 203.0.113.7"),),
        id="proxied to nowhere",
    ),
    pytest.param(
        [CLOUDFLARE], PLACE, "cloudflare-origin", "Cloudflare answers for it and reaches another server (404)",
        (Advice("at Cloudflare change the proxied record to", "type A  name app  value 203.0.113.7"),),
        id="proxied to another server",
    ),
    pytest.param(
        [OURS._replace(address=AWAY, is_own=False, server="cloudflare", is_flexible=True)], PLACE, "", "",
        (
            Advice(
                f"Cloudflare reaches this server over HTTP for {APP}: set its SSL/TLS mode to Full (strict), "
                "else its redirects never end"
            ),
        ),
        id="flexible: ready, with a warning",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("looks", "place", "kind", "why", "advice"), LOOKS)
def test_what_the_looks_say(looks: list[Look], place: Place, kind: str, why: str, advice: tuple[Advice, ...]) -> None:
    """Somebody else at one address is enough to wait; ours, or reached, is enough to go."""
    seen = answer(addresses=tuple(look.address for look in looks))
    assert of_looks(seen, looks, place) == Verdict(kind, why, advice)


def test_an_alias_is_what_has_to_go() -> None:
    """Where the name is an alias, its CNAME is removed, not the address of another host."""
    verdict = of_looks(answer(addresses=(AWAY,), aliases=("x.example",)), [OTHER], PLACE)
    assert verdict.advice == (remove("type CNAME  name app  value x.example"), A_APP)


def test_nothing_to_look_at_is_no_obstacle() -> None:
    """An answer that could not be had is not held against the domain."""
    assert of_looks(answer(addresses=()), [], PLACE) == GO


@pytest.mark.parametrize(
    "other",
    [
        answer(addresses=(AWAY,)),
        answer(aliases=("x.example",)),
        answer(**caa(ISSUE)),
        answer(**caa(Record(128, "issue", "ca.example"))),
        answer(trouble=Trouble.SERVFAIL),
        answer(caa_trouble=Trouble.SERVFAIL),
    ],
)
def test_a_digest_changes_with_the_answer(other: Answer) -> None:
    """A change of anything that a CA looks at changes the digest; the order of addresses does not."""
    assert other.digest != answer().digest
    assert answer(addresses=(HERE, AWAY)).digest == answer(addresses=(AWAY, HERE)).digest
    assert answer(trouble=Trouble.SILENT).digest == ""


def test_the_kinds_that_wait_for_the_dns() -> None:
    """All but a server block of one's own are mended at the DNS, or at the proxy in front."""
    kinds = {param.values[2] for param in (*DNS, *LOOKS)} - {""}
    assert kinds - {"own-nginx"} == preflight.DNS_KINDS
