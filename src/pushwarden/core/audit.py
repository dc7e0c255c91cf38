"""Audit entries: who did what to what, refused attempts included. Written in the transaction of the change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pushwarden.core.scope import Scope


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """`action` is `thing.verb`, for example `app.create`; `target` a Scope plus an id. `at` is Unix milliseconds.

    before and after never hold a secret. `outcome` is `done` or the stable code of the refusal.
    """

    at: int
    actor: str
    action: str
    scope: Scope
    target: str = ""
    outcome: str = "done"
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    request_id: str = ""
    address: str = ""
    reason: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
