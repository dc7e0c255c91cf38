"""Ends a sender that says nothing for as long as its lease: frozen in a transaction it would lock a store for ever."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from pushwarden.adapters.seats import seats
from pushwarden.ports.ring import Processes, Seat

PATIENCE_ROUNDS = 10
"""Rounds of a second or more, counted and not timed: whoever was frozen itself for a while accuses nobody."""


class Watchdog:
    """Its supervisor starts a new sender, and the journal gives that one the shards."""

    def __init__(self, run: Path, processes: Processes) -> None:
        self._run, self._processes = run, processes
        self._silent: dict[Seat, int] = {}

    async def look(self, answered: Collection[str]) -> list[Seat]:
        """answered: the senders that spoke in this round. The ones that were ended."""
        here = [seat for seat in seats(self._run) if seat.sender not in answered]
        self._silent = {seat: self._silent.get(seat, 0) + 1 for seat in here}
        late = [seat for seat, rounds in self._silent.items() if rounds >= PATIENCE_ROUNDS]
        return [seat for seat in late if await self._processes.end(seat)]
