"""The deploy outlives the client that asked for it."""

import os
import subprocess
from collections.abc import Callable

from tests.conftest import Boot
from tests.lab.machine import program
from tests.lab.pushing import kill, started, wait_for
from tests.lab.server import Clone

_SLOW = {"PEBBLE_VA_NOSLEEP": "", "PEBBLE_VA_SLEEPTIME": "2"}


def push_and_kill(clone: Clone, asking: Callable[[], bool]) -> None:
    """Push in a session of its own, and kill everything in it once the deploy asks the CA."""
    push = started(clone)
    wait_for(asking)
    kill(push)


def test_a_killed_push_is_deployed_all_the_same(boot: Boot) -> None:
    """The client, receive-pack and the hook die in mid-deploy; the site goes live, and the next push finds no lock."""
    server = boot(pebble_env=_SLOW)
    clone = server.app("killed")
    log = server.state / "apps" / "killed" / "logs" / "1.log"
    clone.commit({"app.toml": 'domains = ["killed.example"]\nroot = "."\n', "index.html": "alive"})
    push_and_kill(clone, lambda: log.exists() and "Asking" in log.read_text())
    assert "success: " not in log.read_text(), "the kill came too late to show anything"
    wait_for(lambda: "success: deploy 1 is live" in log.read_text())
    assert server.get("killed.example", https=True).body == "alive"
    assert "Traceback" not in log.read_text()

    clone.commit({"index.html": "again"})
    assert clone.push().verdict.startswith("success: deploy 2 is live")
    assert server.get("killed.example", https=True).body == "again"


def test_two_pushes_at_once_are_deployed_one_after_another(boot: Boot) -> None:
    """A push that comes while another one deploys waits for it, and the later commit is what is live at the end."""
    server = boot(pebble_env=_SLOW)
    clone = server.app("queue")
    log = server.state / "apps" / "queue" / "logs" / "1.log"
    clone.commit({"app.toml": 'domains = ["queue.example"]\nroot = "."\n', "index.html": "1"})
    with subprocess.Popen(
        [program("git"), "push", "server", "main"], cwd=clone.folder,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | {"GIT_CONFIG_GLOBAL": os.devnull},
    ) as first:  # fmt: skip
        wait_for(lambda: log.exists() and "Asking" in log.read_text())
        clone.commit({"index.html": "2"})
        assert clone.push().verdict.startswith("success: deploy 2 is live")
        assert "success: deploy 1 is live" in log.read_text()
        assert first.wait(30) == 0
    assert server.get("queue.example", https=True).body == "2"
