"""A resume in steps, time in the test's hand: stores in memory, a fence file, senders that say what they read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.cast import HeldClock

from journal_fixtures import claim_due, mark_of
from pushwarden.adapters.fence_file import FenceFile
from pushwarden.adapters.memory.control import MemoryCatalog
from pushwarden.adapters.memory.devices import MemoryDevices
from pushwarden.adapters.memory.journal import MemoryJournal
from pushwarden.adapters.processes import LocalProcesses
from pushwarden.adapters.stop_diary import StopFolder
from pushwarden.control.brake import Brake
from pushwarden.control.guard import ACTOR, Guard
from pushwarden.control.ramps import Steps
from pushwarden.control.stop_book import StopBook
from pushwarden.control.stops import Held, Parts, Stops
from pushwarden.core.device import Device
from pushwarden.core.errors import Busy, Conflict, NotFound
from pushwarden.core.lane import Class
from pushwarden.core.outcome import Fate
from pushwarden.core.push import Message, Push, PushType
from pushwarden.core.ramp import SETTLING_MS, Ramp, place_of
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.shard import NewShard, ShardKind, ShardState
from pushwarden.dataplane.lanes.ramps import Ramps
from pushwarden.dataplane.lanes.reading import open_work
from pushwarden.dataplane.lanes.window import grants
from pushwarden.ports.fence import stopped_at
from pushwarden.ports.journal import Acceptance
from pushwarden.ports.ring import Answer

SHOP = Scope("acme", "shop", Environment.SIMULATED)
FAMILY = "acme/shop/simulated/apns"
LANE = f"{FAMILY}/bulk"
FLEET, MINUTE = 2000, 60_000
TESTS = frozenset({5, 1500})
STEPS = Steps(step_ms=10 * MINUTE, most_refused=500)


class SayingRing:
    """The Ring port over senders that read the catalog whenever they are asked; `deaf` ones do not answer."""

    def __init__(self, catalog: MemoryCatalog) -> None:
        self.deaf, self.counted = False, (0, 0)
        self._catalog = catalog

    def doorbell(self, classes: Iterable[str]) -> None:
        pass

    async def fence(self, generation: int) -> list[Answer]:
        return []

    async def snapshot(self) -> None:
        pass

    async def ramps(self) -> dict[str, Mapping[str, int] | None]:
        found = await self._catalog.read(lambda tables: tables.ramps.open())
        return {"sender-bulk-0": None if self.deaf else {ramp.id: ramp.step for ramp in found}}

    async def stats(self) -> dict[str, dict[str, Any]]:
        endings = [[FAMILY, "accepted", "", self.counted[0]], [FAMILY, "refused", "Unregistered", self.counted[1]]]
        return {"sender-bulk-0": {"counters": {"endings": endings}}}


@dataclass
class House:
    clock: HeldClock
    catalog: MemoryCatalog
    journal: MemoryJournal
    devices: MemoryDevices
    fence: FenceFile
    ring: SayingRing
    stops: Stops
    guard: Guard
    reached: list[int] = field(default_factory=list)

    @classmethod
    async def build(cls, path: Path) -> House:
        clock, catalog, devices = HeldClock(), MemoryCatalog(), MemoryDevices()
        journal, fence, ring = MemoryJournal(clock.now_ms), FenceFile(path / "fence"), SayingRing(catalog)
        diary = StopFolder(path / "stops")
        brake = Brake(fence, ring, LocalProcesses(), diary, clock, window=1000)
        stops = Stops(Parts(fence, ring, brake, StopBook(catalog, diary), catalog, journal, clock))
        guard = Guard(stops.ramps, stops.stop, ring.stats, lambda where: stopped_at(fence, where), clock)
        fleet = [Device(f"phone-{n}", "apns", f"{n:064x}", test=n in TESTS) for n in range(FLEET)]
        await devices.register(SHOP, fleet, clock.now_ms())
        return cls(clock, catalog, journal, devices, fence, ring, stops, guard)

    async def accept(self, number: int, held: bool = False, klass: Class = Class.BULK) -> Push:
        now = self.clock.now_ms()
        push = Push(f"{number:020x}", "acme", "shop", Environment.SIMULATED, PushType.BACKGROUND, klass,
                    Message(data={"n": number}), now, now + 24 * 60 * MINUTE)  # fmt: skip
        lane = LANE.replace("bulk", str(klass))
        shard = NewShard(push.id, "acme", ShardKind.RANGE, 1, lane, now, 0, FLEET)
        await self.journal.accept([Acceptance(push, (shard,), held=held)])
        return push

    async def ramp(self) -> Ramp:
        (ramp,) = await self.stops.ramps.open()
        return ramp

    async def send(self) -> set[int]:
        """What a sender does that goes by the ramps: everybody it may send to is accepted. Whom it reached, anew."""
        ramps = Ramps(self.devices)
        ramps.open = tuple(await self.stops.ramps.open())
        before = len(self.reached)
        while claimed := await claim_due(self.journal, "bulk-0", ["bulk", "normal"], 100, self.clock.now_ms()):
            for shard, push in claimed:
                work = await open_work(shard, push, self.devices, self.journal, 0.0)
                if any(stop.scope.covers(push.scope) for stop in self.fence.stops()):
                    await self.journal.mark([mark_of(work.shard, 0, release=ShardState.HELD)])
                    continue
                await ramps.divide(work, ramps.share(push), self.clock.now_ms())
                if work.leaving is None:
                    going = work.unwritten()
                    self.reached += [work.seq(offset) for offset in going]
                    for offset in going:
                        work.end(offset, Fate.ACCEPTED)
                await self.journal.mark([mark for _, mark in grants([work], 10**6)])
        return set(self.reached[before:])

    async def later(self, ms: int) -> None:
        self.clock.ms += ms
        await self.guard.look()

    async def conserved(self, push: Push) -> dict[Fate, int]:
        progress = await self.journal.progress(SHOP, push.id)
        assert progress is not None
        left = progress.pending + progress.in_flight
        assert progress.planned in (None, left + sum(progress.fates.values())), progress
        return progress.fates


def share(limit: int) -> set[int]:
    return {seq for seq in range(FLEET) if place_of(1, seq) < limit} | TESTS


def test_a_resume_in_steps_reaches_test_devices_then_one_then_ten_percent_then_all(tmp_path: Path) -> None:
    async def play() -> None:
        house = await House.build(tmp_path)
        await house.stops.stop(SHOP, "dana", "crash loop")
        held = await house.accept(1, held=True)
        await house.stops.resume(SHOP, "dana", Held.RELEASE, "", STEPS)
        assert await house.send() == TESTS
        fresh = await house.accept(2)
        assert await house.send() == TESTS
        await house.later(9 * MINUTE)
        assert await house.send() == set()
        await house.later(MINUTE)
        assert (await house.ramp()).step == 1
        assert await house.send() == share(100) - TESTS
        await house.later(10 * MINUTE)
        assert await house.send() == share(1000) - share(100)
        for push in (held, fresh):
            assert (await house.conserved(push))[Fate.ACCEPTED] == len(share(1000))
        await house.later(10 * MINUTE)
        assert await house.send() == set(range(FLEET)) - share(1000)
        for push in (held, fresh):
            assert await house.conserved(push) == {**dict.fromkeys(Fate, 0), Fate.ACCEPTED: FLEET}
        await house.later(10 * MINUTE)
        assert await house.stops.ramps.open() == []
        assert sorted(house.reached) == sorted([*range(FLEET)] * 2)

    asyncio.run(play())


def test_too_many_refusals_stop_it_again_with_the_guard_as_the_actor(tmp_path: Path) -> None:
    async def play() -> None:
        house = await House.build(tmp_path)
        await house.stops.stop(SHOP, "dana")
        push = await house.accept(1, held=True)
        house.ring.counted = (1000, 900)  # of before: not counted
        await house.stops.resume(SHOP, "dana", Held.RELEASE, "", STEPS)
        house.ring.counted = (1050, 902)
        await house.later(1000)
        house.ring.counted = (1094, 906)
        await house.later(1000)
        assert await house.stops.ramps.open() == []
        (standing,) = await house.stops.status(SHOP)
        assert standing.record is not None
        assert (standing.record.actor, standing.record.scope) == (ACTOR, SHOP)
        assert "6 of 100 answers were refused (6.0%) while test devices were sent to" in standing.record.reason
        assert await house.send() == set()
        assert (await house.conserved(push))[Fate.ACCEPTED] == 0
        assert (await house.journal.progress(SHOP, push.id)).shards == {"held": 1}
        await house.stops.close()

    asyncio.run(play())


def test_a_sender_that_began_anew_is_counted_from_nothing(tmp_path: Path) -> None:
    async def play() -> None:
        house = await House.build(tmp_path)
        await house.stops.stop(SHOP, "dana")
        house.ring.counted = (1000, 900)
        await house.stops.resume(SHOP, "dana", steps=STEPS)
        house.ring.counted = (30, 1)
        await house.later(1000)
        assert ((await house.ramp()).accepted, (await house.ramp()).refused) == (30, 1)

    asyncio.run(play())


def test_what_is_kept_stays_held_through_all_steps(tmp_path: Path) -> None:
    async def play() -> None:
        house = await House.build(tmp_path)
        await house.stops.stop(SHOP, "dana")
        kept = await house.accept(1, held=True)
        house.clock.ms += 5
        await house.stops.resume(SHOP, "dana", Held.KEEP, "", STEPS)
        house.clock.ms += 5
        await house.accept(2)
        for _ in range(4):
            await house.send()
            await house.later(10 * MINUTE)
        await house.send()
        assert sorted(house.reached) == [*range(FLEET)]
        assert (await house.journal.progress(SHOP, kept.id)).shards == {"held": 1}

    asyncio.run(play())


def test_single_pushes_wait_for_no_step(tmp_path: Path) -> None:
    async def play() -> None:
        house = await House.build(tmp_path)
        await house.stops.stop(SHOP, "dana")
        await house.stops.resume(SHOP, "dana", steps=STEPS)
        await house.accept(1, klass=Class.NORMAL)
        assert await house.send() == set(range(FLEET))

    asyncio.run(play())


def test_a_person_can_go_to_everybody_at_once_and_only_once(tmp_path: Path) -> None:
    async def play() -> None:
        house = await House.build(tmp_path)
        await house.stops.stop(SHOP, "dana")
        push = await house.accept(1, held=True)
        await house.stops.resume(SHOP, "dana", Held.RELEASE, "", STEPS)
        await house.send()
        ramp = await house.ramp()
        with pytest.raises(NotFound):
            await house.stops.ramps.skip("rival", ramp.id, "carol", lambda _: None)
        await house.stops.ramps.skip("acme", ramp.id, "dana", lambda _: None)
        await house.send()
        assert (await house.conserved(push))[Fate.ACCEPTED] == FLEET
        with pytest.raises(Conflict):
            await house.stops.ramps.advance(ramp, 1, "omar")

    asyncio.run(play())


def test_a_stop_over_it_ends_a_ramp_and_an_older_wider_one_makes_it_wait(tmp_path: Path) -> None:
    async def play() -> None:
        house = await House.build(tmp_path)
        await house.stops.stop(Scope("acme"), "dana")
        await house.stops.stop(SHOP, "dana")
        house.clock.ms += 5
        await house.stops.resume(SHOP, "dana", steps=STEPS)
        await house.later(60 * MINUTE)
        assert (await house.ramp()).step == 0
        await house.stops.stop(SHOP, "omar")
        await house.later(1000)
        assert await house.stops.ramps.open() == []
        await house.stops.close()

    asyncio.run(play())


def test_a_second_resume_takes_the_place_of_the_first_ones_steps(tmp_path: Path) -> None:
    async def play() -> None:
        house = await House.build(tmp_path)
        await house.stops.stop(SHOP, "dana")
        push = await house.accept(1, held=True)
        await house.stops.resume(SHOP, "dana", Held.RELEASE, "", STEPS)
        await house.stops.stop(SHOP, "omar")
        await house.send()
        await house.stops.resume(SHOP, "omar", Held.RELEASE)
        assert await house.stops.ramps.open() == []
        await house.send()
        assert (await house.conserved(push))[Fate.ACCEPTED] == FLEET
        await house.stops.close()

    asyncio.run(play())


def test_nothing_is_resumed_while_a_sender_does_not_say_that_it_goes_by_the_steps(tmp_path: Path) -> None:
    async def play() -> None:
        house = await House.build(tmp_path)
        await house.stops.stop(SHOP, "dana")
        house.ring.deaf = True
        with pytest.raises(Busy, match="sender-bulk-0 did not take the steps over; nothing was resumed"):
            await house.stops.resume(SHOP, "dana", steps=STEPS)
        assert [stop.scope for stop in house.fence.stops()] == [SHOP]
        assert await house.stops.ramps.open() == []

    asyncio.run(play())


def test_a_shard_whose_answers_came_late_is_found_within_the_step(tmp_path: Path) -> None:
    async def play() -> None:
        house = await House.build(tmp_path)
        await house.stops.stop(SHOP, "dana")
        await house.stops.resume(SHOP, "dana", Held.RELEASE, "", STEPS)
        push = await house.accept(1, held=True)  # as a sender gives it back that waited for its last answers
        await house.later(SETTLING_MS[1])
        assert await house.send() == TESTS
        assert (await house.conserved(push))[Fate.ACCEPTED] == len(TESTS)

    asyncio.run(play())
