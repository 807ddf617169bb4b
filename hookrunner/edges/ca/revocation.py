"""Revokes certificates (RFC 8555 section 7.6), with the account that ordered them."""

from cryptography import x509

from hookrunner.core.problems import Refusal
from hookrunner.edges.ca import account
from hookrunner.edges.ca.client import Client, Trust
from hookrunner.edges.ca.refusals import refusal
from hookrunner.edges.records import Store
from hookrunner.model.server import Acme

# RFC 5280 section 5.3.1: those that a CA takes from the holder of a certificate.
REASONS = {
    "unspecified": 0,
    "keyCompromise": 1,
    "affiliationChanged": 3,
    "superseded": 4,
    "cessationOfOperation": 5,
}


def revoke(chain: str, reason: str, *, acme: Acme, store: Store) -> Refusal | None:
    """Revoke the leaf of ``chain``; why the CA does not. Raises nothing that a CA can cause."""
    try:
        trust = Trust(acme.ca_bundle, acme.authority.directory)
        directory = Client.get_directory(acme.authority.directory, trust.network())
        mine = account.account(store, acme, trust, directory)
        Client(directory, mine.network(trust)).revoke(x509.load_pem_x509_certificate(chain.encode()), REASONS[reason])
    except Exception as error:
        said = refusal(error)
        return None if said.kind == "alreadyRevoked" else said
    return None
