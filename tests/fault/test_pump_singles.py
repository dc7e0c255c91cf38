"""Thousands of single pushes: due later, over before their turn, refused for now. Each ends once, as it should."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.fault.pump_stage import WHERE, PumpStage, pump_stage, shared, simulator, single
from tests.simulator_fixtures import Simulator

from pushwarden.adapters.clock import SystemClock
from pushwarden.core.outcome import Fate
from pushwarden.core.push import Push
from pushwarden.core.receipt import Confirmation
from pushwarden.core.shard import Mark, Shard
from pushwarden.dataplane.lanes.claims import MOST_SMALL
from pushwarden.ports.journal import Acceptance

__all__ = ["shared", "simulator"]
COUNT = 5_000
SPREAD_MS = 1_000
BUSY = {"do": "refuse", "status": 503, "reason": "ServiceUnavailable", "share": 0.05}


def test_thousands_of_singles_end_once_each_as_they_should(simulator: Simulator, tmp_path: Path) -> None:
    async def story() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            await stage.register(100)
            now = SystemClock().now_ms()
            at_once, over, later = (
                [single(n, stage.audience, now) for n in range(COUNT // 2)],
                [single(n, stage.audience, now, expires_at=now + 1) for n in range(COUNT // 4)],
                [single(n, stage.audience, now, not_before=now + 500 + n % SPREAD_MS) for n in range(COUNT // 4)],
            )
            simulator.script(BUSY)
            items = [*over, *at_once, *later]
            await stage.journal.accept(items)
            stage.pump.doorbell()
            fates = await _ended(stage, items)
            assert all(fates[item.push.id] == {Fate.EXPIRED: 1} for item in over)
            assert all(fates[item.push.id] == {Fate.ACCEPTED: 1} for item in [*at_once, *later])
            frames = [(frame.apns_id[:10].hex(), frame.status, frame.ns) for frame in stage.all_frames()]
            taken = Counter(push for push, status, _ in frames if status == 200)
            assert all(taken[item.push.id] == 1 for item in [*at_once, *later])
            assert not {item.push.id for item in over} & {push for push, _, _ in frames}
            wall = time.time_ns() - time.monotonic_ns()
            due = {item.push.id: item.push.not_before for item in later}
            assert not [push for push, _, ns in frames if (ns + wall) // 1_000_000 < due.get(push, 0) - 1]

    asyncio.run(story())


def test_what_is_over_before_its_turn_is_claimed_and_marked_by_the_dozen(simulator: Simulator, tmp_path: Path) -> None:
    async def story() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            await stage.register(100)
            now = SystemClock().now_ms()
            items = [single(n, stage.audience, now, expires_at=now + 1) for n in range(COUNT // 5)]
            calls = Counter[str]()
            _count_calls(stage, calls)
            await stage.journal.accept(items)
            stage.pump.doorbell()
            assert set(map(str, (await _ended(stage, items)).values())) == {str({Fate.EXPIRED: 1})}
            assert calls["claimed"] == calls["ended"] == len(items)
            assert calls["claims"] <= len(items) / (MOST_SMALL / 2) + 1
            assert calls["marks"] <= len(items) / 8

    asyncio.run(story())


def test_a_stop_amid_thousands_of_singles_lets_none_out_after_it(simulator: Simulator, tmp_path: Path) -> None:
    async def story() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            await stage.register(100)
            now = SystemClock().now_ms()
            cancelled, *items = [single(n, stage.audience, now) for n in range(COUNT // 2)]
            stage.fence.stop(cancelled.push.scope, now)
            await stage.journal.accept([cancelled, *items])
            stage.pump.doorbell()
            await stage.until_accepted(items[COUNT // 10].push, 1)
            stage.fence.stop(WHERE, now)
            confirmation, *_ = await stage.pump.fence()
            stopped = time.monotonic_ns()
            assert confirmation is Confirmation.DRAINED
            async with asyncio.timeout(30):
                while stage.pump.works:
                    await asyncio.sleep(0.01)
            waiting = sum(row["recipients"] for row in await stage.journal.backlog())
            ours = {item.push.id for item in [cancelled, *items]}
            frames = [frame for frame in stage.all_frames() if frame.apns_id[:10].hex() in ours]
            assert not [frame for frame in frames if frame.ns > stopped]
            taken = [frame.apns_id for frame in frames if frame.status == 200]  # the others wait for a retry
            assert len(set(taken)) == len(taken) == len(ours) - waiting
            assert waiting > 1
            stage.fence.resume(WHERE)
            await stage.journal.release(WHERE)
            stage.pump.doorbell()
            fates = await _ended(stage, items, left=1)
            assert all(fates[item.push.id] == {Fate.ACCEPTED: 1} for item in items)
            assert cancelled.push.id not in {frame.apns_id[:10].hex() for frame in stage.all_frames()}

    asyncio.run(story())


def _count_calls(stage: PumpStage, calls: Counter[str]) -> None:
    claim, mark = stage.journal.claim, stage.journal.mark

    async def counted_claim(*args: Any, **named: Any) -> list[tuple[Shard, Push]]:
        found = await claim(*args, **named)
        calls.update(claims=bool(found), claimed=len(found))
        return found

    async def counted_mark(marks: Sequence[Mark]) -> list[Mark]:
        calls.update(marks=1, ended=sum(one.finished for one in marks))
        return await mark(marks)

    stage.journal.claim, stage.journal.mark = counted_claim, counted_mark  # type: ignore[method-assign]


async def _ended(stage: PumpStage, items: Sequence[Acceptance], left: int = 0) -> Mapping[str, dict[Fate, int]]:
    """The fates of each, once all are done but so many recipients."""
    async with asyncio.timeout(120):
        while sum(row["recipients"] for row in await stage.journal.backlog()) > left:
            await asyncio.sleep(0.05)
    found = {item.push.id: (await stage.progress(item.push)).fates for item in items}
    return {push: {fate: count for fate, count in fates.items() if count} for push, fates in found.items()}
