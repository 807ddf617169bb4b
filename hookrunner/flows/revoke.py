"""Revokes a certificate that was replaced: first the new one is served, then the CA is told."""

from collections.abc import Callable
from datetime import datetime

from hookrunner.core import wording
from hookrunner.core.problems import hint
from hookrunner.core.wording import Kind, Line
from hookrunner.edges import certificates, claims, deploys, revocations
from hookrunner.edges.publisher import Publisher
from hookrunner.edges.records import Store
from hookrunner.edges.revocations import Revocation
from hookrunner.model.certificate import Certificate
from hookrunner.model.names import AppName, Domain
from hookrunner.model.server import Settings


def found(domain: Domain, store: Store) -> tuple[Certificate, AppName | None] | None:
    """The certificate that serves ``domain``, or would, and the app whose it is; None where there is none."""
    app = claims.read_claims(store).domains.get(domain)
    live = deploys.publication(store, app) if app else None
    served = {name.domain: name.certificate for name in live[1].names}.get(domain) if live else None
    if served and (there := certificates.existing(store, [served])):
        return there[served], app
    named = [one for one in certificates.every(store) if one.id.domain == domain]
    return (max(named, key=lambda one: one.issued), app if live else None) if named else None


def complete(
    settings: Settings,
    store: Store,
    publisher: Publisher,
    say: Callable[[Line], None],
    *,
    at_once: str | None = None,
) -> bool:
    """Have the CAs revoke what was asked for and is served no more; whether nothing of that failed.

    ``at_once``: the serial number of one that is revoked though it still serves.
    """
    sound = True
    for one in revocations.every(store):
        is_served = _is_served(one, store)
        if is_served and (one.is_revoked or one.serial != at_once):
            continue
        if not one.is_revoked:
            lines, one = _asked(one, settings, store)
            for line in lines:
                say(line)
        sound = sound and one.is_revoked
        if one.is_revoked and is_served:
            revocations.ask(store, one)
        elif one.is_revoked:
            revocations.done(store, one.serial)
            _forget(one, store, publisher)
    return sound


def _asked(one: Revocation, settings: Settings, store: Store) -> tuple[list[Line], Revocation]:
    """Ask the CA; what is to be said, and the revocation as it is then. What the CA never does is off the record."""
    from hookrunner.edges.ca import revocation

    domain, name = one.certificate.domain, one.certificate.authority
    if one.is_imported:
        return [], one._replace(is_revoked=True)
    acme = next((acme for acme in settings.acme.every if acme.authority.name == name), None)
    if acme is None:
        revocations.done(store, one.serial)
        lines = [
            wording.error(f"{domain}: not revoked, its CA {name} is not in server.toml"),
            wording.hint("on the server: add its directory as [[acme.backup]], and revoke again"),
        ]
        return lines, one
    refusal = revocation.revoke(one.chain, one.reason, acme=acme, store=store)
    if refusal is None:
        text = f"{domain}: certificate {one.serial} is revoked, {one.reason}"
        return [wording.step(text)], one._replace(is_revoked=True)
    if refusal.leaves_order_open:  # trouble of the CA's, which passes
        text = f"{domain}: not revoked yet: {refusal}; renew goes on with it"
        return [Line(Kind.WARNING, text)], one
    revocations.done(store, one.serial)
    lines = [wording.error(f"{domain}: not revoked: {refusal}")]
    return [*lines, *(wording.hint(text) for text in [hint(refusal, str(domain))] if text)], one


def _is_served(one: Revocation, store: Store) -> bool:
    app = claims.read_claims(store).domains.get(one.certificate.domain)
    return app is not None and deploys.serves(store, app, one.certificate, one.chain)


def _forget(one: Revocation, store: Store, publisher: Publisher) -> None:
    """A revoked certificate never serves again, whoever wants its name back."""
    there = certificates.existing(store, [one.certificate]).get(one.certificate)
    if there and there.serial == one.serial:
        certificates.forget(store, one.certificate)
        publisher.forget([one.certificate])


def asked(certificate: Certificate, reason: str, now: datetime, store: Store) -> None:
    """Put it on record, so that the next run replaces and revokes it, whatever becomes of this one."""
    wanted = Revocation(certificate.id, certificate.serial, certificate.chain, reason, now)
    revocations.ask(store, wanted._replace(is_imported=certificate.is_imported))
