"""One test a fault (F1–F11, F15, F18–F22, F42): what the connection does, and that every push has one ending."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.fault.pump_stage import WHERE, PumpStage, pump_stage
from tests.simulator_fixtures import Simulator, running

from pushwarden.adapters.clock import SystemClock
from pushwarden.core.outcome import Fate
from pushwarden.core.push import PushType
from pushwarden.core.receipt import Confirmation
from pushwarden.core.shard import ShardState
from pushwarden.dataplane.lanes.window import release
from pushwarden.simulators.proxy import ConnectProxy
from pushwarden.simulators.relay import Relay

FLEET = 3000
QUICK = {"deadline": 0.6, "ping_after": 0.3, "ping_timeout": 0.3}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with running(tmp_path_factory.mktemp("apns")) as simulator:
        yield simulator


@pytest.fixture
def simulator(shared: Simulator) -> Simulator:
    shared.script()
    return shared


async def fan_out(stage: PumpStage, kind: PushType = PushType.ALERT, **changes: Any) -> tuple[dict[Fate, int], Any]:
    await stage.register(FLEET)
    push = await stage.accept(kind, **changes)
    return await stage.until_done(push), push


def run(coroutine: Any) -> None:
    asyncio.run(coroutine)


def test_a_calm_fan_out_reaches_everyone_once(simulator: Simulator, tmp_path: Path) -> None:
    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            fates, push = await fan_out(stage, PushType.BACKGROUND)
            assert fates[Fate.ACCEPTED] == FLEET
            assert stage.seen(push) == dict.fromkeys(range(FLEET), 1)

    run(body())


def test_f1_goaway_sends_what_was_not_processed_again_and_nothing_twice(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script({"do": "goaway", "after_streams": 137, "back": 6, "reason": "Shutdown"})

    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            fates, push = await fan_out(stage, PushType.BACKGROUND)
            assert fates[Fate.ACCEPTED] == FLEET
            processed = [frame for frame in stage.frames(push) if frame.status == 200]
            assert len(processed) == len({frame.apns_id for frame in processed}) == FLEET

    run(body())


def test_f3_two_goaways_requeue_nothing_twice(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script({"do": "goaway", "after_streams": 200, "two_phase": True, "two_phase_ms": 20})

    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            fates, push = await fan_out(stage, PushType.BACKGROUND)
            assert fates[Fate.ACCEPTED] == FLEET
            processed = [frame for frame in stage.frames(push) if frame.status == 200]
            assert len({frame.apns_id for frame in processed}) == len(processed)

    run(body())


def test_f4_a_refused_stream_is_sent_again_at_once(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script({"do": "reset", "code": 7, "share": 0.05})

    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            fates, _ = await fan_out(stage, PushType.BACKGROUND)
            assert fates[Fate.ACCEPTED] == FLEET

    run(body())


@pytest.mark.parametrize("code", [8, 2])
def test_f4_any_other_reset_ends_a_background_push_unknown(simulator: Simulator, tmp_path: Path, code: int) -> None:
    simulator.script({"do": "reset", "code": code, "share": 0.05})

    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            fates, push = await fan_out(stage, PushType.BACKGROUND)
            assert fates[Fate.UNKNOWN] > 0
            assert fates[Fate.ACCEPTED] + fates[Fate.UNKNOWN] == FLEET
            assert max(stage.seen(push).values()) == 1

    run(body())


def test_f5_a_tcp_reset_leaves_a_background_push_unknown_and_never_doubles_it(
    simulator: Simulator, tmp_path: Path
) -> None:
    simulator.script({"do": "disconnect", "after_streams": 700, "connections": [1, 2, 3]})

    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            fates, push = await fan_out(stage, PushType.BACKGROUND)
            assert fates[Fate.ACCEPTED] + fates[Fate.UNKNOWN] == FLEET
            assert max(stage.seen(push).values()) == 1

    run(body())


def test_f5_an_alert_without_answer_is_sent_again_under_the_same_collapse_id(
    simulator: Simulator, tmp_path: Path
) -> None:
    simulator.script({"do": "reset", "code": 8, "share": 0.02, "until_s": 1.0})

    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            fates, push = await fan_out(stage, PushType.ALERT)
            assert fates[Fate.ACCEPTED] == FLEET
            assert set(stage.seen(push)) == set(range(FLEET))

    run(body())


def test_f6_a_peer_that_vanished_is_found_by_ping(simulator: Simulator, tmp_path: Path) -> None:
    async def body() -> None:
        relay = Relay("127.0.0.1", simulator.port)
        port = await relay.start()
        async with pump_stage(simulator, tmp_path, port=port, **{**QUICK, "deadline": 30.0}) as stage:
            await stage.register(FLEET)
            simulator.script({"do": "delay", "ms": 30})
            push = await stage.accept(PushType.BACKGROUND)
            await stage.until_accepted(push, 200)
            relay.swallow()
            async with asyncio.timeout(10):
                while relay.accepted < 2:
                    await asyncio.sleep(0.01)
            relay.resume()
            fates = await stage.until_done(push)
            assert fates[Fate.ACCEPTED] + fates[Fate.UNKNOWN] == FLEET
            assert max(stage.seen(push).values()) == 1
        await relay.close()

    run(body())


def test_f7_a_server_that_never_answers_costs_a_deadline_not_a_connection(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script({"do": "silence", "share": 0.03})

    async def body() -> None:
        async with pump_stage(simulator, tmp_path, **QUICK) as stage:
            fates, push = await fan_out(stage, PushType.BACKGROUND)
            assert 0 < fates[Fate.UNKNOWN] < FLEET // 10
            assert fates[Fate.ACCEPTED] + fates[Fate.UNKNOWN] == FLEET
            assert max(stage.seen(push).values()) == 1

    run(body())


def test_f8_tiny_windows_and_a_stall_lose_nothing(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script(
        {"do": "windows", "stream": 16},
        {"do": "stall", "what": "window", "from_s": 0.1, "until_s": 0.5},
        {"do": "refuse", "share": 0.05, "status": 400, "reason": "BadCollapseId", "body": "huge"},
    )

    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            fates, push = await fan_out(stage, PushType.BACKGROUND)
            assert fates[Fate.REFUSED] > 0
            assert fates[Fate.ACCEPTED] + fates[Fate.REFUSED] == FLEET
            accepted = [frame.apns_id for frame in stage.frames(push) if frame.status == 200]
            assert len(accepted) == len(set(accepted)) == fates[Fate.ACCEPTED]

    run(body())


def test_f9_a_stream_limit_that_shrinks_to_one_is_obeyed(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script(
        {"do": "settings", "after_streams": 500, "max_streams": 1},
        {"do": "settings", "after_streams": 520, "max_streams": 1000},
    )

    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            fates, push = await fan_out(stage, PushType.BACKGROUND)
            assert fates[Fate.ACCEPTED] == FLEET
            assert max(stage.seen(push).values()) == 1

    run(body())


@pytest.mark.parametrize("body_kind", ["split", "none", "text", "huge", "truncated"])
def test_f10_any_error_body_ends_the_request(simulator: Simulator, tmp_path: Path, body_kind: str) -> None:
    simulator.script({"do": "refuse", "share": 0.02, "status": 400, "reason": "BadTopic2", "body": body_kind})

    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            fates, _ = await fan_out(stage, PushType.BACKGROUND)
            assert fates[Fate.ACCEPTED] + fates[Fate.REFUSED] == FLEET
            assert (await stage.devices.counts(WHERE))["live"] == FLEET

    run(body())


def test_f18_a_storm_of_503_moves_recipients_into_later_shards(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script({"do": "refuse", "share": 0.3, "status": 503, "reason": "ServiceUnavailable", "until_s": 1.0})

    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            fates, _ = await fan_out(stage, PushType.BACKGROUND)
            assert fates[Fate.ACCEPTED] == FLEET

    run(body())


def test_f20_a_connect_proxy_is_used_and_its_refusal_said_in_a_sentence(simulator: Simulator, tmp_path: Path) -> None:
    async def body() -> None:
        proxy = ConnectProxy()
        port = await proxy.start()
        async with pump_stage(simulator, tmp_path, proxy=f"http://127.0.0.1:{port}") as stage:
            fates, _ = await fan_out(stage, PushType.BACKGROUND)
            assert fates[Fate.ACCEPTED] == FLEET
        assert proxy.seen
        await proxy.close()

    run(body())


def test_f21_a_token_that_died_is_buried_and_never_sent_to_again(simulator: Simulator, tmp_path: Path) -> None:
    dead = [f"{number:064x}" for number in range(0, 90)]

    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            await stage.register(FLEET)
            row = {"state": "unregistered", "timestamp_ms": SystemClock().now_ms() + 1}
            simulator.post("tokens", {"tokens": dict.fromkeys(dead, row)})
            fates = await stage.until_done(await stage.accept(PushType.BACKGROUND))
            assert fates[Fate.REFUSED] == len(dead)
            async with asyncio.timeout(5):
                while (await stage.devices.counts(WHERE))["gone"] < len(dead):
                    await asyncio.sleep(0.01)
            again = await stage.accept(PushType.BACKGROUND)
            fates = await stage.until_done(again)
            assert fates[Fate.ACCEPTED] == FLEET - len(dead)
            assert not set(stage.seen(again)) & set(range(90))

    try:
        run(body())
    finally:
        simulator.post("tokens", {"tokens": {token: {"state": "ok"} for token in dead}})


def test_f22_a_wrong_environment_touches_no_token_and_holds_the_lane(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script({"do": "refuse", "share": 1.0, "status": 400, "reason": "BadDeviceToken"})

    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            await stage.register(FLEET)
            push = await stage.accept(PushType.BACKGROUND)
            async with asyncio.timeout(10):
                while not stage.holds.holds:
                    await asyncio.sleep(0.01)
            [hold] = stage.holds.holds
            assert "environment" in hold.reason
            assert (await stage.devices.counts(WHERE))["gone"] == 0
            async with asyncio.timeout(10):
                while (progress := await stage.progress(push)).shards.get("held", 0) == 0:
                    await asyncio.sleep(0.01)
            assert progress.pending > 0

    run(body())


def test_f23_a_refused_credential_pauses_its_lane_and_ends_nobody(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script({"do": "refuse", "share": 1.0, "status": 403, "reason": "InvalidProviderToken"})

    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            await stage.register(FLEET)
            push = await stage.accept(PushType.BACKGROUND)
            async with asyncio.timeout(10):
                while not any(station.health.sentence for station in stage.pump.stations.values()):
                    await asyncio.sleep(0.01)
            progress = await stage.progress(push)
            assert sum(progress.fates.values()) == 0
            assert (await stage.devices.counts(WHERE))["live"] == FLEET
            assert len(stage.frames(push)) <= 2000

    run(body())


def test_f42_an_opt_out_in_the_queue_ends_withdrawn(simulator: Simulator, tmp_path: Path) -> None:
    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            await stage.register(FLEET)
            simulator.script({"do": "delay", "ms": 50})
            push = await stage.accept(PushType.BACKGROUND)
            await stage.until_accepted(push, 1)
            for number in range(FLEET - 20, FLEET):
                await stage.devices.remove(WHERE, f"phone-{number}")
            fates = await stage.until_done(push)
            assert fates[Fate.WITHDRAWN] == 20
            assert fates[Fate.ACCEPTED] == FLEET - 20
            assert not set(stage.seen(push)) & set(range(FLEET - 20, FLEET))

    run(body())


def test_a_stop_in_mid_flight_lets_no_frame_follow_the_drained_reply(simulator: Simulator, tmp_path: Path) -> None:
    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            await stage.register(FLEET)
            simulator.script({"do": "delay", "ms": 20})
            push = await stage.accept(PushType.BACKGROUND)
            await stage.until_accepted(push, 300)
            stage.fence.stop(WHERE, 1)
            confirmation, named = await stage.pump.fence()
            before = len(stage.frames(push))
            await asyncio.sleep(0.2)
            assert (confirmation, named) == (Confirmation.DRAINED, 0)
            assert len(stage.frames(push)) == before
            stage.fence.resume(WHERE)
            await stage.journal.release(WHERE)
            stage.pump.doorbell()
            fates = await stage.until_done(push)
            assert fates[Fate.ACCEPTED] == FLEET
            assert max(stage.seen(push).values()) == 1

    run(body())


def test_a_ttl_that_runs_out_ends_what_is_left_expired(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script({"do": "delay", "ms": 400})

    async def body() -> None:
        async with pump_stage(simulator, tmp_path, window=100) as stage:
            fates, push = await fan_out(stage, PushType.BACKGROUND, expires_at=_soon())
            assert fates[Fate.EXPIRED] > 0
            assert fates[Fate.ACCEPTED] + fates[Fate.EXPIRED] == FLEET
            assert len(stage.seen(push)) == fates[Fate.ACCEPTED]

    run(body())


def _soon() -> int:
    return SystemClock().now_ms() + 600


def test_a_drain_gives_the_shards_back_and_another_sender_finishes_them(simulator: Simulator, tmp_path: Path) -> None:
    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            await stage.register(FLEET)
            simulator.script({"do": "delay", "ms": 30})
            push = await stage.accept(PushType.BACKGROUND)
            await stage.until_accepted(push, 200)
            for work in stage.pump.works:
                release(work, ShardState.READY)
            stage.ledger.press()
            fates = await stage.until_done(push)
            assert fates[Fate.ACCEPTED] == FLEET
            assert max(stage.seen(push).values()) == 1

    run(body())
