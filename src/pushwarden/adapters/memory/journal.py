"""The journal in memory: the same promises as in SQLite except durability, for tests and for trying things out."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pushwarden.adapters.journal_rows import addressed
from pushwarden.adapters.memory.records import MemoryRecords, Record
from pushwarden.adapters.memory.shards import Kept, in_flight
from pushwarden.adapters.sheets import acceptances, unusual
from pushwarden.core.errors import IdempotencyMismatch, StaleClaim
from pushwarden.core.lane import Class, Lane
from pushwarden.core.outcome import Fate
from pushwarden.core.push import Push, PushState
from pushwarden.core.scope import Environment, Scope
from pushwarden.core.shard import LONELY, Failure, Mark, NewShard, Shard, ShardKind, ShardState
from pushwarden.core.signal import Signal, SignalKind
from pushwarden.ports.journal import Acceptance, Accepted, Progress, Sheet, Waiting

LEASE_MS = 10_000
KEY_LIFE_MS = 48 * 3_600_000
FAILURES_LIFE_MS = 30 * 86_400_000


@dataclass(slots=True)
class _Seat:
    incarnation: int
    renewed_at: int  # 0: lapsed


class MemoryJournal(MemoryRecords):
    """Every side. Nothing here awaits, so every call is one transaction."""

    def __init__(self, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._now_ms = now_ms
        self._pushes: dict[str, Record] = {}  # in the order of acceptance
        self._shards: dict[tuple[str, int], Kept] = {}
        self._keys: dict[tuple[str, str, str, str], tuple[str, bytes, int]] = {}
        self._failures: list[tuple[int, Failure]] = []
        self._failed = 0
        self._seats: dict[str, _Seat] = {}
        self._signals: dict[tuple[str, SignalKind, int, int], Signal] = {}

    def close(self) -> None:
        """As the others have it; there is nothing to close."""

    async def accept(self, items: Sequence[Acceptance]) -> list[Accepted | Exception]:
        return [self._accept(item) for item in items]

    async def accept_sheet(self, sheet: Sheet) -> dict[int, Accepted | Exception]:
        return unusual(sheet, await self.accept(acceptances(sheet)))

    def _accept(self, item: Acceptance) -> Accepted | Exception:
        push = item.push
        if push.id in self._pushes:
            return Accepted(push.id, replayed=True)
        key = (push.organisation, push.app, str(push.environment), item.idempotency_key)
        if item.idempotency_key:
            used, fingerprint, at = self._keys.get(key, ("", b"", 0))
            if used and at > push.accepted_at - KEY_LIFE_MS:
                return Accepted(used, replayed=True) if fingerprint == item.fingerprint else IdempotencyMismatch()
            self._keys[key] = (push.id, item.fingerprint, push.accepted_at)
        number = len(self._pushes) + 1
        self._pushes[push.id] = Record(
            push, item.audience_note, item.actor, item.source, addressed(item.shards), number
        )
        self._insert(item.shards, ShardState.HELD if item.held else ShardState.READY)
        self._close(push.id, push.accepted_at)
        return Accepted(push.id)

    def _insert(self, shards: Iterable[NewShard], state: ShardState) -> None:
        for shard in shards:
            record = self._pushes[shard.push]
            self._shards[shard.push, record.next_no] = Kept.of(shard, record.next_no, state)
            record.next_no += 1

    def _close(self, push_id: str, now_ms: int) -> None:
        record = self._pushes[push_id]
        if not any(push == push_id for push, _ in self._shards):
            record.push = replace(record.push, state=PushState.DONE)
            record.finished_at = now_ms

    async def progress(self, where: Scope, push_id: str) -> Progress | None:
        record = self._find(where, push_id)
        return self._progress(record) if record else None

    def _find(self, where: Scope, push_id: str) -> Record | None:
        record = self._pushes.get(push_id)
        return record if record and where.covers(record.push.scope) else None

    def _progress(self, record: Record) -> Progress:
        left = [kept for (push, _), kept in self._shards.items() if push == record.push.id]
        estimated = record.planned + sum(kept.estimated for kept in left)
        ended = Counter(record.fates)
        for kept in left:
            ended.update(kept.shard.counts)
        flying = sum(in_flight(kept.shard) for kept in left if kept.state is ShardState.CLAIMED)
        return Progress(
            push=record.push,
            audience_note=record.note,
            estimated=estimated,
            planned=estimated if all(kept.shard.frozen for kept in left) else None,
            pending=estimated - flying - ended.total(),
            in_flight=flying,
            fates={fate: ended[fate] for fate in Fate},
            shards=dict(Counter(str(kept.state) for kept in left)),
            refusals=dict(record.refusals),
            finished_at=record.finished_at,
            number=record.number,
            actor=record.actor,
            source=record.source,
            addressed=record.addressed,
            times=record.times,
        )

    async def failures(
        self, where: Scope, push_id: str, *, after: int = 0, limit: int = 1000
    ) -> list[tuple[int, Failure]]:
        if self._find(where, push_id) is None:
            return []
        return [row for row in self._failures if row[1].push == push_id and row[0] > after][:limit]

    async def numbers_before(self, at_ms: int) -> tuple[int, int]:
        numbered = enumerate(self._pushes.values(), 1)
        pushes = [number for number, record in numbered if record.push.accepted_at < at_ms]
        failures = [number for number, failure in self._failures if failure.at < at_ms]
        return max(pushes, default=0), max(failures, default=0)

    async def accepted(self, where: Scope, after: int, limit: int) -> tuple[list[tuple[str, Environment]], int]:
        numbered = [(number, record.push) for number, record in enumerate(self._pushes.values(), 1)]
        own = [(number, push) for number, push in numbered if number > after and where.covers(push.scope)]
        place = own[limit - 1][0] if len(own) >= limit else max(after, len(numbered))
        return [(push.id, push.environment) for _, push in own[:limit]], place

    async def finished(self, where: Scope, ids: Sequence[str]) -> list[Progress]:
        wanted = set(ids)
        done = [record for record in self._pushes.values() if record.push.state is PushState.DONE]
        return [self._progress(one) for one in done if one.push.id in wanted and where.covers(one.push.scope)]

    async def failed(self, where: Scope, after: int, limit: int) -> tuple[list[tuple[Environment, Failure]], int]:
        rows = []
        for number, failure in self._failures:
            push = self._pushes[failure.push].push
            if number > after and where.covers(push.scope):
                rows.append((number, (push.environment, failure)))
        place = rows[limit - 1][0] if len(rows) >= limit else max(after, self._failed)
        return [row for _, row in rows[:limit]], place

    async def discard(self, where: Scope, accepted_before_ms: int) -> list[str]:
        ids = []
        for record in self._pushes.values():
            push = record.push
            if push.state is PushState.OPEN and where.covers(push.scope) and push.accepted_at <= accepted_before_ms:
                record.push = replace(push, state=PushState.DISCARDING)
                ids.append(push.id)
        for kept in self._shards.values():
            if kept.shard.push in ids and kept.state is not ShardState.CLAIMED:
                kept.state = ShardState.READY
                kept.change(due_at=min(kept.shard.due_at, accepted_before_ms))
        return ids

    async def hold(self, where: Scope) -> int:
        ready = [kept for kept in self._shards.values() if kept.state is ShardState.READY]
        found = [(kept, self._pushes[kept.shard.push].push) for kept in ready]
        own = [kept for kept, push in found if push.state is PushState.OPEN and where.covers(push.scope)]
        for kept in own:
            kept.state = ShardState.HELD
        return len(own)

    async def release(self, where: Scope, since_ms: int = 0) -> int:
        return self._release([kept for kept, one in self._held(where) if one.push.accepted_at >= since_ms])

    async def expire(self, where: Scope, now_ms: int) -> int:
        return self._release([kept for kept, one in self._held(where) if one.is_over(now_ms)])

    async def waiting(self, where: Scope, now_ms: int) -> Waiting:
        left: Counter[str] = Counter()
        for kept, one in self._held(where):
            left[one.push.id] += kept.estimated - sum(kept.shard.counts.values())
        over = [push for push in left if self._pushes[push].is_over(now_ms)]
        return Waiting(len(left), left.total(), len(over), sum(left[push] for push in over))

    def _held(self, where: Scope) -> list[tuple[Kept, Record]]:
        held = [kept for kept in self._shards.values() if kept.state is ShardState.HELD]
        found = [(kept, self._pushes[kept.shard.push]) for kept in held]
        return [(kept, one) for kept, one in found if where.covers(one.push.scope)]

    def _release(self, held: Sequence[Kept]) -> int:
        for kept in held:
            kept.state = ShardState.READY
        return len(held)

    async def backlog(self) -> list[dict[str, Any]]:
        groups = defaultdict(list)
        for kept in self._shards.values():
            groups[kept.shard.lane, str(kept.state)].append(kept)
        return [
            {
                "lane": lane,
                "state": state,
                "shards": len(group),
                "recipients": sum(kept.estimated - sum(kept.shard.counts.values()) for kept in group),
                "oldest_due_ms": min(kept.shard.due_at for kept in group),
            }
            for (lane, state), group in sorted(groups.items())
        ]

    async def enlist(self, sender: str, now_ms: int) -> int:
        self._give_back(sender)
        before = self._seats.get(sender)
        self._seats[sender] = _Seat(before.incarnation + 1 if before else 1, now_ms)
        return self._seats[sender].incarnation

    def _give_back(self, sender: str) -> int:
        mine = [k for k in self._shards.values() if k.state is ShardState.CLAIMED and k.holder == sender]
        for kept in mine:
            kept.state, kept.holder = ShardState.READY, ""
            kept.change(crashes=kept.shard.crashes + 1, fence=kept.shard.fence + 1)
            if kept.shard.crashes >= LONELY:
                kept.change(lane=Lane.parse(kept.shard.lane).of(Class.ALONE).key)
        return len(mine)

    async def ready(self, classes: Sequence[str]) -> dict[str, int]:
        earliest: dict[str, int] = {}
        for kept in self._shards.values():
            if kept.state is ShardState.READY and kept.klass in classes:
                lane, due_at = kept.shard.lane, kept.shard.due_at
                earliest[lane] = min(due_at, earliest.get(lane, due_at))
        return earliest

    async def claim(
        self, sender: str, shares: Mapping[str, int], now_ms: int, *, ended: bool = False
    ) -> list[tuple[Shard, Push]]:
        claimed: list[tuple[Shard, Push]] = []
        for lane, limit in shares.items():
            for kept in self._due(lane, now_ms, ended=ended)[:limit]:
                kept.state, kept.holder = ShardState.CLAIMED, sender
                kept.change(fence=kept.shard.fence + 1, issued=kept.issued_by_claim)
                claimed.append((kept.shard, self._pushes[kept.shard.push].push))
        if shares:
            self._extend(sender, now_ms)
        return claimed

    def _due(self, lane: str, now_ms: int, *, ended: bool) -> list[Kept]:
        due = [
            kept
            for kept in self._shards.values()
            if kept.state is ShardState.READY and kept.shard.lane == lane and kept.shard.due_at <= now_ms
            if not ended or self._pushes[kept.shard.push].is_over(now_ms)
        ]
        return sorted(due, key=lambda kept: kept.shard.due_at)

    async def freeze(self, shard: Shard, members: bytes, planned: int) -> None:
        kept = self._claimed(shard.push, shard.no, shard.fence)
        if kept is None or (kept.shard.frozen and kept.shard.members != members):
            raise StaleClaim
        kept.change(members=members, planned=planned, frozen=True)

    def _claimed(self, push: str, no: int, fence: int) -> Kept | None:
        kept = self._shards.get((push, no))
        return kept if kept and kept.state is ShardState.CLAIMED and kept.shard.fence == fence else None

    async def mark(self, marks: Sequence[Mark]) -> list[Mark]:
        return [mark for mark in marks if not self._mark(mark)]

    def _mark(self, mark: Mark) -> bool:
        kept = self._claimed(mark.push, mark.no, mark.fence)
        if kept is None:
            return False
        news = mark.finished or mark.moved + sum(mark.counts.values()) > kept.shard.moved + sum(
            kept.shard.counts.values()
        )
        counts = {fate: mark.counts.get(fate, 0) for fate in Fate}
        kept.change(issued=mark.issued, done=mark.done, counts=counts, moved=mark.moved)
        if news:
            self._insert(mark.retries, ShardState.READY)
            self._keep(mark)
        if mark.finished or mark.release is not None:
            record = self._pushes[mark.push]
            record.times = record.times.with_(mark.times)
        if mark.finished:
            self._fold(kept)
        elif mark.release is not None:
            discarding = self._pushes[mark.push].push.state is PushState.DISCARDING
            kept.state, kept.holder = (ShardState.READY if discarding else mark.release), ""
            kept.change(due_at=mark.due_at)
        return True

    def _keep(self, mark: Mark) -> None:
        for failure in mark.failures:
            self._failed += 1
            self._failures.append((self._failed, replace(failure, token=failure.kept_token.encode())))
            if failure.fate is Fate.REFUSED:
                self._pushes[failure.push].refusals[failure.reason] += 1

    def _fold(self, kept: Kept) -> None:
        shard = kept.shard
        del self._shards[shard.push, shard.no]
        record = self._pushes[shard.push]
        record.planned += shard.planned - shard.moved if shard.frozen else sum(shard.counts.values())
        record.fates.update(shard.counts)
        self._close(shard.push, self._now_ms())

    async def renew(self, sender: str, now_ms: int) -> int:
        self._extend(sender, now_ms)
        count = 0
        for name, seat in self._seats.items():
            if 0 < seat.renewed_at < now_ms - LEASE_MS:
                count += self._give_back(name)
                seat.renewed_at = 0
        return count

    def _extend(self, sender: str, now_ms: int) -> None:
        seat = self._seats.setdefault(sender, _Seat(1, now_ms))
        seat.renewed_at = max(seat.renewed_at, now_ms)

    async def promote(self, lane: str, to: str, audience: int, upto: int) -> int:
        waiting = [
            kept
            for kept in self._shards.values()
            if kept.shard.lane == lane and kept.shard.audience == audience and kept.state is not ShardState.CLAIMED
            if kept.shard.kind is ShardKind.RANGE and kept.shard.lo + kept.shard.width <= upto
        ]
        for kept in waiting:
            kept.change(lane=to)
        return len(waiting)

    async def retain(self, now_ms: int) -> int:
        before = len(self._failures) + len(self._keys)
        self._failures = [row for row in self._failures if row[1].at >= now_ms - FAILURES_LIFE_MS]
        self.forget_signals(now_ms - FAILURES_LIFE_MS)
        self._keys = {key: used for key, used in self._keys.items() if used[2] >= now_ms - KEY_LIFE_MS}
        return before - len(self._failures) - len(self._keys)
