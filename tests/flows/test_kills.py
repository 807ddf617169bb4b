"""A push that is killed, at any moment: it ends or is picked up, no lock stays, and what is served is never a mix."""

import time

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


@pytest.fixture
def site(boot: Boot) -> tuple[Server, Clone, float]:
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


def test_a_push_killed_at_fifty_moments_is_deployed_or_never_came(site: tuple[Server, Clone, float]) -> None:
    """Client, receive-pack and hook die; where the branch has moved the commit is live in the end, else nothing is."""
    server, clone, took = site
    live, lost = 2, 0
    for moment in range(MOMENTS):
        number = 3 + moment
        commit = version(clone, number)
        push = started(clone)
        time.sleep(took * 1.1 * moment / MOMENTS)
        kill(push)
        assert set(answered(server)) <= {live, number}  # old workers may answer once more beside the new ones
        wait_for(lambda: not deploying(server))
        moved = clone.git("ls-remote", str(clone.remote), "refs/heads/main").partition("\t")[0] == commit
        if moved and served(server) != number:  # the client died before git's report, and no hook was called
            lost += 1
            server.run("renew")
        assert served(server) == (number if moved else live)
        live = served(server)
    no_deploy_is_open(server)
    print(f"{MOMENTS} pushes killed within {took:.2f} s, {live - 2} was the last one live, {lost} had no post-receive")
    assert "Traceback" not in "".join(log.read_text() for log in (server.state / "apps/killed/logs").iterdir())


def test_a_deploy_killed_at_fifty_moments_is_picked_up(site: tuple[Server, Clone, float]) -> None:
    """The deploy's own process dies too; the site is the old or the new release, and the next `renew` finishes it."""
    server, clone, took = site
    live, picked_up = 2, 0
    for moment in range(MOMENTS):
        number = 3 + moment
        commit = version(clone, number)
        push = started(clone)
        time.sleep(took * 1.1 * moment / MOMENTS)
        kill(push)
        kill_all(server)
        wait_for(lambda: not deploying(server))
        assert served(server) in (live, number)
        moved = clone.git("ls-remote", str(clone.remote), "refs/heads/main").partition("\t")[0] == commit
        if deploys(server, "killed")[-1]["state"] != "done" or (moved and served(server) != number):
            picked_up += moved
            server.run("renew")
        assert served(server) == (number if moved else live)
        live = served(server)
        no_deploy_is_open(server)
    print(f"{MOMENTS} deploys killed within {took:.2f} s, {picked_up} were picked up by renew")
    assert picked_up > 0
    releases = server.state / "apps" / "killed" / "releases"
    assert [path.name for path in releases.iterdir() if path.name.startswith(".")] == []
    assert len(list(releases.iterdir())) <= 6
