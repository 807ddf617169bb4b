"""Where the symbolic links of a commit lead, and which of them cannot be deployed."""

import pytest

from hookrunner.core.tree import bad_links, is_below

OUT, HIDDEN = "leads out of the repository: ", "leads to a hidden file: "
Links = dict[str, str]

GOOD: list[tuple[str, Links]] = [
    ("beside it", {"public/a": "b"}),
    ("below it", {"public/a": "b/c"}),
    ("above it", {"public/x/a": "../b"}),
    ("out of the root, in the repository", {"public/a": "../shared/b"}),
    ("to the top", {"public/a": ".."}),
    ("out and in again", {"public/a": "../public/b"}),
    ("a missing target", {"public/a": "nowhere"}),
    ("a dot and doubled slashes", {"public/a": ".//./b/"}),
    ("a chain", {"public/a": "b", "public/b": "c", "public/c": "../d"}),
    ("through a linked folder", {"public/a": "dir/b", "public/dir": "real"}),
    ("up from where a linked folder leads", {"public/a": "dir/../b", "public/dir": "deep/er"}),
    ("39 hops before the last", {f"public/{n}": f"{n + 1}" for n in range(40)}),
    (".well-known", {"public/a": ".well-known/security.txt"}),
    ("from inside .well-known", {"public/.well-known/a": "../b"}),
    ("a hidden file, from outside every root", {"tools/a": "../.env"}),
    ("app.toml, from outside every root", {"a": "app.toml"}),
    ("an app.toml that is not the top's", {"public/a": "app.toml"}),
]
BAD: list[tuple[str, Links, Links]] = [
    ("out of the repository", {"public/a": "../../b"}, {"public/a": f"{OUT}../../b"}),
    ("out of it, from outside every root", {"a": "../b"}, {"a": f"{OUT}../b"}),
    ("out and back by name", {"a": "../repo/b"}, {"a": f"{OUT}../repo/b"}),
    ("absolute", {"public/a": "/etc/passwd"}, {"public/a": f"{OUT}/etc/passwd"}),
    ("absolute, the top", {"public/a": "/"}, {"public/a": f"{OUT}/"}),
    ("a loop of one", {"public/a": "a"}, {"public/a": f"{OUT}a"}),
    ("a loop of two", {"public/a": "b", "public/b": "a"}, {"public/a": f"{OUT}b", "public/b": f"{OUT}a"}),
    ("a loop through itself", {"public/a": "a/b"}, {"public/a": f"{OUT}a/b"}),
    (
        "the end of a chain",
        {"public/a": "b", "public/b": "../../c"},
        {"public/a": f"{OUT}b", "public/b": f"{OUT}../../c"},
    ),
    (
        "through a linked folder",
        {"public/a": "dir/../../b", "public/dir": "../other"},
        {"public/a": f"{OUT}dir/../../b"},
    ),
    (
        "through an absolute folder",
        {"public/a": "dir/passwd", "public/dir": "/etc"},
        {"public/a": f"{OUT}dir/passwd", "public/dir": f"{OUT}/etc"},
    ),
    ("a dot file", {"public/a": ".env"}, {"public/a": f"{HIDDEN}.env"}),
    ("a dot file outside the root", {"public/a": "../.env"}, {"public/a": f"{HIDDEN}../.env"}),
    ("a file in a dot folder", {"public/a": "../.git/config"}, {"public/a": f"{HIDDEN}../.git/config"}),
    ("a dot file of .well-known", {"public/a": ".well-known/.x"}, {"public/a": f"{HIDDEN}.well-known/.x"}),
    ("a deeper .well-known", {"public/a": "b/.well-known/x"}, {"public/a": f"{HIDDEN}b/.well-known/x"}),
    ("app.toml", {"public/a": "../app.toml"}, {"public/a": f"{HIDDEN}../app.toml"}),
    (
        "a chain to a dot file",
        {"public/a": "../b", "b": ".env"},
        {"public/a": f"{HIDDEN}../b"},
    ),
    (
        "a linked folder to a dot folder",
        {"public/a": "b/c", "public/b": "../.ssh"},
        {"public/a": f"{HIDDEN}b/c", "public/b": f"{HIDDEN}../.ssh"},
    ),
]


@pytest.mark.parametrize("links", [case[1] for case in GOOD], ids=[case[0] for case in GOOD])
def test_a_link_that_can_be_deployed(links: Links) -> None:
    """A link that stays in the repository and off hidden files is fine, dangling or not."""
    assert bad_links(links, ["public"]) == {}


@pytest.mark.parametrize(("links", "bad"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_link_that_cannot_be_deployed(links: Links, bad: Links) -> None:
    """A link that leaves the repository, never ends or uncovers a hidden file is named with its target."""
    assert bad_links(links, ["public"]) == bad


def test_41_hops_are_too_many() -> None:
    """A chain that Linux would not follow either is refused from where it is too long."""
    chain = {f"{n}": f"{n + 1}" for n in range(42)}
    assert bad_links(chain, []) == {"0": f"{OUT}1", "1": f"{OUT}2"}


@pytest.mark.parametrize("root", [".", "public", "public/.hidden"])
def test_the_whole_repository_as_a_root(root: str) -> None:
    """Any root that holds the link is enough, and the whole repository holds every link."""
    links = {"public/.hidden/a": "../../.env"}
    assert bad_links(links, [root]) == {"public/.hidden/a": f"{HIDDEN}../../.env"}


def test_a_root_that_is_hidden_itself() -> None:
    """Files of a root are served though the root's own name begins with a dot."""
    assert bad_links({".site/a": "b"}, [".site"]) == {}


def test_no_roots() -> None:
    """Without a served folder only links that leave the repository are refused."""
    assert bad_links({"a": ".env", "b": "/x"}, []) == {"b": f"{OUT}/x"}


@pytest.mark.parametrize(
    ("path", "root", "below"),
    [
        ("a", ".", True),
        ("a/b", ".", True),
        ("a", "a", True),
        ("a/b", "a", True),
        ("ab", "a", False),
        ("a", "a/b", False),
        ("b/a", "a", False),
    ],
)
def test_is_below(path: str, root: str, below: bool) -> None:
    """A path is below a root by whole names, itself included."""
    assert is_below(path, root) is below


def test_a_folder_that_a_served_link_leads_to_is_served_too() -> None:
    """What is hidden stays hidden behind two links."""
    links = {"public/d": "../sub", "sub/x": "../.env", "sub/y": "../app.toml", "sub/ok": "z"}
    assert set(bad_links(links, ["public"])) == {"sub/x", "sub/y"}
