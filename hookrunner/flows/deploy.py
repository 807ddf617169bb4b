"""One deploy, from its record to its verdict: look, decide, do, look again."""

import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hookrunner.core import obstacles, publishing, refs, serving, wording
from hookrunner.core.certificates import wanted
from hookrunner.core.preflight import DNS_KINDS
from hookrunner.core.verdict import Live
from hookrunner.core.wording import Kind, Line
from hookrunner.edges import certificates, claims, deploys
from hookrunner.edges.git import Repository
from hookrunner.edges.processes import ProgramFailed
from hookrunner.edges.publisher import Publisher, PublisherError
from hookrunner.edges.records import Store
from hookrunner.flows import certify, notices, outlook
from hookrunner.flows.certify import Certified
from hookrunner.flows.inspect import Fit, NoManifest, Unfit, inspect
from hookrunner.flows.receive import unfit
from hookrunner.model.app import Manifest
from hookrunner.model.certificate import Certificate
from hookrunner.model.deploy import Deploy, State
from hookrunner.model.names import Invalid
from hookrunner.model.publication import CertificateId, Publication, Refused
from hookrunner.model.server import Settings

Say = Callable[[Line], None]


class _Failed(Exception):
    """The deploy cannot go on; ``lines`` say why, and what to do."""

    def __init__(self, lines: Sequence[Line]) -> None:
        super().__init__("; ".join(line.text for line in lines))
        self.lines = tuple(lines)


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
    issued: int = 0  # certificates that this run had issued

    def to_the_end(self) -> Deploy:
        """Carry the deploy out, say every step and the verdict, and return its last record. Raises nothing expected."""
        started = time.monotonic()
        with self.store.lock(f"apps/{self.deploy.app}"):
            queued = deploys.get(self.store, self.deploy.app, self.deploy.number)
            if queued is None or queued.state is not State.QUEUED:
                return queued or self.deploy
            self.deploy = deploys.save(self.store, queued.at(State.RUNNING, started=self.now))
            try:
                last, state = self._deploy()
            except NoManifest as error:
                self.say(wording.hint("write one with `hookrunner new`, commit it, push again"))
                what = f"deploy {self.deploy.number} changed nothing: the commit has no {error.manifest}"
                last = Line(Kind.WARNING, what)
                state = State.DONE
            except Exception as error:  # whoever pushed gets a verdict, whatever went wrong
                last, state = self._failed(error), State.FAILED
            took = wording.seconds(time.monotonic() - started)
            last = Line(last.kind, last.text.replace("{took}", f"({took})"))
            ended = self.deploy.at(state, ended=datetime.now(UTC), outcome=last.text)
            self.deploy = deploys.save(self.store, ended)
            self.say(last)
        return self.deploy

    def _failed(self, error: Exception) -> Line:
        """Say what went wrong and what to do; the verdict."""
        match error:
            case _Failed():
                lines = error.lines
            case ProgramFailed() | PublisherError() | OSError():
                lines = (wording.error(str(error)),)
            case _:
                lines = (wording.error(f"a defect of hookrunner: {type(error).__name__}: {error}"),)
        self._say_all(lines)
        self.say(wording.hint("to try again: git commit --allow-empty -m Again, git push"))
        self.deploy = self.deploy.at(State.FAILED, why=lines[0].text)
        return self._not_live()

    def _deploy(self) -> tuple[Line, State]:
        deploy = self.deploy
        subject = self.repository.subject(deploy.commit)
        self.say(
            wording.step(f'{deploy.app}: deploy {deploy.number}, {refs.short(deploy.ref)} {deploy.short} "{subject}"')
        )
        fit = self._claimed()
        try:
            return self._serve(fit)
        except BaseException:
            self._give_back_unserved()
            raise

    def _claimed(self) -> Fit:
        try:
            fit = inspect(
                self.repository,
                self.deploy.commit,
                app=self.deploy.app,
                settings=self.settings,
                store=self.store,
            )
            claims.take(self.store, self.deploy.app, fit.manifest)
        except Unfit as error:
            raise _Failed(list(unfit(error))) from error
        except Invalid as error:
            raise _Failed([wording.error(f"the manifest names what another app took meanwhile: it {error}")]) from error
        for path, why in fit.dropped.items():
            self.say(Line(Kind.WARNING, f"left out the link {path}: {why}"))
        self._check_out(fit.dropped)
        return fit

    def _check_out(self, dropped: dict[str, str]) -> None:
        """Write the release under another name, then rename: it is whole or not there."""
        releases = self.settings.releases(self.deploy.app)
        release = releases / self.deploy.release
        making = releases / f".{self.deploy.release}"
        index = making.with_suffix(".index")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        making.chmod(0o755)  # whatever the umask: nginx's workers are somebody else
        try:
            self.repository.check_out(self.deploy.commit, making, without=dropped, index=index)
            making.rename(release)
        finally:
            index.unlink(missing_ok=True)
            shutil.rmtree(making, ignore_errors=True)

    def _serve(self, fit: Fit) -> tuple[Line, State]:
        manifest = fit.manifest
        live = deploys.publication(self.store, self.deploy.app)
        before = live[1] if live else None
        certified = self._certify(manifest)
        publication = self._publication(fit, before)
        answer = self.publisher.publish(publication)
        if isinstance(answer, Refused) and answer.lost:
            for lost in answer.lost:
                certificates.forget(self.store, lost)
            self.say(wording.detail("a certificate's key is gone, so it is issued anew"))
            certified = self._certify(manifest)
            publication = self._publication(fit, before)
            answer = self.publisher.publish(publication)
        if isinstance(answer, Refused):
            raise _Failed(list(publishing.refused(answer, str(self.deploy.app), self.issued)))
        deploys.save_publication(self.store, self.deploy, publication, manifest.tls, self.now)
        self._forget_names(before, publication)
        claims.give_back(self.store, self.deploy.app, but=(manifest.domains, manifest.upstreams))
        self._prune({self.deploy.release, *([before.release] if before else [])})
        nginx = self.settings.nginx
        now = Live(manifest, publication, before, answer, nginx.public_https_port, nginx.public_http_port)
        self._say_all(now.lines())
        self._say_all(wording.hint(text) for text in obstacles.hints(certified.advice))
        waits_for_dns = frozenset(domain for domain, kind in certified.waiting.items() if kind in DNS_KINDS)
        if waits_for_dns:
            self.say(wording.hint("looked at every 5 minutes, HTTPS then comes by itself"))
        notices.tell(self.settings, self.store, self.deploy.app, self.now, self.say)
        return now.verdict(self.deploy.number, waits_for_dns, certified.renewals_waiting)

    def _publication(self, fit: Fit, before: Publication | None) -> Publication:
        return serving.publication(
            self.deploy.app,
            self.deploy.release,
            fit.manifest,
            authority=self.settings.acme.authority.name,
            existing=self._existing(fit.manifest),
            before=before,
            path=fit.path,
        )

    def _certify(self, manifest: Manifest) -> Certified:
        """Have the missing certificates issued; what has to wait, and what can be done about it."""
        app = self.deploy.app
        outlooks = outlook.look(
            [(app, manifest)], settings=self.settings, store=self.store, now=self.now, retry=self.retry
        )
        certified = certify.certify(
            outlooks,
            settings=self.settings,
            store=self.store,
            publisher=self.publisher,
            now=self.now,
            say=lambda _, line: self.say(line),
        )[app]
        self.issued += certified.issued
        return certified

    def _not_live(self) -> Line:
        live = deploys.publication(self.store, self.deploy.app)
        rest = f"deploy {live[0].number} ({live[0].short}) still is" if live else "nothing is live yet"
        return wording.error(f"deploy {self.deploy.number} is not live {{took}}, {rest}")

    def _existing(self, manifest: Manifest) -> dict[CertificateId, Certificate]:
        return certificates.existing(self.store, wanted(manifest, self.settings.acme.authority.name))

    def _forget_names(self, before: Publication | None, after: Publication) -> None:
        """What stood in the way of names that are off the web is of no interest any more."""
        served = {name.domain for name in after.names}
        for name in before.names if before else ():
            if name.domain not in served:
                certificates.forget_obstacle(self.store, name.domain)

    def _give_back_unserved(self) -> None:
        """A deploy that fails keeps no name that is not live."""
        live = deploys.publication(self.store, self.deploy.app)
        served = live[1] if live else None
        names = [name.domain for name in served.names] if served else []
        claims.give_back(self.store, self.deploy.app, but=(names, served.upstreams if served else ()))

    def _prune(self, needed: set[str]) -> None:
        """Remove the oldest releases, never those that are ``needed``: the live one and the one before it."""
        folder = self.settings.releases(self.deploy.app)
        whole = [release for release in folder.iterdir() if not release.name.startswith(".")]
        for release in sorted(whole, key=_number, reverse=True)[self.settings.limits.keep_releases :]:
            if release.name not in needed:
                shutil.rmtree(release, ignore_errors=True)

    def _say_all(self, lines: Iterable[Line]) -> None:
        for line in lines:
            self.say(line)


def _number(release: Path) -> int:
    return int(release.name.partition("-")[0])
