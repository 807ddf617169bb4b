"""What a deploy would do, and why: the same looks and decisions, and then nothing done."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from hookrunner.core import obstacles, refs, serving, wording
from hookrunner.core.certificates import Decision, Issue, Wait
from hookrunner.core.wording import Line
from hookrunner.edges import deploys
from hookrunner.edges.git import Repository
from hookrunner.edges.records import Store
from hookrunner.flows import outlook
from hookrunner.flows.inspect import inspect
from hookrunner.model.app import Manifest
from hookrunner.model.names import AppName, Domain
from hookrunner.model.obstacle import Advice
from hookrunner.model.publication import Publication
from hookrunner.model.server import AppSettings, Settings


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
    dropped: Mapping[str, str]  # links that are left out, each with the reason
    activation: AppSettings  # what is done after the switch

    def lines(self, app: AppName, ref: str, subject: str, now: datetime) -> Iterator[Line]:
        """The plan as people read it."""
        yield wording.step(f'{app}: plan for {refs.short(ref)} {self.commit[:7]} "{subject}"')
        width = wording.column(str(domain) for domain in (*self.manifest.domains, *self.removed))
        decided = {domain: decision for decision in self.decisions for domain in decision.domains}
        for domain in self.manifest.domains:
            words = _words(decided[domain], domain, now) if domain in decided else 'HTTP only: https = "off"'
            yield wording.row(str(domain), f"{words}{', new here' if domain in self.added else ''}", width)
        for domain in self.removed:
            yield wording.row(str(domain), "goes off the web", width)
        for text in obstacles.hints(self.advice):
            yield wording.hint(text)
        if self.reloads:
            yield wording.step("nginx would be tested and reloaded once")
        else:
            yield wording.step("nginx would stay untouched")
        for path, why in self.dropped.items():
            yield wording.detail(f"left out: the link {path}: {why}")
        if self.activation.units:
            yield wording.step(f"{', '.join(self.activation.units)} would be restarted")
        for argv in self.activation.activate:
            yield wording.step(f"{shlex.join(argv)} would be run")


def plan(repository: Repository, commit: str, *, app: AppName, settings: Settings, store: Store, now: datetime) -> Plan:
    """Plan the deploy of ``commit``. Raises what :func:`~hookrunner.flows.inspect.inspect` raises."""
    fit = inspect(repository, commit, app=app, settings=settings, store=store)
    manifest = fit.manifest
    live = deploys.publication(store, app)
    before = live[1] if live else None
    [seen] = outlook.look([(app, manifest, before)], settings=settings, store=store, now=now)
    then = serving.publication(
        app,
        before.release if before else "",
        manifest,
        certificates=seen.serving,
        path=fit.path,
    )
    return Plan(
        commit=commit,
        manifest=manifest,
        decisions=tuple(seen.decisions),
        advice=(*(one for wait in seen.waits for one in wait.advice), *seen.advice),
        added=_but(_domains(then), _domains(before)),
        removed=_but(_domains(before), _domains(then)),
        reloads=before is None or before.sites != then.sites or bool(seen.issues),
        dropped=fit.dropped,
        activation=settings.app(app),
    )


def _domains(publication: Publication | None) -> tuple[Domain, ...]:
    return tuple(name.domain for name in publication.names) if publication else ()


def _but(these: tuple[Domain, ...], those: tuple[Domain, ...]) -> tuple[Domain, ...]:
    return tuple(domain for domain in these if domain not in those)


def _words(decision: Decision, domain: Domain, now: datetime) -> str:
    match decision:
        case Issue():
            return f"issue: {decision.why}{decision.shared(domain)}"
        case Wait():
            return f"wait: {outlook.words(decision, now)}"
        case _:
            return f"keep: {decision.why}{decision.shared(domain)}"
