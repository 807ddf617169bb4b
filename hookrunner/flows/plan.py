"""What a deploy would do, and why: the same looks and decisions, and then nothing done."""

from dataclasses import dataclass
from datetime import datetime

from hookrunner.core import serving
from hookrunner.core.certificates import Decision
from hookrunner.edges import deploys
from hookrunner.edges.git import Repository
from hookrunner.edges.records import Store
from hookrunner.flows import outlook
from hookrunner.flows.inspect import inspect
from hookrunner.model.app import Manifest
from hookrunner.model.names import AppName, Domain
from hookrunner.model.obstacle import Advice
from hookrunner.model.publication import Publication
from hookrunner.model.server import Settings


@dataclass(frozen=True, slots=True)
class Plan:
    """A deploy that was not carried out."""

    commit: str
    manifest: Manifest
    decisions: tuple[Decision, ...]
    advice: tuple[Advice, ...]  # what can be done about names that wait
    added: tuple[Domain, ...]
    removed: tuple[Domain, ...]
    reloads: bool  # whether nginx's files change


def plan(repository: Repository, commit: str, *, app: AppName, settings: Settings, store: Store, now: datetime) -> Plan:
    """Plan the deploy of ``commit``. Raises what :func:`~hookrunner.flows.inspect.inspect` raises."""
    fit = inspect(repository, commit, app=app, settings=settings, store=store)
    manifest = fit.manifest
    authority = settings.acme.authority.name
    [seen] = outlook.look([(app, manifest)], settings=settings, store=store, now=now)
    live = deploys.publication(store, app)
    before = live[1] if live else None
    then = serving.publication(
        app, before.release if before else "", manifest, authority=authority, existing=seen.existing, path=fit.path
    )
    return Plan(
        commit=commit,
        manifest=manifest,
        decisions=tuple(seen.decisions),
        advice=(*(one for wait in seen.waits for one in wait.advice), *seen.advice),
        added=_but(_domains(then), _domains(before)),
        removed=_but(_domains(before), _domains(then)),
        reloads=before is None or before.sites != then.sites or bool(seen.issues),
    )


def _domains(publication: Publication | None) -> tuple[Domain, ...]:
    return tuple(name.domain for name in publication.names) if publication else ()


def _but(these: tuple[Domain, ...], those: tuple[Domain, ...]) -> tuple[Domain, ...]:
    return tuple(domain for domain in these if domain not in those)
