"""An uploaded file with what its sender says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pushwarden.core.secret import Secret


@dataclass(frozen=True, slots=True)
class File:
    """now_ms: Unix milliseconds. hints:

    file_name, environment; key_id, team_id (.p8); bundle_id, push_types, serial, requests, open_requests, request
    (certificates); project_id, known_project, modified_at (Unix milliseconds) (Google); hub (Azure).
    """

    data: bytes = field(repr=False)
    password: Secret | None
    hints: Mapping[str, str]
    now_ms: int

    @property
    def clear_password(self) -> bytes:
        return self.password.reveal() if self.password else b""

    def hint(self, name: str) -> str:
        """What the sender says; empty when nothing."""
        return self.hints.get(name, "").strip()
