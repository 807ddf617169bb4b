"""How it stands with a CA before anything is asked of it: its directory, its clock, and the account there."""

from datetime import timedelta
from typing import NamedTuple

from acme import messages

from hookrunner.core.problems import Refusal
from hookrunner.edges.ca.account import Account, stored
from hookrunner.edges.ca.client import Client, Network, Trust
from hookrunner.edges.ca.refusals import Refused, refusal
from hookrunner.edges.records import Store
from hookrunner.model.server import Acme


class Standing(NamedTuple):
    """What was found out; no ``trouble``: the next order can be sent."""

    trouble: Refusal | None
    skew: timedelta = timedelta(0)  # how far the CA's clock is ahead of ours
    has_account: bool = False


def standing(store: Store, acme: Acme) -> Standing:
    """Ask the CA. It makes no account and no order."""
    skew, has_account = timedelta(0), False
    try:
        trust = Trust(acme.ca_bundle, acme.authority.directory)
        network = trust.network()
        directory = Client.get_directory(acme.authority.directory, network)
        skew = network.skew
        account = stored(store, acme)
        if account:
            has_account = True
            _ask_for(account, directory, trust)
        elif Client(directory, network).external_account_required() and not acme.eab:
            raise Refused(Refusal("externalAccountRequired", ""))
    except Exception as error:
        return Standing(refusal(error), skew, has_account)
    return Standing(None, skew, has_account)


def _ask_for(account: Account, directory: messages.Directory, trust: Trust) -> None:
    """Raise what the CA says against the account (RFC 8555 section 7.3.1)."""
    network: Network = account.network(trust)
    resource = messages.RegistrationResource(body=messages.Registration(), uri=account.uri)
    status = Client(directory, network).query_registration(resource).body.status
    if status not in (None, "valid"):
        raise Refused(Refusal("unauthorized", f"the account is {status}"))
