"""7 burial: applies reports of dead tokens, or opens a hold so that a person looks first; applies what was released."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from pushwarden.core.errors import Busy, PushwardenError, StoreFull
from pushwarden.core.hold import Hold, Release
from pushwarden.dataplane.lanes.gate import lane_family
from pushwarden.ports.clock import Clock
from pushwarden.ports.devices import DeadToken, Devices
from pushwarden.ports.holds import Holds

if TYPE_CHECKING:
    from pushwarden.core.lane import Lane
    from pushwarden.dataplane.feedback.tombstones import Tally
    from pushwarden.dataplane.lanes.station import Station

BEAT = 0.1
MOST_KEPT = 100_000
"""Reports a hold keeps for a release with `apply`; beyond that the provider will say it again at the next push."""


class Burial:
    """One sender's reports. `held`: called when a lane must wait for a person."""

    def __init__(self, devices: Devices, holds: Holds, clock: Clock, held: Callable[[Hold], None]) -> None:
        self._devices, self._holds, self._clock, self._held = devices, holds, clock, held

    async def keep(self, stations: Callable[[], Iterable[Station]], suspected: asyncio.Event) -> None:
        """For ever, a few times a second and when something looks wrong; beside the records, which it never delays."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(suspected.wait(), BEAT)
            suspected.clear()
            with contextlib.suppress(Busy, StoreFull):
                await self.apply(stations())

    async def apply(self, stations: Iterable[Station]) -> None:
        """Buries what is trusted, holds what is suspicious."""
        for station in stations:
            tally = station.tally
            if tally.held or not tally.waiting:
                continue
            idle = station.connections.in_flight == 0
            if reason := tally.suspicion(idle=idle):
                await self._hold(station.lane, tally, reason)
            elif tally.ripe(idle=idle):
                await self._bury(tally)

    async def _bury(self, tally: Tally) -> None:
        for audience, dead in tally.take().items():
            try:
                await self._devices.bury(audience, dead, self._clock.now_ms())
            except PushwardenError:
                tally.waiting += [(audience, one) for one in dead]  # the next record tries again
                raise

    async def _hold(self, lane: Lane, tally: Tally, reason: str) -> None:
        reports = [[audience, dead.seq, dead.gone_ms, dead.reason] for audience, dead in tally.waiting[:MOST_KEPT]]
        hold = Hold(
            id=f"hold_{secrets.token_hex(6)}",
            lane=lane.key,
            reason=reason,
            opened_at=self._clock.now_ms(),
            opened_by="sender",
            counts={"attempts": tally.attempts, "gone": tally.gone, "bad": tally.bad},
            evidence={"reports": reports},
        )
        tally.held, tally.waiting = True, tally.waiting[MOST_KEPT:]
        self._held(await self._holds.open(hold))

    async def released(self, hold: Hold, stations: Mapping[str, Station]) -> int:
        """A person has decided; with `apply` the tokens that are still the same are buried. How many were."""
        reports_kept = [*hold.evidence.get("reports", ())]
        for station in stations.values():
            if lane_family(station.lane) == hold.lane.rpartition("/")[0]:
                reports_kept += [(audience, d.seq, d.gone_ms, d.reason) for audience, d in station.tally.waiting]
                station.tally.clear()
        if hold.release is not Release.APPLY:
            return 0
        by_audience: dict[int, dict[int, tuple[int, str]]] = {}
        for audience, seq, gone_ms, reason in reports_kept:
            by_audience.setdefault(audience, {})[seq] = (hold.opened_at if gone_ms is None else gone_ms, reason)
        buried = 0
        for audience, reports in by_audience.items():
            rows = await self._devices.pick(audience, sorted(reports))
            dead = [DeadToken(seq, token, *reports[seq]) for seq, token in zip(rows.seqs, rows.tokens, strict=True)]
            buried += len(await self._devices.bury(audience, dead, self._clock.now_ms()))
        return buried
