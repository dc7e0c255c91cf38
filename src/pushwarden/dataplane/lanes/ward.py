"""5 ward: a shard at which senders died is run by a sender that holds nothing else, in turn with the others. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from pushwarden.core.shard import LONELY

if TYPE_CHECKING:
    from pushwarden.dataplane.lanes.work import Work

TURN_MS = 1000
"""The ordinary shards and those of the ward have a turn each, and the journal is asked as often whether the ward has
any. A fresh process begins with the ordinary ones."""
REST_MS = 5


class Ward:
    """Decides whose turn it is. at: Unix ms of the next look. first: nothing else may be claimed now.

    clearing: what the sender holds must be given back, so that it holds nothing else.
    """

    def __init__(self) -> None:
        self.at = 0
        self.first = self.clearing = False
        self._until = 0

    def rests(self, works: Sequence[Work], now_ms: int) -> bool:
        """Whether one of the ward is under way."""
        if not self.at:
            self.at = now_ms + TURN_MS
        running = any(work.shard.crashes >= LONELY for work in works)
        if running:
            self.first, self.clearing, self.at = True, False, now_ms + REST_MS
        return running

    def choose(
        self, ready: Mapping[str, int], works: Sequence[Work], now_ms: int, may_send: Callable[[str], bool]
    ) -> str | None:
        """The lane to claim one shard of; None when it is not the ward's turn, or the sender still holds others.

        ready: lane → earliest due time.
        """
        lanes = {lane: at for lane, at in ready.items() if at <= now_ms and may_send(lane)}
        if not lanes or now_ms > self._until > 0:
            self.first, self.clearing, self._until = False, False, 0
            self.at = now_ms + TURN_MS
            return None
        self.first, self.clearing, self.at = True, bool(works), now_ms + REST_MS
        if self.clearing:
            return None
        self._until = self._until or now_ms + TURN_MS
        return min(lanes, key=lanes.__getitem__)
