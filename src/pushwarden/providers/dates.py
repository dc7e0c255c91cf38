"""Times as a report says them."""

from __future__ import annotations

from datetime import UTC, datetime


def date_of(ms: int) -> str:
    """`14 Dec 2026`, in UTC. ms: Unix milliseconds."""
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%-d %b %Y}"


def weekday_of(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%A}"
