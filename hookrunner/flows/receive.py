"""What a push means: pre-receive accepts it or says why not, post-receive turns it into a deploy's record."""

from collections.abc import Iterator
from datetime import datetime

from hookrunner.core import refs, wording
from hookrunner.core.options import Options
from hookrunner.core.refs import Choice, Update
from hookrunner.core.wording import Kind, Line
from hookrunner.edges.git import Repository
from hookrunner.edges.records import Store
from hookrunner.flows.inspect import NoManifest, Unfit, inspect, registered
from hookrunner.model.deploy import NOBODY, Deploy, Person
from hookrunner.model.names import AppName
from hookrunner.model.server import Settings


def check(
    repository: Repository,
    updates: list[Update],
    *,
    app: AppName,
    settings: Settings,
    store: Store,
    options: Options,
    now: datetime,
) -> list[Line]:
    """Why the push is refused; nothing when it is accepted. Writes nothing.

    Raises :class:`~hookrunner.flows.inspect.NoApp`.
    """
    choice = _choose(repository, updates, app, store)
    if options.dry_run:
        return list(_dry_run(choice, repository, app, settings, store, options, now))
    if choice.refused and not options.skip_deploy:
        return list(_nothing_deploys(choice))
    if choice.deploys is None:
        return []
    try:
        inspect(repository, choice.deploys.new, app=app, settings=settings, store=store)
    except NoManifest:
        return []
    except Unfit as error:
        return [*_unfit(error, app, store), wording.hint("mend it, git commit --amend, push again")]
    return []


def record(
    repository: Repository,
    updates: list[Update],
    *,
    app: AppName,
    store: Store,
    now: datetime,
    who: Person = NOBODY,
    words: tuple[str, ...] = (),
) -> Deploy | None:
    """The queued deploy that the push asks for, or None. The first push of main or master sets HEAD.

    ``words`` are the push options.
    """
    from hookrunner.edges import deploys

    choice = _choose(repository, updates, app, store)
    if choice.deploys is None:
        return None
    if choice.sets_head:
        repository.set_head(choice.branch)
    commit, ref = choice.deploys.new, choice.branch
    if Options.of(words).skip_deploy:
        deploys.passed_over(store, app, ref, commit)
        return None
    return deploys.queue(store, app, commit=commit, ref=ref, now=now, who=who, options=words)


def skipped(
    repository: Repository, updates: list[Update], *, app: AppName, options: Options, store: Store
) -> Iterator[Line]:
    """What to say of a push that was taken and is not deployed."""
    from hookrunner.edges import deploys

    for text in options.complaints():
        yield Line(Kind.WARNING, text)
    live = deploys.publication(store, app)
    if _choose(repository, updates, app, store).deploys:
        yield wording.hint(f"the next push deploys it, and on the server: hookrunner deploy {app}")
    yield Line(Kind.WARNING, f"not deployed (skip-deploy), {wording.still_live(live[0] if live else None)}")


def _dry_run(
    choice: Choice,
    repository: Repository,
    app: AppName,
    settings: Settings,
    store: Store,
    options: Options,
    now: datetime,
) -> Iterator[Line]:
    """The whole plan, and then a refusal: nothing of the push stays."""
    from hookrunner.edges.records import Unwritten
    from hookrunner.flows import plan

    for text in options.complaints():
        yield Line(Kind.WARNING, text)
    update = choice.deploys
    if update is None:
        yield wording.detail(f"nothing would be deployed: the deploy branch is {refs.short(choice.branch)}")
    else:
        try:
            planned = plan.plan(repository, update.new, app=app, settings=settings, store=Unwritten(store), now=now)
            yield from planned.lines(app, choice.branch, repository.subject(update.new), now)
        except NoManifest as error:
            yield wording.detail(f"nothing would be deployed: the commit has no {error.manifest}")
        except Unfit as error:
            yield from _unfit(error, app, store)
    yield Line(Kind.WARNING, "dry run: nothing was pushed, nothing was deployed")


def _unfit(error: Unfit, app: AppName, store: Store) -> Iterator[Line]:
    from hookrunner.edges import deploys  # not on the way of a push that is accepted

    live = deploys.publication(store, app)
    yield from unfit(error)
    yield wording.hint(wording.still_live(live[0] if live else None))


def unfit(error: Unfit) -> Iterator[Line]:
    """A commit that cannot be deployed: everything that is wrong with it."""
    if error.problems:
        yield from wording.problems(error.manifest, error.problems, "nothing was deployed")
    if error.paths:
        count = wording.counted(len(error.paths), "path")
        yield wording.error(f"{count} of the commit cannot be deployed, nothing was deployed")
        for path, why in error.paths[:_SHOWN]:
            yield wording.row(path, why, wording.column(path for path, _ in error.paths[:_SHOWN]))
        if len(error.paths) > _SHOWN:
            yield wording.detail(f"and {len(error.paths) - _SHOWN} more")


_SHOWN = 10


def _choose(repository: Repository, updates: list[Update], app: AppName, store: Store) -> Choice:
    head = repository.head()
    if registered(store, app).has_branch:
        return refs.choose(updates, head=head, is_settled=True)
    # In post-receive HEAD's branch exists because of this very push: whether it did before, the update says.
    before = next((set(update.old) != {"0"} for update in updates if update.ref == head), None)
    exists = repository.commit(head) is not None if before is None else before
    return refs.choose(updates, head=head, is_settled=exists)


def _nothing_deploys(choice: Choice) -> Iterator[Line]:
    branch = refs.short(choice.branch)
    names = ", ".join(refs.short(update.ref) for update in choice.refused[:3])
    yield wording.error(f"{names} would not be deployed: the deploy branch is {branch}; nothing was pushed")
    yield wording.hint("to deploy it:")
    yield wording.hint(f"  {refs.how_to_deploy(choice.refused[0], choice.branch)}")
