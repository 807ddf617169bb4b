"""What every back end of the `Store` protocol has to keep; a new one joins by adding itself to `BACK_ENDS`."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hookrunner.edges.records import ABSENT, Busy, Conflict, FileStore, Store

BACK_ENDS: dict[str, Callable[[Path], Store]] = {"files": lambda folder: FileStore(folder / "records")}

# Another process opens the same store with this line; {folder!r} is the back end's place.
OPEN = {"files": "from hookrunner.edges.records import *; store = FileStore(Path({folder!r}) / 'records')"}

ODD_PARTS = [
    ".hidden", "..", ".", "...", ".locks", ".writing", " leading and trailing ",
    "*.example.org", "loopback:8000", "[::1]:80",
    "a%2Eb", "%2Ehidden", "%", "a\\b", "a\nb", "a\tb", "\x00", "tilde~", "ÄÖ ü", "пример", "例え", "🙂", "?#&;'\"$`|<>",
    ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61]),
]  # fmt: skip


@pytest.fixture(params=sorted(BACK_ENDS))
def kind(request: pytest.FixtureRequest) -> str:
    """Which back end."""
    return str(request.param)


@pytest.fixture
def store(kind: str, tmp_path: Path) -> Store:
    """An empty store."""
    return BACK_ENDS[kind](tmp_path)


class Others:
    """Other processes with the same store; each is ended with the test."""

    def __init__(self, opening: str) -> None:
        self._opening = opening
        self._started: list[subprocess.Popen[str]] = []

    def start(self, code: str) -> "subprocess.Popen[str]":
        """Run ``code`` with ``store`` open."""
        head = f"import json, sys, time\nfrom pathlib import Path\n{self._opening}\n"
        self._started.append(
            subprocess.Popen(
                [sys.executable, "-c", head + code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        )
        return self._started[-1]

    def end(self) -> None:
        """Kill what still runs."""
        for process in self._started:
            process.kill()
            process.communicate()


@pytest.fixture
def others(kind: str, tmp_path: Path) -> Iterator[Others]:
    """Starts other processes."""
    started = Others(OPEN[kind].format(folder=str(tmp_path)))
    yield started
    started.end()


HOLD = """
with store.lock("apps/shop"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_nothing_is_there_before_it_is_written(store: Store) -> None:
    """An empty store answers None and an empty list, and deleting nothing is no error."""
    assert store.get("apps/shop") is None
    assert store.list("apps") == []
    assert store.list("") == []
    store.delete("apps/shop")
    store.delete("apps/shop", if_revision=ABSENT)


def test_get_returns_what_put_wrote(store: Store) -> None:
    """A record comes back with its key, its value and the revision that put returned."""
    value = {"text": "ü\n\x00🙂", "number": 3, "list": [None, True, {"deep": 1.5}], "empty": {}}
    revision = store.put("deploys/shop/1", value)
    assert revision != ABSENT
    assert store.get("deploys/shop/1") == ("deploys/shop/1", value, revision)


def test_every_put_has_a_revision_of_its_own(store: Store) -> None:
    """Writing the same value again makes another revision."""
    revisions = [store.put("apps/shop", {"same": 1}) for _ in range(20)]
    assert len(set(revisions)) == 20


def test_without_a_revision_whatever_is_there_is_overwritten(store: Store) -> None:
    """None asks for nothing."""
    store.put("apps/shop", {"n": 1})
    revision = store.put("apps/shop", {"n": 2}, if_revision=None)
    assert store.get("apps/shop") == ("apps/shop", {"n": 2}, revision)


def test_absent_takes_only_what_is_not_there(store: Store) -> None:
    """The second of two writers that ask for an absent record conflicts, and changes nothing."""
    first = store.put("claims/domains/a.example", {"app": "shop"}, if_revision=ABSENT)
    with pytest.raises(Conflict):
        store.put("claims/domains/a.example", {"app": "blog"}, if_revision=ABSENT)
    assert store.get("claims/domains/a.example") == ("claims/domains/a.example", {"app": "shop"}, first)


def test_a_revision_is_good_for_one_write(store: Store) -> None:
    """A stale revision conflicts, in put and in delete, and the record stays as it is."""
    old = store.put("apps/shop", {"n": 1})
    new = store.put("apps/shop", {"n": 2}, if_revision=old)
    with pytest.raises(Conflict):
        store.put("apps/shop", {"n": 3}, if_revision=old)
    with pytest.raises(Conflict):
        store.delete("apps/shop", if_revision=old)
    with pytest.raises(Conflict):
        store.delete("apps/shop", if_revision=ABSENT)
    assert store.get("apps/shop") == ("apps/shop", {"n": 2}, new)
    store.delete("apps/shop", if_revision=new)
    assert store.get("apps/shop") is None


def test_a_revision_conflicts_with_a_record_that_is_gone(store: Store) -> None:
    """Neither put nor delete takes a revision for a record that is not there any more."""
    old = store.put("apps/shop", {"n": 1})
    store.delete("apps/shop")
    with pytest.raises(Conflict):
        store.put("apps/shop", {"n": 2}, if_revision=old)
    with pytest.raises(Conflict):
        store.delete("apps/shop", if_revision=old)


def test_a_record_made_again_does_not_match_its_old_revision(store: Store) -> None:
    """ABA: deleting and writing the same value again never brings a revision back."""
    old = store.put("apps/shop", {"n": 1}, if_revision=ABSENT)
    store.delete("apps/shop", if_revision=old)
    new = store.put("apps/shop", {"n": 1}, if_revision=ABSENT)
    assert new != old
    with pytest.raises(Conflict):
        store.put("apps/shop", {"n": 2}, if_revision=old)
    with pytest.raises(Conflict):
        store.delete("apps/shop", if_revision=old)


def test_list_is_of_a_folder_sorted_by_key(store: Store) -> None:
    """All that is below the folder, however deep, by key, and nothing of a sibling whose name begins alike."""
    for key in ("a/z", "a/b/2", "a/b/10", "ab/x", "a-b/x", "b/x"):
        store.put(key, {"key": key})
    assert [record.key for record in store.list("a")] == ["a/b/10", "a/b/2", "a/z"]
    assert [record.value["key"] for record in store.list("a/b")] == ["a/b/10", "a/b/2"]
    assert [record.key for record in store.list("ab")] == ["ab/x"]
    assert store.list("c") == []
    assert len(store.list("")) == 6
    assert all(store.get(record.key) == record for record in store.list(""))


def test_a_record_is_not_below_itself(store: Store) -> None:
    """The prefix of a list is a folder, so a record of that very name is not in it."""
    store.put("apps/shop", {})
    assert store.list("apps/shop") == []


def test_a_deleted_record_is_listed_no_more(store: Store) -> None:
    """What is deleted is gone from lists, and what stood beside it stays."""
    store.put("a/one", {})
    store.put("a/two", {})
    store.delete("a/one")
    assert [record.key for record in store.list("a")] == ["a/two"]


@pytest.mark.parametrize("part", ODD_PARTS, ids=ascii)
def test_a_part_of_a_key_may_be_any_text(store: Store, part: str) -> None:
    """Whatever stands between slashes is kept to the letter, found, listed, deleted, and confused with nothing."""
    keys = [f"{part}/inner", f"outer/{part}", f"outer/in/{part}/end"]
    revisions = {key: store.put(key, {"key": key}, if_revision=ABSENT) for key in keys}
    for key in keys:
        assert store.get(key) == (key, {"key": key}, revisions[key])
    assert [record.key for record in store.list("outer")] == sorted(keys[1:])
    assert [record.key for record in store.list(part)] == keys[:1]
    assert [record.key for record in store.list("")] == sorted(keys)
    with store.lock(part):
        assert [record.key for record in store.list("")] == sorted(keys)
    store.delete(keys[1], if_revision=revisions[keys[1]])
    assert [record.key for record in store.list("outer")] == keys[2:]


def test_parts_that_look_alike_are_different_records(store: Store) -> None:
    """No two keys ever meet in one record: not by case, by dots, by escapes."""
    parts = [*ODD_PARTS, "A", "a", ".a", "%2Ea", "%2ea", "_.example.org", "\\", "%5C"]
    for number, part in enumerate(parts):
        store.put(f"x/{part}", {"n": number}, if_revision=ABSENT)
    assert [store.get(f"x/{part}") for part in parts] == [
        (f"x/{part}", {"n": number}, record.revision)
        for number, part in enumerate(parts)
        if (record := store.get(f"x/{part}"))
    ]
    assert [record.key for record in store.list("x")] == sorted(f"x/{part}" for part in parts)


def test_of_several_writers_at_one_revision_exactly_one_wins(store: Store, others: Others) -> None:
    """Counting up from several processes, each write at the revision it read, loses no count."""
    store.put("counter", {"n": 0})
    store.put("go", {})
    code = """
sys.stdin.readline()
for _ in range(25):
    while True:
        there = store.get("counter")
        try:
            store.put("counter", {"n": there.value["n"] + 1}, if_revision=there.revision)
            break
        except Conflict:
            pass
"""
    processes = [others.start(code) for _ in range(4)]
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        assert process.wait(60) == 0
    counter = store.get("counter")
    assert counter is not None
    assert counter.value == {"n": 100}


def test_an_absent_record_is_made_by_exactly_one(store: Store, others: Others) -> None:
    """Of several processes that claim the same fifty names, each name goes to one."""
    code = """
sys.stdin.readline()
won = []
for n in range(50):
    try:
        store.put(f"claims/{n}.example", {"app": sys.argv[0]}, if_revision=ABSENT)
        won.append(n)
    except Conflict:
        pass
print(json.dumps(won))
"""
    processes = [others.start(code) for _ in range(4)]
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    won = [number for process in processes for number in json.loads(process.communicate(timeout=60)[0])]
    assert sorted(won) == list(range(50))
    assert len(store.list("claims")) == 50


def test_a_lock_excludes_other_processes(store: Store, others: Others) -> None:
    """While another process holds a lock it cannot be had; Busy comes after the wait that was asked for."""
    holder = others.start(HOLD)
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    started = time.monotonic()
    with pytest.raises(Busy), store.lock("apps/shop", wait=0.3):
        pass
    assert 0.3 <= time.monotonic() - started < 5
    with pytest.raises(Busy), store.lock("apps/shop", wait=0):
        pass
    with store.lock("apps/blog", wait=0), store.lock("apps", wait=0):
        pass
    holder.communicate("", timeout=10)
    with store.lock("apps/shop", wait=5) as lock:
        assert lock.still_held()


def test_a_lock_excludes_other_threads(store: Store) -> None:
    """Two threads of one process are never in it at once, and one that waits for ever comes in at last."""
    inside, most, rounds = 0, 0, 0

    def work() -> None:
        nonlocal inside, most, rounds
        for _ in range(20):
            with store.lock("apps/shop"):
                inside += 1
                most = max(most, inside)
                time.sleep(0.0005)
                inside -= 1
                rounds += 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (most, rounds) == (1, 80)


def test_a_lock_that_is_held_is_busy_in_the_same_process(store: Store) -> None:
    """A lock is not taken twice, not even by its own holder."""
    with store.lock("apps/shop") as lock:
        with pytest.raises(Busy), store.lock("apps/shop", wait=0.05):
            pass
        assert lock.still_held()


def test_a_lock_ends_with_its_block_even_on_an_error(store: Store) -> None:
    """Whoever leaves the block by an exception leaves the lock too."""
    with contextlib.suppress(ZeroDivisionError), store.lock("apps/shop"):
        raise ZeroDivisionError
    with store.lock("apps/shop", wait=0):
        pass


def test_a_lock_ends_when_its_process_is_killed(store: Store, others: Others) -> None:
    """SIGKILL frees the lock at once, and whoever waits gets it."""
    holder = others.start(HOLD)
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    os.kill(holder.pid, signal.SIGKILL)
    with store.lock("apps/shop", wait=5) as lock:
        assert lock.still_held()


def test_a_writer_killed_at_any_moment_leaves_the_old_record_or_the_new(store: Store, others: Others) -> None:
    """After SIGKILL in the middle of writing the record is whole, and the next writer is not kept out."""
    store.put("big", {"n": -1, "text": "x"})
    for pause in (0.0, 0.01, 0.03):
        writer = others.start(
            "print('go', flush=True)\nfor n in range(10**9):\n    store.put('big', {'n': n, 'text': 'y' * 100_000})"
        )
        assert writer.stdout
        writer.stdout.readline()
        time.sleep(0.05 + pause)
        writer.kill()
        writer.wait(10)
        record = store.get("big")
        assert record is not None
        assert len(record.value["text"]) == 100_000
        assert [one.key for one in store.list("")] == ["big"]
        store.put("big", {"n": -1, "text": "x"}, if_revision=record.revision)


def test_records_can_be_written_while_a_lock_is_held(store: Store, others: Others) -> None:
    """Locks are between those who ask for them; a record of the same name is read and written as ever."""
    holder = others.start(HOLD)
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    revision = store.put("apps/shop", {"n": 1}, if_revision=ABSENT)
    assert store.get("apps/shop") == ("apps/shop", {"n": 1}, revision)
