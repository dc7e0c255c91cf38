"""The last hour of every environment, minute by minute: read once, then only what is new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pushwarden.control.series import sums
from pushwarden.core.tally import HOUR_MS, MINUTE_MS, Tally
from pushwarden.ports.catalog import Catalog
from pushwarden.ports.tallies import Step

MINUTES = 60
KEPT = 64
"""Organisations whose last hour is remembered; another one begins anew."""
Place = tuple[str, str]
"""App and environment."""
Minutes = dict[tuple[str, str, str, int], tuple[int, int]]
"""(app, environment, provider, minute) → accepted, refused."""


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

    async def beats(self, organisation: str, now_ms: int) -> Mapping[Place, Beat]:
        """Environments of which nothing is told here had no attempt."""
        first = _minute(now_ms) - (MINUTES - 1) * MINUTE_MS
        upto, kept = self._kept.pop(organisation, (0, {}))
        since = max(first, upto - MINUTE_MS)
        found = await self._catalog.read(lambda tables: tables.tallies.across(organisation, Step.MINUTE, since))
        minutes = {key: one for key, one in kept.items() if key[3] >= first} | _counted(found)
        self._kept[organisation] = (_minute(now_ms), minutes)
        if len(self._kept) > KEPT:
            self._kept.pop(next(iter(self._kept)))
        return beats(minutes, first)


def beats(minutes: Minutes, first: int) -> dict[Place, Beat]:
    """first: when the oldest of the sixty minutes begins."""
    accepted: dict[Place, list[int]] = {}
    refused: dict[Place, int] = {}
    for (app, environment, _, at), (good, bad) in minutes.items():
        place, number = (app, environment), (at - first) // MINUTE_MS
        if 0 <= number < MINUTES:
            accepted.setdefault(place, [0] * MINUTES)[number] += good
            refused[place] = refused.get(place, 0) + bad
    return {place: Beat(tuple(counts), refused[place]) for place, counts in accepted.items()}


def _counted(found: list[Tally]) -> Minutes:
    said = {(one.app, one.environment, one.provider, one.at): sums(one.amounts) for one in found}
    return {key: (one.accepted, one.refused) for key, one in said.items()}


def _minute(now_ms: int) -> int:
    return now_ms - now_ms % MINUTE_MS


assert MINUTES * MINUTE_MS == HOUR_MS
