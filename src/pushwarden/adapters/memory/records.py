"""What people ask of the journal in memory: pages of pushes, one device's failures, and what devices say."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from pushwarden.adapters.journal_pages import unchosen, unreasoned
from pushwarden.core.outcome import Fate
from pushwarden.core.push import Push, PushState
from pushwarden.core.scope import Scope
from pushwarden.core.shard import NO_TIMES, Failure, Times
from pushwarden.core.signal import Signal, SignalKind, Signalled
from pushwarden.ports.journal import Progress
from pushwarden.ports.records import LOOK, Counted, Group, PushPage, PushQuery, Reports


@dataclass(slots=True)
class Record:
    """A push and what its finished shards came to."""

    push: Push
    note: str
    actor: str
    source: str
    addressed: bytes
    number: int
    times: Times = NO_TIMES
    next_no: int = 0
    planned: int = 0
    fates: Counter[Fate] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    finished_at: int | None = None

    def is_over(self, now_ms: int) -> bool:
        return self.push.state is PushState.DISCARDING or now_ms >= self.push.deadline > 0


class MemoryRecords:
    """`Records`, over what the journal in memory keeps."""

    _pushes: dict[str, Record]
    _failures: list[tuple[int, Failure]]
    _signals: dict[tuple[str, SignalKind, int, int], Signal]
    _progress: Callable[[Record], Progress]

    async def pushes(self, where: Scope, query: PushQuery) -> PushPage:
        newest = [record for record in reversed(self._pushes.values()) if where.covers(record.push.scope)]
        below, above = self._number(query.before, 2**63), self._number(query.after, 2**63 if query.after else 0)
        fitting = [one for one in newest if above < one.number < below and self._fits(one, query)]
        page = fitting[: query.limit]
        return PushPage([self._progress(one) for one in page], page[-1].push.id if len(page) == query.limit else "")

    async def counted(self, where: Scope, query: PushQuery) -> Counted:
        newest = [record for record in reversed(self._pushes.values()) if where.covers(record.push.scope)]
        seen = [one for one in newest if query.since <= one.push.accepted_at < (query.until or 2**63)]
        alike = Counter(_alike(one) for one in seen[:LOOK] if self._fits(one, unchosen(query)))
        fitting = [one for one in seen[:LOOK] if self._fits(one, unreasoned(query))]
        reasons = Counter(reason for one in fitting for reason in one.refusals)
        groups = [Group(*key, pushes) for key, pushes in alike.items()]
        return Counted(groups, reasons, whole=len(seen) < LOOK)

    def _number(self, push: str, none: int) -> int:
        found = self._pushes.get(push)
        return found.number if found else none

    def _fits(self, record: Record, query: PushQuery) -> bool:
        push, text = record.push, query.text.lower()
        return (
            query.state in (None, push.state)
            and (query.outcome is None or record.fates[query.outcome] > 0)
            and query.type in ("", push.type)
            and query.source in ("", record.source)
            and query.id in ("", push.id)
            and query.since <= push.accepted_at < (query.until or 2**63)
            and (not query.reason or self._has_reason(push.id, query.reason))
            and (text in record.note.lower() or text in msgspec.json.encode(push.message).decode().lower())
            and (not query.among or any(replaced(one, push).covers(push.scope) for one in query.among))
        )

    def _has_reason(self, push: str, reason: str) -> bool:
        return any(failure.push == push and failure.reason == reason for _, failure in self._failures)

    async def failures_of(self, where: Scope, audience: int, seq: int, limit: int = 100) -> list[Failure]:
        own = [one for _, one in reversed(self._failures) if (one.audience, one.seq) == (audience, seq)]
        return [one for one in own if where.covers(self._pushes[one.push].push.scope)][:limit]

    async def signal(self, signals: Sequence[Signal]) -> None:
        for one in signals:
            self._signals.setdefault((one.push, one.kind, one.audience, one.seq), one)

    async def reports(self, push_id: str) -> Reports:
        said = [one for one in self._signals.values() if one.push == push_id]
        apart: dict[tuple[int, int], dict[SignalKind, int]] = defaultdict(dict)
        for one in said:
            if one.apart:
                apart[one.audience, one.seq][one.kind] = one.at
        counts = {}
        for kind in dict.fromkeys(one.kind for one in said):
            times = [one.at for one in said if one.kind is kind]
            counts[kind] = Signalled(len(times), min(times), max(times))
        return Reports(counts, dict(apart))

    async def reported(self, push_id: str, audience: int, seq: int) -> dict[SignalKind, int]:
        own = [one for one in self._signals.values() if (one.push, one.audience, one.seq) == (push_id, audience, seq)]
        return {one.kind: one.at if one.apart else 0 for one in own}

    def forget_signals(self, before: int) -> None:
        self._signals = {key: one for key, one in self._signals.items() if one.at >= before}


def replaced(among: Scope, push: Push) -> Scope:
    """A place of the push's organisation."""
    return Scope(push.organisation, among.app, among.environment)


def _alike(record: Record) -> tuple[str, str, str, str, str, frozenset[Fate]]:
    """All of a group but its count."""
    push, ended = record.push, frozenset(fate for fate, count in record.fates.items() if count)
    return push.app, str(push.environment), str(push.type), record.source, str(push.state), ended
