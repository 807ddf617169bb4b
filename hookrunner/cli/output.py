"""Lines as people read them: whole, at most 72 columns, no ANSI, flushed as they come (git passes them on so)."""

import os
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unicodedata import combining, east_asian_width

from hookrunner.core.visible import visible
from hookrunner.core.wording import Kind, Line

WIDTH = 72
_ALIVE_EVERY = 10.0  # seconds without a line, after which there is a sign of life
_WORD = re.compile(r" *[^ ]+")  # with the spaces before it

_PREFIX = {
    Kind.STEP: "-----> ",
    Kind.DETAIL: "       ",
    Kind.HINT: "hint: ",
    Kind.ERROR: "error: ",
    Kind.WARNING: "warning: ",
    Kind.SUCCESS: "success: ",
}


def layout(line: Line) -> list[str]:
    """The line as rows of at most :data:`WIDTH` columns; only a single longer word may exceed them.

    A continued row has its prefix again (git colours by it), a continued result stands under its column.
    """
    prefix = _PREFIX[line.kind]
    again = prefix if line.kind is Kind.HINT else " " * 7
    text, indent = visible(line.text), ""
    if line.label is not None:
        label = visible(line.label)
        if len(label) > line.width:
            return [f"{prefix}{label}", *_wrapped(text, f"{again}  ", f"{again}  ")]
        prefix = f"{prefix}{label.ljust(line.width)}   "
        indent = " " * (line.width + 3)
    elif line.kind is Kind.HINT:
        indent = "  " + " " * (len(text) - len(text.lstrip()))
    return _wrapped(text, prefix, again + indent)


def _wrapped(text: str, first: str, others: str) -> list[str]:
    rows, row, has_words = list[str](), first + text[: len(text) - len(text.lstrip())], False
    for word in _WORD.findall(text.strip()):
        if has_words and _columns(row) + _columns(word) > WIDTH:
            rows.append(row)
            row, has_words = others, False
        row += word if has_words else word.lstrip()
        has_words = True
    return [*rows, row.rstrip()]


def _columns(text: str) -> int:
    """How many columns of a terminal it takes (UAX #11): two for each wide character, none for a combining one."""
    return sum(2 if east_asian_width(one) in "WF" else not combining(one) for one in text)


class Printer:
    """Says lines to file descriptors, one after another. One that cannot be written to (any more) is passed over.

    ``spoken`` is called after each write, with whether it reached all of them.
    """

    def __init__(self, *descriptors: int, spoken: Callable[[bool], None] = lambda _: None) -> None:
        self._descriptors = descriptors
        self._spoken = spoken
        self._lock = threading.Lock()
        self._said = threading.Event()
        self._step = ""

    def say(self, line: Line) -> None:
        """Print one line."""
        if line.kind is Kind.STEP:
            self._step = line.text
        self._write("".join(f"{row}\n" for row in layout(line)))
        self._said.set()

    @contextmanager
    def alive(self) -> Iterator[None]:
        """Give a sign of life whenever nothing was said for ten seconds."""
        over = threading.Event()

        def watch() -> None:
            quiet = 0.0
            while not over.is_set():
                if self._said.wait(_ALIVE_EVERY):
                    self._said.clear()
                    quiet = 0.0
                elif not over.is_set():
                    quiet += _ALIVE_EVERY
                    self._write(f"       still at it after {quiet:.0f} s: {visible(self._step)[:40]}\n")

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            self._said.set()
            watcher.join()

    def _write(self, text: str) -> None:
        with self._lock:
            content = text.encode("utf-8", "backslashreplace")
            written = [_write_all(descriptor, content) for descriptor in self._descriptors]
            self._spoken(all(written))


def open_log(path: Path) -> int:
    """A descriptor to write a deploy's log to; another process may have begun it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)


def say_all(lines: Iterable[Line]) -> None:
    """Print lines to standard error."""
    sys.stderr.flush()
    printer = Printer(2)
    for line in lines:
        printer.say(line)


def _write_all(descriptor: int, content: bytes) -> bool:
    try:
        while content:
            content = content[os.write(descriptor, content) :]
    except OSError:  # nobody reads it, or its disk is full: the work goes on
        return False
    return True
