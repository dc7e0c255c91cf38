"""Up to which number every row is there to be read: numbers are given out before commits and in another order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Settling:
    """Numbers given out at one look belong to transactions that have their ids by the next look; when all those have
    ended at a third, the numbers are settled."""

    _settled: list[int] = field(default_factory=lambda: [0, 0])
    _noted: list[int] | None = None
    _ended_before: int | None = None

    def settled(self, given: Sequence[int], oldest: int, next_one: int) -> list[int]:
        """given: the last number of each sequence. oldest: no transaction below it runs; next_one: ids from it on are
        not given yet."""
        if self._ended_before is not None and oldest >= self._ended_before and self._noted is not None:
            self._settled, self._noted, self._ended_before = self._noted, None, None
        if self._noted is None:
            self._noted = list(given)
        elif self._ended_before is None:
            self._ended_before = next_one
        return self._settled
