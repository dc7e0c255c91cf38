"""7 burial: applies reports of dead tokens, or opens a hold so that a person looks first; applies what was released."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from pushwarden.core.device import RAW_AUDIENCE
from pushwarden.core.errors import Busy, PushwardenError, StoreFull
from pushwarden.core.hold import RAW_REPORTS, Hold, Release
from pushwarden.core.lane import Lane
from pushwarden.dataplane.lanes.gate import held_name
from pushwarden.ports.clock import Clock
from pushwarden.ports.devices import DeadToken, Devices
from pushwarden.ports.holds import Holds
from pushwarden.ports.invalidations import Invalidations

if TYPE_CHECKING:
    from pushwarden.dataplane.feedback.tombstones import Tally
    from pushwarden.dataplane.lanes.station import Station

BEAT = 0.1
MOST_KEPT = 100_000
"""Reports a hold keeps for a release with `apply`, also over a restart. What is beyond, or comes after it was opened,
is kept by the sender until it ends; the provider will say it again at the next push."""
AT_ONCE = 1_000
"""Raw tokens entered in one transaction."""


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
        reports, tally.waiting, tally.held = tally.waiting[:MOST_KEPT], tally.waiting[MOST_KEPT:], True
        hold = Hold(
            id=f"hold_{secrets.token_hex(6)}",
            lane=lane.key,
            reason=reason,
            opened_at=self._clock.now_ms(),
            opened_by="sender",
            counts=counts,
            evidence={**_kept(reports), **(evidence or {})},
        )
        try:
            opened = await self._holds.open(hold)
        except PushwardenError:
            tally.held = False  # asked again at the next look
            tally.waiting = reports + tally.waiting
            raise
        if opened.id != hold.id:  # another sender's, with its own reports
            tally.waiting = reports + tally.waiting
        self._held(opened)

    async def released(self, hold: Hold, stations: Mapping[str, Station]) -> int:
        """A person has decided; with `apply` the tokens that are still the same are buried. How many were."""
        lane, waiting = Lane.parse(hold.lane), _reports_of(hold)
        for station in stations.values():
            if held_name(lane) in (station.lane.family, station.lane.key):
                waiting += station.tally.waiting
                station.tally.clear()
        return await self._apply_held(lane, hold, waiting) if hold.release is Release.APPLY else 0

    async def _apply_held(self, lane: Lane, hold: Hold, waiting: list[tuple[int, DeadToken]]) -> int:
        by_audience: dict[int, dict[int, DeadToken]] = {}
        raw: list[DeadToken] = []
        for audience, dead in waiting:
            dated = replace(dead, gone_ms=_dated(dead.gone_ms, hold))
            if audience == RAW_AUDIENCE:
                raw.append(dated)
            else:
                by_audience.setdefault(audience, {})[dead.seq] = dated
        buried = 0
        for at in range(0, len(raw), AT_ONCE):
            buried += await self._apply(lane, RAW_AUDIENCE, raw[at : at + AT_ONCE])
        for audience, reports in by_audience.items():
            rows = await self._devices.pick(audience, sorted(reports))
            named = [replace(reports[seq], token=token) for seq, token in zip(rows.seqs, rows.tokens, strict=True)]
            buried += await self._apply(lane, audience, named)
        return buried


def _kept(waiting: Sequence[tuple[int, DeadToken]]) -> dict[str, Any]:
    """A stored token is found by its number. A raw one can be found by itself only; people are not shown it."""
    stored = [[audience, dead.seq, dead.gone_ms, dead.reason] for audience, dead in waiting if audience != RAW_AUDIENCE]
    raw = [
        [dead.token.decode(), dead.gone_ms, dead.reason, dead.push, dead.token_kind]
        for audience, dead in waiting
        if audience == RAW_AUDIENCE
    ]
    return {"reports": stored} | ({RAW_REPORTS: raw} if raw else {})


def _reports_of(hold: Hold) -> list[tuple[int, DeadToken]]:
    """As `_kept` wrote them."""
    stored = [
        (audience, DeadToken(seq, b"", gone_ms, reason))
        for audience, seq, gone_ms, reason in hold.evidence.get("reports", ())
    ]
    raw = [(RAW_AUDIENCE, DeadToken(0, token.encode(), *rest)) for token, *rest in hold.evidence.get(RAW_REPORTS, ())]
    return stored + raw


def _dated(gone_ms: int | None, hold: Hold) -> int:
    """A person's word stands for the second one that an undated report would need."""
    return hold.opened_at if gone_ms is None else gone_ms
