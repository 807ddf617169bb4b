"""What the timer runs: names that wait for their certificate and certificates that are due, of all apps together.

The DNS is asked first and the CA only for what is ready; nginx is reloaded once for everything.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hookrunner.core import obstacles, publishing, serving, wording
from hookrunner.core.certificates import serving as certificates_of
from hookrunner.core.certificates import wanted
from hookrunner.core.wording import Kind, Line
from hookrunner.edges import certificates, claims, deploys
from hookrunner.edges.publisher import Publisher
from hookrunner.edges.records import Busy, Damaged, Store
from hookrunner.edges.suffixes import registered
from hookrunner.flows import certify, notices, outlook, releases, revoke, suggestions
from hookrunner.flows.activate import NotActivated, activate
from hookrunner.flows.certify import Certified
from hookrunner.model.app import Manifest
from hookrunner.model.deploy import Cause, Deploy, State
from hookrunner.model.names import AppName, Domain
from hookrunner.model.publication import Publication, Refused
from hookrunner.model.server import Settings


@dataclass(slots=True)
class App:
    """One app's share of a run."""

    name: AppName
    deploy: Deploy  # what is live
    manifest: Manifest
    live: Publication
    lines: list[Line] = field(default_factory=list)  # what was said of it: the log of its deploy


@dataclass(frozen=True, slots=True)
class Renewed:
    """How a run ended."""

    secured: int  # certificates that are new and served
    waiting: int  # names and renewals that wait
    failed: bool  # whether a certificate is there and could not be served
    unrevoked: bool = False  # whether a CA did not revoke what it was asked to


