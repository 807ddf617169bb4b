"""What a publication changes on disk is whole, or put back: on a refusal, on an error, and after a kill."""

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from hookrunner.publisher.undo import Undo, recover
from tests.publisher.changes import changes

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A folder with a file and a link."""
    (tmp_path / "file").write_text("old")
    (tmp_path / "gone").write_text("gone")
    (tmp_path / "link").symlink_to("1")
    return tmp_path


def facts(room: Path) -> dict[str, str]:
    """What is in the folder."""
    return {p.name: f"-> {p.readlink()}" if p.is_symlink() else p.read_text() for p in sorted(room.iterdir())}


AFTER = {"file": "new", "first": "-> 1", "fresh": "fresh", "link": "-> 2"}


def test_what_is_kept_stays(room: Path) -> None:
    """No journal and no second name is left."""
    with Undo(room / ".undo") as undo:
        changes(undo, room)
        undo.make()
        undo.keep()
    assert facts(room) == AFTER
    assert not recover(room / ".undo")


def test_what_is_not_kept_is_put_back(room: Path) -> None:
    """To the byte, also on an error, and twice is once."""
    before = facts(room)
    with pytest.raises(ZeroDivisionError), Undo(room / ".undo") as undo:
        changes(undo, room)
        undo.make()
        raise ZeroDivisionError
    assert facts(room) == before
    undo.back()
    assert facts(room) == before
    with Undo(room / ".undo") as undo:
        changes(undo, room)
    assert facts(room) == before, "nothing is changed before it is made"


def test_bytes_that_are_no_text_come_back(room: Path) -> None:
    """A file that somebody broke by hand is put back as it was."""
    (room / "file").write_bytes(b"\xff\x00broken")
    with Undo(room / ".undo") as undo:
        undo.write(room / "file", "new")
        undo.make()
    assert (room / "file").read_bytes() == b"\xff\x00broken"


KILLED = """
import os, signal, sys
from pathlib import Path
from hookrunner import durable
from hookrunner.publisher.undo import Undo
from tests.publisher.changes import changes
room, left = Path(sys.argv[1]), int(sys.argv[2])

def counted(real):
    def call(*words, **facts):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return real(*words, **facts)
    return call

for module, name in ((os, "open"), (os, "fsync"), (os, "link"), (os, "rename"), (os, "replace"), (os, "symlink"), (os, "unlink")):
    setattr(module, name, counted(getattr(module, name)))
with Undo(room / ".undo") as undo:
    changes(undo, room)
    undo.make()
    undo.keep()
print("done")
"""


def test_a_kill_before_each_step_leaves_all_or_is_put_back(tmp_path: Path) -> None:
    """Killed before every single change on disk: the next process finds the old state, or the new one."""
    outcomes: list[str] = []
    for left in range(200):
        room = tmp_path / str(left)
        room.mkdir()
        (room / "file").write_text("old")
        (room / "gone").write_text("gone")
        (room / "link").symlink_to("1")
        before = facts(room)
        argv = [sys.executable, "-c", textwrap.dedent(KILLED), str(room), str(left)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)
        if done.stdout == "done\n":
            assert facts(room) == AFTER
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        recover(room / ".undo")
        recover(room / ".undo")
        found = {name: text for name, text in facts(room).items() if not name.startswith(".")}
        assert found in (before, AFTER), f"killed before step {left}"
        outcomes.append("old" if found == before else "new")
    else:
        pytest.fail("it never came to an end")
    assert len(outcomes) > 20
    assert "".join(sorted({*outcomes})) == "newold"
    assert outcomes == sorted(outcomes, reverse=True), "once it is new it stays new"
