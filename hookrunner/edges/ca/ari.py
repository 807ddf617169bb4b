"""What the CA suggests about renewals (RFC 9773): asked without signing, so that it costs neither nonce nor account."""

import base64
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from acme import messages
from cryptography import x509

from hookrunner.core import renewal
from hookrunner.edges.ca.client import Client, Trust
from hookrunner.edges.ca.refusals import Refused, refusal, retry_after
from hookrunner.model.certificate import Ari, Certificate
from hookrunner.model.server import Acme

_ABOUT_ALL = {"unreachable", "overloaded", "rateLimited"}  # the next certificate would hear the same


def suggestions(certificates: Sequence[Certificate], acme: Acme, now: datetime) -> Iterator[Certificate]:
    """The certificates, with what their CA says now or that it did not answer. Raises nothing that a CA can cause."""
    try:
        trust = Trust(acme.ca_bundle, acme.authority.directory)
        client = Client(Client.get_directory(acme.authority.directory, trust.network()), trust.network())
        place = client.place("renewalInfo")
    except Exception as error:
        refusal(error)  # raises what is no fault of the CA
        place = None
    silent = place is None
    for certificate in certificates:
        named = identifier(certificate.chain)
        said = renewal.unanswered(certificate.ari, now)
        if place and named and not silent:
            try:
                said = _said(client, f"{place}/{named}", certificate.ari, now)
            except Exception as error:
                silent = refusal(error).kind in _ABOUT_ALL
        yield replace(certificate, ari=said)


def identifier(chain: str) -> str | None:
    """How the CA calls the leaf of ``chain`` (RFC 9773 section 4.1); None where that names no issuer's key."""
    leaf = x509.load_pem_x509_certificate(chain.encode())
    try:
        issuer = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        return None
    if issuer is None:
        return None
    serial = leaf.serial_number
    return ".".join(map(_base64url, (issuer, serial.to_bytes(serial.bit_length() // 8 + 1, "big"))))


def _said(client: Client, url: str, before: Ari | None, now: datetime) -> Ari:
    answer = client.net.get(url)
    document = answer.json()
    window = messages.RenewalInfo.from_json(document).suggested_window
    if window.end <= window.start:
        raise Refused(refusal(ValueError("the suggested window ends before it begins")))
    return renewal.suggested(
        before,
        window.start,
        window.end,
        now=now,
        retry_after=retry_after(answer),
        at=random.random(),  # noqa: S311 — spreads the load, hides nothing
        explanation=str(document.get("explanationURL") or "")[:200],
    )


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
