"""A push that is killed, at any moment: it ends or is picked up, no lock stays, and what is served is never a mix."""

import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.conftest import Boot
from tests.lab.pushing import deploying, deploys, held_locks, kill, kill_all, started, wait_for
from tests.lab.server import Clone, Server

MOMENTS = 50
PATHS = ("/a.html", "/b/c.html")


def version(clone: Clone, number: int) -> str:
    """A commit whose files, and every second time whose nginx file too, say the number."""
    named = number - number % 2
    headers = f'[[headers]]\nfor = "/*"\n[headers.values]\nX-Version = "{named}"\n'
    manifest = f'domains = ["killed.example"]\nroot = "site{named}"\n{headers}'
    clone.git("rm", "-r", "-q", "--force", "--ignore-unmatch", ".")
    files = {f"site{named}{path}": str(number) for path in PATHS}
    return clone.commit({"app.toml": manifest, **files}, f"Version {number}")


def answered(server: Server) -> list[int]:
    """The version of each page; every answer is of one version, all of it."""
    found: list[int] = []
    for path in PATHS:
        answer = server.get("killed.example", path, https=True)
        assert answer.status == 200, answer
        number = int(answer.body)
        assert answer.headers["x-version"] == str(number - number % 2), "configuration and content are of two versions"
        found.append(number)
    return found


def served(server: Server) -> int:
    """The version of all pages, when nothing deploys."""
    found = set(answered(server))
    assert len(found) == 1, f"two versions at once: {found}"
    return found.pop()


Site = tuple[Server, Clone, float]


@pytest.fixture
def site(boot: Boot) -> Site:
    """A server with an app that is live in version 0, and how long a push of it takes."""
    server = boot()
    clone = server.app("killed")
    version(clone, 0)
    assert clone.push().verdict.startswith("success: ")
    took = 0.0
    for number in (1, 2):
        version(clone, number)
        began = time.monotonic()
        assert clone.push().verdict.startswith("success: ")
        took = time.monotonic() - began
    return server, clone, took


def no_deploy_is_open(server: Server) -> None:
    """Every deploy has ended, and nobody holds a lock."""
    assert {one["state"] for one in deploys(server, "killed")} <= {"done", "superseded", "abandoned"}
    assert held_locks(server) == []


class Killed(NamedTuple):
    """A push that was begun with this version and killed."""

    number: int
    has_moved: bool  # the branch, before the client died


def killed(site: Site, *, deploy_too: bool) -> Iterator[Killed]:
    """Pushes that are killed at different moments, each when nothing of the one before runs any more."""
    server, clone, took = site
    for moment in range(MOMENTS):
        live, number = served(server), 3 + moment
        commit = version(clone, number)
        push = started(clone)
        time.sleep(took * 1.1 * moment / MOMENTS)
        kill(push)
        if deploy_too:
            kill_all(server)
        assert set(answered(server)) <= {live, number}  # old workers may answer once more beside the new ones
        wait_for(lambda: not deploying(server))
        yield Killed(number, clone.git("ls-remote", str(clone.remote), "refs/heads/main").startswith(commit))
        assert served(server) in (live, number)
        no_deploy_is_open(server)


def test_a_push_killed_at_fifty_moments_is_deployed_or_never_came(site: Site) -> None:
    """Client, receive-pack and hook die; where the branch has moved the commit is live in the end, else nothing is."""
    server, _, took = site
    lost = 0
    for push in killed(site, deploy_too=False):
        if push.has_moved and served(server) != push.number:  # the client died before git's report: no hook was called
            lost += 1
            server.run("renew")
        assert (served(server) == push.number) is push.has_moved
    print(f"{MOMENTS} pushes killed within {took:.2f} s, {lost} of them had no post-receive")
    assert "Traceback" not in "".join(log.read_text() for log in (server.state / "apps/killed/logs").iterdir())


def test_a_deploy_killed_at_fifty_moments_is_picked_up(site: Site) -> None:
    """The deploy's own process dies too; the site is the old or the new release, and the next `renew` finishes it."""
    server, _, took = site
    picked_up = 0
    for push in killed(site, deploy_too=True):
        if deploys(server, "killed")[-1]["state"] != "done" or (push.has_moved and served(server) != push.number):
            picked_up += push.has_moved
            server.run("renew")
        assert (served(server) == push.number) is push.has_moved
    print(f"{MOMENTS} deploys killed within {took:.2f} s, {picked_up} were picked up by renew")
    assert picked_up > 0
    releases = server.state / "apps" / "killed" / "releases"
    assert [path.name for path in releases.iterdir() if path.name.startswith(".")] == []
    assert len(list(releases.iterdir())) <= 6
