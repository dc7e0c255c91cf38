"""What intake does to the journal inside one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from pushwarden.adapters.journal_rows import addressed, part_row, push_row, single_row
from pushwarden.adapters.sheets import acceptances, unusual
from pushwarden.adapters.sqlite.driver import sqlite3
from pushwarden.adapters.sqlite.journal import sql
from pushwarden.adapters.sqlite.journal.insert import insert, insert_rosters, insert_shards, scoped
from pushwarden.core.errors import IdempotencyMismatch
from pushwarden.core.push import PushState
from pushwarden.core.scope import Scope
from pushwarden.core.shard import ShardState
from pushwarden.ports.journal import Acceptance, Accepted, Sheet, Single

KEY_LIFE_MS = 48 * 3_600_000

Answer = Accepted | Exception
Unusual = dict[int, Accepted | Exception]
_Key = tuple[str, str, str, str]
_Asked = tuple[_Key | None, int]


def accept(connection: sqlite3.Connection, items: Sequence[Acceptance]) -> list[Answer]:
    """An answer an item. An item whose push is there already, or whose key was used, changes nothing."""
    ids, keys = _ids(connection, items), _keys(connection, [_asked(item) for item in items])
    answers: list[Answer] = []
    fresh: list[Acceptance] = []
    for item in items:
        key, push = _asked(item)[0], item.push.id
        if push in ids:
            answers.append(Accepted(push, replayed=True))
        elif key is not None and key in keys:
            answers.append(_again(*keys[key], item.fingerprint))
        else:
            answers.append(Accepted(push))
            fresh.append(item)
            ids.add(push)
            if key is not None:
                keys[key] = (push, item.fingerprint)
    _insert(connection, fresh)
    return answers


def accept_sheets(connection: sqlite3.Connection, sheets: Sequence[Sheet]) -> list[Unusual]:
    """By sheet, the rows that were not accepted anew. A push that is there already sends its sheets the other way."""
    connection.execute("SAVEPOINT sheets")
    try:
        answers = _insert_sheets(connection, sheets)
    except sqlite3.IntegrityError:
        connection.execute("ROLLBACK TO sheets")
        answers = [unusual(sheet, accept(connection, acceptances(sheet))) for sheet in sheets]
    connection.execute("RELEASE sheets")
    return answers


def _insert_sheets(connection: sqlite3.Connection, sheets: Sequence[Sheet]) -> list[Unusual]:
    """Those of one place and actor by the same statements."""
    fresh: dict[tuple[Any, ...], list[tuple[Sheet, Single]]] = {}
    answers = []
    for sheet, known in zip(sheets, _known(connection, sheets), strict=True):
        where = sheet.where
        place = (where.organisation, where.app, str(where.environment))
        shared = (*place, sheet.actor, "held" if sheet.held else "ready", str(sheet.source))
        singles = [single for row, single in enumerate(sheet.singles) if row not in known] if known else sheet.singles
        fresh.setdefault(shared, []).extend([(sheet, single) for single in singles])
        answers.append(known)
    for shared, rows in fresh.items():
        _insert_singles(connection, rows, shared)
    return answers


def _insert_singles(
    connection: sqlite3.Connection, rows: Sequence[tuple[Sheet, Single]], shared: tuple[Any, ...]
) -> None:
    parts = [(sheet, single, no, part) for sheet, single in rows for no, part in enumerate(single.parts)]
    insert(connection, sql.INSERT_SINGLE, [single_row(sheet, single) for sheet, single in rows], shared)
    insert(connection, sql.INSERT_PART, [part_row(*one) for one in parts], shared)
    insert_rosters(connection, [(one.id, no, part.members) for _, one, no, part in parts if part.width > 1])


def _known(connection: sqlite3.Connection, sheets: Sequence[Sheet]) -> list[Unusual]:
    """By sheet, the rows whose key was used before; the keys of the others are taken."""
    keyed = [(place, sheet, row, single) for place, sheet in enumerate(sheets)
             for row, single in enumerate(sheet.singles) if single.idempotency_key]  # fmt: skip
    answers: list[Unusual] = [{} for _ in sheets]
    if not keyed:
        return answers
    used = _keys(connection, [(_key(sheet, one), sheet.accepted_at - KEY_LIFE_MS) for _, sheet, _, one in keyed])
    taken = []
    for place, sheet, row, single in keyed:
        key = _key(sheet, single)
        if key in used:
            answers[place][row] = _again(*used[key], single.fingerprint)
        else:
            used[key] = (single.id, single.fingerprint)
            taken.append((*key, single.fingerprint, single.id, sheet.accepted_at))
    insert(connection, sql.INSERT_KEY, taken)
    return answers


def _key(sheet: Sheet, single: Single) -> _Key:
    where = sheet.where
    return (where.organisation, where.app, str(where.environment), single.idempotency_key)


def _asked(item: Acceptance) -> _Asked:
    push = item.push
    key = (push.organisation, push.app, str(push.environment), item.idempotency_key) if item.idempotency_key else None
    return key, push.accepted_at - KEY_LIFE_MS


def _again(push: str, used: bytes, fingerprint: bytes) -> Answer:
    return Accepted(push, replayed=True) if fingerprint == used else IdempotencyMismatch()


def _ids(connection: sqlite3.Connection, items: Sequence[Acceptance]) -> set[str]:
    """The items' pushes that are there."""
    wanted = msgspec.json.encode([item.push.id for item in items]).decode()
    (found,) = connection.execute(sql.SEEN_IDS, {"ids": wanted}).fetchone()
    return set(msgspec.json.decode(found))


