"""Many pushes at once: of one app, where the newest wins, and of many apps, side by side with few reloads."""

import re
import signal
import subprocess
import time
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from tests.conftest import Boot
from tests.lab.pushing import deploys, held_locks, started, visiting, wait_for
from tests.lab.server import Clone, Server

RELOADS = 12
NOISE = 3  # requests: whether one meets a closing connection is chance
# git's own words when the branch moves between its advertisement and its update: nothing was pushed then.
RACED = re.compile(r"cannot lock ref|failed to update ref|incorrect old value")
SLOW = {"PEBBLE_VA_NOSLEEP": "", "PEBBLE_VA_SLEEPTIME": "2"}


def manifest(*domains: str) -> str:
    """An app.toml."""
    return f"domains = {list(domains)!r}\nroot = 'public'\n".replace("'", '"')


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


def test_a_push_that_waits_says_for_whom_and_since_when(boot: Boot) -> None:
    """The second push waits for the first one, and says so; then it is deployed, and is what is live."""
    server = boot(pebble_env=SLOW)
    clone = server.app("queue")
    log = server.state / "apps" / "queue" / "logs" / "1.log"
    clone.commit({"app.toml": manifest("queue.example"), "public/index.html": "1"})
    first = started(clone)
    wait_for_words(log, "Asking")
    commit = clone.git("rev-parse", "--short=7", "HEAD")
    clone.commit({"public/index.html": "2"})
    push = clone.push()
    assert push.verdict.startswith("success: deploy 2 is live")
    waits = rf"waits for deploy 1 \({commit}\) of \S+, running since \d\d:\d\d:\d\d UTC"
    assert re.search(waits, " ".join(push.output.split())), push.output
    assert "success: deploy 1 is live" in log.read_text()
    assert first.communicate(timeout=30)[1].count("success: deploy 1 is live") == 1
    assert server.get("queue.example", https=True).body == "2"


def test_of_several_that_wait_only_the_newest_is_deployed(boot: Boot) -> None:
    """While one deploys, three more are pushed: two are superseded at once, `deploy` in between is not."""
    server = boot(pebble_env=SLOW)
    clone = server.app("queue")
    log = server.state / "apps" / "queue" / "logs"
    clone.commit({"app.toml": manifest("queue.example"), "public/index.html": "1"})
    pushes = [started(clone)]
    wait_for_words(log / "1.log", "Asking")
    for number in (2, 3, 4):
        clone.commit({"public/index.html": str(number)})
        pushes.append(started(clone))
        wait_for_words(log / f"{number}.log", "waits")
    said = [hook_output(push.communicate(timeout=60)[1]) for push in pushes]
    assert [one["state"] for one in deploys(server, "queue")] == ["done", "superseded", "superseded", "done"]
    newest = {number: deploys(server, "queue")[number - 1]["commit"][:7] for number in (3, 4)}
    for number in (2, 3):
        by = number + 1
        text = f"warning: deploy {number} is superseded by deploy {by} ({newest[by]}), the newer commit of the branch"
        assert text in said[number - 1]
    assert "success: deploy 4 is live" in said[3]
    assert server.get("queue.example", https=True).body == "4"
    assert held_locks(server) == []


def test_a_deploy_by_hand_is_never_superseded(boot: Boot) -> None:
    """`deploy` that waits is carried out in its turn, although newer commits are pushed after it."""
    server = boot(pebble_env=SLOW)
    clone = server.app("turns")
    log = server.state / "apps" / "turns" / "logs"
    clone.commit({"app.toml": manifest("turns.example"), "public/index.html": "1"})
    first = started(clone)
    wait_for_words(log / "1.log", "Asking")
    by_hand = server.start("deploy", "turns")
    wait_for_words(log / "2.log", "waits")
    clone.commit({"public/index.html": "3"})
    assert clone.push().verdict.startswith("success: deploy 3 is live")
    first.communicate(timeout=60)
    assert by_hand.wait(60) == 0
    listed = deploys(server, "turns")
    assert [(one["cause"], one["state"]) for one in listed] == [("push", "done"), ("deploy", "done"), ("push", "done")]
    assert listed[0]["ended"] <= listed[1]["started"] <= listed[1]["ended"] <= listed[2]["started"]
    assert server.get("turns.example", https=True).body == "3"


def test_what_a_person_breaks_off_is_not_taken_up_again(boot: Boot) -> None:
    """Ctrl-C ends a `deploy`, whether it runs or waits; it is abandoned, and the timer leaves it alone."""
    server = boot(pebble_env=SLOW)
    clone = server.app("broken")
    log = server.state / "apps" / "broken" / "logs"
    clone.commit({"app.toml": manifest("broken.example"), "public/index.html": "1"})
    clone.push("-o", "skip-deploy", "main")
    running = server.start("deploy", "broken")
    wait_for_words(log / "1.log", "Asking")
    waiting = server.start("deploy", "broken")
    wait_for_words(log / "2.log", "waits")
    for process in (waiting, running):
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 1
    assert [one["state"] for one in deploys(server, "broken")] == ["abandoned", "abandoned"]
    assert held_locks(server) == []
    assert server.run("renew", "broken").stdout == "success: nothing was due\n"
    assert server.run("deploy", "broken").stdout.rstrip().splitlines()[-1].startswith("success: deploy 3 is live")


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
