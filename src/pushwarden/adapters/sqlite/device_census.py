"""Counting devices in devices.db: slices of an audience, what came and went, and what is known of it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pushwarden.adapters.sqlite.device_reads import AUDIENCES, audience_from
from pushwarden.adapters.sqlite.driver import sqlite3
from pushwarden.core.census import CHURN_DAYS, Census, Change, Group, Pulse, Said, changes, day_of, gathered
from pushwarden.core.device import Audience

_EVERYWHERE = AUDIENCES.replace("WHERE organisation = ? AND app = ? AND environment = ? ", "")
SLICE = """
SELECT json_group_array(json_array(app_version, build, test, live, gone, unproven)) FROM (
  SELECT app_version, build, test > 0 AS test, sum(state = 0) AS live, sum(state = 1) AS gone,
    sum(state = 0 AND seq >= ?4) AS unproven
  FROM device WHERE audience = ?1 AND seq >= ?2 AND seq < ?3 GROUP BY 1, 2, 3)
"""
SAID = """
SELECT a.id, at / 86400000, CASE WHEN state = 'revived' THEN NULL ELSE reason END, count(*)
FROM (SELECT * FROM invalidation WHERE number > ? AND number <= ? AND installation <> '' AND state <> 'doubted') i
CROSS JOIN audience a USING (organisation, app, environment, provider, token_kind)
GROUP BY 1, 2, 3
"""
_LAST = "SELECT coalesce(max(number), 0) FROM invalidation"
_NOTED = "SELECT invalidation FROM noted WHERE id = 1"
_NOTE = "INSERT INTO noted VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET invalidation = excluded.invalidation"
_PULSES = "SELECT audience, next_seq, size, unproven, counted_at, took_ms FROM pulse"
_SEEN = """
INSERT INTO pulse VALUES (?, ?, ?, 0, 0, 0)
ON CONFLICT (audience) DO UPDATE SET next_seq = excluded.next_seq, size = excluded.size
"""
_COUNTED = """
INSERT INTO pulse VALUES (?, 0, 0, ?, ?, ?) ON CONFLICT (audience) DO UPDATE
SET unproven = excluded.unproven, counted_at = excluded.counted_at, took_ms = excluded.took_ms
"""
_ADD = """
INSERT INTO churn VALUES (?, ?, ?, ?) ON CONFLICT (audience, day, what) DO UPDATE
SET count = iif(what = 'live', excluded.count, count + excluded.count)
"""
_GROUPS = "SELECT app_version, build, test, live, gone FROM census WHERE audience = ? ORDER BY live DESC, gone DESC"
_CHURN = "SELECT audience, day, what, count FROM churn WHERE audience = ? AND day >= ? ORDER BY day, what"
_SLICED = msgspec.json.Decoder(list[tuple[str, str, int, int, int, int]])


def everywhere(connection: sqlite3.Connection) -> Census:
    audiences = [audience_from(row) for row in connection.execute(_EVERYWHERE).fetchall()]
    pulses = {row[0]: Pulse(*row) for row in connection.execute(_PULSES).fetchall()}
    return Census(audiences, pulses)


def note_changes(connection: sqlite3.Connection, now_ms: int) -> int:
    """In the transaction that is open."""
    known, last = everywhere(connection), connection.execute(_LAST).fetchone()[0]
    noted = connection.execute(_NOTED).fetchone()
    rows: list[Change] = []
    if noted is not None:
        said = [Said(*row) for row in connection.execute(SAID, (noted[0], last)).fetchall()] if last > noted[0] else []
        rows = changes(known.audiences, known.pulses, said, day_of(now_ms))
    moved = [
        (one.id, one.next_seq, one.size)
        for one in known.audiences
        if (pulse := known.pulses.get(one.id)) is None or (pulse.next_seq, pulse.size) != (one.next_seq, one.size)
    ]
    connection.executemany(_ADD, [(row.audience, row.day, row.what, row.count) for row in rows])
    connection.executemany(_SEEN, moved)
    if noted is None or noted[0] != last:
        connection.execute(_NOTE, (last,))
    return len(rows)


def slice_of(connection: sqlite3.Connection, audience: Audience, lo: int, hi: int) -> tuple[list[Group], int]:
    (found,) = connection.execute(SLICE, (audience.id, lo, hi, audience.proven_seq)).fetchone()
    rows = _SLICED.decode(found)
    groups = [Group(version, build, bool(test), live, gone) for version, build, test, live, gone, _ in rows]
    return gathered(groups), sum(row[-1] for row in rows)


def counted(
    connection: sqlite3.Connection, audience: int, groups: Sequence[Group], unproven: int, at_ms: int, took_ms: int
) -> None:
    connection.execute("DELETE FROM census WHERE audience = ?", (audience,))
    rows = [(audience, one.app_version, one.build, int(one.test), one.live, one.gone) for one in groups]
    connection.executemany("INSERT INTO census VALUES (?, ?, ?, ?, ?, ?)", rows)
    connection.execute(_COUNTED, (audience, unproven, at_ms, took_ms))


def census(connection: sqlite3.Connection, place: tuple[str, str, str], since_day: int) -> Census:
    run = connection.execute
    audiences = [audience_from(row) for row in run(AUDIENCES, place).fetchall()]
    pulses, groups, churn = dict[int, Pulse](), dict[int, list[Group]](), list[Change]()
    for one in audiences:
        pulses |= {row[0]: Pulse(*row) for row in run(_PULSES + " WHERE audience = ?", (one.id,)).fetchall()}
        groups[one.id] = [Group(a, b, bool(test), *rest) for a, b, test, *rest in run(_GROUPS, (one.id,)).fetchall()]
        churn += [Change(*row) for row in run(_CHURN, (one.id, since_day)).fetchall()]
    return Census(audiences, pulses, groups, churn)


def forget_churn(connection: sqlite3.Connection, now_ms: int) -> int:
    oldest = day_of(now_ms) - CHURN_DAYS
    return connection.execute("DELETE FROM churn WHERE day < ?", (oldest,)).rowcount
