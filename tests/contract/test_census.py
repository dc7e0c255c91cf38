"""What every device store does when it counts: groups as the rows are, and a right balance of what came and went."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass

import pytest

from pushwarden.core import census as core
from pushwarden.core.census import DAY_MS, GONE, LEFT, LIVE, NEW, REVIVED, Group, Pulse, day_of, due, largest
from pushwarden.core.device import Audience, DeviceState
from pushwarden.core.scope import Environment
from pushwarden.dataplane import counting
from pushwarden.dataplane.counting import Counting
from pushwarden.ports.devices import DeadToken
from tests.devices_fixtures import CAROLS, SHOP, T0, Store, device, everything, run, store, the_audience

__all__ = ["store"]
TODAY = day_of(T0)


@dataclass
class Clock:
    ms: int = T0

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.ms / 1000


async def no_rest(_: float) -> None:
    await asyncio.sleep(0)


async def step(store: Store, clock: Clock, seconds: float = 60) -> int:
    clock.ms += int(seconds * 1000)
    return await Counting(store, clock, no_rest).step()


async def totals(store: Store, since_day: int = 0) -> dict[tuple[int, str], int]:
    census = await store.census(SHOP, since_day)
    found: Counter[tuple[int, str]] = Counter()
    for row in census.churn:
        found[row.day - TODAY, row.what] += row.count
    return {key: count for key, count in found.items() if count}


async def bury(store: Store, seq: int, name: str, reason: str, at: int) -> None:
    token = next(one.token for one in await everything(store, SHOP) if one.seq == seq and one.installation_id == name)
    assert await store.bury(await the_audience(store), [DeadToken(seq, token.encode(), at, reason)], at) == [seq]


def test_the_groups_are_those_of_the_rows(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "SLICE", 7)

    async def scene() -> None:
        chance, clock = random.Random(3), Clock()
        fleet = [
            device(
                f"d{n}", app_version=chance.choice(["5.2", "5.3", ""]), build=chance.choice(["1", "2"]), test=n % 9 == 0
            )
            for n in range(60)
        ]
        await store.register(SHOP, fleet, T0)
        await store.register(CAROLS, fleet[:5], T0)
        await store.mark(SHOP, "d1", test=True)
        for n in range(0, 60, 4):
            await bury(store, n, f"d{n}", "Unregistered", T0)
        await store.prove(await the_audience(store), 40)
        assert await step(store, clock) == 2
        census = await store.census(SHOP, TODAY)
        (groups,) = census.groups.values()
        rows = await everything(store, SHOP)
        expected = Counter((one.app_version, one.build, one.test, one.state) for one in rows)
        for one in groups:
            key = (one.app_version, one.build, one.test)
            assert (one.live, one.gone) == (expected[*key, DeviceState.LIVE], expected[*key, DeviceState.GONE])
        assert sum(one.live + one.gone for one in groups) == 60
        assert [one.live for one in groups] == sorted((one.live for one in groups), reverse=True)
        (pulse,) = census.pulses.values()
        assert pulse.unproven == sum(one.seq >= 40 and one.state is DeviceState.LIVE for one in rows)
        assert (pulse.counted_at, pulse.size, pulse.next_seq) == (clock.ms, 45, 60)
        assert await step(store, clock, 1) == 0
        await store.remove(SHOP, "d1")
        assert await step(store, clock, 60) == 2
        (groups,) = (await store.census(SHOP, TODAY)).groups.values()
        assert sum(one.live + one.gone for one in groups) == 59

    run(scene())


def test_what_was_there_at_the_first_look_did_not_come_on_that_day(store: Store) -> None:
    async def scene() -> None:
        await store.register(SHOP, [device("a"), device("b")], T0)
        await step(store, clock := Clock())
        assert await totals(store) == {}
        await store.register(SHOP, [device("c")], T0)
        await step(store, clock)
        assert await totals(store) == {(0, NEW): 1, (0, LIVE): 3}

    run(scene())


def test_each_day_tells_who_came_who_left_and_why(store: Store) -> None:
    async def scene() -> None:
        clock = Clock()
        await step(store, clock)
        await store.register(SHOP, [device(f"d{n}", user="u") for n in range(10)], T0)
        await step(store, clock)
        assert await totals(store) == {(0, NEW): 10, (0, LIVE): 10}
        await bury(store, 1, "d1", "Unregistered", clock.ms)
        await bury(store, 2, "d2", "Unregistered", clock.ms)
        await bury(store, 3, "d3", "BadDeviceToken", clock.ms)
        await store.remove(SHOP, "d4")
        await store.register(SHOP, [device("new", "ab" * 32), device("d1")], clock.ms)
        await step(store, clock)
        await step(store, clock)
        gone = {(0, GONE + "Unregistered"): 2, (0, GONE + "BadDeviceToken"): 1}
        assert await totals(store) == {(0, NEW): 11, (0, LEFT): 1, (0, REVIVED): 1, (0, LIVE): 8, **gone}
        clock.ms += DAY_MS
        await store.register(SHOP, [device("moved", "ab" * 32)], clock.ms)
        await bury(store, 5, "d5", "Unregistered", clock.ms)
        await step(store, clock)
        told = {key: count for key, count in (await totals(store)).items() if key[0] == 1}
        assert told == {(1, NEW): 1, (1, LEFT): 1, (1, GONE + "Unregistered"): 1, (1, LIVE): 7}
        assert {day for day, _ in await totals(store, TODAY + 1)} == {1}
        assert (await store.census(CAROLS, 0)).churn == []
        assert await store.forget_churn(clock.ms + (core.CHURN_DAYS - 1) * DAY_MS) == 0
        assert await store.forget_churn(clock.ms + core.CHURN_DAYS * DAY_MS) > 0
        assert {day for day, _ in await totals(store)} == {1}

    run(scene())


def test_whatever_happens_the_balance_of_all_days_is_what_lives(store: Store) -> None:
    async def scene() -> None:
        chance, clock = random.Random(11), Clock()
        await step(store, clock)
        for _ in range(60):
            n = chance.randrange(12)
            match chance.randrange(5):
                case 0 | 1:
                    token = f"{chance.randrange(20):04x}"
                    await store.register(SHOP, [device(f"d{n}", token)], clock.ms)
                case 2:
                    await store.remove(SHOP, f"d{n}")
                case 3:
                    live = [one for one in await everything(store, SHOP) if one.state is DeviceState.LIVE]
                    for one in live[:1]:
                        await bury(store, one.seq, one.installation_id, "Gone", clock.ms)
                case _:
                    await step(store, clock, chance.choice([1, 9000]))
        await step(store, clock)
        sums: Counter[str] = Counter()
        for (_, what), count in (await totals(store)).items():
            sums[what.partition(":")[0]] += count
        live = sum(one.state is DeviceState.LIVE for one in await everything(store, SHOP))
        assert sums[NEW] + sums[REVIVED] - sums[LEFT] - sums["gone"] == live
        (audience,) = await store.audiences(SHOP)
        assert (sums[NEW], audience.size) == (audience.next_seq, live)

    run(scene())


def test_counting_takes_a_hundredth_of_the_time_at_most() -> None:
    audience = Audience(1, "acme", "shop", Environment.PRODUCTION, "apns", "alert", 9, 9)
    assert due(audience, None, T0)
    assert not due(audience, Pulse(1, 9, 9, counted_at=T0, took_ms=100), T0 + 29_999)
    assert due(audience, Pulse(1, 9, 9, counted_at=T0, took_ms=100), T0 + 30_000)
    assert not due(audience, Pulse(1, 9, 9, counted_at=T0, took_ms=3000), T0 + 299_999)
    assert not due(Audience(1, "acme", "shop", Environment.PRODUCTION, "apns", "alert"), None, T0)


def test_an_app_with_a_version_for_each_device_keeps_the_largest_groups_and_the_rest_as_one() -> None:
    groups = [Group(f"v{n}", "1", False, n % 7 + 1, 1) for n in range(900)] + [Group("t", "1", True, 1)]
    kept = largest(groups)
    assert len(kept) == core.MOST_GROUPS + 2
    assert sum(one.live for one in kept) == sum(one.live for one in groups)
    assert sum(one.gone for one in kept) == 900
    assert {one.app_version for one in kept[-2:]} == {core.OTHER}
