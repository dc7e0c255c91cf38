"""Lanes that protect each other: a stalled connection, a provider that asks for time, a credential that dies."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.fault.pump_stage import PumpStage, pump_stage, shared, simulator
from tests.simulator_fixtures import Simulator

from product_fixtures import SLOW, ask, calm, device, ended, fleet, frames, script, send, until
from pushwarden.core.outcome import Fate
from pushwarden.core.push import PushType
from pushwarden.dataplane.lanes.breaker import State
from pushwarden.wiring.stage import Stage

__all__ = ["calm", "shared", "simulator"]
pytestmark = SLOW

FLEET = 6000
DYING = "com.example.dying"


async def four_connections(stage: PumpStage) -> None:
    """Fan-outs until the lane has opened the four it may have, two a second."""
    await stage.register(FLEET)
    async with asyncio.timeout(30):
        while sum(len(station.connections.links) for station in stage.pump.stations.values()) < 4:
            fates = await stage.until_done(await stage.accept(PushType.BACKGROUND))
            assert fates[Fate.ACCEPTED] == FLEET


SLOW_ANSWERS = {"do": "delay", "ms": 60}
STREAMS = 1000
"""What one connection may have in flight, and so lose."""
QUICK = {"connections": (4, 4), "deadline": 30.0, "ping_after": 0.4, "ping_timeout": 0.4}


@pytest.mark.parametrize("fault", [{"do": "stall", "what": "reading"}, {"do": "half_open"}])
@pytest.mark.parametrize("kind", [PushType.BACKGROUND, PushType.ALERT])
def test_one_of_four_connections_that_stalls_is_left_alone_and_replaced(
    simulator: Simulator, tmp_path: Path, fault: dict[str, Any], kind: PushType
) -> None:
    simulator.script(SLOW_ANSWERS)

    async def body() -> None:
        async with pump_stage(simulator, tmp_path, **QUICK) as stage:
            await four_connections(stage)
            [station] = stage.pump.stations.values()
            before = {link.number for link in station.connections.links}
            stalled = max(frame.connection for frame in stage.all_frames())
            simulator.script(SLOW_ANSWERS, {**fault, "connections": [stalled]})
            push = await stage.accept(kind)
            fates = await stage.until_done(push)
            assert fates[Fate.ACCEPTED] + fates[Fate.UNKNOWN] == FLEET
            if kind is PushType.BACKGROUND:
                assert 0 < fates[Fate.UNKNOWN] <= STREAMS
                assert max(stage.seen(push).values()) == 1
            else:
                assert fates[Fate.UNKNOWN] == 0
            assert len(before & {link.number for link in station.connections.links}) == 3
            per = Counter(frame.connection for frame in stage.frames(push))
            assert per[stalled] <= STREAMS
            assert not station.pace.waits(asyncio.get_running_loop().time())

    asyncio.run(body())


def test_a_lane_keeps_silent_for_as_long_as_the_provider_asks_and_then_sends_one_first(
    simulator: Simulator, tmp_path: Path
) -> None:
    asked = {"do": "refuse", "share": 1.0, "status": 503, "reason": "ServiceUnavailable", "retry_after": "3"}
    simulator.script({**asked, "until_s": 2.0})

    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            await stage.register(FLEET)
            push = await stage.accept(PushType.ALERT)
            fates = await stage.until_done(push)
            assert fates[Fate.ACCEPTED] == FLEET
            read = sorted(stage.frames(push), key=lambda frame: frame.ns)
            refused = [frame for frame in read if frame.status == 503]
            rest = [frame for frame in read if frame.status == 200]
            first = refused[0].ns
            assert all(frame.ns - first < 1.5e9 or frame.ns - first >= 3e9 for frame in read)
            assert len(refused) <= 2000
            assert len(rest) == FLEET
            links = {frame.connection for frame in rest[:1]}
            assert len(links) == 1
            [station] = stage.pump.stations.values()
            assert station.pace.provider.state is State.CLOSED

    asyncio.run(body())


def test_a_provider_that_only_refuses_is_soon_asked_by_single_requests(simulator: Simulator, tmp_path: Path) -> None:
    simulator.script({"do": "refuse", "share": 1.0, "status": 503, "reason": "ServiceUnavailable"})

    async def body() -> None:
        async with pump_stage(simulator, tmp_path) as stage:
            await stage.register(FLEET)
            push = await stage.accept(PushType.ALERT)
            async with asyncio.timeout(30):
                while not any(station.pace.provider.openings >= 2 for station in stage.pump.stations.values()):
                    await asyncio.sleep(0.01)
            refused = len(stage.frames(push))
            assert refused < FLEET // 2
            simulator.script()
            fates = await stage.until_done(push, 90)
            assert fates[Fate.ACCEPTED] == FLEET

    asyncio.run(body())


def test_an_app_whose_credential_dies_keeps_no_other_waiting(calm: Stage) -> None:
    dying, well = calm.make_app("dying", bundle_id=DYING), calm.make_app("well")
    fleet(calm, dying, FLEET)
    fleet(calm, well, FLEET, FLEET)
    device(calm, well, "phone", "0c" * 32, user="ada", token_kind="voip")
    refuse = {"do": "refuse", "share": 1.0, "status": 403, "reason": "InvalidProviderToken", "topic": DYING}
    with script(calm, refuse):
        stuck = [send(calm, dying, {"all": True}) for _ in range(3)]
        until(lambda: troubles(calm, "dying"), "the sentence")
        done = send(calm, well, {"all": True})
        call = send(calm, well, {"user": "ada"}, "voip", data={"call": "1"})
        assert ended(calm.settled(well, call)) == {"accepted": 1}
        assert ended(calm.settled(well, done)) == {"accepted": FLEET}
        for push in stuck:
            state = calm.call("GET", f"{dying}/pushes/{push}")
            assert (state["state"], ended(state)) == ("open", {})
        assert "check the credential" in troubles(calm, "dying")
        assert not troubles(calm, "well")
        assert len([frame for push in stuck for frame in frames(calm, push)]) <= 2000
        assert paused(calm, "dying") and not paused(calm, "well")
    calm.call("POST", f"{dying}/pushes/{stuck[0]}/cancel")
    until(lambda: calm.call("GET", f"{dying}/pushes/{stuck[0]}")["state"] == "done", "the discarded push")


def troubles(stage: Stage, app: str) -> str:
    """What the senders say of its lanes."""
    shown = stage.call("GET", f"/v1/apps/{app}/simulated/effective")
    return " ".join(
        words for sender in shown["senders"] for lane, words in sender["troubles"].items() if f"/{app}/" in lane
    )


def paused(stage: Stage, app: str) -> bool:
    text = ask(stage, "GET", "/metrics").text
    rows = [row for row in text.splitlines() if row.startswith("pushwarden_lane_paused_seconds{") and app in row]
    return any(float(row.split()[-1]) > 0 for row in rows)
