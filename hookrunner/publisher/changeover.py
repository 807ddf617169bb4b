"""From what nginx runs to what it is to run: files written, tested, reloaded, seen, and put back when that fails."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hookrunner.model.names import AppName, Domain, Invalid
from hookrunner.model.publication import CertificateId, Publication, Published, Reason, Refused
from hookrunner.model.server import Settings
from hookrunner.publisher import default, leaves, logs, render
from hookrunner.publisher.keys import KeyFolder, KeyLost
from hookrunner.publisher.links import Links
from hookrunner.publisher.nginx import Outcome, Server, why_not_reloaded
from hookrunner.publisher.undo import Undo, recover


@dataclass(frozen=True, slots=True)
class Holders:
    """Who holds what, as the records say."""

    domains: Mapping[Domain, AppName]
    upstreams: Mapping[str, AppName]

    @property
    def names(self) -> set[str]:
        """Every domain, as text."""
        return {domain.name for domain in self.domains}


class Changeover:
    """Makes nginx serve publications. Whoever calls it holds the publisher's lock, and has checked them."""

    def __init__(self, settings: Settings, keys: KeyFolder, holders: Holders) -> None:
        self._settings = settings
        self._keys = keys
        self._holders = holders
        self._nginx = Server(settings.nginx)
        self._links = Links(settings)
        self._default_file = default.file(settings)
        self._journal = settings.certificates / ".undo"

    def recover(self) -> None:
        """Undo what a process left that was killed over it. nginx may run it already."""
        if recover(self._journal) and not self._nginx.answers(default.generation(self._default_file)):
            self._nginx.reload()

    def publish(self, publications: Sequence[Publication]) -> dict[AppName, Published | Refused]:
        """Serve these, with one test and one reload for all that need one; where that fails, each by itself."""
        answers: dict[AppName, Published | Refused] = {}
        changed: list[Publication] = []
        for publication in publications:
            if slot := self._slot_in_use(publication):
                self._links.switch(publication, slot)
                answers[publication.app] = Published(0, {})
            else:
                changed.append(publication)
        changed = self._unserved_elsewhere(changed, answers)
        if len(changed) > 1 and (together := self._replace(changed)):
            return answers | together
        for publication in changed:
            answers |= self._replace([publication]) or {}
        return answers

    def _unserved_elsewhere(
        self, publications: Sequence[Publication], answers: dict[AppName, Published | Refused]
    ) -> list[Publication]:
        """Those that take nothing of an app that nginx serves with it. The others are refused, whatever records say."""
        taken = self.held(but={publication.app.name for publication in publications})
        free: list[Publication] = []
        for publication in publications:
            wanted = render.holdings_of(publication)
            if clash := next((one for one in wanted if one in taken), None):
                words = f"{clash} is served for the app {taken[clash]}"
                answers[publication.app] = Refused(Reason.REQUEST, (words,))
            else:
                free.append(publication)
                taken |= dict.fromkeys(wanted, publication.app.name)
        return free

    def held(self, *, but: Collection[str] = ()) -> dict[str, str]:
        """What nginx serves and for which app, by its own files: domains, certificates and upstreams."""
        held: dict[str, str] = {}
        for file in self._settings.nginx.sites.glob("*.conf"):
            if file.stem not in but:
                held |= dict.fromkeys(render.holdings(_text(file)), file.stem)
        return held

    def withdraw(self, app: AppName) -> Published | Refused:
        """Take the app out of nginx, and its links away; its certificates stay."""
        file = self._file(app)
        with Undo(self._journal) as undo:
            answer: Published | Refused = Published(0, {})
            if file.exists():
                undo.remove(file)
                answer = self._take_over(app, [], undo)
            if isinstance(answer, Published):
                undo.keep()
                self._links.remove(app)
        return answer

    def _replace(self, publications: Sequence[Publication]) -> dict[AppName, Published | Refused] | None:
        """New files for these apps, or nothing changed. One refusal for several apps says nothing of any: None."""
        first = publications[0].app
        slots = {p.app: render.slot(p, _text(self._file(p.app))) for p in publications}
        with Undo(self._journal) as undo:
            try:
                renewed = [one for publication in publications for one in self._install(publication, undo)]
            except KeyLost as error:
                lost = CertificateId.parse(str(error))
                refusal = Refused(Reason.KEY, (f"the key of {lost.domain} is gone",), (lost,))
                return {first: refusal} if len(publications) == 1 else None
            except Invalid as error:
                return {first: Refused(Reason.REQUEST, (str(error),))} if len(publications) == 1 else None
            version = self._nginx.version
            for publication in publications:
                slot = slots[publication.app]
                self._links.prepare(publication, slot)
                logs.make(self._settings.nginx.logs, publication.app)
                undo.write(self._file(publication.app), render.app_file(publication, self._settings, version, slot))
            answer = self._take_over(first, publications, undo)
            if isinstance(answer, Refused):
                return {first: answer} if len(publications) == 1 else None
            for publication in publications:
                self._links.switch(publication, slots[publication.app])
            undo.keep()
        for certificate in renewed:
            self._keys.prune(certificate)
        return {publication.app: _share(answer, publication) for publication in publications}

    def _install(self, publication: Publication, undo: Undo) -> list[CertificateId]:
        """Put the chains beside their keys; the certificates whose pair in use is another then."""
        changed: list[CertificateId] = []
        for certificate, chain in publication.chains.items():
            served = frozenset(name.domain for name in publication.names if name.certificate == certificate)
            if self._keys.install(certificate, chain, served, undo):
                changed.append(certificate)
        return changed

    def _slot_in_use(self, publication: Publication) -> str | None:
        """The slot of the app's file, if nginx runs just what is asked for."""
        if not all(self._keys.is_installed(certificate, chain) for certificate, chain in publication.chains.items()):
            return None
        text = _text(self._file(publication.app))
        slot = render.slot_in_use(text, render.inputs(publication, self._settings))
        return slot if slot and self._nginx.answers(default.generation(self._default_file)) else None

    def _take_over(self, app: AppName, publications: Sequence[Publication], undo: Undo) -> Published | Refused:
        """Have nginx test the files as they will be, reload, and see the new workers answer.

        When it returns a refusal, the files are put back.
        """
        from concurrent.futures import ThreadPoolExecutor  # most pushes change content alone

        before, new = default.generation(self._default_file), default.new_generation()
        text = render.default_file(self._settings, self._nginx.version, generation=new, names=self._holders.names)
        undo.write(self._default_file, text)
        undo.make()
        served = [name.domain for publication in publications for name in publication.names]
        tested = self._nginx.test()
        if not tested.ok:
            undo.back()
            return self._blamed(app, tested)
        if ours := sorted(domain for domain in served if str(domain) in tested.clashes):
            words = tuple(self._where_else(domain, self._file(app)) for domain in ours)
            undo.back()
            return Refused(Reason.CONFLICT, words)
        reloaded = self._nginx.reload()
        if reloaded.ok:
            with ThreadPoolExecutor(1) as beside:  # most of both is waiting
                https = (self._nginx.address(), self._settings.nginx.https_port)
                checked = beside.submit(leaves.check, publications, *https)
                if self._nginx.runs(new, reading=reloaded.took):
                    return Published(1, checked.result())
        undo.back()
        if not reloaded.called:
            return Refused(Reason.PROGRAM, reloaded.words)
        if stopped := self._stopped(before, reloaded):
            return stopped
        self._nginx.reload()
        return Refused(Reason.RELOAD, why_not_reloaded(reloaded))

    def _blamed(self, app: AppName, tested: Outcome) -> Refused:
        """Whose fault it is that nginx does not pass its test; the files are put back already."""
        if not tested.called:
            return Refused(Reason.PROGRAM, tested.words)
        without = self._nginx.test()
        words = tested.words if without.ok else without.words
        if words[0].startswith(f"{self._settings.nginx.sites / f'{app}.d'}/"):
            return Refused(Reason.OWN_LINES, words)
        return Refused(Reason.TEST if without.ok else Reason.FOREIGN, words)

    def _stopped(self, before: str, reloaded: Outcome) -> Refused | None:
        """Whether nginx does not run at all, and what answers in its place."""
        if reloaded.ok or self._nginx.answers(before):
            return None
        port = self._settings.nginx.http_port
        if self._nginx.is_taken(port):
            return Refused(Reason.PORT, (*reloaded.words, f"another program answers on port {port}"))
        return Refused(Reason.STOPPED, reloaded.words)

    def _where_else(self, domain: Domain, file: Path) -> str:
        others = self._nginx.files_with(domain, but=str(file))
        return f"{domain} is in {', '.join(others) or 'another nginx file'} too"

    def _file(self, app: AppName) -> Path:
        return self._settings.nginx.sites / f"{app}.conf"


def _text(file: Path) -> str:
    return file.read_text(errors="replace") if file.exists() else ""


def _share(answer: Published, publication: Publication) -> Published:
    mine = {name.domain for name in publication.names}
    return Published(answer.reloads, {domain: words for domain, words in answer.checked.items() if domain in mine})
