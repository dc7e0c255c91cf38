"""7 proving: promotes a lot of unproven devices whose sample was accepted, and holds one whose sample was not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import structlog

from pushwarden.core.errors import Busy, StoreFull
from pushwarden.core.hold import Hold, Release
from pushwarden.core.lane import APART, Class, Lane
from pushwarden.core.shard import ShardKind
from pushwarden.dataplane.lanes.trial import Judgement, Trial

if TYPE_CHECKING:
    from pushwarden.dataplane.feedback.burial import Burial
    from pushwarden.dataplane.lanes.station import Station
    from pushwarden.dataplane.lanes.work import Work
    from pushwarden.ports.devices import Devices
    from pushwarden.ports.journal import Journal

BEAT = 0.1
_TRIED = frozenset({Class.BULK, Class.SUSPECT, Class.ALONE})
_log = structlog.get_logger("proving")


class Trials:
    """The lots under way in one sender."""

    def __init__(self, devices: Devices) -> None:
        self.open: dict[tuple[str, int], Trial] = {}
        self.behind: dict[tuple[Lane, int], int] = {}  # suspect shards that are proven by now, up to which number
        self.stranded: list[Work] = []  # whose lot was proven while they were under way
        self.heard = asyncio.Event()
        self._devices = devices
        self._proven: dict[int, int] = {}

    async def enter(self, work: Work) -> None:
        """Before anything of a shard is written: gives it its lot, or the ordinary lane when its devices are proven."""
        shard, lane = work.shard, work.lane
        if lane.klass not in _TRIED or (lane.klass is not Class.SUSPECT and shard.kind is not ShardKind.RANGE):
            return
        stop = work.seq(work.width - 1) + 1
        known = self._proven.get(shard.audience, 0)
        proven, upto = (known, known) if stop <= known else await self._look(lane, shard.audience)
        if stop > proven:
            self._attach(work, stop, upto)
            return
        work.trial = None
        if lane.klass is Class.SUSPECT:
            work.put_back()
            work.lane = lane.of(work.push.klass)
            self.behind[lane, shard.audience] = proven
            self.heard.set()

    async def enter_again(self) -> None:
        """Those whose lot was proven; one that has newer devices too begins a lot of these."""
        while self.stranded:
            await self.enter(self.stranded[-1])
            self.stranded.pop()

    def judging(self, lane: Lane) -> bool:
        """Whether what is said of this lane's tokens must wait for the sample's judgement."""
        return any(trial.lane == lane and trial.sampled for trial in self.open.values())

    def proven(self, audience: int) -> int:
        """As far as this sender has looked."""
        return self._proven.get(audience, 0)

    def proved(self, audience: int, seq: int) -> None:
        self._proven[audience] = max(seq, self._proven.get(audience, 0))

    def _attach(self, work: Work, stop: int, upto: int) -> None:
        key = (work.lane.key, work.shard.audience)
        trial = self.open.get(key)
        if trial is None:
            trial = Trial(work.lane, work.shard.audience, work.seq(0), 0, self.heard.set)
            self.open[key] = trial
        trial.first = min(trial.first, work.seq(0))
        trial.upto = trial.upto or upto if trial.sampled else max(trial.upto, stop)
        trial.works.append(work)
        work.trial = trial

    async def _look(self, lane: Lane, audience: int) -> tuple[int, int]:
        """(proven_seq, next_seq)"""
        for found in await self._devices.audiences(lane.scope):
            self.proved(found.id, found.proven_seq)
            if found.id == audience:
                return found.proven_seq, found.next_seq
        return 0, 0


class Proving:
    """One sender's judgements; beside the sending, which it never delays."""

    def __init__(self, trials: Trials, devices: Devices, journal: Journal, burial: Burial) -> None:
        self._trials, self._devices, self._journal, self._burial = trials, devices, journal, burial

    async def keep(self, works: Sequence[Work], stations: Mapping[str, Station], promoted: Callable[[], None]) -> None:
        """For ever. works: the sender's own list. promoted: called when shards have changed their lane."""
        heard = self._trials.heard
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(heard.wait(), BEAT)
            heard.clear()
            with contextlib.suppress(Busy, StoreFull):
                if await self.judge(works, stations):
                    promoted()

    async def judge(self, works: Sequence[Work], stations: Mapping[str, Station]) -> bool:
        """Acts on every lot that can be judged; whether shards have changed their lane."""
        for key, trial in [*self._trials.open.items()]:
            trial.works = [work for work in trial.works if work in works]
            match trial.judge():
                case Judgement.PROVEN:
                    await self._prove(trial)
                case Judgement.REFUSED:
                    await self._hold(trial, stations[trial.lane.key])
                case Judgement.NOTHING:
                    pass
                case Judgement.OPEN:
                    continue
            del self._trials.open[key]
        await self._trials.enter_again()
        return await self._catch_up()

    async def released(self, hold: Hold) -> None:
        """A person says that the provider was right: the lot goes on in the ordinary lane, where tombstones are set."""
        lane, lot = Lane.parse(hold.lane), hold.evidence.get("lot")
        if hold.release is Release.APPLY and lane.klass in APART and lot is not None:
            await self._promote(lane, lot["audience"], lot["upto"])
            self._trials.heard.set()

    async def _prove(self, trial: Trial) -> None:
        if trial.sampled:
            _log.info("devices proven", lane=trial.lane.key, upto=trial.upto, sample=trial.seen)
        elif trial.first > self._trials.proven(trial.audience):
            return  # what lies between is not proven
        await self._promote(trial.lane, trial.audience, trial.upto)
        self._trials.stranded += trial.works

    async def _promote(self, lane: Lane, audience: int, upto: int) -> None:
        await self._devices.prove(audience, upto)
        self._trials.proved(audience, upto)
        if lane.klass is Class.SUSPECT:
            self._trials.behind[lane, audience] = upto

    async def _catch_up(self) -> bool:
        """Waiting shards of lots that are proven by now change to the lane of their push."""
        moved = 0
        for (lane, audience), upto in [*self._trials.behind.items()]:
            moved += await self._journal.promote(lane.key, lane.of(Class.BULK).key, audience, upto)
            if self._trials.behind[lane, audience] == upto:  # it may have come further meanwhile
                del self._trials.behind[lane, audience]
        return moved > 0

    async def _hold(self, trial: Trial, station: Station) -> None:
        lot: dict[str, Any] = {"audience": trial.audience, "first": trial.first, "upto": trial.upto}
        lot["answers"] = dict(trial.answers.most_common(10))
        counts = {"sample": trial.seen, "accepted": trial.accepted, "gone": trial.gone, "refused": trial.refused}
        await self._burial.hold(trial.lane, station.tally, trial.sentence(), counts, {"lot": lot})
