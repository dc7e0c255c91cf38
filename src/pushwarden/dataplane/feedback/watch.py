"""7 watch: what answers say of each credential, written down when it changes and now and then."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING

import structlog

from pushwarden.core.app import Credential
from pushwarden.core.check import Check
from pushwarden.core.errors import Busy, StoreFull
from pushwarden.core.health import Event, Health
from pushwarden.core.messages import Result
from pushwarden.core.names import called
from pushwarden.dataplane.feedback.refusals import MINUTES, Judgement, Refusals
from pushwarden.ports.clock import Clock
from pushwarden.ports.health import Healths

if TYPE_CHECKING:
    from pushwarden.dataplane.lanes.station import Station

BEAT = 1.0
AGAIN = 60.0
"""Seconds after which the same is written down anew, if anything came in since."""
log = structlog.get_logger("credentials")


@dataclass(slots=True)
class Watched:
    """told: what was written down last, and when by both clocks; news: whether anything came in since."""

    credential: Credential
    refusals: Refusals = field(default_factory=Refusals)
    told: Event | None = None
    told_at: float = -inf
    told_ms: int = 0
    news: bool = False

    def due(self, now: float) -> Judgement | None:
        """What is to be written down now."""
        if not self.news and not self.refusals.troubled:
            return None
        judged = self.refusals.judged(now)
        if judged is None or (judged.event is self.told and not (self.news and now - self.told_at >= AGAIN)):
            return None
        return judged


class Watch:
    """Every credential this sender uses. The hot path adds whole bursts, never single pushes."""

    def __init__(self) -> None:
        self._watched: dict[tuple[str, str], Watched] = {}

    def __iter__(self) -> Iterator[Watched]:
        return iter([*self._watched.values()])

    def good(self, credential: Credential, count: int, now: float) -> None:
        """Answers that only a good credential gets."""
        watched = self._of(credential)
        watched.refusals.good(count, now)
        watched.news = True

    def refused(self, credential: Credential, reason: str, now: float, *, certain: bool = False) -> None:
        """An answer, a TLS alert or a token endpoint that blames it."""
        watched = self._of(credential)
        watched.refusals.refused(reason, now, certain=certain)
        watched.news = True

    def _of(self, credential: Credential) -> Watched:
        key = (credential.organisation, credential.id)
        found = self._watched.get(key)
        if found is None:
            found = self._watched[key] = Watched(credential)
        return found


class Watching:
    """Writes down what the watch shows. stations: the sender's lanes, of which a repaired one is let go."""

    def __init__(self, watch: Watch, healths: Healths, clock: Clock, stations: Callable[[], Iterable[Station]]) -> None:
        self._watch, self._healths, self._clock, self._stations = watch, healths, clock, stations

    async def keep(self) -> None:
        """For ever; beside the sending, which it never delays."""
        while True:
            await asyncio.sleep(BEAT)
            with contextlib.suppress(Busy, StoreFull):
                await self.look(asyncio.get_running_loop().time())

    async def look(self, now: float) -> None:
        """now: of the loop's clock, as the answers were noted."""
        for watched in self._watch:
            if watched.refusals.troubled and await self._repaired(watched):
                self._let_go(watched)
            elif (judged := watched.due(now)) is not None:
                await self._write(watched, judged, now)

    async def _repaired(self, watched: Watched) -> bool:
        """Whether another sender or a probe proved it after this one's last word."""
        record = await self._healths.get(watched.credential)
        return record.health is Health.READY and record.since > watched.told_ms > 0

    def _let_go(self, watched: Watched) -> None:
        watched.refusals.proven()
        watched.told, watched.news = Event.PROVEN, False
        for station in self._stations():
            if station.credential.label == watched.credential.label:
                station.pace.credential.changed()

    async def _write(self, watched: Watched, judged: Judgement, now: float) -> None:
        credential, now_ms = watched.credential, self._clock.now_ms()
        checks = () if judged.event is Event.PROVEN else (await self._check(credential, judged, now_ms, now),)
        record = await self._healths.heard(credential, judged.event, now_ms, checks=checks)
        if judged.event is not watched.told:
            log.info(
                "credential", credential=credential.id, health=record.health, said=[one.sentence for one in checks]
            )
        watched.told, watched.told_at, watched.told_ms, watched.news = judged.event, now, now_ms, False

    async def _check(self, credential: Credential, judged: Judgement, now_ms: int, now: float) -> Check:
        began_ms = now_ms - int(1000 * (now - judged.began))
        people = called(credential.provider)
        return Check.of(
            "run.refused_rate",
            judged.reason,
            Result.FAILED if judged.event is Event.REFUSED else Result.WARNING,
            provider=people,
            time=f"{datetime.fromtimestamp(began_ms / 1000, UTC):%H:%M} UTC",
            refused=judged.refused,
            attempts=judged.attempts,
            minutes=MINUTES,
            reason=f"{people} doesn't accept our credential ({judged.reason})",
            before=None if judged.before is None else f"{judged.before:.1%}",
            change=await self._healths.last_change(credential, began_ms),
        )
