"""A lane of FCM against its simulator: access tokens, topics, and which answers may touch a device."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fault.pump_stage import WHERE, PumpStage, pump_stage
from tests.fcm_fixtures import Fcm, device, running_fcm

from pushwarden.adapters.clock import SystemClock
from pushwarden.core.lane import Class, Lane
from pushwarden.core.outcome import Fate
from pushwarden.core.push import Message, Push, PushType
from pushwarden.core.scope import Environment
from pushwarden.core.shard import NewShard, ShardKind
from pushwarden.core.topics import condition_member, topic_member
from pushwarden.dataplane.transport import grants
from pushwarden.ports.journal import Acceptance

FLEET = 400


@pytest.fixture
def fcm(tmp_path: Path) -> Iterator[Fcm]:
    with running_fcm(tmp_path) as running:
        yield running


def granted(fcm: Fcm) -> int:
    """Access tokens given out since the fixture took its own."""
    return int(fcm.counts()["exchanges"].get("200", 0)) - 1


async def until(stage: PumpStage, word: str) -> str:
    """The lane's trouble, once it holds the word."""
    async with asyncio.timeout(20):
        while word not in (said := " ".join(stage.ledger.troubles.values())):
            await asyncio.sleep(0.02)
    return said


async def counts(stage: PumpStage) -> tuple[int, int]:
    found = await stage.devices.counts(WHERE)
    return found["live"], found["gone"]


def test_a_fan_out_asks_for_one_access_token_and_reaches_everybody(fcm: Fcm, tmp_path: Path) -> None:
    async def body() -> None:
        async with pump_stage(fcm, tmp_path, "fcm") as stage:
            await stage.register(FLEET)
            push = await stage.accept()
            assert (await stage.until_done(push))[Fate.ACCEPTED] == FLEET
            assert stage.seen(push) == dict.fromkeys(range(FLEET), 1)
            assert granted(fcm) == 1

    asyncio.run(body())


@pytest.mark.parametrize("member", [topic_member("news"), condition_member("'a' in topics && !('b' in topics)")])
def test_a_topic_is_one_request(fcm: Fcm, tmp_path: Path, member: str) -> None:
    async def body() -> None:
        async with pump_stage(fcm, tmp_path, "fcm") as stage:
            push = await to_one(stage, member)
            fates = await stage.until_done(push)
            assert fates[Fate.ACCEPTED] == sum(fates.values()) == 1
            assert [frame.status for frame in stage.frames(push)] == [200]

    asyncio.run(body())


async def to_one(stage: PumpStage, member: str) -> Push:
    """A push to a recipient that is no device of ours."""
    now = SystemClock().now_ms()
    push = Push(
        "0123456789abcdef0123", "acme", "shop", Environment.SIMULATED, PushType.ALERT, Class.BULK,
        Message(title="News"), now, now + 60_000,
    )  # fmt: skip
    lane = Lane("acme", "shop", Environment.SIMULATED, "fcm", Class.BULK).key
    one = NewShard(push.id, "acme", ShardKind.TOKENS, 0, lane, now, 0, 1, member.encode())
    stage.since[push.id] = time.monotonic_ns()
    await stage.journal.accept([Acceptance(push, (one,))])
    stage.pump.doorbell()
    return push


def test_a_deleted_key_holds_the_lane_and_says_so_and_nobody_ends(fcm: Fcm, tmp_path: Path) -> None:
    async def body() -> None:
        async with pump_stage(fcm, tmp_path, "fcm") as stage:
            fcm.delete(f"accounts/{fcm.account.key_id}")
            await stage.register(FLEET)
            push = await stage.accept(PushType.BACKGROUND)
            said = await until(stage, "invalid_grant")
            assert "upload a new one" in said
            (station,) = stage.pump.stations.values()
            assert "refuses the credential" in station.pace.sentence
            progress = await stage.progress(push)
            assert sum(progress.fates.values()) == 0 and progress.in_flight == 0
            assert stage.frames(push) == [] and await counts(stage) == (FLEET, 0)

    asyncio.run(body())


def test_an_access_token_refused_in_the_middle_is_replaced_and_nobody_ends(
    fcm: Fcm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grants, "LEAST_AGE", 0.0)

    async def body() -> None:
        async with pump_stage(fcm, tmp_path, "fcm") as stage:
            await stage.register(FLEET)
            first = await stage.accept()
            await stage.until_done(first)
            fcm.delete("bearers")
            push = await stage.accept(PushType.BACKGROUND)
            assert (await stage.until_done(push))[Fate.ACCEPTED] == FLEET
            statuses = Counter(frame.status for frame in stage.frames(push))
            assert statuses[200] == FLEET and statuses.keys() == {200, 401}
            assert granted(fcm) == 2 and await counts(stage) == (FLEET, 0)

    asyncio.run(body())


def test_f23_a_campaign_to_the_wrong_project_touches_no_token_and_holds_the_lane(fcm: Fcm, tmp_path: Path) -> None:
    fcm.post("tokens", {"shares": {"sender-mismatch": 1.0}})

    async def body() -> None:
        async with pump_stage(fcm, tmp_path, "fcm") as stage:
            await stage.register(FLEET)
            await stage.accept(PushType.BACKGROUND)
            async with asyncio.timeout(20):
                while not (held := await stage.holds.held()):
                    await asyncio.sleep(0.02)
            assert "refused as bad" in held[0].reason and await counts(stage) == (FLEET, 0)

    asyncio.run(body())


def test_f24_only_unregistered_buries_and_at_the_first_word(fcm: Fcm, tmp_path: Path) -> None:
    dead = {device(7): {"state": "unregistered"}, device(8): {"state": "malformed"}}
    fcm.post("tokens", {"tokens": dead | {device(9): {"state": "sender-mismatch"}}})

    async def body() -> None:
        async with pump_stage(fcm, tmp_path, "fcm") as stage:
            await stage.register(FLEET)
            push = await stage.accept(PushType.BACKGROUND)
            assert (await stage.until_done(push))[Fate.REFUSED] == 3
            async with asyncio.timeout(20):
                while await counts(stage) != (FLEET - 1, 1):
                    await asyncio.sleep(0.02)
            again = await stage.accept(PushType.BACKGROUND)
            await stage.until_done(again)
            assert 7 not in stage.seen(again) and {8, 9} <= stage.seen(again).keys()
            assert await counts(stage) == (FLEET - 1, 1)

    asyncio.run(body())


def test_f24_a_bare_404_holds_the_lane_and_touches_no_token(fcm: Fcm, tmp_path: Path) -> None:
    fcm.script({"do": "refuse", "status": 404, "reason": ""})

    async def body() -> None:
        async with pump_stage(fcm, tmp_path, "fcm") as stage:
            await stage.register(FLEET)
            push = await stage.accept(PushType.BACKGROUND)
            async with asyncio.timeout(20):
                while not any(station.pace.sentence for station in stage.pump.stations.values()):
                    await asyncio.sleep(0.02)
            assert sum((await stage.progress(push)).fates.values()) == 0 and await counts(stage) == (FLEET, 0)

    asyncio.run(body())
    assert fcm.counts()["requests"] > 0
