"""A pump in this process on the memory store, a simulator in its own; the oracle is the simulator's log."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from tests.fault.sides import SIDES, Side
from tests.simulator_fixtures import TOPIC, Simulator, running

from pushwarden.adapters.clock import SystemClock
from pushwarden.adapters.egress.tls import client_context
from pushwarden.adapters.fence_file import FenceFile
from pushwarden.adapters.memory.devices import MemoryDevices
from pushwarden.adapters.memory.journal import MemoryJournal
from pushwarden.core.app import App, Credential, Snapshot
from pushwarden.core.device import Device
from pushwarden.core.hold import Hold
from pushwarden.core.lane import Class, Lane
from pushwarden.core.outcome import Fate
from pushwarden.core.push import Message, Push, PushType
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.shard import SHARD_WIDTH, NewShard, ShardKind
from pushwarden.dataplane.feedback.burial import Burial
from pushwarden.dataplane.feedback.ledger import Ledger
from pushwarden.dataplane.feedback.proving import Proving
from pushwarden.dataplane.lanes.gate import Gate, held_name
from pushwarden.dataplane.lanes.pump import Pump, Tools
from pushwarden.dataplane.transport.connections import Entry
from pushwarden.dataplane.transport.dial import Target
from pushwarden.dataplane.transport.grants import Grants
from pushwarden.dataplane.transport.post import post
from pushwarden.ports.journal import Acceptance, Progress
from pushwarden.providers.port import Origin, Provider
from pushwarden.simulators.log import Frame, read
from pushwarden.wiring.entries import Opened, enter

WHERE = Scope("acme", "shop", Environment.SIMULATED)
SEAT = "sender-bulk-0"
PATIENT = {"deadline": 90.0, "urgent_deadline": 90.0, "ping_after": 90.0, "ping_timeout": 90.0}
"""Seconds: a machine that is full makes a simulator late, and only tests of lateness may find it so."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with running(tmp_path_factory.mktemp("apns")) as simulator:
        yield simulator


@pytest.fixture
def simulator(shared: Simulator) -> Simulator:
    """The module's own, which behaves until a test says otherwise."""
    shared.script()
    return shared


class HeldInMemory:
    """The Holds port as a list."""

    def __init__(self) -> None:
        self.holds: list[Hold] = []

    async def open(self, hold: Hold) -> Hold:
        self.holds.append(hold)
        return hold

    async def held(self) -> list[Hold]:
        return [hold for hold in self.holds if hold.released_at is None]

    async def released(self, since_ms: int) -> list[Hold]:
        return [hold for hold in self.holds if hold.released_at is not None]

    async def whole(self, hold: Hold) -> Hold:
        return hold


@dataclass(slots=True)
class Skew:
    """The wall clock by which credentials are judged, so many seconds ahead."""

    ahead: float = 0.0

    def now(self) -> float:
        return time.time() + self.ahead


@dataclass
class PumpStage:
    """port, ca, proxy: where the pump connects; a relay may stand in front of the simulator."""

    side: Side
    simulator: Simulator
    folder: Path
    port: int
    journal: MemoryJournal
    devices: MemoryDevices
    holds: HeldInMemory
    fence: FenceFile
    pump: Pump
    ledger: Ledger
    running: asyncio.Task[None]
    skew: Skew
    credential: Credential
    audience: int = 0
    fleet: int = 0
    since: dict[str, int] = field(default_factory=dict)  # push id → monotonic ns just before it was accepted

    async def register(self, count: int) -> None:
        """Devices 0 … count-1; their tokens end with their numbers."""
        name, token = self.side.provider.facts.name, self.side.token
        fleet = [Device(f"phone-{number}", name, token(number), user=f"user-{number}") for number in range(count)]
        done = await self.devices.register(WHERE, fleet, SystemClock().now_ms())
        self.fleet = count
        self.audience = (await self.devices.audiences(WHERE))[0].id
        assert len(done) == count

    async def accept(self, kind: PushType = PushType.ALERT, ttl_ms: int = 3_600_000, **changes: Any) -> Push:
        """A push to all, accepted and rung."""
        now = SystemClock().now_ms()
        message = Message(title="Hello") if kind is PushType.ALERT else Message(data={"n": 1})
        push = Push(
            secrets.token_hex(10), "acme", "shop", Environment.SIMULATED, kind, Class.BULK, message, now, now + ttl_ms
        )
        push = replace(push, **changes)
        lane = Lane("acme", "shop", Environment.SIMULATED, self.side.provider.facts.name, Class.BULK).key
        shards = tuple(
            NewShard(push.id, "acme", ShardKind.RANGE, self.audience, lane, now, lo, min(SHARD_WIDTH, self.fleet - lo))
            for lo in range(0, self.fleet, SHARD_WIDTH)
        )
        self.since[push.id] = time.monotonic_ns()
        await self.journal.accept([Acceptance(push, shards)])
        self.pump.doorbell()
        return push

    async def progress(self, push: Push) -> Progress:
        if self.running.done():
            self.running.result()
        progress = await self.journal.progress(WHERE, push.id)
        assert progress is not None
        planned, known = progress.planned, sum(progress.fates.values()) + progress.pending + progress.in_flight
        assert planned is None or planned == known, progress
        return progress

    async def until_done(self, push: Push, seconds: float = 60.0) -> dict[Fate, int]:
        """The fates once every recipient has ended; conservation is checked at every look."""
        async with asyncio.timeout(seconds):
            while (progress := await self.progress(push)).finished_at is None:
                await asyncio.sleep(0.01)
        return progress.fates

    async def until_accepted(self, push: Push, count: int, seconds: float = 30.0) -> None:
        async with asyncio.timeout(seconds):
            while (await self.progress(push)).fates[Fate.ACCEPTED] < count:
                await asyncio.sleep(0.002)

    def frames(self, push: Push) -> list[Frame]:
        """What the simulator read since this push was accepted."""
        return [frame for frame in self.all_frames() if frame.ns >= self.since[push.id]]

    def all_frames(self) -> list[Frame]:
        self.simulator.post("flush")
        return [*read(self.simulator.log)]

    def configure(self, credential: Credential) -> None:
        """Another credential is active."""
        self.credential = credential
        self.pump.configure(_snapshot(credential), [])

    @contextlib.asynccontextmanager
    async def successor(self) -> AsyncIterator[None]:
        """Another sender over the same stores."""
        name = f"{SEAT}-next"
        pump = Pump(name, self.pump.classes, self.pump.tools, Gate(self.fence), Ledger(self.journal, 1000))
        await self.journal.enlist(name, SystemClock().now_ms())
        pump.configure(_snapshot(self.credential), [])
        running = asyncio.create_task(pump.run())
        try:
            yield
        finally:
            await pump.drain(5)
            await running

    def answers(self, push: Push) -> list[tuple[int, int]]:
        """(device number, status) of each of its requests."""
        return [(self.side.number(frame), frame.status) for frame in self.frames(push)]

    def seen(self, push: Push) -> dict[int, int]:
        """Device number → how many requests the simulator read for it."""
        return dict(Counter(self.side.number(frame) for frame in self.frames(push)))


