"""The words of the push output: lines with a kind.

Only the command line gives a kind its prefix and a line its width.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hookrunner.core.manifest.toml import Problem
from hookrunner.model.deploy import Deploy
from hookrunner.model.publication import Publication, Reason, Refused


class Kind(StrEnum):
    """What a line is. The last line of a deploy is an ERROR, a WARNING or a SUCCESS: the verdict."""

    STEP = "step"
    DETAIL = "detail"
    HINT = "hint"
    ERROR = "error"
    WARNING = "warning"
    SUCCESS = "success"


@dataclass(frozen=True, slots=True)
class Line:
    """One line. With a ``label`` it is a row: the label in a column of ``width``, the text behind it."""

    kind: Kind
    text: str
    label: str | None = None
    width: int = 0


def step(text: str) -> Line:
    """The beginning of something."""
    return Line(Kind.STEP, text)


def detail(text: str) -> Line:
    """More about the line above."""
    return Line(Kind.DETAIL, text)


def hint(text: str) -> Line:
    """What the reader can do."""
    return Line(Kind.HINT, text)


def error(text: str) -> Line:
    """What went wrong."""
    return Line(Kind.ERROR, text)


def row(label: str, text: str, width: int) -> Line:
    """A name and its result."""
    return Line(Kind.DETAIL, text, label, width)


def column(labels: Iterable[str]) -> int:
    """How wide a column of ``labels`` is; long ones do not make it wider."""
    return max((len(label) for label in labels if len(label) <= 40), default=0)


def problems(file: str, found: Sequence[Problem], consequence: str) -> Iterator[Line]:
    """A file that cannot be used: every mistake with its line."""
    count = "1 mistake" if len(found) == 1 else f"{len(found)} mistakes"
    yield error(f"{file} has {count}, {consequence}")
    width = column(f"line {problem.line}" for problem in found if problem.line)
    place = None
    for problem in found:
        if problem.line is None:
            yield detail(f"it {problem.text}")
            continue
        if problem.line != place:
            yield row(f"line {problem.line}", problem.source, width)
            place = problem.line
        yield row("", problem.text, width)


def still_live(live: Deploy | None) -> str:
    """What is served after a deploy that failed."""
    return f"deploy {live.number} ({live.short}) is still live" if live else "nothing is live yet"


_REFUSED = {
    Reason.TEST: "nginx does not pass its test, because of {app}",
    Reason.FOREIGN: "nginx does not pass its test, and not because of {app}",
    Reason.CONFLICT: "another nginx file serves a name of {app}",
    Reason.RELOAD: "nginx did not take over the new configuration",
    Reason.KEY: "a certificate does not fit its key",
    Reason.REQUEST: "the publisher refuses {app}",
}
_REFUSED_HINTS = {
    Reason.TEST: "mend what nginx names, then push again",
    Reason.FOREIGN: "on the server, as root: mend or move that file, nginx -t",
    Reason.CONFLICT: "on the server, as root: take the name out of that file",
    Reason.RELOAD: "on the server, as root: nginx -t, then see that nginx runs",
    Reason.KEY: "push again, the certificate is then issued anew",
}


def refused(answer: Refused, app: str, kept: int) -> Iterator[Line]:
    """A publication that the publisher does not take: what nginx says, what was kept, what to do."""
    yield error(_REFUSED[answer.reason].format(app=app))
    for words in answer.words:
        yield detail(words)
    if answer.reason is Reason.FOREIGN:
        yield detail("it fails in the same way without this deploy")
    certificates = f" and {counted(kept, 'new certificate')}" if kept else ""
    yield detail(f"kept: the release{certificates}, for the next try")
    if answer.reason in _REFUSED_HINTS:
        yield hint(_REFUSED_HINTS[answer.reason])


def urls(publication: Publication, https_port: int, http_port: int) -> Iterator[str]:
    """Where each name answers, in the order of app.toml."""
    for name in publication.names:
        if name.certificate:
            yield f"https://{name.domain}{_port(https_port, 443)}"
        else:
            yield f"http://{name.domain}{_port(http_port, 80)}"


def _port(port: int, usual: int) -> str:
    return "" if port == usual else f":{port}"


def seconds(elapsed: float) -> str:
    """``0.2 s``."""
    return f"{elapsed:.1f} s"


def counted(count: int, noun: str) -> str:
    """``1 name``, ``2 names``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
