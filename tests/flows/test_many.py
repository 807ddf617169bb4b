"""Many pushes at once: of one app, where the newest wins, and of many apps, side by side with few reloads."""

import re
import signal
import subprocess
import time
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import Boot
from tests.flows.test_push import manifest
from tests.lab.pushing import deploys, held_locks, started, visiting, wait_for
from tests.lab.server import Clone, Server

RELOADS = 12
NOISE = 3  # requests: whether one meets a closing connection is chance
# git's own words when the branch moves between its advertisement and its update: nothing was pushed then.
RACED = re.compile(r"cannot lock ref|failed to update ref|incorrect old value")


def live(server: Server, name: str, *domains: str) -> Clone:
    """An app that is live."""
    clone = server.app(name)
    clone.commit({"app.toml": manifest(*domains), "public/index.html": "0"})
    assert clone.push().verdict.startswith("success: ")
    return clone


def wait_for_words(log: Path, words: str) -> None:
    """Wait until a log has them."""
    wait_for(lambda: log.exists() and words in log.read_text())


def hook_output(text: str) -> str:
    """What the hook said, in words."""
    return " ".join(re.sub(r"^remote: ?", "", text, flags=re.MULTILINE).split())


class Gated(NamedTuple):
    """An app whose deploys run until the gate is opened: those that come meanwhile have to wait."""

    server: Server
    clone: Clone
    logs: Path
    gate: Path


@pytest.fixture
def gated(boot: Boot, tmp_path: Path) -> Gated:
    """The app, with a first commit that is not pushed yet."""
    gate = tmp_path / "open"
    keeper = ["/bin/sh", "-c", f"until [ -e {gate} ]; do sleep 0.05; done"]
    server = boot(settings={"apps": {"gated": {"activate": [keeper]}}})
    clone = server.app("gated")
    clone.commit({"app.toml": manifest("gated.example"), "public/index.html": "1"})
    return Gated(server, clone, server.state / "apps" / "gated" / "logs", gate)


def test_a_push_that_waits_says_for_whom_and_since_when(gated: Gated) -> None:
    """The second push waits for the first one, and says so; then it is deployed, and is what is live."""
    server, clone, logs, gate = gated
    first = started(clone)
    wait_for_words(logs / "1.log", "Running")
    commit = clone.git("rev-parse", "--short=7", "HEAD")
    clone.commit({"public/index.html": "2"})
    second = started(clone)
    wait_for_words(logs / "2.log", "waits")
    gate.touch()
    said = hook_output(second.communicate(timeout=60)[1])
    waits = rf"waits for deploy 1 \({commit}\) of \S+, running since \d\d:\d\d:\d\d UTC"
    assert re.search(rf"-----> gated: deploy 2, main \w+ \S+ {waits}", said), said
    assert "success: deploy 2 is live" in said
    assert first.communicate(timeout=30)[1].count("success: deploy 1 is live") == 1
    assert server.get("gated.example", https=True).body == "2"


def test_of_several_that_wait_only_the_newest_is_deployed(gated: Gated) -> None:
    """While one deploys, three more are pushed: two are superseded at once, and say by which."""
    server, clone, logs, gate = gated
    pushes = [started(clone)]
    wait_for_words(logs / "1.log", "Running")
    for number in (2, 3, 4):
        clone.commit({"public/index.html": str(number)})
        pushes.append(started(clone))
        wait_for_words(logs / f"{number}.log", "waits")
    said = [hook_output(push.communicate(timeout=60)[1]) for push in pushes[1:3]]
    gate.touch()
    said += [hook_output(push.communicate(timeout=60)[1]) for push in (pushes[0], pushes[3])]
    listed = deploys(server, "gated")
    assert [one["state"] for one in listed] == ["done", "superseded", "superseded", "done"]
    for number, by in ((2, 3), (3, 4)):
        words = f"({listed[by - 1]['commit'][:7]})"
        assert f"warning: deploy {number} is superseded by deploy {by} {words}" in said[number - 2]
    assert "success: deploy 4 is live" in said[3]
    assert server.get("gated.example", https=True).body == "4"
    assert held_locks(server) == []


def test_a_deploy_by_hand_is_never_superseded(gated: Gated) -> None:
    """`deploy` that waits is carried out in its turn, although newer commits are pushed after it."""
    server, clone, logs, gate = gated
    first = started(clone)
    wait_for_words(logs / "1.log", "Running")
    by_hand = server.start("deploy", "gated")
    wait_for_words(logs / "2.log", "waits")
    clone.commit({"public/index.html": "3"})
    second = started(clone)
    wait_for_words(logs / "3.log", "waits")
    gate.touch()
    assert "success: deploy 3 is live" in second.communicate(timeout=60)[1]
    first.communicate(timeout=60)
    assert by_hand.wait(60) == 0
    listed = deploys(server, "gated")
    assert [(one["cause"], one["state"]) for one in listed] == [("push", "done"), ("deploy", "done"), ("push", "done")]
    assert listed[0]["ended"] <= listed[1]["started"] <= listed[1]["ended"] <= listed[2]["started"]
    assert server.get("gated.example", https=True).body == "3"


