"""Notices: what people are told of a credential, when, and never twice. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pushwarden.core.health import DAY_MS, Health

DAYS = (60, 30, 14, 7, 3, 1)
"""Days before the end at which it is told (console.md §3.1)."""
CALM_MS = 600_000
"""How long a trouble must be over before its end is told: one that comes and goes is told once."""


class Notice(StrEnum):
    """What may be told. The names are those of the callbacks' events."""

    EXPIRES = "credential.expires"
    EXPIRED = "credential.expired"
    ATTENTION = "credential.attention"
    FAILING = "credential.failing"
    WELL = "credential.well"


LEVELS = {Health.ATTENTION: Notice.ATTENTION, Health.FAILING: Notice.FAILING}
"""How bad it is, for notices; everything else is well."""
_ORDER = (Notice.WELL, Notice.ATTENTION, Notice.FAILING)


@dataclass(frozen=True, slots=True)
class Due:
    """Something to be told now. what: the name under which it is remembered; days: until the end, rounded up."""

    notice: Notice
    what: str
    days: int = 0


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail on its way, the same text at every try. Times are Unix milliseconds; gave_up: it waits for a person."""

    organisation: str
    id: str
    recipient: str
    subject: str
    body: str = field(repr=False)
    since: int
    due_at: int
    attempts: int = 0
    error: str = ""
    gave_up: bool = False


def expiry_due(ends_at: int, now_ms: int, given: Mapping[str, int]) -> Due | None:
    """The nearest of DAYS that is reached, or the end itself, unless that or a nearer one was told.

    So after a downtime one is told and not all that were missed, and a clock that steps back repeats nothing.
    """
    if now_ms >= ends_at:
        return None if "expired" in given else Due(Notice.EXPIRED, "expired")
    days = -(-(ends_at - now_ms) // DAY_MS)
    reached = [day for day in DAYS if days <= day]
    if not reached or "expired" in given or any(f"expires:{day}" in given for day in DAYS if day <= reached[-1]):
        return None
    return Due(Notice.EXPIRES, f"expires:{reached[-1]}", days)


def level_due(health: Health, now_ms: int, given: Mapping[str, int]) -> Due | None:
    """That it became worse, at once; that it became better, once the last word is CALM_MS old."""
    level = LEVELS.get(health, Notice.WELL)
    told = max((one for one in _ORDER if one in given), key=lambda one: given[one], default=Notice.WELL)
    worse = _ORDER.index(level) > _ORDER.index(told)
    if level is told or not (worse or now_ms - given[told] >= CALM_MS):
        return None
    return Due(level, level)
