"""The last hour of every environment, minute by minute: read once, then only what is new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pushwarden.control.series import sums
from pushwarden.core.tally import HOUR_MS, MINUTE_MS
from pushwarden.ports.catalog import Catalog
from pushwarden.ports.tallies import Step

MINUTES = 60
KEPT = 64
"""Organisations whose last hour is remembered; another one begins anew."""
Place = tuple[str, str]
"""App and environment."""
Minutes = dict[Place, dict[tuple[str, int], tuple[int, int]]]
"""Place → (provider, minute) → accepted, refused."""


@dataclass(frozen=True, slots=True)
class Beat:
    """accepted: in each of the last sixty minutes, the oldest first, the one under way last."""

    accepted: tuple[int, ...]
    refused: int

    @property
    def per_minute(self) -> int:
        """In the last minute that is over."""
        return self.accepted[-2]

    @property
    def total(self) -> int:
        return sum(self.accepted)


STILL = Beat((0,) * MINUTES, 0)


class Pulse:
    """Remembers what it read. Tallies of a minute grow for a few seconds after it: two are read again."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._kept: dict[str, tuple[int, Minutes]] = {}

    async def beats(self, organisation: str, now_ms: int, only: Place | None = None) -> Mapping[Place, Beat]:
        """Environments of which nothing is told here had no attempt. only: no other than this one."""
        first = _minute(now_ms) - (MINUTES - 1) * MINUTE_MS
        upto, minutes = self._kept.pop(organisation, (0, {}))
        since = max(first, upto - MINUTE_MS)
        found = await self._catalog.read(lambda tables: tables.tallies.across(organisation, Step.MINUTE, since))
        for one in found:
            said = sums(one.amounts)
            minutes.setdefault((one.app, one.environment), {})[one.provider, one.at] = said.accepted, said.refused
        self._kept[organisation] = (_minute(now_ms), minutes)
        if len(self._kept) > KEPT:
            self._kept.pop(next(iter(self._kept)))
        wanted = minutes if only is None else {only: minutes.get(only, {})}
        return {place: beat for place, counted in wanted.items() if (beat := beat_of(counted, first)) != STILL}


def beat_of(counted: dict[tuple[str, int], tuple[int, int]], first: int) -> Beat:
    """first: when the oldest of the sixty minutes begins; what is older is forgotten."""
    for key in [key for key in counted if key[1] < first]:
        del counted[key]
    accepted, refused = [0] * MINUTES, 0
    for (_, at), (good, bad) in counted.items():
        number = (at - first) // MINUTE_MS
        if number < MINUTES:
            accepted[number] += good
            refused += bad
    return Beat(tuple(accepted), refused)


def _minute(now_ms: int) -> int:
    return now_ms - now_ms % MINUTE_MS


assert MINUTES * MINUTE_MS == HOUR_MS
