"""The doorbell: the part of the ring that intake needs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Doorbell(Protocol):
    def doorbell(self, classes: Iterable[str]) -> None:
        """Tells every sender that shards of these classes are due. Never waits, never fails; bells may merge."""
        ...
