"""What a push means: pre-receive accepts it or says why not, post-receive turns it into a deploy's record."""

from collections.abc import Iterator
from datetime import datetime

from hookrunner.core import refs, wording
from hookrunner.core.refs import Choice, Update
from hookrunner.core.wording import Line
from hookrunner.edges import deploys
from hookrunner.edges.git import Repository
from hookrunner.edges.records import Store
from hookrunner.flows.inspect import MANIFEST, NoManifest, Unfit, inspect
from hookrunner.model.deploy import Deploy
from hookrunner.model.names import AppName
from hookrunner.model.server import Settings


def check(
    repository: Repository, updates: list[Update], *, app: AppName, settings: Settings, store: Store
) -> list[Line]:
    """Why the push is refused; nothing when it is accepted. Writes nothing."""
    choice = _choose(repository, updates)
    if choice.refused:
        return list(_nothing_deploys(choice))
    commit = choice.deploys and repository.commit(choice.deploys.new)
    if not commit:
        return []
    try:
        inspect(repository, commit, app=app, settings=settings, store=store)
    except NoManifest:
        return []
    except Unfit as error:
        live = deploys.publication(store, app)
        return [
            *unfit(error),
            wording.hint(wording.still_live(live[0] if live else None)),
            wording.hint("mend it, git commit --amend, push again"),
        ]
    return []


def record(
    repository: Repository, updates: list[Update], *, app: AppName, store: Store, now: datetime
) -> Deploy | None:
    """The queued deploy that the push asks for, or None. The first push of main or master sets HEAD."""
    choice = _choose(repository, updates)
    if choice.deploys is None:
        return None
    if choice.branch != repository.head():
        repository.set_head(choice.branch)
    commit = repository.commit(choice.deploys.new)
    if commit is None:
        return None
    return deploys.queue(store, app, commit=commit, ref=choice.branch, now=now)


def unfit(error: Unfit) -> Iterator[Line]:
    """A commit that cannot be deployed: everything that is wrong with it."""
    if error.problems:
        yield from wording.problems(MANIFEST, error.problems, "nothing was deployed")
    if error.paths:
        count = wording.counted(len(error.paths), "path")
        yield wording.error(f"{count} of the commit cannot be deployed, nothing was deployed")
        for path, why in error.paths[:_SHOWN]:
            yield wording.row(path, why, wording.column(path for path, _ in error.paths[:_SHOWN]))
        if len(error.paths) > _SHOWN:
            yield wording.detail(f"and {len(error.paths) - _SHOWN} more")


_SHOWN = 10


def _choose(repository: Repository, updates: list[Update]) -> Choice:
    head = repository.head()
    # In post-receive HEAD's branch exists because of this very push, so "existed" is what the update says.
    created = any(update.ref == head and set(update.old) == {"0"} for update in updates)
    exists = repository.commit(head) is not None and not created
    return refs.choose(updates, head=head, head_exists=exists)


def _nothing_deploys(choice: Choice) -> Iterator[Line]:
    branch = refs.short(choice.branch)
    names = ", ".join(refs.short(update.ref) for update in choice.refused[:3])
    yield wording.error(f"{names} would not be deployed: the deploy branch is {branch}; nothing was pushed")
    yield wording.hint("to deploy it:")
    yield wording.hint(f"  {refs.how_to_deploy(choice.refused[0], choice.branch)}")
