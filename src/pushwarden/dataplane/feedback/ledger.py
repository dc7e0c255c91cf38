"""7 ledger: records in the journal what has ended and reserves what may be written next, in one transaction.

Marks are totals; a journal that is locked or full delays them, and with them the writing, but loses none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from pushwarden.core.errors import Busy, StoreFull
from pushwarden.core.lane import Lane
from pushwarden.core.outcome import Ending, Outcome
from pushwarden.core.shard import Mark
from pushwarden.dataplane.feedback.counters import Counters
from pushwarden.dataplane.lanes.pacing import window
from pushwarden.dataplane.lanes.reply_time import ReplyTime
from pushwarden.dataplane.lanes.window import grants
from pushwarden.dataplane.lanes.work import Work
from pushwarden.ports.journal import Journal

LONGEST = 0.020
"""Seconds an ending may wait for its record."""
REST = 0.05
"""Seconds between two tries while the journal cannot be written."""


class Ledger:
    """The works of one sender and their record. `least`: W while answers come quickly."""

    def __init__(self, journal: Journal, least: int) -> None:
        self.works: list[Work] = []
        self.counters = Counters()
        self.troubles: dict[str, str] = {}
        self.rounds = 0
        self.reach: Callable[[], int] = lambda: self.window  # recipients that the open connections could carry soon
        self.stuck: Callable[[str], bool] = lambda lane: False  # lanes of which nothing can be written now
        self._journal, self._least = journal, least
        self._reply_time = ReplyTime()
        self._unrecorded = 0
        self._pressed = asyncio.Event()

    @property
    def window(self) -> int:
        """W now: recipients issued and not done, all shards of this sender together."""
        return window(self._least, self._reply_time.seconds)

    def press(self) -> None:
        """There is something to record, or someone waits for more to be issued."""
        self._pressed.set()

    # --- what the answers and the pump report

    def wrote(self, work: Work, count: int, now_ms: int) -> None:
        family = work.lane.family
        self.counters.writes(family, count, now_ms)
        work.handed_at = work.handed_at or now_ms
        due = max(work.push.accepted_at, work.shard.due_at)
        self.counters.waited(family, now_ms - due, count)

    def accepted(self, lane: Lane, count: int, ms: float) -> None:
        family = lane.family
        self.counters.endings[family, Ending.ACCEPTED, ""] += count
        self.counters.answered(family, ms, count)
        now = self.counters.last[family] = asyncio.get_running_loop().time()
        self._reply_time.seen(ms / 1000, now)
        self.troubles.pop(family, None)
        self._count(count)

    def ended(self, lane: Lane, outcome: Outcome, count: int) -> None:
        self.counters.endings[lane.family, outcome.ending, outcome.reason] += count
        self._count(count)

    def trouble(self, lane: Lane, sentence: str) -> None:
        """Why a lane cannot connect, for people; the next accepted push clears it."""
        self.troubles[lane.family] = sentence

    def alarm(self, lane: Lane, reason: str) -> None:
        self.counters.alarms[f"{lane.family} {reason}"] += 1

    def _count(self, count: int) -> None:
        self._unrecorded += count
        if self._unrecorded * 4 >= self._least:
            self._pressed.set()

    # --- the record

    async def keep(self, recorded: Callable[[], None]) -> None:
        """For ever: records at a quarter of W, when someone presses, or every 20 ms."""
        while True:
            try:
                async with asyncio.timeout(LONGEST):
                    await self._pressed.wait()
            except TimeoutError:
                pass
            self._pressed.clear()
            if await self.flush():
                recorded()

    async def flush(self) -> bool:
        """One round of marks; False when there was nothing to record."""
        self._unrecorded = 0
        self.rounds += 1
        pairs = grants(self.works, min(self.window, max(self._least, self.reach())), self.stuck)
        if not pairs:
            return False
        began = asyncio.get_running_loop().time()
        refused = await self._mark([mark for _, mark in pairs])
        self.counters.recorded.add((asyncio.get_running_loop().time() - began) * 1000)
        stale = {(mark.push, mark.no) for mark in refused}
        over = set()
        for work, mark in pairs:
            if mark.finished or mark.release is not None or (mark.push, mark.no) in stale:
                over.add(work)
            else:
                work.grant(mark.issued)
        self.works[:] = [work for work in self.works if work not in over]
        return True

    async def _mark(self, marks: Sequence[Mark]) -> list[Mark]:
        while True:
            try:
                return await self._journal.mark(marks)
            except (Busy, StoreFull):
                await asyncio.sleep(REST)
