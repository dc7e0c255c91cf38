"""What an import of devices came to: who brought the list, how far it went, and every line that was refused."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from pushwarden.core.scope import Scope

KEPT = 20
"""Reports of one environment that are kept; the oldest goes first."""
LIFE_MS = 90 * 86_400_000
SHOWN = 50
"""Line errors a view has; all that are kept come as CSV."""


class ImportState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"  # the store, or the file as a whole
    BROKEN = "broken"  # the sender or this server went away


@dataclass(slots=True)
class Import:
    """report: as the import tells it, growing. size: bytes announced, 0 when unknown; read: bytes that came."""

    id: str
    where: Scope
    by: str
    started_at: int
    dry_run: bool
    size: int = 0
    read: int = 0
    state: ImportState = ImportState.RUNNING
    ended_at: int = 0
    report: dict[str, Any] = field(default_factory=dict)
    problem: str = ""

    @property
    def errors(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.report.get("errors", [])
        return found

    def view(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "by": self.by,
            "state": str(self.state),
            "dry_run": self.dry_run,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "size": self.size,
            "read": self.read,
            "problem": self.problem,
            **self.report,
            "errors": self.errors[:SHOWN],
        }


def left_behind(one: Import) -> Import:
    """As it is when the process that took it is gone."""
    return replace(one, state=ImportState.BROKEN) if one.state is ImportState.RUNNING else one
