"""The quarter of an hour after a switch: how much was refused before it and since, and the way back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pushwarden.control.console.credentials.lanes import Lane
from pushwarden.control.console.visit import Visit
from pushwarden.core.app import CredentialState
from pushwarden.core.errors import PushwardenError

SHOWN_MS = 15 * 60_000


@dataclass(frozen=True, slots=True)
class Answers:
    """What a provider answered for good."""

    accepted: int = 0
    refused: int = 0

    @property
    def total(self) -> int:
        return self.accepted + self.refused


@dataclass(frozen=True, slots=True)
class Switched:
    """before: of the hour that ended with the switch, as far as it is shown; since: from its minute on."""

    lane: Lane
    before: Answers
    since: Answers


async def switched(visit: Visit, found: Sequence[Lane]) -> Switched | None:
    """Of the lane that was switched last; None when none was lately, or there is nothing to switch back to."""
    fresh = [one for one in found if _lately(one, visit.now_ms)]
    if not fresh:
        return None
    lane = max(fresh, key=lambda one: one.active.activated_at if one.active else 0)
    try:
        points = (await visit.api.get(f"{visit.v1}/series", range="1h")).points
    except PushwardenError:
        points = []
    minute = _of(lane) - _of(lane) % 60_000
    before, since = (one for one in points if one.at_ms < minute), (one for one in points if one.at_ms >= minute)
    return Switched(lane, _sum(before), _sum(since))


def _lately(lane: Lane, now_ms: int) -> bool:
    back = lane.standby is not None and lane.standby.state == CredentialState.PREVIOUS
    return back and lane.active is not None and now_ms - _of(lane) < SHOWN_MS


def _of(lane: Lane) -> int:
    return int(lane.active.activated_at) if lane.active else 0


def _sum(points: Iterable[Any]) -> Answers:
    kept = list(points)
    return Answers(sum(one.accepted for one in kept), sum(one.refused for one in kept))
