"""When a certificate is due: at a third of its lifetime left, at half of it when that is under ten days."""

from datetime import datetime, timedelta

from hookrunner.model.certificate import Certificate

_SHORT_LIVED = timedelta(days=10)


def warning(certificate: Certificate) -> datetime:
    """The moment from which its owner hears that it was not renewed: half way from being due to its end."""
    return certificate.not_after - (certificate.not_after - due(certificate)) / 2


def due(certificate: Certificate) -> datetime:
    """The moment from which it is renewed."""
    lifetime = certificate.not_after - certificate.not_before
    return certificate.not_after - (lifetime / 2 if lifetime < _SHORT_LIVED else lifetime / 3)
