"""Requests that wait: one process carries them all out, and those of the dead are not done."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hookrunner.publisher.tickets import Tickets

ROOT = Path(__file__).resolve().parents[2]
WAIT = """
import sys, time
from pathlib import Path
from hookrunner.publisher.tickets import Tickets
with Tickets(Path(sys.argv[1])).draw({"who": sys.argv[2]}) as ticket:
    print("drawn", flush=True)
    while ticket.answer is None:
        time.sleep(0.01)
    print(ticket.answer, flush=True)
"""


@contextmanager
def waiter(folder: Path, who: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that waits with a ticket."""
    argv = [sys.executable, "-c", WAIT, str(folder), who]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout
        assert process.stdout.readline() == "drawn\n"
        try:
            yield process
        finally:
            process.kill()


def test_others_are_answered(tmp_path: Path) -> None:
    """Their processes read the answer, and leave nothing behind."""
    tickets = Tickets(tmp_path / "waiting")
    with waiter(tmp_path / "waiting", "a") as a, waiter(tmp_path / "waiting", "b") as b:
        with tickets.draw({"who": "me"}) as mine:
            waiting = tickets.waiting()
            assert sorted(ticket.request["who"] for ticket in waiting) == ["a", "b", "me"]
            for ticket in waiting:
                ticket.answer = {"to": ticket.request["who"]}
            assert tickets.waiting() == []
            assert mine.answer == {"to": "me"}
        for process, name in ((a, "a"), (b, "b")):
            assert process.communicate(timeout=30)[0] == f"{{'to': '{name}'}}\n"
    assert list((tmp_path / "waiting").iterdir()) == []


def test_what_the_dead_asked_for_is_not_done(tmp_path: Path) -> None:
    """A process that was killed while it waited leaves a ticket that is torn up."""
    tickets = Tickets(tmp_path / "waiting")
    with waiter(tmp_path / "waiting", "dead") as dead:
        assert len(tickets.waiting()) == 1
        dead.send_signal(signal.SIGKILL)
        dead.wait(30)
        assert tickets.waiting() == []
    assert list((tmp_path / "waiting").iterdir()) == []


def test_nobody_waits_at_first(tmp_path: Path) -> None:
    """Not even a folder has to be there; a ticket is for its owner alone."""
    tickets = Tickets(tmp_path / "waiting")
    assert tickets.waiting() == []
    with tickets.draw({}):
        assert {path.stat().st_mode & 0o777 for path in (tmp_path / "waiting").iterdir()} == {0o600}
        assert (tmp_path / "waiting").stat().st_mode & 0o777 == 0o700


def test_a_ticket_is_whole_from_its_first_moment(tmp_path: Path) -> None:
    """However long the request is, nobody reads half of it."""
    folder = tmp_path / "waiting"
    argv = [sys.executable, "-c", "import sys, time\nfrom pathlib import Path\nfrom hookrunner.publisher.tickets import Tickets\n"
            "for n in range(60):\n    with Tickets(Path(sys.argv[1])).draw(['x' * 2_000_000]): time.sleep(0.01)\n", str(folder)]  # fmt: skip
    seen = 0
    with subprocess.Popen(argv, cwd=ROOT) as process:
        while process.poll() is None:
            for path in folder.glob("[0-9a-f]*"):
                try:
                    seen += len(json.loads(path.read_bytes())) == 1
                except FileNotFoundError:
                    continue
            time.sleep(0.001)
    assert seen > 0
