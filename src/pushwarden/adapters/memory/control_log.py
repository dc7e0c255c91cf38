"""The catalog's logs in memory: snapshot, stops, holds, probes."""

from __future__ import annotations

from dataclasses import replace

from pushwarden.core.app import Snapshot
from pushwarden.core.hold import Hold
from pushwarden.core.lane import Lane
from pushwarden.core.probe import Probe
from pushwarden.ports.catalog import StopRecord


class MemorySnapshots:
    def __init__(self, rows: dict[int, Snapshot]) -> None:
        self._rows = rows

    def put(self, snapshot: Snapshot) -> None:
        self._rows[1] = snapshot

    def get(self) -> Snapshot | None:
        return self._rows.get(1)

    def version(self) -> int:
        return self._rows[1].version if self._rows else 0


class MemoryStops:
    def __init__(self, rows: dict[str, StopRecord]) -> None:
        self._rows = rows

    def put(self, stop: StopRecord) -> None:
        self._rows[stop.id] = stop

    def get(self, stop: str) -> StopRecord | None:
        return self._rows.get(stop)

    def open(self, organisation: str = "") -> list[StopRecord]:
        return [stop for stop in self._of(organisation) if stop.resumed_at is None]

    def recent(self, organisation: str = "", limit: int = 50) -> list[StopRecord]:
        return self._of(organisation)[:limit]

    def _of(self, organisation: str) -> list[StopRecord]:
        own = [
            stop for stop in self._rows.values() if not organisation or stop.scope.organisation in (organisation, "")
        ]
        return sorted(own, key=lambda stop: (-stop.stopped_at, stop.id))


class MemoryHolds:
    def __init__(self, rows: dict[str, Hold]) -> None:
        self._rows = rows

    def put(self, hold: Hold) -> None:
        self._rows[hold.id] = hold

    def get(self, hold: str) -> Hold | None:
        return self._rows.get(hold)

    def all(self, organisation: str = "", *, open_only: bool = False, brief: bool = False) -> list[Hold]:
        own = [
            replace(hold, evidence={}) if brief else hold
            for hold in self._rows.values()
            if organisation in ("", Lane.parse(hold.lane).organisation)
            and not (open_only and hold.released_at is not None)
        ]
        return sorted(own, key=lambda hold: (-hold.opened_at, hold.id))


class MemoryProbes:
    def __init__(self, rows: dict[tuple[str, str], Probe]) -> None:
        self._rows = rows

    def get(self, organisation: str, probe: str) -> Probe | None:
        return self._rows.get((organisation, probe))

    def put(self, probe: Probe) -> None:
        self._rows[probe.organisation, probe.id] = probe

    def open(self) -> list[Probe]:
        return sorted((row for row in self._rows.values() if not row.done_at), key=lambda row: (row.asked_at, row.id))

    def last(self, organisation: str, credential: str) -> Probe | None:
        own = [row for row in self._rows.values() if (row.organisation, row.credential) == (organisation, credential)]
        return min(own, key=lambda row: (-row.asked_at, row.id), default=None)

    def forget(self, before_ms: int) -> int:
        old = [key for key, row in self._rows.items() if row.asked_at < before_ms]
        for key in old:
            del self._rows[key]
        return len(old)