def single(number: int, audience: int, now: int, klass: Class = Class.NORMAL, **times: int) -> Acceptance:
    """A push to one of the first 100 devices, accepted now (Unix ms). times: expires_at, not_before."""
    push = Push(
        secrets.token_hex(10), "acme", "shop", Environment.SIMULATED, PushType.ALERT, klass,
        Message(title=f"Order {number}"), now, **({"expires_at": now + 3_600_000} | times),
    )  # fmt: skip
    lane = Lane("acme", "shop", Environment.SIMULATED, "apns", klass).key
    due = max(now, push.not_before)
    members = (number % 100).to_bytes(8, "little")
    return Acceptance(push, (NewShard(push.id, "acme", ShardKind.LIST, audience, lane, due, 0, 1, members),))


@contextlib.asynccontextmanager
async def pump_stage(
    simulator: Simulator,
    folder: Path,
    name: str = "apns",
    *,
    port: int = 0,
    proxy: str = "",
    ca: Path | None = None,
    window: int = 1000,
    classes: Sequence[Class] = (Class.NORMAL, Class.BULK, Class.SUSPECT),
    credential_facts: dict[str, Any] | None = None,
    patient: bool = True,
    **facts: Any,
) -> AsyncIterator[PumpStage]:
    """facts: changes to the provider's Facts, for deadlines that a test can wait for. patient: PATIENT where not named;
    else the product's own."""
    clock = SystemClock()
    journal, devices, holds = MemoryJournal(), MemoryDevices(), HeldInMemory()
    side = SIDES[name]
    provider = _with_facts(side.provider, (PATIENT if patient else {}) | facts)
    credential, material = side.credential(simulator, clock.now_ms())
    credential = replace(credential, facts={**credential.facts, **(credential_facts or {})})
    context = client_context(ca or simulator.ca)
    target = Target(Origin("localhost", port or simulator.port), context, proxy, timeout=3.0)

    grants, skew = Grants(post), Skew()

    def entry(lane: Lane, asked: Credential) -> Entry:
        return enter(Opened(provider, asked, material), grants, lambda origin, as_whom: target, clock=skew.now)

    fence = FenceFile(folder / "fence")
    ledger = Ledger(journal, window)
    tools = Tools(
        journal, devices, clock, {name: provider}, entry, patience=20.0
    )  # a full machine is no silent provider
    pump = Pump(SEAT, classes, tools, Gate(fence), ledger)
    snapshot = _snapshot(credential)

    def on_hold(hold: Hold) -> None:
        pump.configure(snapshot, [held_name(Lane.parse(hold.lane))])

    burial = Burial(devices, holds, clock, on_hold)
    proving = Proving(pump.trials, devices, journal, burial)
    beside = [
        asyncio.create_task(burial.keep(pump.settled_stations, pump.answers.suspected)),
        asyncio.create_task(proving.keep(pump.works, pump.stations, pump.doorbell)),
    ]
    await journal.enlist(SEAT, clock.now_ms())
    pump.configure(snapshot, [])
    running = asyncio.create_task(pump.run())
    try:
        yield PumpStage(
            side,
            simulator,
            folder,
            port or simulator.port,
            journal,
            devices,
            holds,
            fence,
            pump,
            ledger,
            running,
            skew,
            credential,
        )
    finally:
        await pump.drain(0.5)
        await asyncio.wait({running}, timeout=5)
        running.cancel()
        for task in beside:
            task.cancel()
        await asyncio.sleep(0)  # aborted transports close their sockets in the loop's next turn


def _snapshot(credential: Credential) -> Snapshot:
    app = App("acme", "shop", "Shop", bundle_id=TOPIC)
    return Snapshot.of(1, [app], [credential])


def _with_facts(provider: Provider, changes: dict[str, Any]) -> Provider:
    changed = type(provider)()
    changed.facts = replace(provider.facts, **changes)
    return changed
