"""Is each name served with its own certificate? Seen from outside, by a TLS handshake a name."""

import socket
import time
from collections.abc import Sequence

from hookrunner.model.names import Domain
from hookrunner.model.publication import Publication

_AT_ONCE = 8
_OLD_WORKERS = 2.0  # seconds that workers of the configuration before may still accept connections


def check(publications: Sequence[Publication], address: str, port: int) -> dict[Domain, str | None]:
    """What is wrong with each secured name of the publications, or None."""
    from concurrent.futures import ThreadPoolExecutor

    secured = [
        (name.domain, publication.chains[name.certificate])
        for publication in publications
        for name in publication.names
        if name.certificate
    ]
    if not secured:
        return {}
    until = time.monotonic() + _OLD_WORKERS

    def wrong_at_last(domain: Domain, chain: str) -> str | None:
        while (wrong := _wrong(domain, chain, address, port)) and time.monotonic() < until:
            time.sleep(0.02)
        return wrong

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = pool.map(lambda one: wrong_at_last(*one), secured)
        return {domain: wrong for (domain, _), wrong in zip(secured, found, strict=True)}


def _wrong(domain: Domain, chain: str, address: str, port: int) -> str | None:
    """What is wrong with the leaf that is served for ``domain`` by SNI (RFC 6066 section 3), or None."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the leaf is compared byte by byte, which says more
    host = domain.name.replace("*", "any", 1)
    try:
        with (
            socket.create_connection((address, port), timeout=5) as tcp,
            context.wrap_socket(tcp, server_hostname=host) as tls,
        ):
            served = tls.getpeercert(binary_form=True)
    except OSError as error:
        return f"no TLS answer: {error.strerror or error}"
    end = "-----END CERTIFICATE-----"
    leaf = f"{chain[: chain.index(end)]}{end}\n"
    return None if served == ssl.PEM_cert_to_DER_cert(leaf) else "nginx serves another certificate"
