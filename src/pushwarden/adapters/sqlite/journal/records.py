"""What people ask of journal.db: pages of pushes, one device's failures, and what devices say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pushwarden.adapters.journal_pages import (
    FLOOR,
    GROUPS,
    LAST,
    NUMBER_AT,
    NUMBER_OF,
    PAGE,
    REASONS,
    Conditions,
    conditions,
    counted_of,
    unchosen,
    unreasoned,
    written,
)
from pushwarden.adapters.journal_rows import KEPT_COLUMNS, failure_of
from pushwarden.adapters.signal_rows import bits_of, blocks, counts, has
from pushwarden.adapters.sqlite.driver import sqlite3
from pushwarden.adapters.sqlite.journal import sql
from pushwarden.adapters.sqlite.journal.file import JournalFile
from pushwarden.adapters.sqlite.journal.insert import insert, scoped
from pushwarden.adapters.sqlite.journal.progress import progress
from pushwarden.core.scope import Scope
from pushwarden.core.shard import Failure
from pushwarden.core.signal import BLOCK, Signal, SignalKind
from pushwarden.ports.records import LOOK, Counted, PushPage, PushQuery, Reports

T = TypeVar("T")


class _Named(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return f":{name}"


SAID = _Named(find="instr")


class SqliteRecords(JournalFile):
    """`Records` over journal.db."""

    async def pushes(self, where: Scope, query: PushQuery) -> PushPage:
        """In the reader's thread: a page may look through very many."""
        return await self.reader.long(lambda connection: at_once(connection, lambda: _page(connection, where, query)))

    async def counted(self, where: Scope, query: PushQuery) -> Counted:
        return await self.reader.long(
            lambda connection: at_once(connection, lambda: _counted(connection, where, query))
        )

    async def failures_of(self, where: Scope, audience: int, seq: int, limit: int = 100) -> list[Failure]:
        statement, named = scoped(sql.FAILURES_OF, where)
        wanted = {**named, "audience": audience, "seq": seq, "limit": limit}
        return [failure_of(row[0], row[1:])[1] for row in self.reader.rows(statement, wanted)]

    async def signal(self, signals: Sequence[Signal]) -> None:
        await self.writer.batch(_signal, signals)

    async def reports(self, push_id: str) -> Reports:
        with self.reader.snapshot() as connection:
            said = connection.execute(sql.COUNTS, {"push": push_id}).fetchall()
            rows = connection.execute(sql.APART, {"push": push_id}).fetchall()
        apart: dict[tuple[int, int], dict[SignalKind, int]] = defaultdict(dict)
        for audience, seq, kind, at in rows:
            apart[audience, seq][SignalKind(kind)] = at
        return Reports(counts(said), dict(apart))

    async def reported(self, push_id: str, audience: int, seq: int) -> dict[SignalKind, int]:
        device = {"push": push_id, "audience": audience}
        with self.reader.snapshot() as connection:
            own = connection.execute(sql.REPORTED, {**device, "seq": seq}).fetchall()
            among = connection.execute(sql.REPORTED_IN_BLOCK, {**device, "block": seq // BLOCK}).fetchall()
        counted = {SignalKind(kind): 0 for kind, bits in among if has(bits, seq)}
        return counted | {SignalKind(kind): at for kind, at in own}


def at_once(connection: sqlite3.Connection, look: Callable[[], T]) -> T:
    """As of one commit."""
    connection.execute("BEGIN")
    try:
        return look()
    finally:
        connection.execute("COMMIT")


@dataclass(slots=True)
class _Look:
    """Rows within bounds by number. floor: the oldest push that is looked at, where there are older: number, id."""

    connection: sqlite3.Connection
    made: Conditions
    bounds: dict[str, int] = field(default_factory=dict)
    floor: tuple[int, str] | None = None

    def rows(self, template: str, **values: Any) -> list[Any]:
        statement = written(template, self.made).format_map(SAID)
        return self.connection.execute(statement, {**self.made.values, **self.bounds, **values}).fetchall()

    def bound(self, query: PushQuery, *, all_rows: bool) -> None:
        below, above = self._number(query.before, LAST), self._number(query.after, LAST if query.after else 0)
        if query.until:
            below = min(below, self.rows(NUMBER_AT, at=query.until)[0][0])
        if query.since:
            above = max(above, self.rows(NUMBER_AT, at=query.since)[0][0] - 1)
        self.bounds = {"below": below, "above": above}
        floor = [] if all_rows else self.rows(FLOOR, look=LOOK - 1)
        if floor:
            self.floor, self.bounds["above"] = floor[0], floor[0][0] - 1

    def _number(self, push: str, none: int) -> int:
        found = self.rows(NUMBER_OF, id=push) if push else []
        return int(found[0][0]) if found else none


def _page(connection: sqlite3.Connection, where: Scope, query: PushQuery) -> PushPage:
    look = _Look(connection, conditions(where, query))
    look.bound(query, all_rows=not look.made.rest or bool(query.id))
    kept = look.rows(PAGE.replace("/* columns */", ", ".join(KEPT_COLUMNS)), limit=query.limit)
    following = kept[-1][0] if len(kept) == query.limit and kept else look.floor[1] if look.floor else ""
    return PushPage(progress(connection, kept), following)


def _counted(connection: sqlite3.Connection, where: Scope, query: PushQuery) -> Counted:
    look = _Look(connection, conditions(where, unchosen(query)))
    look.bound(unchosen(query), all_rows=False)
    groups, look.made = look.rows(GROUPS), conditions(where, unreasoned(query))
    return counted_of(groups, look.rows(REASONS), whole=look.floor is None)


def _signal(connection: sqlite3.Connection, signals: Sequence[Signal]) -> list[None]:
    apart = {(one.push, str(one.kind), one.audience, one.seq): one.at for one in signals if one.apart}
    insert(connection, sql.SIGNAL, [(*key, at) for key, at in apart.items()])
    insert(connection, sql.PUT_BLOCK, list(_blocks(connection, signals)))
    return [None] * len(signals)


def _blocks(connection: sqlite3.Connection, signals: Sequence[Signal]) -> Iterable[tuple[Any, ...]]:
    """Rows that changed."""
    for key, said in blocks(signals).items():
        found = connection.execute(sql.BLOCK, key).fetchone() or (b"", 0, 0, 0)
        bits, fresh = bits_of(found[0], said)
        if fresh:
            first = min([one.at for one in fresh] + ([found[2]] if found[1] else []))
            last = max([one.at for one in fresh] + [found[3]])
            yield (*key, bits, found[1] + len(fresh), first, last)
