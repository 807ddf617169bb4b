"""Which of the pushed refs deploys, and what to type when none does."""

import pytest

from hookrunner.core.refs import Choice, Update, choose, how_to_deploy, parse_updates, short

ZERO, OLD, NEW = "0" * 40, "1" * 40, "2" * 40
MAIN, MASTER, DEV = "refs/heads/main", "refs/heads/master", "refs/heads/dev"
TAG = "refs/tags/v1"


def to(ref: str) -> Update:
    """A push to a ref."""
    return Update(OLD, NEW, ref)


def gone(ref: str) -> Update:
    """The deletion of a ref."""
    return Update(OLD, ZERO, ref)


@pytest.mark.parametrize(
    ("text", "updates"),
    [
        ("", []),
        (f"{OLD} {NEW} {MAIN}\n", [to(MAIN)]),
        (f"{OLD} {NEW} {MAIN}\n{OLD} {ZERO} {DEV}\n", [to(MAIN), gone(DEV)]),
        (f"{OLD} {NEW} {MAIN}", [to(MAIN)]),
        (f"\nnonsense\n{OLD} {NEW} {TAG}\n", [to(TAG)]),
    ],
    ids=["nothing", "one", "two", "without a newline", "lines that are none"],
)
def test_updates_are_read(text: str, updates: list[Update]) -> None:
    """Each line of a receive hook's input is an update: old object, new object, ref."""
    assert parse_updates(text) == updates


@pytest.mark.parametrize(
    ("update", "deletes"),
    [(to(MAIN), False), (gone(MAIN), True), (Update("0" * 64, "0" * 64, MAIN), True), (Update(ZERO, NEW, MAIN), False)],
)
def test_a_deletion(update: Update, deletes: bool) -> None:
    """A new object of zeros, SHA-1 or SHA-256, is a deletion."""
    assert update.deletes is deletes


CHOICES = [
    ("HEAD's branch", [to(MAIN)], MAIN, True, Choice(MAIN, False, to(MAIN), ())),
    ("HEAD's branch among others", [to(TAG), to(DEV), to(MAIN)], MAIN, True, Choice(MAIN, False, to(MAIN), ())),
    ("HEAD's branch, its first push", [to(DEV)], DEV, False, Choice(DEV, False, to(DEV), ())),
    ("first push of main, HEAD on master", [to(MAIN)], MASTER, False, Choice(MAIN, True, to(MAIN), ())),
    ("first push of master, HEAD on main", [to(MASTER)], MAIN, False, Choice(MASTER, True, to(MASTER), ())),
    ("both at once, HEAD on master", [to(MASTER), to(MAIN)], MASTER, False, Choice(MAIN, True, to(MAIN), ())),
    ("both at once, HEAD on main", [to(MASTER), to(MAIN)], MAIN, False, Choice(MAIN, False, to(MAIN), ())),
    ("master when main is live", [to(MASTER)], MAIN, True, Choice(MAIN, False, None, (to(MASTER),))),
    ("main when the owner set dev", [to(MAIN)], DEV, False, Choice(DEV, False, None, (to(MAIN),))),
    ("another branch", [to(DEV)], MAIN, True, Choice(MAIN, False, None, (to(DEV),))),
    ("another branch first", [to(DEV)], MAIN, False, Choice(MAIN, False, None, (to(DEV),))),
    (
        "what is no branch and no tag",
        [to("refs/notes/commits"), to("refs/remotes/x/y")],
        MAIN,
        True,
        Choice(MAIN, False, None, ()),
    ),
    ("a tag and a note", [to(TAG), to("refs/notes/x")], MAIN, True, Choice(MAIN, False, None, (to(TAG),))),
    ("a tag", [to(TAG)], MAIN, True, Choice(MAIN, False, None, (to(TAG),))),
    (
        "a tag of the branch's name",
        [to("refs/tags/main")],
        MAIN,
        True,
        Choice(MAIN, False, None, (to("refs/tags/main"),)),
    ),
    ("a deletion beside another branch", [gone(TAG), to(DEV)], MAIN, True, Choice(MAIN, False, None, (to(DEV),))),
    ("a deletion alone", [gone(DEV)], MAIN, True, Choice(MAIN, False, None, ())),
    ("HEAD's deletion", [gone(MAIN)], MAIN, True, Choice(MAIN, False, None, ())),
    ("HEAD's deletion and another branch", [gone(MAIN), to(DEV)], MAIN, True, Choice(MAIN, False, None, ())),
    (
        "first push of master and a deletion",
        [gone(MAIN), to(MASTER)],
        MAIN,
        False,
        Choice(MASTER, True, to(MASTER), ()),
    ),
    ("nothing", [], MAIN, True, Choice(MAIN, False, None, ())),
]


@pytest.mark.parametrize(
    ("updates", "head", "head_exists", "choice"), [c[1:] for c in CHOICES], ids=[c[0] for c in CHOICES]
)
def test_choice(updates: list[Update], head: str, head_exists: bool, choice: Choice) -> None:
    """HEAD's branch deploys, the first push of main or master sets it, and what has no effect is named."""
    assert choose(iter(updates), head=head, is_settled=head_exists) == choice


@pytest.mark.parametrize(
    ("ref", "text"),
    [
        (MAIN, "main"),
        ("refs/heads/fix/refs/heads/x", "fix/refs/heads/x"),
        (TAG, "v1"),
        ("refs/notes/commits", "refs/notes/commits"),
    ],
)
def test_short(ref: str, text: str) -> None:
    """Branches and tags are written without where they are kept; other refs stay whole."""
    assert short(ref) == text


@pytest.mark.parametrize(
    ("ref", "command"),
    [
        (DEV, "git push REMOTE dev:main"),
        ("refs/heads/fix/a-b", "git push REMOTE fix/a-b:main"),
        ("refs/heads/a;reboot", "git push REMOTE 'a;reboot:main'"),
        ("refs/heads/$(id)", "git push REMOTE '$(id):main'"),
        ("refs/heads/it's", "git push REMOTE 'it'\"'\"'s:main'"),
        (TAG, "git push REMOTE 'v1^{commit}:refs/heads/main'"),
    ],
)
def test_how_to_deploy(ref: str, command: str) -> None:
    """The command can be pasted into a shell as it is, whatever the ref is called."""
    assert how_to_deploy(to(ref), MAIN) == command
