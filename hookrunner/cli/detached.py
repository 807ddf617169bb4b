"""A deploy that outlives its client: forked into a session of its own, while this process only shows its log.

Measured: a client that goes away sends no signal and makes no write fail; a hook that writes on then sleeps for ever.
So the deploy holds none of the client's descriptors, and what shows its log writes only where it is read.
"""

import os
import select
import time
from collections.abc import Callable
from pathlib import Path

from hookrunner.cli.output import Printer, open_log

_PORTION = 4096  # bytes: PIPE_BUF, so that a write that poll allows does not block
_LOST = b"!"
_PATIENCE = 5.0  # seconds that an unread log is offered after the deploy's end


def run_detached(log: Path, work: Callable[[Printer], None]) -> int:
    """Fork; in the child run ``work`` with a printer into ``log`` and exit. The parent gets a descriptor.

    One byte comes out of it for each write into the log, :data:`_LOST` for one that failed, and its end is the end of
    the work: see :func:`show`.
    """
    output = open_log(log)
    wake, waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    if os.fork():
        os.close(waker)
        os.close(output)
        return wake
    status = 1
    try:
        os.setsid()
        _keep_only(output, waker)
        printer = Printer(1, spoken=_waking(3))
        with printer.alive():
            work(printer)
        status = 0
    finally:
        os._exit(status)


def show(log: Path, wake: int, out: int = 1) -> bool:
    """Copy the log to ``out`` as it grows, until its deploy has ended or nobody reads for some seconds after that.

    Whether all that was said is in the log.
    """
    pending, ended_at, is_whole = b"", 0.0, True
    with log.open("rb") as lines, os.fdopen(wake, "rb", buffering=0) as bell:
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        while True:
            pending = pending or lines.read(_PORTION)
            if ended_at and (not pending or time.monotonic() - ended_at > _PATIENCE):
                return is_whole
            if pending:
                poll.register(out, select.POLLOUT)
            events = dict(poll.poll(_PATIENCE * 1000))
            if events.get(out, 0) & (select.POLLERR | select.POLLHUP | select.POLLNVAL):
                return is_whole
            if events.get(out, 0) & select.POLLOUT:
                try:
                    pending = pending[os.write(out, pending) :]
                except OSError:
                    return is_whole
                if not pending:
                    poll.unregister(out)
            if wake in events:
                rung = bell.read(_PORTION)
                is_whole = is_whole and _LOST not in rung
                if rung == b"":
                    poll.unregister(wake)
                    ended_at = time.monotonic()


def _keep_only(output: int, waker: int) -> None:
    """Leave just /dev/null, the log, the log again, and the bell as descriptors 0 to 3."""
    null = os.open(os.devnull, os.O_RDONLY)
    bell = os.dup(waker)  # out of the way of 0 to 3
    for descriptor, place in ((null, 0), (output, 1), (output, 2), (bell, 3)):
        os.dup2(descriptor, place, inheritable=place < 3)
    os.closerange(4, os.sysconf("SC_OPEN_MAX"))


def _waking(bell: int) -> Callable[[bool], None]:
    def wake(is_written: bool) -> None:
        try:
            os.write(bell, b"." if is_written else _LOST)
        except OSError:  # the one who shows the log is gone, or slow
            return

    return wake