@dataclass(slots=True)
class Run:
    """One run over the ``apps``; ``say`` shows its lines, ``keep_log`` writes the log of a deploy."""

    settings: Settings
    store: Store
    publisher: Publisher
    say: Callable[[Line], None]
    keep_log: Callable[[Deploy, Sequence[Line]], None]
    now: datetime
    revokes_at_once: str | None = None  # the serial number of a certificate that need not be replaced first
    damaged: bool = False  # whether an app had to be passed over
    spoken_of: AppName | None = None  # the app that the lines now are about

    def over(self, names: Sequence[AppName]) -> Renewed:
        """Secure what can be secured. Apps that deploy just now are passed over."""
        with ExitStack() as locks:
            apps = {app.name: app for app in self._free(names, locks)}
            used = [one for app in apps.values() for one in app.live.certificates]
            suggestions.refresh(used, settings=self.settings, store=self.store, now=self.now)
            outlooks = outlook.look(
                [(app.name, app.manifest, app.live) for app in apps.values()],
                settings=self.settings,
                store=self.store,
                now=self.now,
            )
            busy = {one.app for one in outlooks if one.issues or one.waits}
            made = certify.certify(
                [one for one in outlooks if one.app in busy],
                settings=self.settings,
                store=self.store,
                publisher=self.publisher,
                now=self.now,
                say=lambda name, line: self._say(apps[name], line),
                only_news=True,
            )
            for name, certified in made.items():
                for text in obstacles.hints(certified.advice):
                    self._say(apps[name], wording.hint(text))
            failed = self._publish(list(apps.values()), made, locks)
            unrevoked = not revoke.complete(
                self.settings, self.store, self.publisher, self.say, at_once=self.revokes_at_once
            )
            for app in apps.values():
                notices.tell(self.settings, self.store, app.name, self.now, functools.partial(self._say, app))
        return Renewed(
            secured=sum(len(certified.issued) for certified in made.values()),
            waiting=sum(len(certified.waiting) + certified.renewals_waiting for certified in made.values()),
            failed=failed or self.damaged,
            unrevoked=unrevoked,
        )

    def _free(self, names: Sequence[AppName], locks: ExitStack) -> Iterator[App]:
        for name in sorted(names):  # everybody takes them in this order
            try:
                locks.enter_context(self.store.lock(f"apps/{name}", wait=0))
            except Busy:
                self.say(wording.step(f"{name}: something else works on it, looked at the next time"))
                continue
            try:
                live, manifest = deploys.publication(self.store, name), deploys.live_manifest(self.store, name)
            except Damaged as error:  # one app's trouble is not the others'
                self._damaged(name, error)
                continue
            if live and manifest:
                yield App(name, live[0], manifest, live[1])

    def _damaged(self, name: AppName, error: Damaged) -> None:
        self.damaged = True
        self.say(wording.error(f"{name} is passed over: {error}"))

    def _publish(self, apps: Sequence[App], made: dict[AppName, Certified], locks: ExitStack) -> bool:
        """Serve the new certificates, recorded like a deploy; whether one of the apps could not.

        New is also what an earlier run had issued, and could not serve; and what a deploy left that died after the
        switch and is not taken up again: then the release that the records call live is put back.
        """
        secured = [(app, self._secured(app)) for app in apps]
        new = [(app, publication) for app, publication in secured if not self._is_served(app, publication)]
        if not new:
            return False
        out_of_place = {a.name for a, p in new if not releases.is_in_place(a.name, p.release, self.settings)}
        begun = [self._begun(app, locks) for app, _ in new]
        answers = self.publisher.publish_all([publication for _, publication in new])
        failed = False
        for (app, publication), deploy, answer in zip(new, begun, answers, strict=True):
            certified, put_back = made.get(app.name, Certified()), app.name in out_of_place
            if isinstance(answer, Refused):
                failed = True
                for lost in answer.lost:
                    certificates.forget(self.store, lost)
                is_told = self.settings.app(app.name).may_name_any
                for line in publishing.refused(answer, str(app.name), len(certified.issued), is_told=is_told):
                    self._say(app, line)
                last = wording.error(f"{app.name}: deploy {deploy.number} is not live, the site is as it was")
                state = State.FAILED
            else:
                names = tuple(str(name.domain) for name in publication.names)
                deploy = deploy._replace(release=publication.release, names=names)
                deploys.save_publication(self.store, deploy, publication, app.manifest.tls, self.now)
                claims.give_back(self.store, app.name, but=(publication.domains, app.manifest.upstreams))
                if put_back:
                    self._activate(app, publication)
                count = wording.counted(len(answer.checked), "name")
                self._say(app, wording.step(f"nginx tested and reloaded, {count} checked over HTTPS"))
                last, state = _verdict(app, deploy, certified)
                if wrong := {domain: words for domain, words in answer.checked.items() if words}:
                    failed = True
                    width = wording.column(map(str, wrong))
                    for domain, words in wrong.items():
                        self._say(app, wording.row(str(domain), words, width))
                    text = f"{app.name}: deploy {deploy.number} is live, {wording.counted(len(wrong), 'name')} wrongly"
                    last, state = wording.error(text), State.PARTLY
            self._say(app, last)
            issued = tuple(map(str, certified.issued))
            took = round((datetime.now(UTC) - self.now).total_seconds(), 3)
            ended = deploy.at(state, ended=datetime.now(UTC), seconds=took, outcome=last.text, certificates=issued)
            deploys.save(self.store, ended)
            self.keep_log(ended, app.lines)
        return failed

    def _is_served(self, app: App, publication: Publication) -> bool:
        if not releases.is_in_place(app.name, publication.release, self.settings):
            self._say(app, wording.detail(f"deploy {app.deploy.number} is put back: a later one died after its switch"))
            return False
        return deploys.is_served(self.store, publication)

    def _activate(self, app: App, publication: Publication) -> None:
        try:
            activate(
                app.deploy, publication.release, settings=self.settings, publisher=self.publisher,
                say=functools.partial(self._say, app),
            )  # fmt: skip
        except NotActivated as error:
            for line in error.lines:
                self._say(app, line)

    def _begun(self, app: App, locks: ExitStack) -> Deploy:
        live = app.deploy
        queued = deploys.queue(
            self.store, app.name, commit=live.commit, ref=live.ref, now=self.now, cause=Cause.RENEW,
            back_to=live.back_to,
        )  # fmt: skip
        locks.enter_context(deploys.carried_out(self.store, queued))
        return deploys.save(self.store, queued.at(State.RUNNING, started=self.now))

    def _secured(self, app: App) -> Publication:
        authorities = self.settings.acme.authorities
        existing = certificates.existing(self.store, wanted(app.manifest, authorities, app.live))
        served = certificates_of(app.manifest, authorities, existing, registered, self.now)
        return serving.secured(app.live, certificates=served, existing=existing)

    def _say(self, app: App, line: Line) -> None:
        first = wording.step(f"{app.name}: certificates, {app.deploy.short} stays live")
        if not app.lines:
            app.lines.append(first)
        if self.spoken_of is not app.name:  # the CA's answers come as they come, of all apps
            self.say(first)
            self.spoken_of = app.name
        app.lines.append(line)
        self.say(line)


def _verdict(app: App, deploy: Deploy, certified: Certified) -> tuple[Line, State]:
    text = f"{app.name}: deploy {deploy.number} is live, {wording.counted(len(certified.issued), 'new certificate')}"
    waiting: dict[Domain, str] = certified.waiting
    if waiting:
        wait = "waits" if len(waiting) == 1 else "wait"
        return Line(Kind.WARNING, f"{text}, {wording.counted(len(waiting), 'name')} {wait}"), State.PARTLY
    return Line(Kind.SUCCESS, text), State.DONE
