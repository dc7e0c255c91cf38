"""Small secrets the api process must read again: sealed at rest by a key it has."""

from __future__ import annotations

from typing import Protocol


class Chest(Protocol):
    def seal(self, content: bytes, label: str) -> bytes:
        """Opens under the same label only."""
        ...

    def open(self, sealed: bytes, label: str) -> bytes:
        """VaultRefused when it was sealed by another key or under another label, or was changed."""
        ...
