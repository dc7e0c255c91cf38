"""The guard of ramps: counts answers, lets a step follow the other, and stops again when too many are refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from pushwarden.control.outlook import answers
from pushwarden.control.ramps import Ramps
from pushwarden.control.stop_book import outcome
from pushwarden.core.errors import Conflict
from pushwarden.core.ramp import SETTLING_MS, Move, Outcome, Ramp
from pushwarden.core.receipt import Receipt
from pushwarden.core.scope import Scope
from pushwarden.ports.clock import Clock

ACTOR = "guard"
BEAT = 1.0
Stats = Mapping[str, Mapping[str, Any]]
_log = structlog.get_logger("guard")


class Guard:
    """stop: as of `Stops`. stats: as of the ring, fresh.

    stopped_at: when the newest stop over a whole scope was made (Unix ms), None without one.
    """

    def __init__(
        self,
        ramps: Ramps,
        stop: Callable[[Scope, str, str], Awaitable[Receipt]],
        stats: Callable[[], Awaitable[Stats]],
        stopped_at: Callable[[Scope], int | None],
        clock: Clock,
    ) -> None:
        self._ramps, self._stop, self._stats, self._clock = ramps, stop, stats, clock
        self._stopped_at = stopped_at
        self._seen: dict[tuple[str, str], tuple[int, int]] = {}
        self._looked: dict[str, int] = {}  # ramp → Unix ms

    async def keep(self) -> None:
        """For ever; what fails, the next turn makes good."""
        while True:
            error = await outcome(self.look())
            if error is not None:
                _log.warning("ramps_not_looked_at", error=str(error))
            await asyncio.sleep(BEAT)

    async def look(self) -> None:
        """One turn over all ramps."""
        ramps = await self._ramps.open()
        stats = await self._stats() if ramps else {}
        for ramp in ramps:
            try:
                await self._look(ramp, answers(stats, ramp.scope))
            except Conflict:
                continue  # somebody was quicker
        known = {ramp.id for ramp in ramps}
        self._seen = {key: count for key, count in self._seen.items() if key[0] in known}
        self._looked = {key: at for key, at in self._looked.items() if key in known}

    async def _look(self, ramp: Ramp, counted: Mapping[str, tuple[int, int]]) -> None:
        stopped = self._stopped_at(ramp.scope)
        if stopped is not None:
            if stopped >= ramp.started_at:
                await self._ramps.end(ramp, Outcome.STOPPED, ACTOR)
            return  # the stop that is being resumed, or a wider one: nothing is sent, so nothing goes on
        accepted, refused = self._news(ramp, counted)
        if accepted or refused:
            ramp = await self._ramps.count(ramp, accepted, refused)
        now_ms = self._clock.now_ms()
        before, self._looked[ramp.id] = self._looked.get(ramp.id, 0), now_ms
        match ramp.judge(now_ms):
            case Move.HALT:
                await self._stop(ramp.scope, ACTOR, ramp.why_halted())
                await self._ramps.end(ramp, Outcome.HALTED, ACTOR)
            case Move.ADVANCE:
                made = await self._ramps.advance(ramp, ramp.step + 1, ACTOR)
                _log.info("ramp", ramp=ramp.id, step=made.step)
            case Move.END:
                await self._ramps.end(ramp, Outcome.DONE, ACTOR)
                await self._ramps.let_go(ramp)
            case Move.STAY:
                if any(before < ramp.step_at + mark <= now_ms for mark in SETTLING_MS):
                    await self._ramps.let_go(ramp)

    def _news(self, ramp: Ramp, counted: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
        """Answers since the last look. A sender that counts less than before has begun anew."""
        accepted = refused = 0
        for sender, now in counted.items():
            before = self._seen.get((ramp.id, sender)) or self._ramps.before(ramp, sender, now)
            if now[0] < before[0] or now[1] < before[1]:
                before = (0, 0)
            accepted, refused = accepted + now[0] - before[0], refused + now[1] - before[1]
            self._seen[ramp.id, sender] = now
        return accepted, refused
