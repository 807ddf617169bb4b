"""What is the file back end's own; what any back end keeps is in `test_records_contract`."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hookrunner.edges.records import FileStore


def _modes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder.parent)): oct(path.stat().st_mode & 0o777) for path in [folder, *folder.rglob("*")]
    }


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_records_are_for_their_owner_alone(tmp_path: Path, umask: int) -> None:
    """Files are 0600 and the store's folder is 0700, whatever the umask: account keys are in there."""
    before = os.umask(umask)
    try:
        store = FileStore(tmp_path / "state" / "records")
        store.put("accounts/letsencrypt", {"key": "secret"})
        store.put("claims/domains/a.example", {"app": "shop"})
        with store.lock("apps/shop"):
            pass
    finally:
        os.umask(before)
    modes = _modes(store.folder)
    assert modes["records"] == "0o700"
    assert {modes[name] for name in modes if (store.folder.parent / name).is_file()} == {"0o600"}


def test_a_lock_alone_makes_the_folder_for_its_owner(tmp_path: Path) -> None:
    """The folder is 0700 also when a lock was the first thing that was asked for."""
    store = FileStore(tmp_path / "records")
    with store.lock("claims"):
        pass
    assert _modes(store.folder)["records"] == "0o700"


def test_a_reader_never_sees_half_a_record(tmp_path: Path) -> None:
    """While another process writes as fast as it can, every read is one whole record that was written."""
    store = FileStore(tmp_path / "records")
    store.put("big", {"n": 0, "text": "0" * 50_000})
    code = (
        "import sys\nfrom pathlib import Path\nfrom hookrunner.edges.records import FileStore\n"
        "store = FileStore(Path(sys.argv[1]))\n"
        "for n in range(10**9):\n    store.put('big', {'n': n, 'text': str(n % 10) * (50_000 + n % 7)})\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(store.folder)]) as writer:
        try:
            seen: set[int] = set()
            until = time.monotonic() + 10
            while len(seen) < 50:
                assert time.monotonic() < until
                record = store.get("big")
                assert record is not None
                assert [one.key for one in store.list("")] == ["big"]
                number, text = record.value["n"], record.value["text"]
                assert text == str(number % 10) * len(text)
                seen.add(number)
        finally:
            writer.kill()


def test_nothing_but_records_is_left(tmp_path: Path) -> None:
    """No temporary file and no lock stays behind, after writing, after a lock, after a value that is no JSON."""
    store = FileStore(tmp_path / "records")
    for n in range(20):
        store.put(f"a/{n % 3}", {"n": n})
    with pytest.raises(TypeError):
        store.put("a/0", {"no JSON": object()})
    store.delete("a/2")
    with store.lock("deploys/a/1"):
        pass
    files = sorted(str(path.relative_to(store.folder)) for path in store.folder.rglob("*") if path.is_file())
    assert files == ["a/0", "a/1"]
    kept = store.get("a/0")
    assert kept is not None
    assert kept.value == {"n": 18}


def test_a_temporary_file_of_a_killed_writer_is_no_record(tmp_path: Path) -> None:
    """What a writer that was killed left beside a record is neither listed nor read."""
    store = FileStore(tmp_path / "records")
    store.put("a/one", {})
    (store.folder / "a" / ".0123456789abcdef").write_text('{"revi')
    assert [record.key for record in store.list("a")] == ["a/one"]
    assert [record.key for record in store.list("")] == ["a/one"]


def test_a_lock_whose_file_was_removed_is_not_held_any_more(tmp_path: Path) -> None:
    """When somebody deletes the lock's file, the holder is told: another could hold a new one."""
    store = FileStore(tmp_path / "records")
    with store.lock("claims") as lock:
        assert lock.still_held()
        (store.folder / ".locks" / "claims").unlink()
        assert not lock.still_held()
        with store.lock("claims", wait=0) as other:
            assert other.still_held()
            assert not lock.still_held()


def test_a_lock_is_not_inherited_by_programs(tmp_path: Path) -> None:
    """A program that is started under a lock and outlives it does not keep it."""
    store = FileStore(tmp_path / "records")
    with store.lock("claims"):
        left = subprocess.Popen(["/bin/sleep", "30"], close_fds=False)
    try:
        # A moment: Linux wakes the parent of a vfork(2) just before it closes what is close-on-exec.
        with store.lock("claims", wait=5):
            pass
    finally:
        left.kill()
        left.wait(10)
