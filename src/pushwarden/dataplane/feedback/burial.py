"""7 burial: applies reports of dead tokens, or opens a hold so that a person looks first; applies what was released."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from pushwarden.core.device import RAW_AUDIENCE
from pushwarden.core.errors import Busy, PushwardenError, StoreFull
from pushwarden.core.hold import Hold, Release
from pushwarden.core.lane import Lane
from pushwarden.dataplane.lanes.gate import held_name, lane_family
from pushwarden.ports.clock import Clock
from pushwarden.ports.devices import DeadToken, Devices
from pushwarden.ports.holds import Holds
from pushwarden.ports.invalidations import Invalidations

if TYPE_CHECKING:
    from pushwarden.dataplane.feedback.tombstones import Tally
    from pushwarden.dataplane.lanes.station import Station

BEAT = 0.1
MOST_KEPT = 100_000
"""Reports a hold keeps for a release with `apply`; beyond that the provider will say it again at the next push.
Those of raw tokens are kept by the sender itself, until it ends."""


class Graveyard(Devices, Invalidations, Protocol):
    """Tombstones, and entries for tokens that have no device."""


class Burial:
    """One sender's reports. `held`: called when a lane must wait for a person."""

    def __init__(self, devices: Graveyard, holds: Holds, clock: Clock, held: Callable[[Hold], None]) -> None:
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
                counts = {"attempts": tally.attempts, "gone": tally.gone, "bad": tally.bad}
                await self.hold(station.lane, tally, reason, counts)
            elif tally.ripe(idle=idle):
                await self._bury(station.lane, tally)

    async def _bury(self, lane: Lane, tally: Tally) -> None:
        left = tally.take()
        try:
            for audience in list(left):
                await self._apply(lane, audience, left[audience])
                del left[audience]
        except PushwardenError:
            tally.waiting += [(audience, one) for audience, dead in left.items() for one in dead]  # tried again soon
            raise

    async def _apply(self, lane: Lane, audience: int, dead: list[DeadToken]) -> int:
        now_ms = self._clock.now_ms()
        if audience == RAW_AUDIENCE:
            return await self._devices.invalidate(lane.scope, lane.provider, dead, now_ms)
        return len(await self._devices.bury(audience, dead, now_ms))

    async def hold(
        self, lane: Lane, tally: Tally, reason: str, counts: dict[str, int], evidence: Mapping[str, Any] | None = None
    ) -> None:
        """Opens a hold with the reports that wait; nothing more is buried until a person has looked."""
        raw = [report for report in tally.waiting if report[0] == RAW_AUDIENCE]
        named = [report for report in tally.waiting if report[0] != RAW_AUDIENCE]
        reports = [[audience, dead.seq, dead.gone_ms, dead.reason] for audience, dead in named[:MOST_KEPT]]
        hold = Hold(
            id=f"hold_{secrets.token_hex(6)}",
            lane=lane.key,
            reason=reason,
            opened_at=self._clock.now_ms(),
            opened_by="sender",
            counts=counts,
            evidence={"reports": reports, **(evidence or {})},
        )
        # A raw token can be found by itself only, and no token belongs into a hold that people read: it stays here.
        tally.held, tally.waiting = True, named[MOST_KEPT:] + raw[:MOST_KEPT]
        self._held(await self._holds.open(hold))

    async def released(self, hold: Hold, stations: Mapping[str, Station]) -> int:
        """A person has decided; with `apply` the tokens that are still the same are buried. How many were."""
        by_audience: dict[int, dict[int, tuple[int, str]]] = {}
        raw: list[tuple[Lane, DeadToken]] = []
        for audience, seq, gone_ms, reason in hold.evidence.get("reports", ()):
            by_audience.setdefault(audience, {})[seq] = (_dated(gone_ms, hold), reason)
        for station in stations.values():
            if held_name(Lane.parse(hold.lane)) in (lane_family(station.lane), station.lane.key):
                for audience, dead in station.tally.waiting:
                    if audience == RAW_AUDIENCE:
                        raw.append((station.lane, replace(dead, gone_ms=_dated(dead.gone_ms, hold))))
                    else:
                        by_audience.setdefault(audience, {})[dead.seq] = (_dated(dead.gone_ms, hold), dead.reason)
                station.tally.clear()
        return await self._apply_held(by_audience, raw) if hold.release is Release.APPLY else 0

    async def _apply_held(
        self, by_audience: dict[int, dict[int, tuple[int, str]]], raw: list[tuple[Lane, DeadToken]]
    ) -> int:
        buried = 0
        for lane, dead_token in raw:
            buried += await self._apply(lane, RAW_AUDIENCE, [dead_token])
        for audience, reports in by_audience.items():
            rows = await self._devices.pick(audience, sorted(reports))
            dead = [DeadToken(seq, token, *reports[seq]) for seq, token in zip(rows.seqs, rows.tokens, strict=True)]
            buried += len(await self._devices.bury(audience, dead, self._clock.now_ms()))
        return buried


def _dated(gone_ms: int | None, hold: Hold) -> int:
    """A person's word stands for the second one that an undated report would need."""
    return hold.opened_at if gone_ms is None else gone_ms
