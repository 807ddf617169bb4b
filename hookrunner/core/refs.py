"""Which of the pushed refs deploys: the repository's HEAD; the first push of main or master sets it."""

import shlex
from collections.abc import Iterable
from typing import NamedTuple

_HEADS = "refs/heads/"
_TAGS = "refs/tags/"
_FIRST = (f"{_HEADS}main", f"{_HEADS}master")


class Update(NamedTuple):
    """One line of a receive hook's standard input (githooks(5))."""

    old: str
    new: str
    ref: str

    @property
    def deletes(self) -> bool:
        """Whether the ref goes away."""
        return set(self.new) == {"0"}


class Choice(NamedTuple):
    """What a push means. ``deploys`` is the update of the deploy branch, if it is in the push and not its deletion."""

    branch: str  # the deploy branch as a full ref
    sets_head: bool  # whether it is HEAD's only with this push
    deploys: Update | None
    refused: tuple[Update, ...]  # branches and tags without effect, when no other one was pushed


def parse_updates(text: str) -> list[Update]:
    """The updates in a receive hook's standard input."""
    return [Update(*line.split(" ", 2)) for line in text.splitlines() if line.count(" ") >= 2]


def choose(updates: Iterable[Update], *, head: str, is_settled: bool) -> Choice:
    """Find the deploy branch and its update. ``head`` is the full ref that HEAD points to.

    It ``is_settled`` when the branch existed before the push, or was chosen when the app was made.

    git lets branches point to commits only, so the update's new object is the commit to deploy.
    """
    pushed = list(updates)
    by_ref = {update.ref: update for update in pushed if not update.deletes}
    branch = head
    if not is_settled and head in _FIRST:
        branch = next((ref for ref in _FIRST if ref in by_ref), head)
    deploys = by_ref.get(branch)
    touched = deploys or any(update.ref == branch for update in pushed)
    vain = tuple(update for update in by_ref.values() if update.ref.startswith((_HEADS, _TAGS)))
    return Choice(branch, branch != head, deploys, () if touched else vain)


def short(ref: str) -> str:
    """A ref as people write it."""
    return ref.removeprefix(_HEADS).removeprefix(_TAGS)


def how_to_deploy(update: Update, branch: str) -> str:
    """The command that deploys what ``update`` pushed in vain."""
    if update.ref.startswith(_TAGS):
        return f"git push REMOTE {shlex.quote(f'{short(update.ref)}^{{commit}}:{branch}')}"
    return f"git push REMOTE {shlex.quote(f'{short(update.ref)}:{short(branch)}')}"
