"""One of a lane's connections dies without a word under a steady flow: when that is found and what rate is left.

Played by `./dev soak stalled`: a pump in this process with the deadlines of the product, a simulator in its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pushwarden.adapters.clock import SystemClock
from pushwarden.core.lane import Class
from pushwarden.core.push import Push
from pushwarden.simulators.log import Frame
from pushwarden.simulators.relay import Relay
from tests.fault.pump_stage import PumpStage, pump_stage, single
from tests.simulator_fixtures import Simulator, running

FAULTS: Mapping[str, dict[str, Any]] = {
    "half_open": {"do": "half_open"},
    "stalled_reading": {"do": "stall", "what": "reading"},
    "black_holed": {},
}
"""The simulator's rule for it; the last is the relay's doing."""
ANSWERS: Mapping[Class, dict[str, Any]] = {
    Class.BULK: {"do": "delay", "ms": 600, "jitter_ms": 400},
    Class.URGENT: {"do": "delay", "ms": 50, "jitter_ms": 50},
}
"""Slow for fan-outs, so that their rate is what the connections carry and not what this machine can."""
STRUCK = 1
"""The simulator's number of the connection that dies: the first, which alone carries a lane of few calls."""
CONNECTIONS = {Class.BULK: 4, Class.URGENT: 2}
FOUND_WITHIN = {Class.BULK: 10.0, Class.URGENT: 3.0}
LEAST_SHARE = 0.95
WARM, LOOKED_AT, RECOVERED = 3.0, 10.0, 15.0
"""Seconds of flow before anything counts; of the two spans that are compared; from the fault to the second of them."""
FLEET = 20_000
CALL_EVERY = 0.01
TTL_MS = {Class.BULK: 30_000, Class.URGENT: 10_000}


@dataclass(slots=True)
class Flow:
    """Pushes that were accepted one after another, and when the fault struck and was found (monotonic ns; 0: never)."""

    stage: PumpStage
    klass: Class
    pushes: list[Push] = field(default_factory=list)
    struck: int = 0
    found: int = 0

    async def fan_outs(self) -> None:
        while True:
            if await self._begun():
                self.pushes.append(await self.stage.accept(ttl_ms=TTL_MS[self.klass]))
            await asyncio.sleep(CALL_EVERY)

    async def calls(self) -> None:
        for number in range(1 << 30):
            now = SystemClock().now_ms()
            call = single(number, self.stage.audience, now, self.klass, expires_at=now + TTL_MS[self.klass])
            self.pushes.append(call.push)
            await self.stage.journal.accept([call])
            self.stage.pump.doorbell()
            await asyncio.sleep(CALL_EVERY)

    async def _begun(self) -> bool:
        """Whether half of the latest is written: another one is wanted, whatever the earlier ones still wait for."""
        return not self.pushes or (await self.stage.progress(self.pushes[-1])).pending < FLEET // 2

    @property
    def links(self) -> set[int]:
        stations = self.stage.pump.stations.values()
        return {link.number for one in stations if one.lane.klass is self.klass for link in one.connections.links}

    async def until_warm(self) -> None:
        async with asyncio.timeout(30):
            while len(self.links) < CONNECTIONS[self.klass]:
                await asyncio.sleep(CALL_EVERY)
        await asyncio.sleep(WARM + LOOKED_AT)

    async def strike(self, fault: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Brings the fault about, watches for the connection to be given up, and lets the flow recover."""
        before = self.links
        self.struck = time.monotonic_ns()
        await fault()
        while (past := (time.monotonic_ns() - self.struck) / 1e9) < RECOVERED + LOOKED_AT:
            if not self.found and before - self.links:
                self.found = time.monotonic_ns()
            await asyncio.sleep(min(CALL_EVERY, RECOVERED + LOOKED_AT - past))

    async def until_ended(self) -> Counter[str]:
        """How the recipients of all pushes ended."""
        ended = Counter[str]()
        async with asyncio.timeout(90):
            for push in self.pushes:
                ended.update({str(fate): n for fate, n in (await self.stage.until_done(push, 90)).items() if n})
        return ended


def play(folder: Path, fault: str, klass: Class) -> dict[str, Any]:
    """The figures of one fault in a lane of this class; ok when they are what is promised."""
    with running(folder) as simulator:
        return asyncio.run(_play(simulator, folder, fault, klass))


async def _play(simulator: Simulator, folder: Path, fault: str, klass: Class) -> dict[str, Any]:
    simulator.script(ANSWERS[klass])
    async with _relayed(simulator.port) as (relay, port), _stage(simulator, folder, port, klass) as stage:

        async def strike() -> None:
            if rule := FAULTS[fault]:
                await asyncio.to_thread(simulator.script, ANSWERS[klass], {**rule, "connections": [STRUCK]})
            else:
                relay.swallow_one()

        flow = Flow(stage, klass)
        flowing = asyncio.create_task(flow.calls() if klass is Class.URGENT else flow.fan_outs())
        try:
            await flow.until_warm()
            await flow.strike(strike)
        finally:
            flowing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await flowing
        return _judged(flow, await flow.until_ended())


@contextlib.asynccontextmanager
async def _relayed(port: int) -> AsyncIterator[tuple[Relay, int]]:
    relay = Relay("127.0.0.1", port)
    try:
        yield relay, await relay.start()
    finally:
        await relay.close()


@contextlib.asynccontextmanager
async def _stage(simulator: Simulator, folder: Path, port: int, klass: Class) -> AsyncIterator[PumpStage]:
    classes, most = (klass, Class.SUSPECT), CONNECTIONS[Class.BULK]
    some = {"classes": classes, "connections": (most, most)}
    async with pump_stage(simulator, folder, port=port, patient=False, **some) as stage:
        await stage.register(FLEET if klass is Class.BULK else 100)
        yield stage


def _judged(flow: Flow, ended: Counter[str]) -> dict[str, Any]:
    frames, klass = flow.stage.all_frames(), flow.klass
    found = (flow.found - flow.struck) / 1e9 if flow.found else None
    before, after = (_rate(frames, flow.struck, second, LOOKED_AT) for second in (-LOOKED_AT, RECOVERED))
    unanswered = sum(n for (_, _, why), n in flow.stage.ledger.counters.endings.items() if why == "deadline")
    past = _sent_past_their_time(frames, flow.pushes)
    share = after / before
    meanwhile = _rate(frames, flow.struck, 0, found) / before if found else 0
    kept = found is not None and found <= FOUND_WITHIN[klass] and share >= LEAST_SHARE
    return {
        "ok": kept and unanswered == past == 0 and ended.keys() == {"accepted"},
        "found_s": found and round(found, 2), "rate_per_s": round(before), "share": round(share, 3),
        "share_until_found": round(meanwhile, 3),
        "past_deadline": unanswered, "sent_past_ttl": past, "ended": dict(ended),
        "on_the_dead_one": sum(frame.connection == STRUCK and frame.ns > flow.struck + 1e9 for frame in frames),
    }  # fmt: skip


def _rate(frames: list[Frame], struck: int, second: float, seconds: float) -> float:
    """Requests read a second, in the span that begins so many seconds after the fault."""
    begin, end = struck + second * 1e9, struck + (second + seconds) * 1e9
    return sum(begin <= frame.ns < end for frame in frames) / seconds


def _sent_past_their_time(frames: list[Frame], pushes: list[Push]) -> int:
    wall = time.time_ns() - time.monotonic_ns()
    until = {bytes.fromhex(push.id): push.expires_at * 1_000_000 - wall for push in pushes}
    return sum(frame.ns > until[frame.apns_id[:10]] for frame in frames)
