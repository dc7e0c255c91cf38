"""Writes down what the senders counted, every other second while there is something new."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from pushwarden.control.tallying import take_over
from pushwarden.ports.catalog import Catalog
from pushwarden.ports.clock import Clock

EVERY_MS = 2000


class Tallying:
    """The catalog keeps how far it came, so that neither a sender's nor the api's restart counts anything twice."""

    def __init__(self, catalog: Catalog, clock: Clock) -> None:
        self._catalog, self._clock = catalog, clock
        self._written: list[Any] = []
        self._at = 0

    async def look(self, senders: Mapping[str, Mapping[str, Any]]) -> None:
        """senders: their stats as of now. Raises Busy or StoreFull; the next look makes good for it."""
        now_ms = self._clock.now_ms()
        counted = [
            (stats["counters"]["run"], stats["counters"]["endings"], stats["counters"]["written"])
            for _, stats in sorted(senders.items())
        ]
        if now_ms - self._at < EVERY_MS or counted == self._written:
            return
        await self._catalog.note(partial(take_over, stats=senders, now_ms=now_ms))
        self._written, self._at = counted, now_ms
