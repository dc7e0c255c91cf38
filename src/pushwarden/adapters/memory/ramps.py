"""Ramps in memory."""

from __future__ import annotations

from pushwarden.core.ramp import Ramp


class MemoryRamps:
    def __init__(self, rows: dict[str, Ramp]) -> None:
        self._rows = rows

    def put(self, ramp: Ramp) -> None:
        self._rows[ramp.id] = ramp

    def get(self, ramp: str) -> Ramp | None:
        return self._rows.get(ramp)

    def open(self, organisation: str = "") -> list[Ramp]:
        own = [
            ramp
            for ramp in self._rows.values()
            if ramp.ended_at is None and (not organisation or ramp.scope.organisation in (organisation, ""))
        ]
        return sorted(own, key=lambda ramp: (-ramp.started_at, ramp.id))
