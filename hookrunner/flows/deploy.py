"""One deploy, from its record to its verdict: look, decide, do, look again."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath

from hookrunner.core import machine, obstacles, publishing, refs, serving, wording
from hookrunner.core.certificates import serving as certificates_of
from hookrunner.core.certificates import wanted
from hookrunner.core.options import Options
from hookrunner.core.preflight import DNS_KINDS
from hookrunner.core.verdict import Live
from hookrunner.core.wording import Kind, Line
from hookrunner.edges import certificates, claims, deploys
from hookrunner.edges.git import Repository
from hookrunner.edges.processes import ProgramFailed
from hookrunner.edges.publisher import Publisher, PublisherError
from hookrunner.edges.records import Damaged, Store
from hookrunner.edges.suffixes import registered
from hookrunner.flows import certify, notices, outlook, releases, rollback
from hookrunner.flows.activate import NotActivated, activate, go_back
from hookrunner.flows.certify import Certified
from hookrunner.flows.inspect import Fit, NoManifest, Unfit, inspect
from hookrunner.flows.receive import unfit
from hookrunner.flows.turn import NotNeeded, abandon, turn
from hookrunner.model.app import Manifest
from hookrunner.model.certificate import Certificate
from hookrunner.model.deploy import Cause, Deploy, State
from hookrunner.model.names import Domain, Invalid
from hookrunner.model.publication import Publication, Published, Refused
from hookrunner.model.server import Settings

Say = Callable[[Line], None]


class _Failed(Exception):
    """The deploy cannot go on; ``lines`` say why, and what to do, as far as that was not said yet."""

    def __init__(self, lines: Iterable[Line], why: str = "") -> None:
        self.lines = tuple(lines)
        self.why = why or self.lines[0].text
        super().__init__(self.why)


@dataclass(slots=True)
class Run:
    """A deploy in the making, and all that it works with."""

    deploy: Deploy
    settings: Settings
    store: Store
    repository: Repository
    publisher: Publisher
    say: Say
    now: datetime
    retry: bool = False  # ask the CA at once for what it refused before
    begun: bool = False  # whether the first line was said
    issued: list[str] = field(default_factory=list)  # the certificates that this run had issued

    def to_the_end(self) -> Deploy:
        """Carry the deploy out in its turn, say every step and the verdict, and return its last record.

        Raises nothing expected.
        """
        try:
            with turn(
                self.deploy, store=self.store, repository=self.repository, say=self._say_waiting, now=self.now
            ) as self.deploy:
                started = time.monotonic()
                try:
                    last, state = self._verdict()
                except BaseException:  # broken off by whoever typed the command
                    text = f"deploy {self.deploy.number} was broken off"
                    self._ended(State.ABANDONED, text, time.monotonic() - started)
                    raise
                took = time.monotonic() - started
                last = Line(last.kind, last.text.replace("{took}", f"({wording.seconds(took)})"))
                self._ended(state, last.text, took)
                self.say(last)
        except NotNeeded as error:
            self.deploy = error.deploy
        except KeyboardInterrupt:
            if self.deploy.state is State.QUEUED:  # while it waited
                abandon(self.deploy, f"deploy {self.deploy.number} was broken off", self.store)
            raise
        return self.deploy

    def _ended(self, state: State, outcome: str, took: float) -> None:
        ended = self.deploy.at(
            state, ended=datetime.now(UTC), outcome=outcome, seconds=round(took, 3), certificates=tuple(self.issued)
        )
        self.deploy = deploys.save(self.store, ended)

    def _verdict(self) -> tuple[Line, State]:
        try:
            return self._deploy()
        except NoManifest as error:
            name = PurePosixPath(error.manifest).name
            if name != error.manifest:
                self.say(wording.detail(f"the commit has no {error.manifest}"))
            self.say(wording.hint("write one with `hookrunner new`, commit it, push again"))
            what = f"deploy {self.deploy.number} changed nothing: the commit has no {name}"
            return Line(Kind.WARNING, what), State.DONE
        except Exception as error:  # whoever pushed gets a verdict, whatever went wrong
            return self._failed(error), State.FAILED

    def _failed(self, error: Exception) -> Line:
        """Say what went wrong and what to do; the verdict."""
        if not isinstance(error, _Failed):
            error = _Failed(
                machine.trouble(error)
                if isinstance(error, ProgramFailed | PublisherError | Damaged | OSError)
                else [wording.error(f"a defect of hookrunner: {type(error).__name__}: {error}")]
            )
        self._say_all(error.lines)
        if self.deploy.cause is Cause.PUSH:
            self.say(wording.hint("to try again: git commit --allow-empty -m Again, git push"))
        self.deploy = self.deploy._replace(why=error.why)
        live = deploys.publication(self.store, self.deploy.app)
        rest = f"deploy {live[0].number} ({live[0].short}) still is" if live else "nothing is live yet"
        return wording.error(f"deploy {self.deploy.number} is not live {{took}}, {rest}")

    def _deploy(self) -> tuple[Line, State]:
        if self.deploy.cause is Cause.ROLLBACK and self.deploy.back_to is None:
            self.deploy = deploys.save(self.store, self._back())
        deploy = self.deploy
        self._begin()
        self._say_all(Line(Kind.WARNING, text) for text in Options.of(deploy.options).complaints())
        self._more(f"commit {deploy.commit}")
        self._more(f"asked for by {str(deploy.who) or 'nobody that is known'} {deploy.who.key}".rstrip())
        live = deploys.publication(self.store, deploy.app)
        before = live[1] if live else None
        fit = self._claimed()
        try:
            if deploy.cause is Cause.ROLLBACK:
                self._say_all(rollback.takes_away(deploy, fit.manifest, before, self.repository))
            return self._serve(fit, self._release(fit), before)
        except BaseException:
            self._give_back_unserved()
            raise
        finally:
            releases.prune(deploy, settings=self.settings, store=self.store)

    def _back(self) -> Deploy:
        """A rollback that had to wait: it goes back from what is live now."""
        try:
            target = rollback.before(self.deploy.app, settings=self.settings, store=self.store)
        except rollback.NoTarget as error:
            raise _Failed([wording.error(str(error))]) from error
        self.say(wording.detail(f"back to deploy {target.number} ({target.short})"))
        return self.deploy._replace(commit=target.commit, ref=target.ref, back_to=target.number)

    def _begin(self) -> None:
        """The first line, once: also of a deploy that has to wait."""
        if not self.begun:
            self.say(wording.step(self._title()))
        self.begun = True

    def _title(self) -> str:
        deploy = self.deploy
        if deploy.cause is Cause.ROLLBACK and deploy.back_to is None:
            return f"{deploy.app}: deploy {deploy.number}, a rollback"
        back = f", back to deploy {deploy.back_to}" if deploy.back_to else ""
        commit = f'{refs.short(deploy.ref)} {deploy.short} "{self.repository.subject(deploy.commit)}"'
        return f"{deploy.app}: deploy {deploy.number}{back}, {commit}"

    def _claimed(self) -> Fit:
        try:
            fit = inspect(
                self.repository,
                self.deploy.commit,
                app=self.deploy.app,
                settings=self.settings,
                store=self.store,
            )
            names_holders = self.settings.app(self.deploy.app).may_name_any
            claims.take(self.store, self.deploy.app, fit.manifest, names_holders=names_holders)
        except Unfit as error:
            raise _Failed(unfit(error)) from error
        except Invalid as error:
            raise _Failed([wording.error(f"the manifest names what another app took meanwhile: it {error}")]) from error
        for path, why in fit.dropped.items():
            self.say(Line(Kind.WARNING, f"left out the link {path}: {why}"))
        return fit

    def _release(self, fit: Fit) -> str:
        """The name of the release folder: written now, or the one that is gone back to."""
        back_to = deploys.get(self.store, self.deploy.app, self.deploy.back_to) if self.deploy.back_to else None
        if back_to and back_to.release and (self.settings.releases(self.deploy.app) / back_to.release).is_dir():
            return back_to.release
        started = time.monotonic()
        release = releases.check_out(self.deploy, self.repository, fit.dropped, self.settings)
        self._more(f"release written in {_ms(started)}")
        return release

    def _serve(self, fit: Fit, release: str, before: Publication | None) -> tuple[Line, State]:
        manifest = fit.manifest
        certified = self._certify(manifest, before)
        publication = self._publication(fit, release, before)
        answer = self._publish(publication)
        if isinstance(answer, Refused) and answer.lost:
            for lost in answer.lost:
                certificates.forget(self.store, lost)
            self.say(wording.detail("a certificate's key is gone, so it is issued anew"))
            certified = self._certify(manifest, before)
            publication = self._publication(fit, release, before)
            answer = self._publish(publication)
        if isinstance(answer, Refused):
            is_told = self.settings.app(self.deploy.app).may_name_any
            raise _Failed(publishing.refused(answer, str(self.deploy.app), len(self.issued), is_told=is_told))
        nginx = self.settings.nginx
        now = Live(manifest, publication, before, answer, nginx.public_https_port, nginx.public_http_port)
        self._say_all(now.lines(with_removed=self.deploy.cause is not Cause.ROLLBACK))
        try:
            activate(self.deploy, release, settings=self.settings, publisher=self.publisher, say=self.say)
        except NotActivated as error:
            self._say_all(error.lines)
            self._say_all(go_back(self.deploy, before, self.settings, self.store, self.publisher, self.say))
            raise _Failed([], error.lines[0].text) from error
        except BaseException:  # broken off
            self._say_all(go_back(self.deploy, before, self.settings, self.store, self.publisher, self.say))
            raise
        names = tuple(str(domain) for domain in manifest.domains)
        self.deploy = self.deploy._replace(release=release, names=names)
        deploys.save_publication(self.store, self.deploy, publication, manifest.tls, self.now)
        self._forget_names(before, publication)
        claims.give_back(self.store, self.deploy.app, but=(publication.domains, manifest.upstreams))
        self._say_all(wording.hint(text) for text in obstacles.hints(certified.advice))
        waits_for_dns = frozenset(domain for domain, kind in certified.waiting.items() if kind in DNS_KINDS)
        if waits_for_dns:
            self.say(wording.hint("looked at every 5 minutes, HTTPS then comes by itself"))
        notices.tell(self.settings, self.store, self.deploy.app, self.now, self.say)
        return now.verdict(self.deploy.number, waits_for_dns, certified.renewals_waiting)

    def _publish(self, publication: Publication) -> Published | Refused:
        started = time.monotonic()
        answer = self.publisher.publish(publication)
        self._more(f"published in {_ms(started)}")
        return answer

    def _publication(self, fit: Fit, release: str, before: Publication | None) -> Publication:
        return serving.publication(
            self.deploy.app,
            release,
            fit.manifest,
            certificates=self._certificates(fit.manifest, before),
            before=before,
            path=fit.path,
        )

    def _certify(self, manifest: Manifest, before: Publication | None) -> Certified:
        """Have the missing certificates issued; what has to wait, and what can be done about it."""
        app = self.deploy.app
        started = time.monotonic()
        outlooks = outlook.look(
            [(app, manifest, before)],
            settings=self.settings,
            store=self.store,
            now=self.now,
            retry=self.retry,
            renews=self.deploy.cause is not Cause.ROLLBACK,
        )
        for decision in outlooks[0].decisions:
            self._more(f"{decision.certificate}: {type(decision).__name__.lower()}, {decision.why}")
        certified = certify.certify(
            outlooks,
            settings=self.settings,
            store=self.store,
            publisher=self.publisher,
            now=self.now,
            say=lambda _, line: self.say(line),
        )[app]
        self._more(f"certificates seen to in {_ms(started)}")
        self.issued += map(str, certified.issued)
        return certified

    def _certificates(self, manifest: Manifest, before: Publication | None) -> dict[Domain, Certificate]:
        """What each domain that has a certificate is to be served with."""
        authorities = self.settings.acme.authorities
        existing = certificates.existing(self.store, wanted(manifest, authorities, before))
        return certificates_of(manifest, authorities, existing, registered, self.now)

    def _forget_names(self, before: Publication | None, after: Publication) -> None:
        """What stood in the way of names that are off the web is of no interest any more."""
        served = {name.domain for name in after.names}
        for name in before.names if before else ():
            if name.domain not in served:
                certificates.forget_obstacle(self.store, name.domain)

    def _give_back_unserved(self) -> None:
        """A deploy that fails keeps no name that is not live."""
        live = deploys.publication(self.store, self.deploy.app)
        kept = (live[1].domains, live[1].upstreams) if live else ((), ())
        claims.give_back(self.store, self.deploy.app, but=kept)

    def _say_waiting(self, line: Line) -> None:
        self._begin()
        self.say(line)

    def _more(self, text: str) -> None:
        """What is only of interest to those who asked for it: ``git push -o verbose``."""
        if Options.of(self.deploy.options).verbose:
            self.say(wording.detail(text))

    def _say_all(self, lines: Iterable[Line]) -> None:
        for line in lines:
            self.say(line)


def _ms(started: float) -> str:
    return f"{1000 * (time.monotonic() - started):.0f} ms"
