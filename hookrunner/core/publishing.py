"""How a publication reads, and how its refusal does."""

from collections.abc import Iterator

from hookrunner.core import wording
from hookrunner.core.wording import Line
from hookrunner.model.publication import Publication, Reason, Refused

_REFUSED = {
    Reason.TEST: "nginx does not pass its test, because of {app}",
    Reason.FOREIGN: "nginx does not pass its test, and not because of {app}",
    Reason.OWN_LINES: "nginx does not pass its test, because of the server's own lines for {app}",
    Reason.CONFLICT: "another nginx file serves a name of {app}",
    Reason.PROGRAM: "nginx could not be called",
    Reason.RELOAD: "nginx did not take over the new configuration",
    Reason.STOPPED: "nginx is not running",
    Reason.PORT: "nginx is not running, and another program has its port",
    Reason.UNIT: "a unit of {app} does not run",
    Reason.KEY: "a certificate does not fit its key",
    Reason.REQUEST: "the publisher refuses {app}",
}
CALLED = "apt install nginx, or see program, test and reload under [nginx] in server.toml"
_CONTENT_PASSES = (Reason.FOREIGN, Reason.OWN_LINES, Reason.PROGRAM)  # nginx need not be asked
_OF_OTHERS = (Reason.FOREIGN, Reason.CONFLICT)  # whose words are files and lines of others
_REFUSED_HINTS = {
    Reason.TEST: "mend what nginx names",
    Reason.FOREIGN: "on the server, as root: mend or move that file, nginx -t",
    Reason.OWN_LINES: "on the server, as root: mend or move that file, nginx -t",
    Reason.CONFLICT: "on the server, as root: take the name out of that file",
    Reason.PROGRAM: f"on the server: {CALLED}",
    Reason.RELOAD: "on the server, as root: nginx -t, systemctl restart nginx",
    Reason.STOPPED: "on the server, as root: systemctl start nginx",
    Reason.PORT: "on the server, as root: ss -ltnp shows what has the port; stop it, systemctl start nginx",
    Reason.UNIT: "on the server: systemctl status, journalctl -u with the unit's name",
    Reason.KEY: "the certificate is issued anew at the next try",
}


def refused(answer: Refused, app: str, kept: int | None, *, is_told: bool = True) -> Iterator[Line]:
    """What the publisher does not do: what nginx says, what was kept of the deploy if there is one, what to do.

    Not ``is_told``: what lies in files of others is for the owner of the server alone.
    """
    yield wording.error(_REFUSED[answer.reason].format(app=app))
    if is_told or answer.reason not in _OF_OTHERS:
        for words in answer.words:
            yield wording.detail(words)
    else:
        yield wording.detail("the owner of the server sees what it is")
    if kept is not None:
        if answer.reason is Reason.FOREIGN:
            yield wording.detail("it fails in the same way without this deploy")
        certificates = f" and {wording.counted(kept, 'new certificate')}" if kept else ""
        yield wording.detail(f"kept: the release{certificates}, for the next try")
        if answer.reason in _CONTENT_PASSES:
            yield wording.detail("a push that changes files alone still goes live")
    if answer.reason in _REFUSED_HINTS:
        yield wording.hint(_REFUSED_HINTS[answer.reason])


def urls(publication: Publication, https_port: int, http_port: int) -> Iterator[str]:
    """Where each name answers, in the order of app.toml."""
    for name in publication.names:
        if name.certificate:
            yield f"https://{name.domain}{_port(https_port, 443)}"
        else:
            yield f"http://{name.domain}{_port(http_port, 80)}"


def _port(port: int, usual: int) -> str:
    return "" if port == usual else f":{port}"
