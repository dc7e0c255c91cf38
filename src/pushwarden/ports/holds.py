"""Mass-invalidation holds: a sender opens one, a person releases it, the sender sees that."""

from __future__ import annotations

from typing import Protocol

from pushwarden.core.hold import Hold


class HoldTable(Protocol):
    """Inside a transaction of the catalog."""

    def put(self, hold: Hold) -> None:
        """Inserts, or replaces the one of the same id."""
        ...

    def get(self, hold: str) -> Hold | None: ...

    def all(self, organisation: str = "", *, open_only: bool = False, brief: bool = False) -> list[Hold]:
        """Newest first; every organisation's when none is named. brief: without the evidence, which may be large."""
        ...


class Holds(Protocol):
    """The sender's side."""

    async def open(self, hold: Hold) -> Hold:
        """Opens it with its audit row. One that is open on the lane already is given back instead."""
        ...

    async def held(self) -> list[Hold]:
        """What is open now, without the evidence: senders ask several times a second."""
        ...

    async def released(self, since_ms: int) -> list[Hold]:
        """Released at or after this time, without the evidence; the caller remembers which it has acted on."""
        ...

    async def whole(self, hold: Hold) -> Hold:
        """The same with its evidence."""
        ...
