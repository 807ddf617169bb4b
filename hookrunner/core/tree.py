"""What a release may hold: entries of a git tree, and where its symbolic links lead."""

import posixpath
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hookrunner.model.registration import MANIFEST

LINK, SUBMODULE, FOLDER = "120000", "160000", "040000"
FILES = ("100644", "100755")
_MOST_HOPS = 40  # like Linux (path_resolution(7))


class Entry(NamedTuple):
    """One entry of ``git ls-tree -r -t -l``. Bytes of a path that are no UTF-8 are kept as surrogates."""

    mode: str
    object: str
    size: int
    path: str


def bad_links(links: Mapping[str, str], roots: Iterable[str], *, manifest: str = MANIFEST) -> dict[str, str]:
    """The links that cannot be deployed, each with the reason.

    ``links`` maps every link's path to its target, ``roots`` are the served folders. A link must not leave the
    release, and one below a root must not lead to what is never served: dot files and the app's ``manifest``.
    """
    ends = {path: _resolve(path, links) for path in links}
    served = _reached(ends, list(roots))
    bad: dict[str, str] = {}
    for path, target in links.items():
        end = ends[path]
        if end is None:
            bad[path] = f"leads out of the repository: {target}"
        elif any(is_below(path, root) and is_hidden(end, root, manifest) for root in served):
            bad[path] = f"leads to a hidden file: {target}"
    return bad


def _reached(ends: Mapping[str, str | None], roots: list[str]) -> list[str]:
    """The served folders, those included that a served link leads to."""
    served = list(roots)
    for root in served:  # grows on the way
        served += [end for path, end in ends.items() if end and is_below(path, root) and end not in served]
    return served


def _resolve(path: str, links: Mapping[str, str]) -> str | None:
    """Where ``path`` ends, every link on the way followed; None when that is outside, or nowhere for ever."""
    done: list[str] = []
    left = path.split("/")[::-1]
    hops = 0
    while left:
        part = left.pop()
        if part in ("", "."):
            continue
        if part == "..":
            if not done:
                return None
            done.pop()
            continue
        done.append(part)
        target = links.get("/".join(done))
        if target is None:
            continue
        hops += 1
        if hops > _MOST_HOPS or target.startswith("/"):
            return None
        done.pop()
        left += target.split("/")[::-1]
    return "/".join(done) or "."


def is_below(path: str, root: str) -> bool:
    """Whether ``path`` is ``root`` or below it; ``.`` is the top."""
    return root == "." or path == root or path.startswith(f"{root}/")


def is_hidden(path: str, root: str, manifest: str = MANIFEST) -> bool:
    """Whether the file at ``path`` is never served below ``root``: dot files but .well-known, and the manifest."""
    inside = posixpath.relpath(path, root) if is_below(path, root) else path
    parts = inside.split("/")
    if parts[0] == ".well-known":
        parts = parts[1:]
    return any(part.startswith(".") and part != "." for part in parts) or path == manifest