def _keys(connection: sqlite3.Connection, asked: Iterable[_Asked]) -> dict[_Key, tuple[str, bytes]]:
    """Of the keys asked for that were used since the moment asked: the push and fingerprint of each."""
    given = [(key, since) for key, since in asked if key is not None]
    if not given:
        return {}
    wanted = msgspec.json.encode([(*key, since) for key, since in given]).decode()
    (found,) = connection.execute(sql.SEEN_KEYS, {"keys": wanted}).fetchone()
    return {given[at][0]: (push, bytes.fromhex(print_)) for at, push, print_ in msgspec.json.decode(found)}


def _insert(connection: sqlite3.Connection, items: Sequence[Acceptance]) -> None:
    pushes, shards, keys = [], [], []
    for item in items:
        push, count = item.push, len(item.shards)
        row = push_row(push) if count else (*push_row(push)[:-1], str(PushState.DONE))
        ended = None if count else push.accepted_at
        named = (item.audience_note, item.actor, count, ended, str(item.source), addressed(item.shards))
        pushes.append((*row, *named, *[0] * 7))
        state = ShardState.HELD if item.held else ShardState.READY
        shards += [(shard, no, state) for no, shard in enumerate(item.shards)]
        key = _asked(item)[0]
        if key is not None:
            keys.append((*key, item.fingerprint, push.id, push.accepted_at))
    insert(connection, sql.INSERT_PUSH, pushes)
    insert_shards(connection, shards)
    insert(connection, sql.INSERT_KEY, keys)


def discard(connection: sqlite3.Connection, where: Scope, before_ms: int) -> list[str]:
    """At most 500 pushes of the scope, whose shards are due at once, also the held ones."""
    statement, named = scoped(sql.DISCARD, where)
    ids = [row[0] for row in connection.execute(statement, {**named, "before": before_ms}).fetchall()]
    if ids:
        listed = msgspec.json.encode(ids).decode()
        connection.execute(sql.DISCARD_SHARDS, {"ids": listed, "due": before_ms})
    return ids


def hold(connection: sqlite3.Connection, where: Scope) -> int:
    """At most 500 shards."""
    return connection.execute(*scoped(sql.HOLD, where)).rowcount


def release(connection: sqlite3.Connection, where: Scope, statement: str, **named: int) -> int:
    """At most 500 shards. statement: RELEASE or EXPIRE, with what it asks for."""
    filled, own = scoped(statement, where)
    return connection.execute(filled, own | named).rowcount
