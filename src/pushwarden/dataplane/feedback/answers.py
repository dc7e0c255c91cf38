"""7 answers: what comes back from a connection, turned into outcomes and settled. Accepted is the hot path."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from pushwarden.core.lane import Lane
from pushwarden.core.outcome import Blame, Outcome, Retry
from pushwarden.core.shard import ShardKind
from pushwarden.dataplane.feedback.ledger import Ledger
from pushwarden.dataplane.feedback.settle import QUARANTINED, UNANSWERED, Follow, settle
from pushwarden.dataplane.feedback.watch import Watch
from pushwarden.dataplane.lanes.slices import Bundle, Burst, Slice
from pushwarden.dataplane.transport.streams import Link
from pushwarden.http2.frames import Code
from pushwarden.http2.messages import Accepted, Answer, Event, GoneAway, Unanswered, Why
from pushwarden.ports.clock import Clock
from pushwarden.ports.devices import DeadToken
from pushwarden.providers.port import Provider, Reply

if TYPE_CHECKING:
    from pushwarden.dataplane.lanes.station import Station

KNOWN = frozenset({Blame.DEVICE, Blame.MESSAGE})
"""Who is blamed by refusals that come only after the provider has accepted the credential."""
_log = structlog.get_logger("answers")


class Answers:
    """Hears every lane's events. Implements connections.Owner."""

    def __init__(self, stations: Mapping[str, Station], ledger: Ledger, clock: Clock, stir: Callable[[], None]) -> None:
        self._stations, self._ledger, self._clock, self._stir = stations, ledger, clock, stir
        self.watch = Watch()
        self.suspected = asyncio.Event()  # so many dead tokens at once that a person should look

    def heard(self, lane: Lane, link: Link, events: Sequence[Event]) -> None:
        station = self._stations[lane.key]
        for event in events:
            match event:
                case Accepted(tag, rows):
                    self._accepted(station, link, tag, rows)
                case Answer(tag, row):
                    self._answered(station, link, tag, row, event)
                case Unanswered(tag, rows, why):
                    self._unanswered(station, tag, rows, why)
                case GoneAway():
                    self._farewell(station, event)
                case _:
                    pass  # the link itself heeds PingAcked and Broken
        self._stir()

    def troubled(
        self, lane: Lane, sentence: str, *, credential: bool, certain: bool = False, ours: bool = False
    ) -> None:
        """A connection could not be opened, or ended before it answered anything. certain: pause at once."""
        station = self._stations[lane.key]
        self._ledger.trouble(lane, sentence)
        if credential:
            now = asyncio.get_running_loop().time()
            if not ours:  # what has ended, or does not open here, no provider has refused
                self.watch.refused(station.credential, sentence, now, certain=certain)
            station.pace.refused(sentence, now, certain=certain)
        elif not station.connections.links:
            station.pace.unreachable(sentence, asyncio.get_running_loop().time())
        self._stir()

    def _accepted(self, station: Station, link: Link, burst: Burst | Bundle, rows: Sequence[int]) -> None:
        count, now_ms = len(rows), self._clock.now_ms()
        for part, own in burst.parts(rows):
            part.work.accept(part, own)
            part.work.answered(now_ms)
            if part.work.trial is not None:
                part.work.trial.accept(len(own))
        station.tally.count(count)
        now = asyncio.get_running_loop().time()
        self.watch.good(station.user(link), count, now)
        self._went_well(station, burst, count, now)
        if now - burst.at > station.provider.facts.deadline / 4:
            station.pace.flow.pushed_back(station.load, now)
        self._ledger.accepted(station.lane, count, (now - burst.at) * 1000)

    def _went_well(self, station: Station, burst: Burst | Bundle, count: int, now: float) -> None:
        if not station.pace.calm:
            station.pace.answered(count, now, retry=burst.retry)

    def _farewell(self, station: Station, gone: GoneAway) -> None:
        """A GOAWAY may say why (F2): the same words as in answers."""
        outcome = station.provider.classify(Reply(403, {}, gone.debug))
        if gone.code == Code.ENHANCE_YOUR_CALM:
            self._slow_down(station, gone.reason or "ENHANCE_YOUR_CALM", None)
        elif gone.reason and (outcome.blame, outcome.retry) == (Blame.CREDENTIAL, Retry.LATER):
            station.pace.refused(gone.reason, asyncio.get_running_loop().time())

    def _slow_down(self, station: Station, reason: str, retry_after: float | None) -> None:
        """retry_after: what the provider itself asked for; what we wait without being asked is the recipient's."""
        now, jitter = asyncio.get_running_loop().time(), random.random()  # noqa: S311
        station.pace.pushed_back(reason, now, retry_after, jitter, station.load)

    def _answered(self, station: Station, link: Link, burst: Burst | Bundle, row: int, answer: Answer) -> None:
        ((part, (row,)),) = burst.parts((row,))
        reply = Reply(answer.status, dict(answer.headers), answer.body)
        outcome = _judged(station.provider, reply)
        station.tally.count(1)
        link.answers += 1
        part.work.in_flight -= 1
        part.work.resting = False
        part.work.answered(self._clock.now_ms())
        if part.work.trial is not None:
            part.work.trial.count(outcome)
        follow = self._settle(part, row, outcome)
        self._ledger.ended(station.lane, outcome, 1)
        now = asyncio.get_running_loop().time()
        if outcome.blame in KNOWN:
            self.watch.good(station.user(link), 1, now)
        match follow:
            case Follow.REPORT:
                self._went_well(station, burst, 1, now)
                self._report(station, part, row, self._dated(outcome, burst.at))
            case Follow.SUSPECT:
                self._suspect(station, link, outcome.reason, now)
            case Follow.SLOW_DOWN:
                asked = outcome.retry_after if b"retry-after" in reply.headers else None
                self._slow_down(station, outcome.reason, asked)
            case Follow.RECONNECT:
                station.pace.unanswered()
                if outcome.blame is Blame.CREDENTIAL:
                    station.connections.distrust(link.authorization)
                link.retire()
            case Follow.ALARM:
                self._went_well(station, burst, 1, now)
                self._ledger.alarm(station.lane, outcome.reason)
            case Follow.NOTHING:
                self._went_well(station, burst, 1, now)

    def _suspect(self, station: Station, link: Link, reason: str, now: float) -> None:
        user = station.user(link)
        self.watch.refused(user, reason, now)
        if user.label == station.credential.label:  # of the one before nothing is to be learnt any more
            station.pace.refused(reason, now)

    def _report(self, station: Station, part: Slice, row: int, outcome: Outcome) -> None:
        work = part.work
        seq = work.seq(part.offset(row))
        kind = work.push.type.token_kind if work.shard.kind is ShardKind.TOKENS else ""
        dead = DeadToken(seq, part.token(row), outcome.gone_ms, outcome.reason, work.push.id, kind)
        station.tally.report(work.shard.audience, dead)
        if not station.tally.held and station.tally.suspicion(idle=False):
            self.suspected.set()

    def _dated(self, outcome: Outcome, written: float) -> Outcome:
        """A token registered after the push had left is another registration, which its answer cannot mean."""
        if not outcome.gone or outcome.gone_ms is not None:
            return outcome
        ago = int(1000 * (asyncio.get_running_loop().time() - written))
        return replace(outcome, gone_ms=self._clock.now_ms() - ago - 1)

    def _unanswered(self, station: Station, burst: Burst | Bundle, rows: Sequence[int], why: Why) -> None:
        if why is Why.DEADLINE:
            station.pace.silent(len(rows), asyncio.get_running_loop().time())
        else:
            station.pace.unanswered()
        for part, own in burst.parts(rows):
            part.work.in_flight -= len(own)
            part.work.resting = False
            if why is Why.UNPROCESSED:
                part.work.again += [part.offset(row) for row in own]
                continue
            for row in own:
                self._settle(part, row, UNANSWERED[why])
            self._ledger.ended(part.work.lane, UNANSWERED[why], len(own))

    def _settle(self, part: Slice, row: int, outcome: Outcome) -> Follow:
        now_ms = self._clock.now_ms()
        jitter = random.random()  # noqa: S311  spreads retries, guards nothing
        return settle(part.work, part.offset(row), part.token(row), outcome, now_ms, jitter)


def _judged(provider: Provider, reply: Reply) -> Outcome:
    try:
        return provider.classify(reply)
    except Exception as error:
        _log.exception("answer not understood", status=reply.status, error=type(error).__name__)
        return replace(QUARANTINED, status=reply.status)
