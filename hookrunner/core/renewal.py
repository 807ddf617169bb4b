"""When a certificate is due, and when the CA is asked what it suggests (RFC 9773).

The CA's window decides, where it has one. Else a certificate is due at a third of its lifetime left, at half of it when
that is under ten days. With a twentieth left it is due whatever the CA says.
"""

from datetime import datetime, timedelta

from hookrunner.model.certificate import Ari, Certificate, Window

_SHORT_LIVED = timedelta(days=10)
_SOONEST, _USUAL, _LATEST = timedelta(minutes=1), timedelta(hours=6), timedelta(days=1)  # RFC 9773 section 4.3
_FAILED = timedelta(minutes=5)  # doubled with each failure, up to the usual


def due(certificate: Certificate) -> datetime:
    """The moment from which it is renewed."""
    lifetime = certificate.not_after - certificate.not_before
    if window := _window(certificate):
        return min(window.moment, certificate.not_after - lifetime / 20)
    return certificate.not_after - (lifetime / 2 if lifetime < _SHORT_LIVED else lifetime / 3)


def warning(certificate: Certificate) -> datetime:
    """The moment from which its owner hears that it was not renewed: half way from being due to its end."""
    return certificate.not_after - (certificate.not_after - due(certificate)) / 2


def why(certificate: Certificate) -> str:
    """Why it is due at that moment."""
    lifetime = certificate.not_after - certificate.not_before
    if window := _window(certificate):
        if window.moment > due(certificate):
            return "a twentieth of its life left, whatever the CA suggests"
        more = f", see {window.explanation}" if window.explanation else ""
        return f"the CA suggests {_minute(window.start)} to {_minute(window.end)}{more}"
    return f"{'half' if lifetime < _SHORT_LIVED else 'a third'} of its life left"


def asks(certificate: Certificate, now: datetime) -> bool:
    """Whether the CA may be asked for its window. A moment further away than any that is set comes of a wrong clock."""
    if certificate.not_after <= now:
        return False  # RFC 9773 section 4.3: not of one that has expired
    return certificate.ari is None or not now < certificate.ari.again <= now + _LATEST


def suggested(
    before: Ari | None, start: datetime, end: datetime, *, now: datetime, retry_after: datetime | None, at: float,
    explanation: str = "",
) -> Ari:  # fmt: skip
    """What is remembered of a window. Its moment is ``at``, between 0 and 1, of it; chosen once for each window."""
    again = min(max(retry_after or now + _USUAL, now + _SOONEST), now + _LATEST)
    known = before.window if before else None
    moment = known.moment if known and (known.start, known.end) == (start, end) else start + (end - start) * at
    return Ari(again, Window(start, end, moment, explanation))


def unanswered(before: Ari | None, now: datetime) -> Ari:
    """What is remembered when the CA did not answer: the window as it was, and a pause."""
    failures = before.failures + 1 if before else 1
    again = now + min(_FAILED * 2 ** min(failures - 1, 16), _USUAL)
    return Ari(again, before.window if before else None, failures)


def _window(certificate: Certificate) -> Window | None:
    return certificate.ari.window if certificate.ari else None


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
