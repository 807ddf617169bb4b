"""Moments as RFC 3339 texts in UTC, to the second, as records and JSON carry them."""

from datetime import UTC, datetime


def written(moment: datetime) -> str:
    """``2026-11-23T21:53:00Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read(text: str) -> datetime:
    """The moment that :func:`written` wrote, aware."""
    return datetime.fromisoformat(text).astimezone(UTC)
