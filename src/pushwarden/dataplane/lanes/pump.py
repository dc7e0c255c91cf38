"""5 pump: the way of a push out of the store: claim → gate → render → transport → classify → settle.

No step calls the next, no retry sleeps. Answers come in through `heard`; the ledger records what they ended.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pushwarden.core.app import Credential, Snapshot
from pushwarden.core.errors import Busy, StaleClaim, StoreFull
from pushwarden.core.lane import Class, Lane
from pushwarden.core.outcome import Fate
from pushwarden.core.push import Push
from pushwarden.core.receipt import Confirmation
from pushwarden.core.shard import LONELY, Shard, ShardState
from pushwarden.dataplane.feedback.answers import Answers
from pushwarden.dataplane.feedback.ledger import Ledger
from pushwarden.dataplane.feedback.proving import Trials
from pushwarden.dataplane.feedback.settle import QUARANTINED, SENDER_LOST, end_rest, settle
from pushwarden.dataplane.lanes.claims import Claims
from pushwarden.dataplane.lanes.flow import Bucket
from pushwarden.dataplane.lanes.gate import Gate, Verdict
from pushwarden.dataplane.lanes.lease import Lease
from pushwarden.dataplane.lanes.poison import narrow
from pushwarden.dataplane.lanes.reading import SLICE_AGE, Maker, in_doubt, open_work
from pushwarden.dataplane.lanes.station import Station
from pushwarden.dataplane.lanes.together import Joint, first_of, joined, together
from pushwarden.dataplane.lanes.turns import QUANTUM, Turns
from pushwarden.dataplane.lanes.window import release
from pushwarden.dataplane.lanes.work import Bundle, Burst, Slice, Work
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
FENCE_TIMEOUT = 0.05
STORE_REST = 0.05
"""Seconds to wait before a store that was busy is asked again."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What a pump works with. entry: opens a credential and says where and as whom to connect.

    quotas: provider → requests a minute this sender may make with one credential; no limit for those not named.
    """

    journal: Journal
    devices: Devices
    clock: Clock
    providers: Mapping[str, Provider]
    entry: Callable[[Lane, Credential], Entry]
    quotas: Mapping[str, float] = field(default_factory=dict)


class Pump:
    """One sender's send loop over the classes it serves."""

    def __init__(self, name: str, classes: Sequence[Class], tools: Tools, gate: Gate, ledger: Ledger) -> None:
        self.name, self.classes, self.tools = name, tuple(classes), tools
        self.gate, self.ledger = gate, ledger
        self.works: list[Work] = ledger.works
        self.stations: dict[str, Station] = {}
        self.trials = Trials(tools.devices)
        self.answers = Answers(self.stations, ledger, tools.clock, self.stir)
        self.snapshot = Snapshot(0)
        self.draining = False
        self.claims = Claims(name, classes, tools.journal)
        self.turns = Turns()
        self._buckets: dict[str, Bucket] = {}
        self._claimed: list[tuple[Shard, Push]] = []  # claimed, not yet open: the store was busy between
        self._awake = asyncio.Event()
        self._emptied = asyncio.Event()
        self._lease = Lease(tools.clock.monotonic())
        ledger.reach, ledger.stuck = self._reach, self._stuck

    def __repr__(self) -> str:
        return f"<pump {self.name}: {len(self.works)} shards, {len(self.stations)} lanes, W {self.ledger.window}>"

    async def run(self) -> None:
        """Until `drain`: one round after another, as long as there is something to write."""
        tending = asyncio.create_task(self._tend())
        keeping = asyncio.create_task(self.ledger.keep(self.stir))
        try:
            while not (self.draining and not self.works and not self._claimed):
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
            for station in self.stations.values():
                station.connections.close()

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
                left -= await self._advance_all(works, min(left, MOST_A_TURN))
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
        self.snapshot = snapshot
        self.gate.configure(snapshot, held)
        for station in self.stations.values():
            lane = station.lane
            credential = snapshot.credential(lane.organisation, lane.app, lane.environment, lane.provider)
            if credential is not None:
                station.use(credential)
        self.doorbell()

    def settled_stations(self) -> list[Station]:
        """Lanes whose reports of dead tokens may be judged now: none of whose devices a sample is still out."""
        return [station for station in self.stations.values() if not self.trials.judging(station.lane)]

    async def fence(self) -> tuple[Confirmation, int]:
        """Applies the fence as it stands: nothing is written from here on; PING proves what was written is read."""
        self.gate.refresh()
        self.stir()
        stations = [station for station in self.stations.values() if self.gate.touches(station.lane.scope)]
        results = await asyncio.gather(*(station.connections.barrier(FENCE_TIMEOUT) for station in stations))
        named = sum(count for _, count in results)
        return (Confirmation.DRAINED if all(drained for drained, _ in results) else Confirmation.FENCED), named

    async def drain(self, patience: float) -> None:
        """Writes nothing more, waits for the answers under way, gives the shards back. patience: seconds."""
        self.draining = True
        self._give_back()
        self.stir()
        try:
            await asyncio.wait_for(self._emptied.wait(), patience)
        except TimeoutError:
            for station in self.stations.values():
                station.connections.close()
            self.ledger.press()
        self.stir()

    # --- claim

    async def _claim(self) -> None:
        await self._open_claimed()
        if not self.draining:
            self._claimed += await self.claims.take(self.works, self.tools.clock.now_ms(), self._may_send)
            await self._open_claimed()
            if self.claims.clearing:
                self._give_back()

    def _give_back(self) -> None:
        """All shards, as soon as what is in flight is answered."""
        for work in self.works:
            if work.leaving is None:
                release(work, ShardState.READY)
        self.ledger.press()

    def _may_send(self, lane_key: str) -> bool:
        station = self.stations.get(lane_key)
        return self.gate.opens(lane_key) and (station is None or not station.pace.waits(self._now()))

    def _stuck(self, lane_key: str) -> bool:
        """Whether nothing of the lane can be written before something else happens: it needs no part of W."""
        station = self.stations.get(lane_key)
        return station is not None and (not station.connections.links or station.pace.waits(self._now()))

    async def _open_claimed(self) -> None:
        while self._claimed:
            await self._open(*self._claimed[-1])
            self._claimed.pop()

    async def _open(self, shard: Shard, push: Push) -> None:
        try:
            work = await open_work(shard, push, self.tools.devices, self.tools.journal, self._now())
        except StaleClaim:
            return
        await self.trials.enter(work)
        now_ms = self.tools.clock.now_ms()
        self._heed_crashes(work, now_ms)
        work.dirty = not shard.instant
        self.works.append(work)
        if work.dirty:
            self.ledger.press()

    def _heed_crashes(self, work: Work, now_ms: int) -> None:
        """What an earlier holder may have written, or died of."""
        doubted = in_doubt(work)
        if work.shard.crashes >= LONELY:
            for _ in range(narrow(work, doubted, now_ms)):
                self.ledger.alarm(work.lane, QUARANTINED.reason)
            return
        for offset in doubted:
            settle(work, offset, b"", SENDER_LOST, now_ms, 0.0)

    # --- gate, render, transport

    async def _advance(self, work: Work, most: int) -> int:
        """How many recipients were written."""
        if work.leaving is not None or work.finished:
            return 0
        wrote = 0
        match self.gate.verdict(work.push, work.lane, self.tools.clock.now_ms()):
            case Verdict.GO:
                wrote = await self._write(work, most)
            case Verdict.HOLD:
                release(work, ShardState.HELD)
            case Verdict.LATER:
                release(work, ShardState.READY, self.tools.clock.now_ms() + LATER_MS)
            case Verdict.DISCARD:
                end_rest(work, Fate.STOPPED)
            case Verdict.EXPIRE:
                end_rest(work, Fate.EXPIRED)
        if work.leaving is not None or work.finished:
            self.ledger.press()
        return wrote

    async def _advance_all(self, works: Sequence[Work], most: int) -> int:
        """Shards of one lane: one, or several fresh ones, which are read, rendered and written together."""
        if len(works) == 1:
            return await self._advance(works[0], most)
        now_ms = self.tools.clock.now_ms()
        verdicts = [(work, self.gate.verdict(work.push, work.lane, now_ms)) for work in works]
        for work, verdict in verdicts:
            if verdict is not Verdict.GO:
                await self._advance(work, 0)
        going = [work for work, verdict in verdicts if verdict is Verdict.GO and work.fresh]
        if not going:
            return 0
        station = self._station(going[0].lane)
        if station.pace.waits(self._now()):
            return await self._advance(going[0], 0)
        if not self._may_load(going[0], station):
            return 0
        some = first_of(going, min(most, self._room(station)))
        maker = self._maker(station)
        if not some or maker is None:
            return 0
        await maker.load_each(some, self._now(), now_ms)
        return self._bundle([part for work in some if (part := work.slice) is not None], station)

    def _room(self, station: Station) -> int:
        """Requests the lane may write now."""
        free = station.connections.room
        room = station.pace.room(self._now(), station.connections.in_flight, retry=False)
        return free if room is None else min(free, room)

    def _bundle(self, parts: Sequence[Slice], station: Station) -> int:
        """Writes slices of which nothing was written yet; how many rows. Synchronous, as `_burst` is."""
        now, now_ms = self._now(), self.tools.clock.now_ms()
        going = [part for part in parts if self._may_write(part.work, now_ms)]
        wrote = sum(self._submit(joint, station, now) for joint in joined(going))
        for part in parts:
            if part.written:
                part.work.in_flight += part.written
                self.ledger.wrote(part.work, part.written, now_ms)
            elif part.work.slice is part:
                part.work.put_back()
        station.pace.wrote(wrote, now, retry=False)
        self.stir()
        return wrote

    def _submit(self, joint: Joint, station: Station, now: float) -> int:
        """How many rows the connections took."""
        start, count, deadline = 0, len(joint.owners), now + self._allowed(station)
        tag = Bundle(joint.owners, now)
        while start < count and (link := station.connections.best(now)) is not None:
            requests = joint.addressed(link.authorization, link.authority)
            wrote = link.submit(requests, start, count, tag, deadline)
            if not wrote:
                break
            for part, _ in joint.owners[start : start + wrote]:
                part.written += 1
            start += wrote
        return start

    async def _write(self, work: Work, most: int) -> int:
        """As much of the shard as the journal has issued and the lane's connections take; how many."""
        station = self._station(work.lane)
        if station.pace.waits(self._now()):
            release(work, ShardState.READY)
            return 0
        left = most
        while left > 0:
            part = work.slice
            if part is None or not part.left or self._now() - part.read_at > SLICE_AGE:
                work.put_back()
                if not self._may_load(work, station) or not await self._load(work, station):
                    return most - left
                continue
            wrote = self._burst(work, station, left)
            if not wrote:
                return most - left
            left -= wrote
        self.stir()
        return most

    def _burst(self, work: Work, station: Station, most: int) -> int:
        """Writes rows of the current slice; how many. Synchronous: nothing comes between the fence and the write."""
        part = work.slice
        assert part is not None
        if not self._may_write(work, self.tools.clock.now_ms()):
            return 0
        stop = min(part.writable(work.issued), part.written + most)
        if stop <= part.written:
            self.ledger.press()
            return 0
        now, retry = self._now(), work.shard.attempt > 0
        room = station.pace.room(now, station.connections.in_flight, retry=retry)
        link = station.connections.best(now)
        if link is None or room == 0:
            return 0
        stop = stop if room is None else min(stop, part.written + room)
        requests = part.addressed(link.authorization, link.authority)
        wrote = link.submit(requests, part.written, stop, Burst(part, now), now + self._allowed(station))
        part.written += wrote
        work.in_flight += wrote
        station.pace.wrote(wrote, now, retry=retry)
        self.ledger.wrote(work, wrote, self.tools.clock.now_ms())
        return wrote

    def _may_write(self, work: Work, now_ms: int) -> bool:
        """To be asked in the very turn of the event loop that writes."""
        if not self._lease.holds(self.tools.clock.monotonic(), self.ledger.rounds):
            self.ledger.press()
            return False
        if self.draining or self.gate.verdict(work.push, work.lane, now_ms) is not Verdict.GO:
            self.stir()
            return False
        return True

    def _allowed(self, station: Station) -> float:
        """Seconds an answer may take."""
        facts = station.provider.facts
        return facts.urgent_deadline if station.lane.klass is Class.URGENT else facts.deadline

    def _may_load(self, work: Work, station: Station) -> bool:
        """Rows are read only when they can be written soon: the journal has issued some and a connection is there."""
        if not station.connections.links:
            station.connections.tend(self._now(), 1, one=station.pace.probes())
            return False
        if work.issued <= work.next and not work.again:
            self.ledger.press()
            return False
        return True

    async def _load(self, work: Work, station: Station) -> bool:
        """Reads and renders the next slice; False when nothing is left to write."""
        maker = self._maker(station)
        if maker is None or (work.next >= work.width and not work.again):
            return False
        work.slice = await maker.load(work, self._now(), self.tools.clock.now_ms())
        if work.dirty:
            self.ledger.press()
        return work.slice is not None or work.next < work.width or bool(work.again)

    def _maker(self, station: Station) -> Maker | None:
        """None when the app is not known here."""
        app = self.snapshot.app(station.lane.organisation, station.lane.app)
        if app is None:
            return None
        return Maker(self.tools.devices, station.provider, app, station.credential, self.ledger.alarm)

    def _station(self, lane: Lane) -> Station:
        station = self.stations.get(lane.key)
        if station is None:
            credential = self.snapshot.credential(lane.organisation, lane.app, lane.environment, lane.provider)
            assert credential is not None  # the gate lets no push through without one
            provider = self.tools.providers[lane.provider]
            bucket = self._bucket(lane.provider, credential)
            station = Station(lane, provider, credential, lambda c: self.tools.entry(lane, c), self.answers, bucket)
            self.stations[lane.key] = station
        return station

    def _bucket(self, provider: str, credential: Credential) -> Bucket:
        """The lanes of one credential share it: providers count by project, not by class."""
        made = Bucket(self.tools.quotas.get(provider, 0))
        return self._buckets.setdefault(f"{provider} {credential.fingerprint}", made)

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

    def _reach(self) -> int:
        """Recipients worth issuing: what the streams of all open connections hold, and as many again behind them."""
        return 2 * sum(link.streams for station in self.stations.values() for link in station.connections.links)

    def _under_way(self, station: Station) -> int:
        """Requests the lane could have in flight now: those that are, and those that could follow within W."""
        key = station.lane.key
        open_recipients = sum(work.open for work in self.works if work.key == key and work.leaving is None)
        return min(self.ledger.window, open_recipients)

    async def _rest(self) -> None:
        """Until something stirs, or the next shard falls due."""
        if not self._awake.is_set():
            wait = max(0.001, (self.claims.at - self.tools.clock.now_ms()) / 1000)
            try:
                async with asyncio.timeout(wait):
                    await self._awake.wait()
            except TimeoutError:
                pass
        else:
            await asyncio.sleep(0)
        self._awake.clear()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _raise_if_dead(*tasks: asyncio.Task[None]) -> None:
    """A sender whose clockwork has died must not go on writing."""
    for task in tasks:
        if task.done():
            task.result()
