"""What the machine itself lacks: its errors in words, and what to do about each."""

import errno
from collections.abc import Iterator

from hookrunner.core import wording
from hookrunner.core.wording import Line

_WORDS = {
    errno.ENOSPC: "no space is left on the disk of {place}",
    errno.EDQUOT: "the disk quota is used up for {place}",
    errno.EROFS: "the file system of {place} is read-only",
    errno.EACCES: "no permission for {place}",
    errno.EPERM: "no permission for {place}",
    errno.EMFILE: "too many files are open, at {place}",
    errno.ENFILE: "too many files are open on the whole server, at {place}",
    errno.EIO: "the disk of {place} has errors",
}
_HINTS = {
    errno.ENOSPC: "on the server: df -h and df -i show what is full; make room there",
    errno.EDQUOT: "on the server: raise the quota, or make room",
    errno.EROFS: "on the server: dmesg says why it is read-only; then mount -o remount,rw",
    errno.EACCES: "on the server: give it to the user that runs hookrunner, with chown",
    errno.EPERM: "on the server: give it to the user that runs hookrunner, with chown",
    errno.EMFILE: "on the server: raise the limit of open files (ulimit -n)",
    errno.ENFILE: "on the server: raise fs.file-max",
    errno.EIO: "on the server: dmesg says which disk it is; save what is on it",
}
# What a program writes when it meets one of these: strerror(3).
_SAID = {
    "No space left on device": errno.ENOSPC,
    "Disk quota exceeded": errno.EDQUOT,
    "Read-only file system": errno.EROFS,
    "Input/output error": errno.EIO,
}


def trouble(error: Exception) -> Iterator[Line]:
    """An error of the machine, or of a program that met one, with what to do where that is known."""
    if isinstance(error, OSError) and error.errno in _WORDS:
        yield wording.error(_WORDS[error.errno].format(place=error.filename or "the server"))
        yield wording.hint(_HINTS[error.errno])
        return
    yield wording.error(str(error) or type(error).__name__)
    if "the record " in str(error):
        yield wording.hint("on the server: take that file out of a backup, or move it away")
    if "root's publisher" in str(error):
        yield wording.hint("on the server, as root: journalctl -t hookrunner-publisher, hookrunner setup")
    for words, number in _SAID.items():
        if words in str(error):
            yield wording.hint(_HINTS[number])
