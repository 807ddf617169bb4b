"""The systemd units of an app, which the server's settings list: restarted, and looked at again a moment later."""

import time
from collections.abc import Sequence

from hookrunner.model.publication import Reason, Refused, Restarted
from hookrunner.publisher.programs import call

_TIMEOUT = 120  # seconds; systemd's own for a start is 90
_A_WHILE = 1.0  # seconds in which a program that cannot work usually ends
_LAST_WORDS = 5  # lines of the unit's journal


def restart(units: Sequence[str]) -> Restarted | Refused:
    """Restart the units in their order (systemctl(1)); the first that does not run is the refusal."""
    for unit in units:
        done = call(["systemctl", "restart", unit], _TIMEOUT)
        if done.status:
            return _refused(unit, done.err)
    if units:
        time.sleep(_A_WHILE)
    for unit in units:
        if (state := _state(unit)) in _BROKEN:
            return _refused(unit, f"it was started, and does not run: {state}")
    return Restarted(tuple(units))


_BROKEN = ("failed", "auto-restart", "dead")


def _state(unit: str) -> str:
    """How it stands: what is broken, or "". A unit of type oneshot may be over."""
    shown = call(["systemctl", "show", "--property=Type,ActiveState,SubState,Result", unit], _TIMEOUT).out
    facts = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    if facts.get("ActiveState") == "failed" or facts.get("Result", "success") != "success":
        return "failed"
    if facts.get("Type") == "oneshot":
        return ""
    return facts.get("SubState", "")


def _refused(unit: str, words: str) -> Refused:
    said = [line for line in words.splitlines() if line.strip()][:2]
    journal = call(["journalctl", "--unit", unit, "--lines", str(_LAST_WORDS), "--output=cat", "--no-pager"], _TIMEOUT)
    last = [line for line in journal.out.splitlines() if line.strip()] if journal.status == 0 else []
    return Refused(Reason.UNIT, (f"{unit}: {said[0] if said else 'no reason given'}", *said[1:], *last))
