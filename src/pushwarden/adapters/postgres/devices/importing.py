"""Importing: a piece goes in by COPY, and one statement over all of it decides what becomes of each line."""

# ruff: noqa: S608 -- only constants are put together
from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg import AsyncConnection

from pushwarden.adapters.clock import wall_clock
from pushwarden.adapters.device_rows import stored_tags
from pushwarden.adapters.device_runs import runs
from pushwarden.adapters.postgres.devices import forms, invalidations
from pushwarden.adapters.postgres.devices.writes import GROW, locked_audience
from pushwarden.core.device_rules import Entry
from pushwarden.core.scope import Scope
from pushwarden.ports.devices import Imported

SESSION = {"synchronous_commit": "off", "enable_seqscan": "off", "work_mem": "64MB", "temp_buffers": "64MB"}
_LINE = (
    "installation", "token", "person", "app_version", "build", "tags", "test", "registered_at", "gone_at",
    "gone_reason",
)  # fmt: skip
STAGING = """
CREATE TEMP TABLE IF NOT EXISTS incoming (
    installation bytea, token bytea, person text, app_version text, build text, tags text, test bigint,
    registered_at bigint, gone_at bigint, gone_reason text
) ON COMMIT DELETE ROWS
"""
_COPY = f"COPY incoming ({', '.join(_LINE)}) FROM STDIN"
_CHANGING = (
    "token", "person", "app_version", "build", "tags", "test", "state", "registered_at", "gone_at", "gone_reason",
)  # fmt: skip
_DEVICE = f"audience, seq, installation, {', '.join(_CHANGING)}"
_CREATE = f"""
    INSERT INTO device ({_DEVICE}, version)
    SELECT %(audience)s, %(next)s - 1 + row_number() OVER (), installation, token, person, app_version, build, tags,
           test, (gone_at IS NOT NULL)::int, registered_at, gone_at,
           CASE WHEN gone_at IS NOT NULL THEN gone_reason END, 1
      FROM {{of}}
    RETURNING state, seq, token"""
# Nothing is looked for in an audience that never had a device, whose plan would be a guess.
FIRST = f"""
WITH created AS ({_CREATE.format(of="incoming")})
SELECT count(*), count(*) FILTER (WHERE state = 0), 0, 0, 0, 0, '{{}}'::bigint[] FROM created
"""
# LATERAL … LIMIT 1 and ON CONFLICT look each line up by its own index entry, whatever the planner thinks: of a table
# that has just grown it knows too little, and read the audience whole for every line (measured: minutes for one piece).
# Nothing is created before the last holder of a token was looked for, so that a small table stays small meanwhile.
# A device that a person made a test device (test = 2) stays one.
# A tombstone stays over the same token unless the line says the app registered later; a line may bring a tombstone only
# for a registration that is not newer. A known device whose token stays is not asked about: no other has it.
MERGE = f"""
WITH merged AS MATERIALIZED (
    SELECT line.*, known.seq, known.state AS was, known.registered_at AS was_registered, known.gone_at AS was_gone,
           known.gone_reason AS was_reason, known.doubt_at AS was_doubted, known.version AS was_version,
           known.token = line.token AS held, CASE WHEN known.test = 2 THEN 2 ELSE line.test END AS now_test,
           (known.token, known.person, known.app_version, known.build, known.tags) = (line.token, line.person,
           line.app_version, line.build, line.tags) AND known.test IN (2, line.test) AS alike
      FROM incoming AS line
      LEFT JOIN LATERAL (
        SELECT * FROM device WHERE audience = %(audience)s AND installation = line.installation LIMIT 1
      ) AS known ON true),
weighed AS (
    SELECT *, CASE WHEN held THEN greatest(was_registered, registered_at) ELSE registered_at END AS now_registered,
           held AND was = 1 AND NOT (gone_at IS NULL AND registered_at > was_gone) AS stays
      FROM merged WHERE seq IS NOT NULL),
judged AS (
    SELECT *, CASE WHEN stays THEN 1 WHEN gone_at IS NULL THEN 0 WHEN held AND was_registered > gone_at THEN 0 ELSE 1
              END AS now_state
      FROM weighed),
changed AS MATERIALIZED (
    SELECT * FROM judged WHERE NOT (alike AND now_registered = was_registered AND now_state = was)),
evicted AS (
    DELETE FROM device WHERE audience = %(audience)s AND seq = ANY (ARRAY (
        SELECT holder.seq FROM merged AS line CROSS JOIN LATERAL (
            SELECT seq FROM device WHERE audience = %(audience)s AND token = line.token
               AND token_end = substr(line.token, length(line.token) - 7) LIMIT 1) AS holder
         WHERE line.held IS NOT TRUE AND holder.seq NOT IN (SELECT seq FROM merged WHERE seq IS NOT NULL)))
    RETURNING state, token),
buried AS (SELECT token FROM evicted WHERE state = 1),
created AS ({_CREATE.format(of="merged WHERE seq IS NULL AND (SELECT count(*) FROM evicted) >= 0")}),
updated AS (
    INSERT INTO device ({_DEVICE}, doubt_at, version)
    SELECT %(audience)s, seq, installation, token, person, app_version, build, tags, now_test, now_state,
           now_registered,
           CASE WHEN stays THEN was_gone WHEN now_state = 1 THEN gone_at END,
           CASE WHEN stays THEN was_reason WHEN now_state = 1 THEN gone_reason END,
           CASE WHEN held THEN was_doubted END, was_version + 1
      FROM changed
    ON CONFLICT (audience, seq) DO UPDATE
       SET {", ".join(f"{column} = excluded.{column}" for column in (*_CHANGING, "doubt_at", "version"))})
SELECT (SELECT count(*) FROM created), (SELECT count(*) FROM created WHERE state = 0), (SELECT count(*) FROM changed),
       (SELECT coalesce(sum(was - now_state), 0)::bigint FROM changed),
       (SELECT count(*) FROM evicted), (SELECT count(*) FROM evicted WHERE state = 0),
       ARRAY (SELECT seq FROM changed
               WHERE now_state = 0 AND (was = 1 AND held OR NOT held AND token IN (SELECT token FROM buried))
               UNION ALL
              SELECT seq FROM created WHERE state = 0 AND token IN (SELECT token FROM buried) ORDER BY seq)
"""
_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class Packed(msgspec.Struct, frozen=True):
    """Lines of one provider and token kind, as COPY reads them."""

    provider: str
    token_kind: str
    count: int
    lines: bytes

    def __repr__(self) -> str:
        return f"<{self.count} devices to import>"


