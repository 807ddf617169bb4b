"""A published site to nginx server blocks: which names share one, and what it does with them."""

from collections.abc import Iterator
from typing import NamedTuple

from hookrunner.model.app import Https
from hookrunner.model.names import Domain
from hookrunner.model.publication import CertificateId, PublishedSite
from hookrunner.model.server import Nginx
from hookrunner.publisher.directives import Releases, SiteWords, site_words


class Block(NamedTuple):
    """One server block. Without a ``certificate`` it is plain HTTP; with ``to`` it only redirects, there."""

    names: tuple[Domain, ...]
    site: SiteWords
    certificate: CertificateId | None = None
    to: str = ""  # scheme, host and port
    is_unavailable: bool = False


def blocks(published: PublishedSite, releases: Releases, nginx: Nginx) -> Iterator[Block]:
    """The server blocks of a site: plain HTTP first, then for each certificate."""
    site, words = published.site, site_words(published.site, releases)
    https, http = port(nginx.public_https_port, 443), port(nginx.public_http_port, 80)
    secured = {name.domain for name in published.names if name.certificate}
    plain: dict[str, list[Domain]] = {}
    encrypted: dict[tuple[CertificateId, str], list[Domain]] = {}
    for name in published.names:
        canonical = published.leads_to(name)
        there = ""
        if canonical:
            there = f"https://{canonical}{https}" if canonical in secured else f"http://{canonical}{http}"
        if name.certificate:
            plain.setdefault(there or f"https://$host{https}", []).append(name.domain)
            encrypted.setdefault((name.certificate, there), []).append(name.domain)
        else:
            plain.setdefault(there, []).append(name.domain)
    for to, names in plain.items():
        yield Block(tuple(names), words, to=to, is_unavailable=site.https is Https.REQUIRED)
    for (certificate, to), names in encrypted.items():
        yield Block(tuple(names), words, certificate, to)


def port(number: int, usual: int) -> str:
    """The port as a URL writes it."""
    return "" if number == usual else f":{number}"
