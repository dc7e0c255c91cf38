"""Where pushes stand, exactly, as of one commit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from pushwarden.adapters.journal_rows import in_flight, progress_of
from pushwarden.adapters.sqlite.driver import sqlite3
from pushwarden.adapters.sqlite.journal import sql
from pushwarden.core.shard import ShardKind
from pushwarden.ports.journal import Progress


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
    return [progress_of(row, left[row[0]], flying[row[0]], refusals[row[0]]) for row in kept]
