"""5 write: rows of a shard are read, rendered and handed to a connection, as many as the lane may write now.

Nothing comes between the gate's word and the write: both stand in one synchronous function.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from pushwarden.core.lane import Class
from pushwarden.core.shard import ShardState
from pushwarden.dataplane.feedback.ledger import Ledger
from pushwarden.dataplane.lanes.gate import Gate, Verdict
from pushwarden.dataplane.lanes.lease import Lease
from pushwarden.dataplane.lanes.reading import SLICE_AGE, Maker
from pushwarden.dataplane.lanes.slices import Bundle, Burst, Slice
from pushwarden.dataplane.lanes.station import Station
from pushwarden.dataplane.lanes.together import Joint, first_of, joined
from pushwarden.dataplane.lanes.window import release
from pushwarden.dataplane.lanes.work import Work
from pushwarden.ports.clock import Clock
from pushwarden.ports.devices import Devices


class Writer:
    """Writes shards of lanes that may send. stir: called when something was written, or when the gate changed."""

    def __init__(
        self, devices: Devices, clock: Clock, gate: Gate, ledger: Ledger, lease: Lease, stir: Callable[[], None]
    ) -> None:
        self._devices, self._clock = devices, clock
        self._gate, self._ledger, self._lease, self._stir = gate, ledger, lease, stir
        self.draining = False  # nothing more is written; what is being read is given back when it has come

    async def write(self, work: Work, station: Station, most: int) -> int:
        """As much of the shard as the journal has issued and the lane's connections take; how many recipients."""
        if station.pace.waits(_now()):
            self._give_back(work)
            return 0
        left = most
        while left > 0:
            part = work.slice
            if part is None or not part.left or _is_old(part, station):
                work.put_back()
                if not self._may_load(work, station) or not await self._load(work, station):
                    return most - left
                continue
            wrote = self._burst(work, station, left)
            if not wrote:
                return most - left
            left -= wrote
        self._stir()
        return most

    async def write_together(self, works: Sequence[Work], station: Station, most: int) -> int:
        """Fresh shards of the station's lane, read, rendered and written as one; how many recipients."""
        if station.pace.waits(_now()):
            self._give_back(*works)
            return 0
        if not self._may_load(works[0], station):
            return 0
        some = first_of(works, min(most, _room(station)))
        maker = self._maker(station)
        if not some or maker is None:
            return 0
        await maker.load_each(some, _now(), self._clock.now_ms())
        return self._bundle([part for work in some if (part := work.slice) is not None], station)

    def _give_back(self, *works: Work) -> None:
        """The lane is paused."""
        for work in works:
            release(work, ShardState.READY)
        self._ledger.press()

    # --- read and render

    def _may_load(self, work: Work, station: Station) -> bool:
        """Rows are read only when they can be written soon: the journal has issued some and a connection is there."""
        if not station.connections.links:
            station.connections.tend(_now(), 1, one=station.pace.probes())
            return False
        if work.issued <= work.next and not work.again:
            self._ledger.press()
            return False
        return True

    async def _load(self, work: Work, station: Station) -> bool:
        """Reads and renders the next slice; False when nothing is left to write."""
        maker = self._maker(station)
        if maker is None or (work.next >= work.width and not work.again):
            return False
        work.slice = await maker.load(work, _now(), self._clock.now_ms())
        if work.dirty:
            self._ledger.press()
        return work.slice is not None or work.next < work.width or bool(work.again)

    def _maker(self, station: Station) -> Maker | None:
        """None when the app is not known here."""
        app = self._gate.snapshot.app(station.lane.organisation, station.lane.app)
        if app is None:
            return None
        return Maker(self._devices, station.provider, app, station.credential, self._ledger.alarm)

    # --- gate and write, synchronous

    def _burst(self, work: Work, station: Station, most: int) -> int:
        """Writes rows of the current slice; how many."""
        part = work.slice
        assert part is not None
        if not self._may_write(work, self._clock.now_ms()):
            return 0
        stop = min(part.writable(work.issued), part.written + most)
        if stop <= part.written:
            self._ledger.press()
            return 0
        now, retry = _now(), work.shard.attempt > 0
        room = station.pace.room(now, station.connections.in_flight, retry=retry)
        link = station.connections.best(now)
        if link is None or room == 0:
            return 0
        stop = stop if room is None else min(stop, part.written + room)
        requests = part.addressed(link.authorization, link.authority)
        wrote = link.submit(requests, part.written, stop, Burst(part, now), now + _allowed(station))
        part.written += wrote
        work.in_flight += wrote
        station.pace.wrote(wrote, now, retry=retry)
        self._ledger.wrote(work, wrote, self._clock.now_ms())
        return wrote

    def _bundle(self, parts: Sequence[Slice], station: Station) -> int:
        """Writes slices of which nothing was written yet; how many rows."""
        now, now_ms = _now(), self._clock.now_ms()
        same = [part for part in parts if part.credential is station.credential]
        going = [part for part in same if self._may_write(part.work, now_ms)]
        wrote = sum(_submit(joint, station, now) for joint in joined(going))
        for part in parts:
            if part.written:
                part.work.in_flight += part.written
                self._ledger.wrote(part.work, part.written, now_ms)
            elif part.work.slice is part:
                part.work.put_back()
        station.pace.wrote(wrote, now, retry=False)
        self._stir()
        return wrote

    def _may_write(self, work: Work, now_ms: int) -> bool:
        """To be asked in the very turn of the event loop that writes."""
        if not self._lease.holds(self._clock.monotonic(), self._ledger.rounds):
            self._ledger.press()
            return False
        if self.draining or self._gate.verdict(work.push, work.lane, now_ms) is not Verdict.GO:
            self._stir()
            return False
        return True


def _submit(joint: Joint, station: Station, now: float) -> int:
    """How many rows the connections took."""
    start, count, deadline = 0, len(joint.owners), now + _allowed(station)
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


def _is_old(part: Slice, station: Station) -> bool:
    """Whether its rows must be read and rendered anew."""
    return _now() - part.read_at > SLICE_AGE or part.credential is not station.credential


def _room(station: Station) -> int:
    """Requests the lane may write now."""
    free = station.connections.room
    room = station.pace.room(_now(), station.connections.in_flight, retry=False)
    return free if room is None else min(free, room)


def _allowed(station: Station) -> float:
    """Seconds an answer may take."""
    facts = station.provider.facts
    return facts.urgent_deadline if station.lane.klass is Class.URGENT else facts.deadline


def _now() -> float:
    return asyncio.get_running_loop().time()
