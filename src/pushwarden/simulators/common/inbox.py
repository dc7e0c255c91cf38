"""What is kept for phones: everything for one that listens, what may wait for one that does not."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

PRESENT_S = 3.0
KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Stored:
    """collapse: an absent phone gets the newest of those with the same one; empty: all of them.

    expiration: epoch seconds; 0: never stored, None: the provider's own policy.
    """

    topic: str
    push_type: str
    name: str
    collapse: str
    expiration: float | None
    body: bytes = field(repr=False)


@dataclass(slots=True)
class Inbox:
    """One phone's. seen: the loop time at which it last listened."""

    seen: float
    queue: deque[Stored] = field(default_factory=lambda: deque(maxlen=KEPT))
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0

    def present(self, now: float) -> bool:
        return self.waiting > 0 or now - self.seen < PRESENT_S

    def leave(self) -> None:
        """The phone is off from now on, until it listens again."""
        self.seen = float("-inf")

    def offer(self, push: Stored, now: float) -> None:
        """Keeps a push; for an absent phone only the newest of those that collapse, none that may not be stored."""
        if not self.present(now):
            if push.expiration == 0:
                return
            kept = (held for held in self.queue if not push.collapse or held.collapse != push.collapse)
            self.queue = deque(kept, KEPT)
        self.queue.append(push)
        self.arrived.set()

    async def take(self, wait_s: float, wall: Callable[[], float]) -> list[Stored]:
        """What is there, else what comes within `wait_s`. wall: gives epoch seconds, drops what expired."""
        if not self.queue:
            self.arrived.clear()
            self.waiting += 1
            try:
                await asyncio.wait_for(self.arrived.wait(), wait_s)
            except TimeoutError:
                pass
            finally:
                self.waiting -= 1
        self.seen = asyncio.get_running_loop().time()
        taken, self.queue = list(self.queue), deque(maxlen=KEPT)
        return [push for push in taken if not push.expiration or push.expiration > wall()]
