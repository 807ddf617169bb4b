"""What a deploy left live, name by name, and the one line that says it all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hookrunner.core import publishing, wording
from hookrunner.core.wording import Kind, Line
from hookrunner.model.app import Https, Manifest
from hookrunner.model.deploy import State
from hookrunner.model.names import Domain
from hookrunner.model.publication import Publication, Published, ServedName

_LONGEST_URL = 30  # characters that leave a verdict on one line


@dataclass(frozen=True, slots=True)
class Live:
    """What was wanted, is served, was served before, and how the publisher saw it answer. Ports are public ones."""

    manifest: Manifest
    publication: Publication
    before: Publication | None
    answer: Published
    https_port: int
    http_port: int

    def lines(self, *, with_removed: bool = True) -> Iterator[Line]:
        """What nginx did, where each name answers, and which ones went off the web."""
        if not self.answer.reloads:
            yield wording.detail("names and certificates unchanged, nginx untouched")
            return
        count = len(self.answer.checked)
        checked = f", {wording.counted(count, 'name')} checked over HTTPS" if count else ""
        yield wording.step(f"nginx tested and reloaded{checked}")
        urls = self._urls()
        width = wording.column(urls)
        for name, url in zip(self.publication.names, urls, strict=True):
            note = self._note(name)
            yield wording.row(url, note, width) if note else wording.detail(url)
        if self.before and with_removed:
            live = {name.domain for name in self.publication.names}
            yield from off_the_web([name for name in self.before.names if name.domain not in live])

    def verdict(
        self, number: int, waits_for_dns: frozenset[Domain] = frozenset(), renewals_waiting: int = 0
    ) -> tuple[Line, State]:
        """The last line of deploy ``number``, ``{took}`` for its time, and the state of its record."""
        urls, waiting = self._urls(), self._waiting()
        share = wording.counted(len(urls), "name")
        unavailable = [domain for domain in waiting if domain in self._with(Https.REQUIRED)]
        wrong = [words for words in self.answer.checked.values() if words]
        if unavailable:
            text = f"deploy {number} is live {{took}} but failed, {_answer(len(unavailable), share)} 503"
            return wording.error(text), State.FAILED
        if wrong:
            text = f"deploy {number} is live {{took}}, {_answer(len(wrong), share)} wrongly"
            return wording.error(text), State.PARTLY
        if waiting:
            lack = _lack(len(waiting), for_dns=waits_for_dns.issuperset(waiting))
            text = f"deploy {number} is live {{took}}, {len(waiting)} of {share} {lack}"
            return Line(Kind.WARNING, text), State.PARTLY
        if renewals_waiting:
            text = f"deploy {number} is live {{took}}, {wording.counted(renewals_waiting, 'renewal')} cannot be had yet"
            return Line(Kind.WARNING, text), State.DONE
        if not urls:
            return Line(Kind.SUCCESS, f"deploy {number} is live {{took}}, app.toml names no domain"), State.DONE
        url = f"  {urls[0]}" if len(urls[0]) <= _LONGEST_URL else ""
        return Line(Kind.SUCCESS, f"deploy {number} is live {{took}}{url}"), State.DONE

    def _urls(self) -> list[str]:
        return list(publishing.urls(self.publication, self.https_port, self.http_port))

    def _with(self, https: Https) -> set[Domain]:
        return {domain for site in self.manifest.sites if site.https is https for domain in site.domains}

    def _waiting(self) -> list[Domain]:
        plain = self._with(Https.OFF)
        return [n.domain for n in self.publication.names if not n.certificate and n.domain not in plain]

    def _note(self, name: ServedName) -> str:
        if wrong := self.answer.checked.get(name.domain):
            return wrong
        if name.domain in self._waiting():
            is_required = name.domain in self._with(Https.REQUIRED)
            return "503 until it has a certificate" if is_required else "no HTTPS yet"
        site = next(site for site in self.publication.sites if name in site.names)
        canonical = site.leads_to(name)
        return f"redirects to {canonical}" if canonical else ""


def _answer(count: int, share: str) -> str:
    """``1 of 3 names answers``, ``2 of 3 names answer``."""
    return f"{count} of {share} answer{'s' if count == 1 else ''}"


def _lack(count: int, *, for_dns: bool) -> str:
    if for_dns:
        return "waits for its DNS" if count == 1 else "wait for their DNS"
    return "has no HTTPS yet" if count == 1 else "have no HTTPS yet"


def off_the_web(names: Sequence[ServedName]) -> Iterator[Line]:
    """Names that are served no longer."""
    width = wording.column(str(name.domain) for name in names)
    for name in names:
        stays = ", its certificate stays" if name.certificate else ""
        yield wording.row(str(name.domain), f"off the web{stays}", width)
