"""Where pushes stand, exactly, as of one commit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from pushwarden.adapters.sqlite.driver import sqlite3
from pushwarden.adapters.sqlite.journal import sql
from pushwarden.adapters.sqlite.journal.rows import fates, in_flight, push_of
from pushwarden.core.shard import ShardKind
from pushwarden.ports.journal import Progress

_NOTE, _FINISHED, _PLANNED, _FATES = 16, 17, 18, 19


def progress(connection: sqlite3.Connection, kept: Sequence[Any]) -> list[Progress]:
    """For rows of KEPT, in their order. The connection is in a transaction."""
    ids = {"ids": msgspec.json.encode([row[0] for row in kept]).decode()}
    left = defaultdict(list)
    for push, *group in connection.execute(sql.LEFT, ids):
        left[push].append(group)
    refusals: dict[str, dict[str, int]] = defaultdict(dict)
    for push, reason, recipients in connection.execute(sql.REFUSALS, ids):
        refusals[push][reason] = recipients
    flying: dict[str, int] = defaultdict(int)
    for push, kind, frozen, *bits in connection.execute(sql.CLAIMED, ids):
        flying[push] += in_flight(ShardKind(kind), bool(frozen), *bits)
    return [_progress(row, left[row[0]], flying[row[0]], refusals[row[0]]) for row in kept]


def _progress(row: Sequence[Any], left: Sequence[Sequence[Any]], flying: int, refusals: dict[str, int]) -> Progress:
    """left: a group a state: state, shards, unfrozen ones, estimated, planned, then the fates."""
    shards = {group[0]: group[1] for group in left}
    unfrozen = sum(group[2] for group in left)
    estimated = row[_PLANNED] + sum(group[3] for group in left)
    planned = row[_PLANNED] + sum(group[4] for group in left)
    ended = [sum(values) for values in zip(row[_FATES:], *(group[5:] for group in left), strict=True)]
    return Progress(
        push=push_of(row),
        audience_note=row[_NOTE],
        estimated=estimated,
        planned=None if unfrozen else planned,
        pending=estimated - flying - sum(ended),
        in_flight=flying,
        fates=fates(ended),
        shards=shards,
        refusals=refusals,
        finished_at=row[_FINISHED],
    )
