"""Notices: what people are told of a credential, when, and never twice. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pushwarden.core.app import Credential, choose
from pushwarden.core.callback import Event
from pushwarden.core.device import Audience, slot_of
from pushwarden.core.health import DAY_MS, Health

DAYS = (60, 30, 14, 7, 3, 1)
"""Days before the end at which it is told."""
CALM_MS = 600_000
"""How long a trouble must be over before its end is told: one that comes and goes is told once."""


LEVELS = {
    Health.ATTENTION: Event.CREDENTIAL_ATTENTION,
    Health.FAILING: Event.CREDENTIAL_FAILING,
    Health.READY: Event.CREDENTIAL_WELL,
}
"""What is kept of a credential in use → how bad it is. What is not proven yet is neither well nor bad."""
_ORDER = (Event.CREDENTIAL_WELL, Event.CREDENTIAL_ATTENTION, Event.CREDENTIAL_FAILING)


@dataclass(frozen=True, slots=True)
class Due:
    """Something to be told now. what: the name under which it is remembered; days: until the end, rounded up."""

    event: Event
    what: str
    days: int = 0


def expiry_due(ends_at: int, now_ms: int, given: Mapping[str, int]) -> Due | None:
    """The nearest of DAYS that is reached, or the end itself, unless that or a nearer one was told.

    So after a downtime one is told and not all that were missed, and a clock that steps back repeats nothing.
    """
    if now_ms >= ends_at:
        return None if "expired" in given else Due(Event.CREDENTIAL_EXPIRED, "expired")
    days = -(-(ends_at - now_ms) // DAY_MS)
    reached = [day for day in DAYS if days <= day]
    if not reached or "expired" in given or any(f"expires:{day}" in given for day in DAYS if day <= reached[-1]):
        return None
    return Due(Event.CREDENTIAL_EXPIRES, f"expires:{reached[-1]}", days)


def level_due(health: Health, now_ms: int, given: Mapping[str, int]) -> Due | None:
    """That it became worse, at once; that it became better, once the last word is CALM_MS old."""
    level = LEVELS.get(health)
    if level is None:
        return None
    told = max((one for one in _ORDER if one in given), key=lambda one: given[one], default=Event.CREDENTIAL_WELL)
    worse = _ORDER.index(level) > _ORDER.index(told)
    if level is told or not (worse or now_ms - given[told] >= CALM_MS):
        return None
    return Due(level, level)


def silenced(credential: Credential, active: Sequence[Credential], audiences: Sequence[Audience]) -> int:
    """How many devices nothing reaches without this credential. active: every one of its lane's slots."""
    return sum(
        one.size
        for one in audiences
        if one.provider == credential.provider and serves(credential, active, slot_of(one.token_kind))
    )


def serves(credential: Credential, active: Sequence[Credential], slot: str) -> bool:
    """Whether a slot's pushes are sent with it; what has no slot of its own is the main one's."""
    own = {one.slot: one for one in active}
    return choose(own.get(slot), own.get(""), slot) is credential