def pack(entries: Sequence[Entry]) -> list[Packed]:
    """The entries as the server takes them, to be written in this order. Invalid when a token is too long."""
    return [_pack(run) for run in runs(entries)]


def _pack(run: Sequence[Entry]) -> Packed:
    """Sorted by installation, so that they are found and entered in its index in order."""
    provider, shared = run[0].provider, dict[tuple[Any, ...], str]()
    lines = []
    for one in run:
        rest = (one.app_version, one.build, one.tags, one.test, one.registered_at, one.gone_at, one.gone_reason)
        said = shared.get(rest) or shared.setdefault(rest, _said(*rest))
        token, name = forms.token(provider, one.token).hex(), forms.installation(one.installation_id).hex()
        lines.append(f"\\\\x{name}\t\\\\x{token}\t{one.user.translate(_ESCAPED)}\t{said}\n")
    lines.sort()
    return Packed(provider, run[0].token_kind, len(run), "".join(lines).encode())


def _said(*values: Any) -> str:
    """What many lines share."""
    app_version, build, tags, test, registered_at, gone_at, gone_reason = values
    texts = [text.translate(_ESCAPED) for text in (app_version, build, stored_tags(tags), gone_reason)]
    gone = "\\N" if gone_at is None else gone_at
    return f"{texts[0]}\t{texts[1]}\t{texts[2]}\t{int(test)}\t{registered_at}\t{gone}\t{texts[3]}"


class Written(msgspec.Struct, frozen=True):
    """seconds: how long the audience was locked for it, without the commit."""

    counts: Imported
    seconds: float


async def import_piece(connection: AsyncConnection[Any], where: Scope, packed: Packed) -> Written:
    """All of it in the transaction that is open."""
    await connection.execute(STAGING)
    async with connection.cursor().copy(_COPY) as copy:
        await copy.write(packed.lines)
    audience, next_seq = await locked_audience(connection, where, packed.provider, packed.token_kind)
    began = time.monotonic()
    statement = MERGE if next_seq else FIRST
    found = await connection.execute(statement, {"audience": audience, "next": next_seq}, binary=True)
    ((created, live, updated, gained, moved, lost, revived),) = await found.fetchall()
    await connection.execute(GROW, (live + gained - lost, created, audience))
    await invalidations.enter_revived(connection, audience, revived, wall_clock())
    counts = Imported(created, updated, packed.count - created - updated, moved)
    return Written(counts, time.monotonic() - began)
