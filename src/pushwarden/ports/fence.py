"""The fence: what is stopped, kept in a file that works when the database does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pushwarden.core.scope import Scope


@dataclass(frozen=True, slots=True)
class Stop:
    """One stopped scope. sequence grows with every stop and resume; at_ms is Unix milliseconds."""

    scope: Scope
    sequence: int
    at_ms: int


class Fence(Protocol):
    def generation(self) -> int:
        """The mapped counter; it changes with every stop and resume. Cheap enough to read before each write."""
        ...

    def stops(self) -> Sequence[Stop]:
        """The stopped scopes in the file now."""
        ...

    def stop(self, scope: Scope, at_ms: int) -> Stop:
        """Writes the slot, bumps the generation, syncs, returns: senders see it before the disk has it, callers after.

        Blocks. StoreFull when every slot is taken.
        """
        ...

    def resume(self, scope: Scope, up_to: int | None = None) -> int:
        """Clears the slots of exactly this scope. The new sequence; unchanged when it was not stopped.

        up_to: stops with a later sequence stay, so that a resume never lifts a stop that came while it was under way.
        Blocks. Busy when another process is writing.
        """
        ...


def covered(fence: Fence, where: Scope) -> bool:
    """Whether a stop covers the whole scope now."""
    return any(stop.scope.covers(where) for stop in fence.stops())


def stopped_at(fence: Fence, where: Scope) -> int | None:
    """When the newest stop that covers the whole scope was made, Unix ms; None when it is not stopped."""
    return max((stop.at_ms for stop in fence.stops() if stop.scope.covers(where)), default=None)
