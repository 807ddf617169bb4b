"""After the switch: the app's units are restarted and its programs run, as the server's settings say, and only they."""

import os
import pwd
import shlex
from collections.abc import Callable, Iterator

from hookrunner.core import serving, wording
from hookrunner.core.publishing import refused
from hookrunner.core.wording import Line
from hookrunner.edges import certificates, deploys, processes
from hookrunner.edges.processes import ProgramFailed
from hookrunner.edges.publisher import Publisher
from hookrunner.edges.records import Store
from hookrunner.model.deploy import Deploy
from hookrunner.model.publication import Publication, Refused
from hookrunner.model.server import Settings


class NotActivated(Exception):
    """A unit or a program failed; ``lines`` say which and how."""

    def __init__(self, lines: list[Line]) -> None:
        super().__init__("; ".join(line.text for line in lines))
        self.lines = lines


def activate(
    deploy: Deploy, release: str, *, settings: Settings, publisher: Publisher, say: Callable[[Line], None]
) -> None:
    """Restart, then run; their output is said as it comes. Raises :class:`NotActivated` at the first that fails."""
    own = settings.app(deploy.app)
    if own.units:
        say(wording.step(f"Restarting {', '.join(own.units)}"))
        answer = publisher.restart(deploy.app)
        if isinstance(answer, Refused):
            raise NotActivated(list(refused(answer, str(deploy.app), None)))
    for argv in own.activate:
        say(wording.step(f"Running {shlex.join(argv)}"))
        try:
            processes.follow(
                argv,
                env=_environment(deploy, release, settings),
                timeout=own.activate_timeout,
                say=lambda text: say(wording.detail(text)),
            )
        except ProgramFailed as error:
            raise NotActivated(list(_failed(str(error), deploy))) from error


def go_back(
    deploy: Deploy,
    before: Publication | None,
    settings: Settings,
    store: Store,
    publisher: Publisher,
    say: Callable[[Line], None],
) -> Iterator[Line]:
    """Undo the switch, and do everything again for the deploy that is live then; what to say of it."""
    app = deploy.app
    live = deploys.publication(store, app)
    if before is None or live is None:
        publisher.withdraw(app)
        yield wording.detail("there is no release to go back to: the app is off the web again")
        return
    existing = certificates.existing(store, before.certificates)
    again = serving.secured(before, certificates={}, existing=existing)
    answer = publisher.publish(again)
    if isinstance(answer, Refused):
        yield wording.error("the switch could not be undone")
        yield from refused(answer, str(app), None)
        return
    yield wording.step(f"Going back to release {before.release.partition('-')[0]}")
    try:
        activate(live[0], before.release, settings=settings, publisher=publisher, say=say)
    except NotActivated as error:
        yield wording.error("and it fails in the same way with the release before")
        yield from error.lines


def _failed(words: str, deploy: Deploy) -> Iterator[Line]:
    yield wording.error(f"the app {deploy.app} could not be activated: {words}")
    yield wording.hint(f"on the server: see activate under [apps.{deploy.app}] in server.toml")


def _environment(deploy: Deploy, release: str, settings: Settings) -> dict[str, str]:
    """What the programs are told: nothing of it comes from the repository, or from the client's environment."""
    user = pwd.getpwuid(os.getuid())
    return {
        "PATH": processes.PATH,
        "HOME": user.pw_dir,
        "USER": user.pw_name,
        "LOGNAME": user.pw_name,
        "LANG": "C.UTF-8",
        "HOOKRUNNER_APP": str(deploy.app),
        "HOOKRUNNER_DEPLOY": str(deploy.number),
        "HOOKRUNNER_COMMIT": deploy.commit,
        "HOOKRUNNER_RELEASE": str(settings.releases(deploy.app) / release),
        "HOOKRUNNER_CURRENT": str(settings.current(deploy.app)),
    }
