"""Credentials are sealed where they arrive and open only where pushes leave."""

from __future__ import annotations

from typing import Protocol

from pushwarden.core.secret import Secret


class SealingVault(Protocol):
    def seal(self, material: Secret, label: str) -> bytes:
        """Bound to `label` (organisation|app|id|version): it opens under no other. The sealer cannot open it."""
        ...


class OpeningVault(Protocol):
    def open(self, sealed: bytes, label: str) -> Secret:
        """PushwardenError `vault_refused` when key, label or bytes do not belong together."""
        ...
