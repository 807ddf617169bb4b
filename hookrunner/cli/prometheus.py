"""The report as Prometheus text (prometheus.io, exposition formats), for node_exporter's textfile collector."""

import sys
from collections.abc import Sequence
from datetime import datetime

from hookrunner.flows.observe import NameStatus
from hookrunner.model.names import AppName


def show(names: Sequence[tuple[AppName, NameStatus]], now: datetime) -> None:
    """Print it."""
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    registry = CollectorRegistry()

    def gauge(name: str, words: str, *labels: str) -> Gauge:
        return Gauge(f"hookrunner_{name}", words, ("app", "domain", *labels), registry=registry)

    secured = gauge("domain_secured", "Whether the domain answers over HTTPS.")
    waiting = gauge("domain_waiting", "1 while something stands in the way of a certificate, by its kind.", "kind")
    since = gauge("domain_waiting_since_seconds", "When that began, in seconds since 1970.")
    again = gauge("domain_next_try_seconds", "Before which moment the CA is not asked again, in seconds since 1970.")
    end = gauge("certificate_not_after_seconds", "When the certificate ends, in seconds since 1970.", "ca")
    due = gauge("certificate_renewal_seconds", "From when it is renewed, in seconds since 1970.", "ca")
    read = Gauge("hookrunner_report_seconds", "When this was written, in seconds since 1970.", registry=registry)
    read.set(now.timestamp())
    for app, name in names:
        where = (str(app), str(name.domain))
        secured.labels(*where).set(1 if name.certificate and name.certificate.not_after > now else 0)
        if name.obstacle:
            waiting.labels(*where, name.obstacle.kind).set(1)
            since.labels(*where).set(name.obstacle.since.timestamp())
        if name.next_try:
            again.labels(*where).set(name.next_try.timestamp())
        if name.certificate and name.due:
            end.labels(*where, name.certificate.id.authority).set(name.certificate.not_after.timestamp())
            due.labels(*where, name.certificate.id.authority).set(name.due.timestamp())
    sys.stdout.write(generate_latest(registry).decode())
