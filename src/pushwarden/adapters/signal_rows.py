"""Which devices said something of a push to many: a bit each, in blocks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pushwarden.core.signal import BLOCK, Signal, SignalKind, Signalled

EMPTY = bytes(BLOCK // 8)
Key = tuple[str, str, int, int]
"""Push, kind, audience, block."""


def blocks(signals: Iterable[Signal]) -> dict[Key, list[Signal]]:
    """Of those that are not kept apart, in the order of their keys."""
    found: dict[Key, list[Signal]] = {}
    for one in signals:
        if not one.apart:
            found.setdefault((one.push, str(one.kind), one.audience, one.seq // BLOCK), []).append(one)
    return dict(sorted(found.items()))


def bits_of(kept: bytes, said: Iterable[Signal]) -> tuple[bytes, list[Signal]]:
    """The block with these devices in it, and those that were not in it yet."""
    bits, fresh = bytearray(kept or EMPTY), []
    for one in said:
        if not has(bits, one.seq):
            bits[one.seq % BLOCK // 8] |= 1 << one.seq % 8
            fresh.append(one)
    return bytes(bits), fresh


def has(bits: bytes | bytearray, seq: int) -> bool:
    """Least significant bit first, as PostgreSQL numbers them too."""
    return bool(bits[seq % BLOCK // 8] >> seq % 8 & 1)


def counts(rows: Sequence[Sequence[Any]]) -> dict[SignalKind, Signalled]:
    """(kind, devices, first_at, last_at) each; a push has rows in one of the two tables alone."""
    return {SignalKind(kind): Signalled(int(devices), first, last) for kind, devices, first, last in rows}
