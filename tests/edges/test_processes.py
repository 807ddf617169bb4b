"""The doorway to programs: no shell, no input, no endless waiting, and an error that says what failed."""

import os
import time
from pathlib import Path

import pytest

from hookrunner.edges import processes
from hookrunner.edges.processes import ProgramFailed


def test_words_are_words_and_never_a_shell() -> None:
    """Every word reaches the program as it is."""
    words = ["$HOME", "; exit 1", "`id`", "a b", "*", "", "ü\n"]
    assert processes.run(["printf", r"%s\0", *words]).out.decode() == "".join(f"{word}\0" for word in words)


def test_a_program_reads_what_it_is_given_and_nothing_else() -> None:
    """Standard input is the content, or empty."""
    assert processes.run(["cat"], content=b"\x00\xff").out == b"\x00\xff"
    assert processes.run(["cat"], content=b"").out == b""
    assert processes.run(["cat"], timeout=5).out == b""


def test_a_failure_is_told_with_the_last_words() -> None:
    """The message is the program and its last line; unchecked, the status comes back."""
    argv = ["sh", "-c", "echo first >&2; echo last >&2; exit 3"]
    with pytest.raises(ProgramFailed, match=r"^sh: last$"):
        processes.run(argv)
    result = processes.run(argv, check=False)
    assert (result.status, result.err) == (3, "first\nlast\n")


def test_a_silent_failure_is_told_with_its_status() -> None:
    """A program that says nothing is told by its status."""
    with pytest.raises(ProgramFailed, match=r"^false: ended with status 1$"):
        processes.run(["false"])


def test_words_that_are_no_text_are_shown() -> None:
    """Bytes that are no UTF-8 do not break the message."""
    with pytest.raises(ProgramFailed, match=r"^sh: �x$"):
        processes.run(["sh", "-c", r"printf '\377x' >&2; exit 1"])


def test_a_missing_program_is_named() -> None:
    """A program that is not there is a failure of the same kind."""
    with pytest.raises(ProgramFailed, match=r"^/nowhere/program is not there$"):
        processes.run(["/nowhere/program"])


def test_a_program_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    """So is one that is no program, unchecked too."""
    file = tmp_path / "text"
    file.write_text("no program")
    with pytest.raises(ProgramFailed, match=f"^{file}: Permission denied$"):
        processes.run([file], check=False)


def test_a_program_that_takes_too_long_is_ended() -> None:
    """After the timeout the program is gone, and its children do not hold us up."""
    started = time.monotonic()
    with pytest.raises(ProgramFailed, match="did not end within 0 s"):
        processes.run(["sh", "-c", "sleep 60; true"], timeout=0.2)
    assert time.monotonic() - started < 30


def test_environment_and_umask_are_what_is_asked_for(tmp_path: Path) -> None:
    """A given environment is the whole one, a given umask replaces the caller's."""
    assert processes.run(["/usr/bin/env"], env={"ONLY": "this"}).out == b"ONLY=this\n"
    before = os.umask(0o077)
    try:
        processes.run(["touch", tmp_path / "file"], umask=0o022)
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


def followed(*argv: str, timeout: float = 30) -> list[str]:
    """The lines that a program's output is passed on as."""
    lines: list[str] = []
    processes.follow(argv, env={"PATH": os.environ["PATH"]}, timeout=timeout, say=lines.append)
    return lines


def test_output_is_passed_on_as_it_comes() -> None:
    """Line by line, both streams, while the program still runs."""
    began = time.monotonic()
    seen: list[tuple[str, float]] = []
    argv = ("sh", "-c", "echo one; echo two >&2; sleep 2; printf three")
    processes.follow(argv, env=dict(os.environ), timeout=30, say=lambda line: seen.append((line, time.monotonic())))
    assert [line for line, _ in seen] == ["one", "two", "three"]
    assert seen[2][1] - seen[0][1] > 1, began


def test_a_program_that_fails_is_told_with_its_status() -> None:
    """After its output."""
    with pytest.raises(ProgramFailed, match=r"^sh ended with status 3$"):
        followed("sh", "-c", "exit 3")
    with pytest.raises(ProgramFailed, match=r"^/nowhere/program is not there$"):
        followed("/nowhere/program")
    with pytest.raises(ProgramFailed, match=r"^/etc/passwd: Permission denied$"):
        followed("/etc/passwd")


def test_a_program_that_goes_on_too_long_is_ended_with_all_it_started(tmp_path: Path) -> None:
    """Also one that closes its output, and one that ignores SIGTERM."""
    alive = tmp_path / "alive"
    script = f"trap '' TERM; (trap '' TERM; sleep 1000 & echo $! > {alive}; wait) & exec >&- 2>&-; wait"
    with pytest.raises(ProgramFailed, match=r"^sh did not end within 1 s$"):
        followed("sh", "-c", script, timeout=1)
    until = time.monotonic() + 30  # the kill is sent; the kernel carries it out when the process is next on
    while _runs(alive.read_text().strip()):
        assert time.monotonic() < until
        time.sleep(0.02)


def _runs(pid: str) -> bool:
    try:
        return not Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_what_is_left_running_holds_nobody_up() -> None:
    """A program that starts a server in the background has ended, although the server has its output."""
    began = time.monotonic()
    assert followed("sh", "-c", "(while :; do echo still; sleep 0.01; done) & echo $!") != []
    assert time.monotonic() - began < 20


def test_endless_output_is_bounded() -> None:
    """Of many lines the first are passed on and the others counted; a line without an end is cut."""
    lines = followed("sh", "-c", "i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); done")
    assert (lines[0], lines[999], lines[1000]) == ("0", "999", "1950 lines are left out")
    assert (lines[1001], lines[-1], len(lines)) == ("2950", "2999", 1051)
    assert max(map(len, followed("sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x"))) <= 4096
    assert followed("printf", "\\377\\033[31m\\n") == ["\ufffd\x1b[31m"]
