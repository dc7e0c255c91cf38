"""Books every request of a batch: counters by topic, push type and status, and the frame log."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from enum import StrEnum

from pushwarden.simulators.log import RECORD, Flag, Log

from .batch import Batch, K, R

Rows = Mapping[int, int]


class Mode(StrEnum):
    COUNTING = "counting"
    FULL = "full"
    NONE = "none"


class Ledger:
    """reasons: of refusals, by reason. counts: by (topic, push type, status); status 0: none was given."""

    def __init__(self, log: Log, mode: Mode, fold: Callable[[bytes], bytes]) -> None:
        self.log = log
        self.mode = mode
        self._fold = fold
        self.counts: Counter[tuple[str, str, int]] = Counter()
        self.reasons: Counter[str] = Counter()

    def book(
        self,
        batch: Batch[K, R],
        statuses: Mapping[int, int],
        flags: Mapping[int, int],
        stamps: list[int],
        connection: int,
    ) -> None:
        """statuses: rows that are not answered 200. stamps: ns for each row, or one for all."""
        self._count(batch, statuses)
        if self.mode is Mode.FULL:
            self._records(batch, statuses, flags, stamps, connection)
        elif self.mode is Mode.COUNTING:
            self._ids(batch, statuses, stamps, connection)

    def unprocessed(self, raw: list[bytes], streams: list[int], ns: int, connection: int) -> None:
        """Requests above the last-stream-id of a GOAWAY: read and dropped. raw: 16 bytes each."""
        self.counts["", "", 0] += len(raw)
        if self.mode is Mode.COUNTING:
            self.log.ids(ns, connection, 0, b"".join(raw))
        elif self.mode is Mode.FULL:
            rows = zip(streams, raw, strict=True)
            pack = (RECORD.pack(ns, connection, one, name, bytes(8), 0, Flag.UNPROCESSED) for one, name in rows)
            self.log.records(ns, connection, b"".join(pack))

    def _count(self, batch: Batch[K, R], statuses: Rows) -> None:
        kinds = batch.kinds
        first = kinds[0]
        if not statuses and kinds.count(first) == len(kinds):
            self.counts[first.topic, first.push_type, 200] += len(kinds)
            return
        self.counts.update((kind.topic, kind.push_type, statuses.get(row, 200)) for row, kind in enumerate(kinds))
        self.reasons.update(batch.refusals[row].reason for row in statuses if row in batch.refusals)

    def _ids(self, batch: Batch[K, R], statuses: Rows, stamps: list[int], connection: int) -> None:
        raw = batch.raw
        if not statuses and len(stamps) == 1:
            self.log.ids(stamps[0], connection, 200, raw)
            return
        groups: dict[tuple[int, int], list[bytes]] = {}
        for row in range(len(batch.streams)):
            stamp = stamps[0] if len(stamps) == 1 else stamps[row]
            groups.setdefault((stamp, statuses.get(row, 200)), []).append(raw[row * 16 : row * 16 + 16])
        for (stamp, status), ids in groups.items():
            self.log.ids(stamp, connection, status, b"".join(ids))

    def _records(
        self,
        batch: Batch[K, R],
        statuses: Mapping[int, int],
        flags: Mapping[int, int],
        stamps: list[int],
        connection: int,
    ) -> None:
        raw, pack, fold, out = batch.raw, RECORD.pack, self._fold, []
        constant = stamps[0] if len(stamps) == 1 else 0
        for row, (stream, token) in enumerate(zip(batch.streams, batch.tokens, strict=True)):
            name, hashed = raw[row * 16 : row * 16 + 16], token_hash(fold(token))
            stamp = constant or stamps[row]
            out.append(pack(stamp, connection, stream, name, hashed, statuses.get(row, 200), flags.get(row, 0)))
        self.log.records(stamps[0], connection, b"".join(out))


def token_hash(token: bytes) -> bytes:
    """The 8 bytes that stand for a token in the full log: BLAKE2b of its one spelling."""
    return hashlib.blake2b(token, digest_size=8, usedforsecurity=False).digest()
