"""5 pump: the way of a push out of the store: claim → gate → render → transport → classify → settle.

No step calls the next, no retry sleeps. Answers come in on their own; the ledger records what they ended.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pushwarden.core.app import Credential, Snapshot
from pushwarden.core.errors import Busy, StaleClaim, StoreFull
from pushwarden.core.lane import Class, Lane, place_of
from pushwarden.core.outcome import Fate
from pushwarden.core.push import Push
from pushwarden.core.ramp import WHOLE, Ramp
from pushwarden.core.receipt import Confirmation, Evidence
from pushwarden.core.shard import Shard, ShardState
from pushwarden.dataplane.feedback.answers import Answers
from pushwarden.dataplane.feedback.ledger import Ledger
from pushwarden.dataplane.feedback.proving import Trials
from pushwarden.dataplane.feedback.settle import QUARANTINED, end_rest
from pushwarden.dataplane.lanes.claims import Claims
from pushwarden.dataplane.lanes.gate import Gate, Verdict
from pushwarden.dataplane.lanes.lease import Lease
from pushwarden.dataplane.lanes.poison import heed
from pushwarden.dataplane.lanes.ramps import Ramps
from pushwarden.dataplane.lanes.reading import in_doubt, open_work
from pushwarden.dataplane.lanes.station import Station
from pushwarden.dataplane.lanes.stations import Stations
from pushwarden.dataplane.lanes.together import together
from pushwarden.dataplane.lanes.turns import QUANTUM, Turns
from pushwarden.dataplane.lanes.window import release
from pushwarden.dataplane.lanes.work import Work
from pushwarden.dataplane.lanes.writing import Writer
from pushwarden.dataplane.transport.connections import Entry
from pushwarden.ports.clock import Clock
from pushwarden.ports.devices import Devices
from pushwarden.ports.journal import Journal
from pushwarden.providers.port import Provider

MOST_A_TURN = 512
"""Recipients one shard writes in a turn at most."""
LAPS = 8
"""Turns each organisation has, at most, before the journal is asked for more."""
TICK = 0.1
LATER_MS = 1000
"""When a shard is looked at again whose app or credential this sender does not know, or whose app is off."""
STORE_REST = 0.05
"""Seconds to wait before a store that was busy is asked again."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What a pump works with. entry: opens a credential and says where and as whom to connect.

    quotas: provider → requests a minute this sender may make with one credential; no limit for those not named.
    patience: seconds a provider has, at a stop, to acknowledge that it has read everything.
    """

    journal: Journal
    devices: Devices
    clock: Clock
    providers: Mapping[str, Provider]
    entry: Callable[[Lane, Credential], Entry]
    quotas: Mapping[str, float] = field(default_factory=dict)
    patience: float = 0.05


class Pump:
    """One sender's send loop over the classes it serves."""

    def __init__(self, name: str, classes: Sequence[Class], tools: Tools, gate: Gate, ledger: Ledger) -> None:
        self.name, self.classes, self.tools = name, tuple(classes), tools
        self.gate, self.ledger = gate, ledger
        self.works: list[Work] = ledger.works
        self.stations = Stations(tools.providers, tools.entry, tools.quotas)
        self.trials = Trials(tools.devices)
        self.ramps = Ramps(tools.devices)
        self.answers = Answers(self.stations, ledger, tools.clock, self.stir)
        self.claims = Claims(name, classes, tools.journal)
        self.turns = Turns()
        self._claimed: list[tuple[Shard, Push]] = []  # claimed, not yet open: the store was busy between
        self._awake = asyncio.Event()
        self._emptied = asyncio.Event()
        self._lease = Lease(tools.clock.monotonic())
        self.writer = Writer(tools.devices, tools.clock, gate, ledger, self._lease, self.stir)
        ledger.reach, ledger.stuck = self.stations.reach, self.stations.stuck

    def __repr__(self) -> str:
        return f"<pump {self.name}: {len(self.works)} shards, {len(self.stations)} lanes, W {self.ledger.window}>"

    async def run(self) -> None:
        """Until `drain`: one round after another, as long as there is something to write."""
        tending = asyncio.create_task(self._tend())
        keeping = asyncio.create_task(self.ledger.keep(self.stir))
        try:
            while not (self.writer.draining and not self.works and not self._claimed):
                try:
                    await self._round()
                except (Busy, StoreFull):
                    await asyncio.sleep(STORE_REST)
                await self._rest()
                _raise_if_dead(tending, keeping)
            self._emptied.set()
        finally:
            tending.cancel()
            keeping.cancel()
            await asyncio.gather(tending, keeping, return_exceptions=True)
            self.stations.close()

    async def _round(self) -> None:
        await self._claim()
        alone = len({work.key for work in self.works}) == 1
        for _ in range(1 if alone else LAPS):
            if not await self._lap(MOST_A_TURN * len(self.works) if alone else QUANTUM):
                return

    async def _lap(self, quantum: int) -> int:
        """Each organisation writes a quantum at most; how many were written in all."""
        wrote = 0
        active = [work for work in self.works if not work.resting]
        for turn in self.turns.order(active):
            left = quantum
            for works in together(turn):
                left -= await self._advance(works, min(left, MOST_A_TURN))
                if left <= 0:
                    self.turns.had(works[0].key)
                    break
            wrote += quantum - left
        for work in active:
            work.resting = work.rests
        return wrote

    # --- what others may ask

    def stir(self) -> None:
        """Something changed: there may be room to write, or a shard to claim."""
        self._awake.set()

    def doorbell(self) -> None:
        """Shards of our classes have been accepted."""
        self.claims.ring()
        self.stir()

    def configure(self, snapshot: Snapshot, held: Sequence[str]) -> None:
        """A new Snapshot, and the lane families that wait for a person."""
        self.gate.configure(snapshot, held)
        self.stations.configure(snapshot)
        self.doorbell()

    def go_by(self, ramps: Sequence[Ramp]) -> None:
        """The scopes that are resumed in steps."""
        if tuple(ramps) != self.ramps.open:
            self.ramps.open = tuple(ramps)
            self.doorbell()

    def settled_stations(self) -> list[Station]:
        """Lanes whose reports of dead tokens may be judged now: none of whose devices a sample is still out."""
        return [station for station in self.stations.values() if not self.trials.judging(station.lane)]

    async def fence(self) -> tuple[Confirmation, int, dict[str, Evidence]]:
        """Applies the fence as it stands: nothing is written from here on; PING proves what was written is read.

        The word, the requests that may still be read, and what is known of each lane family that is touched.
        """
        self.gate.refresh()
        self.stir()
        stations = [station for station in self.stations.values() if self.gate.touches(station.lane.scope)]
        results = await asyncio.gather(*(station.connections.barrier(self.tools.patience) for station in stations))
        wrote = self.ledger.counters.wrote
        lanes = {family: self._known(family) for family in wrote if self.gate.touches(place_of(family))}
        for station, result in zip(stations, results, strict=True):
            family = station.lane.family
            before = lanes.get(family) or self._known(family)
            lanes[family] = before + Evidence(connections=result.links, cut=result.cut)
        named, cut = sum(result.named for result in results), any(result.cut for result in results)
        return (Confirmation.FENCED if cut else Confirmation.DRAINED), named, lanes

    def _known(self, family: str) -> Evidence:
        counters = self.ledger.counters
        wrote, at = counters.wrote.get(family, (0, None))
        last = counters.last.get(family)
        accepted = None if last is None else self.tools.clock.now_ms() - int(1000 * (self._now() - last))
        return Evidence(at, accepted, wrote)

    async def drain(self, patience: float) -> None:
        """Writes nothing more, waits for the answers under way, gives the shards back. patience: seconds."""
        self.writer.draining = True
        self.stir()
        try:
            await asyncio.wait_for(self._emptied.wait(), patience)
        except TimeoutError:
            self.stations.close()
            self.ledger.press()
        self.stir()

    # --- claim, give back

    async def _claim(self) -> None:
        await self._open_claimed()
        if not self.writer.draining:
            self._claimed += await self.claims.take(self.works, self.tools.clock.now_ms(), self._may_send)
            await self._open_claimed()
        if self.writer.draining or self.claims.clearing:
            self._give_back()

    def _give_back(self) -> None:
        """All shards, as soon as what is in flight is answered. Never amid a read, whose rows count as begun."""
        staying = [work for work in self.works if work.leaving is None]
        for work in staying:
            release(work, ShardState.READY)
        if staying:
            self.ledger.press()

    def _may_send(self, lane_key: str) -> bool:
        return self.gate.opens(lane_key) and not self.stations.paused(lane_key)

    async def _open_claimed(self) -> None:
        while self._claimed:
            await self._open(*self._claimed[-1])
            self._claimed.pop()

    async def _open(self, shard: Shard, push: Push) -> None:
        try:
            work = await open_work(shard, push, self.tools.devices, self.tools.journal, self._now())
        except StaleClaim:
            return
        divided = bool(self.ramps.open) and await self._divide(work)
        if not divided:
            await self.trials.enter(work)
            self._heed(work)
        work.dirty = divided or not shard.instant
        self.works.append(work)
        if work.dirty:
            self.ledger.press()

    def _heed(self, work: Work) -> None:
        for _ in range(heed(work, in_doubt(work), self.tools.clock.now_ms())):
            self.ledger.alarm(work.lane, QUARANTINED.reason)

    async def _divide(self, work: Work) -> bool:
        """Whether a ramp has divided the shard, so that nothing of it is written now."""
        now_ms, share = self.tools.clock.now_ms(), self.ramps.share(work.push)
        if share == WHOLE or self.gate.verdict(work.push, work.lane, now_ms) is not Verdict.GO:
            return False
        if work.shard.crashes and work.lane.klass is not Class.ALONE:
            self._heed(work)
        await self.ramps.divide(work, share, now_ms)
        return work.leaving is not None

    # --- gate

    async def _advance(self, works: Sequence[Work], most: int) -> int:
        """Shards of one lane: one, or several fresh ones, which are written together. How many recipients were."""
        going = [work for work in works if self._may_go(work)]
        if not going:
            return 0
        station = self.stations.at(going[0].lane, self.gate.snapshot, self.answers)
        if len(works) > 1:
            return await self.writer.write_together(going, station, most)
        return await self.writer.write(going[0], station, most)

    def _may_go(self, work: Work) -> bool:
        """Whether it may be written now. If not it is given back, or ends, as the gate says."""
        if work.leaving is not None or work.finished:
            return False
        now_ms = self.tools.clock.now_ms()
        match self.gate.verdict(work.push, work.lane, now_ms):
            case Verdict.GO:
                return True
            case Verdict.HOLD:
                release(work, ShardState.HELD)
            case Verdict.LATER:
                release(work, ShardState.READY, now_ms + LATER_MS)
            case Verdict.DISCARD:
                end_rest(work, Fate.STOPPED)
            case Verdict.EXPIRE:
                end_rest(work, Fate.EXPIRED)
        self.ledger.press()
        return False

    # --- time

    async def _tend(self) -> None:
        """Deadlines, PINGs, opening and retiring of connections, the lease."""
        while True:
            await asyncio.sleep(TICK)
            now = self._now()
            for station in [*self.stations.values()]:
                station.connections.tend(now, self._under_way(station), one=station.pace.probes())
            if self._lease.renewable(self.tools.clock.monotonic()):
                with contextlib.suppress(Busy, StoreFull):
                    if await self.tools.journal.renew(self.name, self.tools.clock.now_ms()):
                        self.claims.ring()
                    self._renewed()
            self.stir()

    def _renewed(self) -> None:
        """After a lapse every shard is marked before anything more of it is written: another sender may hold it."""
        if self._lease.renewed(self.tools.clock.monotonic(), self.ledger.rounds):
            for work in self.works:
                work.dirty = True
            self.ledger.press()

    def _under_way(self, station: Station) -> int:
        """Requests the lane could have in flight now: those that are, and those that could follow within W."""
        key = station.lane.key
        open_recipients = sum(work.open for work in self.works if work.key == key and work.leaving is None)
        return min(self.ledger.window, open_recipients)

    async def _rest(self) -> None:
        """Until something stirs, or the next shard falls due."""
        if self._awake.is_set():
            await asyncio.sleep(0)
        else:
            wait = max(0.001, (self.claims.at - self.tools.clock.now_ms()) / 1000)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._awake.wait()
        self._awake.clear()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _raise_if_dead(*tasks: asyncio.Task[None]) -> None:
    """A sender whose clockwork has died must not go on writing."""
    for task in tasks:
        if task.done():
            task.result()
