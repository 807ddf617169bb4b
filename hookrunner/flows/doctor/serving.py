"""Whether what is published is served: the publisher, nginx, its ports, its names, and the certificates."""

import asyncio
import ipaddress
import secrets
import shlex
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from hookrunner.core.findings import Finding, found
from hookrunner.core.preflight import Address, Seen
from hookrunner.core.publishing import CALLED
from hookrunner.edges import addresses, certificates
from hookrunner.edges.ca.http01 import WELL_KNOWN, Webroot
from hookrunner.flows.doctor.patient import Patient
from hookrunner.model.certificate import Certificate
from hookrunner.model.inspection import Inspection
from hookrunner.model.names import AppName, Domain
from hookrunner.model.publication import CertificateId

_AT_ONCE = 8
_NOBODY = "doctor.invalid"  # a name that no app can have (RFC 6761 section 6.4)


def publisher(patient: Patient) -> Iterator[Finding]:
    """Whether root's publisher answers."""
    if isinstance(patient.inspection, str):
        yield found(
            patient.inspection, "systemctl restart hookrunner-publisher.socket",
            "journalctl -t hookrunner-publisher -n 20", "hookrunner setup",
        )  # fmt: skip


def nginx(patient: Patient) -> Iterator[Finding]:
    """Whether nginx is there, passes its test, includes our files, and runs what stands in them."""
    seen = patient.inspection
    if isinstance(seen, str):
        return
    settings = patient.settings.nginx
    if not seen.version:
        yield found(f"{settings.program} cannot be called", CALLED)
        return
    if seen.test:
        words = " ".join(seen.test)
        is_ours = str(patient.settings.certificates) in words
        mend = "mend what is said of certificates here" if is_ours else "mend that line"
        yield found(f"nginx does not pass its test: {words}", mend, shlex.join(settings.test))
    elif not seen.is_included:
        line = f"include {settings.sites}/*.conf;"
        yield found(
            f"nginx does not read {settings.sites}", patient.make_again, f"write into http {{ }} of nginx.conf: {line}",
            shlex.join(settings.reload),
        )  # fmt: skip
    elif not seen.is_served:
        port = settings.http_port
        if not any(addresses.answers(address, port) for address in _listened(patient)):
            yield found("nginx is not running", patient.start_nginx)
        else:
            yield found(
                f"what answers on port {port} does not run what stands in {settings.sites}",
                shlex.join(settings.reload), f"ss -ltnp 'sport = :{port}' shows whose it is", patient.start_nginx,
            )  # fmt: skip


def ports(patient: Patient) -> Iterator[Finding]:
    """Whether nginx, and nobody else, answers at every address, IPv4 and IPv6."""
    seen = patient.inspection
    if isinstance(seen, str) or not seen.is_served:
        return  # which is said already
    http, https = patient.settings.nginx.http_port, patient.settings.nginx.https_port
    try:
        looks = _looks(patient)
    except OSError as error:
        yield found(f"{patient.settings.challenges} cannot be written: {error.strerror}", patient.make_again)
        return
    for address, look in looks.items():
        place = f"[{address}]:{http}" if address.version == 6 else f"{address}:{http}"
        if look is Seen.SILENT:
            yield found(f"nobody answers at {place}", *_opened(patient, http))
        elif look is not Seen.OURS:
            yield found(f"another program answers at {place}", f"ss -ltnp 'sport = :{http}' shows which; stop it",
                        patient.start_nginx)  # fmt: skip
        if patient.publications and not addresses.answers(str(address), https):
            yield found(f"nobody answers at {place.rpartition(':')[0]}:{https}", *_opened(patient, https))


def names(patient: Patient) -> Iterator[Finding]:
    """Whether another nginx file has a name of an app."""
    if isinstance(patient.inspection, Inspection):
        for domain, files in patient.inspection.foreign.items():
            yield found(
                f"{domain} is in {' and '.join(files)} too", f"take it out there, or remove the file; {_test(patient)}"
            )


