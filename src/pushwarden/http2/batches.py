"""Which row of which submitted batch a stream carries, and whether it has ended: arithmetic, no object a stream."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, Final

WAITING: Final = 0
ENDED: Final = 1
ANSWERING: Final = 2  # its headers have come, its end has not


class Batch:
    """Rows start… on streams first, first + 2, … state: one of the three above for each."""

    __slots__ = ("count", "deadline", "first", "left", "start", "state", "tag")

    def __init__(self, tag: Any, first: int, count: int, start: int, deadline: float) -> None:
        self.tag = tag
        self.first = first
        self.count = count
        self.start = start
        self.deadline = deadline
        self.state = bytearray(count)
        self.left = count

    def open_offsets(self, above: int = -1) -> list[int]:
        """Offsets of the streams that have not ended and are above this one."""
        low = max(0, (above - self.first) // 2 + 1)
        return [offset for offset in range(low, self.count) if self.state[offset] != ENDED]


class Batches:
    """Batches with open streams, in the order of their streams."""

    def __init__(self) -> None:
        self._batches: list[Batch] = []
        self._firsts: list[int] = []
        self.open = 0

    def __iter__(self) -> Iterator[Batch]:
        return iter(list(self._batches))

    def add(self, batch: Batch) -> None:
        self._batches.append(batch)
        self._firsts.append(batch.first)
        self.open += batch.count

    def find(self, stream: int) -> Batch | None:
        """The batch in which this odd stream is still open."""
        at = bisect_right(self._firsts, stream) - 1
        if at < 0:
            return None
        batch = self._batches[at]
        offset = (stream - batch.first) >> 1
        return batch if offset < batch.count and batch.state[offset] != ENDED else None

    def ended(self, batch: Batch, count: int) -> None:
        """So many more of its streams have been marked as ended."""
        batch.left -= count
        self.open -= count
        if not batch.left:
            at = bisect_right(self._firsts, batch.first) - 1
            del self._batches[at], self._firsts[at]

    def end(self, batch: Batch, offsets: list[int]) -> list[int]:
        """Mark these as ended; their rows."""
        for offset in offsets:
            batch.state[offset] = ENDED
        self.ended(batch, len(offsets))
        return [batch.start + offset for offset in offsets]
