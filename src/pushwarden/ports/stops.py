"""The stop diary: who stopped what and why, kept beside the database until the database has it."""

from __future__ import annotations

from typing import Protocol

from pushwarden.ports.catalog import StopRecord


class StopDiary(Protocol):
    """Every method blocks on the disk."""

    def write(self, stop: StopRecord) -> None:
        """Durable on return. StoreFull when the disk does not take it."""
        ...

    def pending(self) -> list[StopRecord]:
        """What was written and not forgotten, oldest first, whichever process wrote it."""
        ...

    def forget(self, stop: str) -> None:
        """By id; the database has it."""
        ...
