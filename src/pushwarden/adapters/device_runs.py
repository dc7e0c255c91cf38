"""How an import is cut up: into pieces of a transaction each, and these into runs whose order does not matter."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from typing import Any

from pushwarden.core.device_rules import Entry
from pushwarden.ports.devices import Imported

PIECE = 32_768
"""Devices of a transaction, at most: keys are random, so the more there are, the more share a page of an index."""

HOLD_SECONDS = 0.25
"""What a piece may lock others out for: an opt-out or a tombstone waits that long, and is refused after 2 s."""

LEAST = 500

Write = Callable[[Sequence[Entry], asyncio.Task[Imported] | None], Coroutine[Any, Any, Imported]]


async def in_pieces(
    chunks: AsyncIterator[Sequence[Entry]], write: Write, size: Callable[[], int]
) -> AsyncIterator[Imported]:
    """The total after each piece. write: a piece and the task that writes the one before; size: of the next piece.

    One piece is written while the next is packed and the one after it is read.
    """
    total, waiting, under_way = Imported(), list[Entry](), deque[asyncio.Task[Imported]]()

    def start(piece: Sequence[Entry]) -> None:
        under_way.append(asyncio.create_task(write(piece, under_way[-1] if under_way else None)))

    try:
        async for entries in chunks:
            waiting += entries
            await asyncio.sleep(0)  # a source that never waits must not hold up the writing
            while len(waiting) >= (most := size()):
                piece, waiting = waiting[:most], waiting[most:]
                if len(under_way) == 2:
                    total += await under_way.popleft()
                    yield total
                start(piece)
        start(waiting)
        while under_way:
            total += await under_way.popleft()
            yield total
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


def next_piece(piece: int, seconds: float) -> int:
    """Smaller when the last one locked others out for too long, else larger again."""
    if seconds > HOLD_SECONDS:
        return max(LEAST, int(piece * HOLD_SECONDS / seconds))
    return min(PIECE, piece * 2)


def runs(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """Of one provider and token kind each, with no installation and no token twice, to be written in this order."""
    for run in _distinct(entries):
        yield from _grouped(run)


def _distinct(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """Runs in which no installation and no token stands twice, so that the order of their rows does not matter."""
    if len({e.installation_id for e in entries}) == len({e.token for e in entries}) == len(entries):
        yield entries
        return
    start, seen = 0, set[tuple[str, ...]]()
    for at, entry in enumerate(entries):
        kind = entry.provider, entry.token_kind
        names = (*kind, entry.installation_id), (*kind, "", entry.token)
        if names[0] in seen or names[1] in seen:
            yield entries[start:at]
            start, seen = at, set()
        seen.update(names)
    yield entries[start:]


def _grouped(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    if len({(e.provider, e.token_kind) for e in entries}) == 1:
        yield entries
        return
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        groups.setdefault((entry.provider, entry.token_kind), []).append(entry)
    yield from groups.values()