def pairs(patient: Patient) -> Iterator[Finding]:
    """Whether every certificate in use is there with its key, is served, and is valid."""
    seen = patient.inspection
    if isinstance(seen, str):
        return
    in_use = _in_use(patient)
    known = certificates.existing(patient.store, [one for _, one in in_use])
    for (app, certificate), domains in in_use.items():
        again = f"hookrunner deploy {app}"
        pair, record = seen.pairs.get(certificate), known.get(certificate)
        if pair is None or not pair.serial:
            yield found(f"the certificate of {certificate.domain} is gone", again)
        elif pair.wrong:
            mend = f"chmod 600 {pair.wrong.rpartition(' can be read')[0]}" if "can be read" in pair.wrong else again
            yield found(f"the certificate of {certificate.domain}: {pair.wrong}", mend)
        elif record is None:
            yield found(f"there is no record of the certificate of {certificate.domain}", again)
        elif pair.serial != record.serial:
            yield found(f"the certificate of {certificate.domain} is another than the records say", again)
        elif record.not_after <= patient.now:
            yield found(f"the certificate of {certificate.domain} ended on {record.not_after:%Y-%m-%d}",
                        f"hookrunner renew {app}", "hookrunner report says what stands in the way")  # fmt: skip
        elif seen.is_served:
            yield from _unserved(patient, app, record, domains)


def _unserved(patient: Patient, app: AppName, record: Certificate, domains: list[Domain]) -> Iterator[Finding]:
    from cryptography import x509

    from hookrunner.edges import tls

    address, port = _listened(patient)[0], patient.settings.nginx.https_port

    def wrong(domain: Domain) -> str:
        try:
            der = tls.leaf(domain.name.replace("*", "any", 1), address, port)
        except OSError as error:
            why = error.reason if isinstance(error, ssl.SSLError) else error.strerror
            return f"no HTTPS answer for {domain}: {why or error}"
        served = f"{x509.load_der_x509_certificate(der).serial_number:x}"
        return "" if served == record.serial else f"{domain} is served with another certificate"

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for words in filter(None, pool.map(wrong, domains)):
            yield found(words, shlex.join(patient.settings.nginx.reload), f"hookrunner deploy {app}")


def _in_use(patient: Patient) -> dict[tuple[AppName, CertificateId], list[Domain]]:
    used: dict[tuple[AppName, CertificateId], list[Domain]] = {}
    for app, publication in patient.publications.items():
        for name in publication.names:
            if name.certificate:
                used.setdefault((app, name.certificate), []).append(name.domain)
    return used


def _looks(patient: Patient) -> dict[Address, Seen]:
    """Who answers for a name of nobody's, at each address: only ours knows the token."""
    from hookrunner.edges import probe

    name, content = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    nginx = patient.settings.nginx

    async def none(_: str) -> tuple[Address, ...]:
        return ()

    web = probe.Web(nginx.http_port, nginx.https_port, lambda _: True, none)
    token = probe.Token(f"/{WELL_KNOWN}/{name}", content.encode())
    where = [ipaddress.ip_address(address) for address in _listened(patient)]

    async def all_of_them() -> list[Seen]:
        looks = (probe.look(_NOBODY, address, token, web, has_https=True) for address in where)
        return [look.seen for look in await asyncio.gather(*looks)]

    shown = Webroot(patient.settings.challenges)
    shown.show(name, content)
    try:
        return dict(zip(where, asyncio.run(all_of_them()), strict=True))
    finally:
        shown.hide(name)


def _listened(patient: Patient) -> list[str]:
    """The addresses of this machine that nginx is to answer at."""
    if patient.settings.nginx.listen:
        return list(patient.settings.nginx.listen)
    loopback = [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]
    own = filter(addresses.is_own, (*loopback, *addresses.public(), *patient.settings.dns.public_addresses))
    return [str(address) for address in dict.fromkeys(own)]


def _opened(patient: Patient, port: int) -> tuple[str, ...]:
    listen = patient.settings.nginx.listen
    first = ["look at a firewall, nft list ruleset"]
    if listen:  # which may have been written after nginx's files
        first = [f"look at listen = {list(listen)} under [nginx] in server.toml", patient.make_again]
    return (*first, f"ss -ltnp 'sport = :{port}'", patient.start_nginx)


def _test(patient: Patient) -> str:
    return f"{shlex.join(patient.settings.nginx.test)} && {shlex.join(patient.settings.nginx.reload)}"