def test_what_a_person_breaks_off_is_not_taken_up_again(gated: Gated) -> None:
    """Ctrl-C ends a `deploy`, whether it runs or waits; it is abandoned, and the timer leaves it alone."""
    server, clone, logs, gate = gated
    clone.push("-o", "skip-deploy", "main")
    running = server.start("deploy", "gated")
    wait_for_words(logs / "1.log", "Running")
    waiting = server.start("deploy", "gated")
    wait_for_words(logs / "2.log", "waits")
    for process in (waiting, running):
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 1
    assert [one["state"] for one in deploys(server, "gated")] == ["abandoned", "abandoned"]
    assert held_locks(server) == []
    assert server.get("gated.example").status == 0, "the switch is undone"
    assert server.run("renew", "gated").stdout == "success: nothing was due\n"
    gate.touch()
    assert server.run("deploy", "gated").stdout.rstrip().splitlines()[-1].startswith("success: deploy 3 is live")


def test_ten_pushes_to_one_app_and_ten_apps_at_once(boot: Boot, capsys: pytest.CaptureFixture[str]) -> None:
    """All end, the newest commits are live with fewer reloads than pushes, and no visitor sees a request fail."""
    server = boot()
    clones = {name: live(server, name, f"{name}.example") for name in (f"app{number}" for number in range(10))}
    one = live(server, "one", "one.example")
    reloads = server.nginx.reloads()

    def ask() -> str | None:
        answer = server.get("one.example", https=True)
        return None if answer.status == 200 else f"status {answer.status}"

    with visiting(ask) as visitor:
        pushes = []
        for number in range(1, 11):
            names = ("one.example", *(f"n{n}.one.example" for n in range(number)))
            one.commit({"app.toml": manifest(*names), "public/index.html": str(number)})
            pushes.append(started(one))
            time.sleep(1 / 3)
        said = [hook_output(push.communicate(timeout=300)[1]) for push in pushes]
        said = [text for text in said if not RACED.search(text)]
        one.push()  # what a person does whose push met another one; else there is nothing to push
        own = server.nginx.reloads() - reloads
        for name, clone in clones.items():
            clone.commit({"app.toml": manifest(f"{name}.example", f"new.{name}.example"), "public/index.html": "1"})
        pushes = [started(clone) for clone in clones.values()]
        said += [hook_output(push.communicate(timeout=300)[1]) for push in pushes]
    joined = server.nginx.reloads() - reloads - own
    assert [push.returncode for push in pushes] == [0] * 10
    assert {one["state"] for one in deploys(server, "one")} <= {"done", "superseded"}
    assert deploys(server, "one")[-1]["state"] == "done"
    assert server.get("n9.one.example", https=True).body == "10"
    assert {server.get(f"new.{name}.example", https=True).body for name in clones} == {"1"}
    assert held_locks(server) == []
    assert own < 10
    assert joined < 10
    assert visitor.wrong == []
    assert [text for text in said if "error:" in text] == []
    with capsys.disabled():
        print(
            f"\nten pushes to one app: {own} reloads; ten apps at once: {joined} reloads;"
            f" {visitor.answered} requests over new connections, none failed"
        )


class Keeper:
    """A client that keeps its connection, and opens another one when that was closed in between."""

    def __init__(self, server: Server, host: str) -> None:
        self._connection = HTTPConnection("127.0.0.1", server.http_port, timeout=10)
        self._host = host

    def close(self) -> None:
        """Let the connection go."""
        self._connection.close()

    def ask(self) -> str | None:
        """One request; what was wrong."""
        try:
            self._connection.request("GET", "/", headers={"Host": self._host})
            answer = self._connection.getresponse()
            answer.read()
        except (HTTPException, OSError) as error:
            self._connection.close()
            return f"cut: {type(error).__name__}"
        time.sleep(0.001)
        return None if answer.status == 200 else f"status {answer.status}"


def test_kept_connections_lose_no_more_than_bare_reloads(boot: Boot, capsys: pytest.CaptureFixture[str]) -> None:
    """What pushes cost clients that keep their connection is what nginx's own reloads cost them."""
    server = boot()
    clone = server.app("kept")
    names = ["kept.example"]

    def push() -> None:
        clone.commit({"app.toml": f'{manifest(*names)}https = "off"\n', "public/index.html": "x"})
        assert clone.push().verdict.startswith("success: ")
        names.append(f"n{len(names)}.kept.example")

    def reload() -> None:
        subprocess.run(server.nginx.reload, check=True, capture_output=True)
        time.sleep(0.4)

    push()
    lost: dict[str, tuple[int, int]] = {}
    for title, act in (("bare reloads", reload), ("pushes", push)):
        before = server.nginx.reloads()
        with closing(Keeper(server, "kept.example")) as keeper, visiting(keeper.ask) as visitor:
            for _ in range(RELOADS):
                act()
        assert server.nginx.reloads() - before == RELOADS
        assert {wrong.partition(":")[0] for wrong in visitor.wrong} <= {"cut"}
        lost[title] = (len(visitor.wrong), visitor.answered)
    with capsys.disabled():
        print(
            f"\n{RELOADS} reloads, kept connections: " + ", ".join(f"{t} cut {a} of {b}" for t, (a, b) in lost.items())
        )
    assert lost["pushes"][0] <= lost["bare reloads"][0] + NOISE
