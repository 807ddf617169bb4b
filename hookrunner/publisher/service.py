"""The publisher as root's service: one request from one connection, answered and logged.

systemd accepts the connections (systemd.socket(5), ``Accept=yes``) and starts this with one as its standard input. A
line break is sent first, so that a client can tell a connection that systemd dropped from one that was taken; then the
request is read to its end, and the answer written: what :class:`~hookrunner.publisher.door.Door` answers, ``failed``
for an error of the machine, or ``defect``.
"""

import json
import os
import pwd
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hookrunner.model.publication import Reason, Refused
from hookrunner.publisher.door import Door

LARGEST = 64 << 20  # bytes of a request: a thousand apps' renewals in one
_PATIENCE = 30  # seconds for a request to come in
_LONGEST_WORD = 200  # characters of what is logged


def answer(connection: socket.socket, door: Callable[[], Door]) -> None:
    """Answer the request of one connection, and close it. ``door`` is opened when there is one."""
    began, peer = time.monotonic(), _peer(connection)
    try:
        connection.sendall(b"\n")
        content = _read(connection, began + _PATIENCE)
        document, request = _carried_out(content, door)
        connection.settimeout(_PATIENCE)
        connection.sendall(json.dumps(document).encode())
    except OSError as error:  # whoever asked has gone, or never asked
        _log(f"{peer}: broken off: {error}")
        return
    finally:
        connection.close()
    _log(f"{peer}: {_summary(request)}: {_outcome(document)}, {time.monotonic() - began:.2f} s")


def _read(connection: socket.socket, until: float) -> bytes:
    content = bytearray()
    while True:
        connection.settimeout(max(0.01, until - time.monotonic()))
        chunk = connection.recv(1 << 16)
        if not chunk or len(content) > LARGEST:
            return bytes(content)
        content += chunk


def _carried_out(content: bytes, door: Callable[[], Door]) -> tuple[dict[str, Any], object]:
    """The answer, and the request as far as it could be read."""
    if len(content) > LARGEST:
        return _refused(f"more than {LARGEST >> 20} MiB"), None
    try:
        request = json.loads(content)
    except (ValueError, RecursionError):
        return _refused("not a JSON document"), None
    try:
        return door().answer(request), request
    except OSError as error:
        return {"failed": [error.errno, error.strerror or str(error), error.filename]}, request
    except Exception as error:
        traceback.print_exc()
        return {"defect": f"{type(error).__name__}: {error}"}, request


def _refused(words: str) -> dict[str, Any]:
    return {"refused": Refused(Reason.REQUEST, (words,)).to_json()}


def _peer(connection: socket.socket) -> str:
    """Who asks, as the kernel says (unix(7), SO_PEERCRED)."""
    process, user, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    try:
        name = pwd.getpwuid(user).pw_name
    except KeyError:
        name = f"user {user}"
    return f"{name}, process {process}"


def _summary(request: object) -> str:
    """What was asked for, in a few words. Nothing of it is trusted: whatever is no plain text is written in ASCII."""
    if not isinstance(request, dict) or len(request) != 1:
        return "no request"
    ((kind, asked),) = request.items()
    named = asked if isinstance(asked, list) else [asked]
    apps = [str(one.get("app", one.get("certificate"))) if isinstance(one, dict) else str(one) for one in named]
    return _plain(f"{kind} {' '.join(apps)}")


def _outcome(document: dict[str, Any]) -> str:
    ((kind, said),) = document.items()
    match kind:
        case "csr":
            return "made"
        case "published":
            return f"published, reloads {said['reloads']}"
        case "answers":
            return _plain("; ".join(_outcome(one) for one in said))
        case "restarted" | "inspected":
            return str(kind)
        case "refused":
            return _plain(f"refused: {said['reason']}: {' '.join(said['words'])}")
    return _plain(f"{kind}: {said}")


def _plain(text: str) -> str:
    return ascii(text)[1:-1][:_LONGEST_WORD]


def _log(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def standard_input() -> socket.socket:
    """The connection that systemd left there; standard input and output are nothing from now on."""
    connection = socket.socket(fileno=os.dup(0))
    with Path(os.devnull).open("r+b") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(nothing.fileno(), 1)
    return connection
