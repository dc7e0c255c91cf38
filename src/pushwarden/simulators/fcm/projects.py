"""Projects: which exist, which may be sent for, and how much of a minute's quota each has left."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from .answers import UNKNOWN_PROJECT, Refusal, denied


class ProjectRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """disabled: the API is off; denied: the role is missing. per_minute 0: no quota (Google's own is 600,000)."""

    state: Literal["ok", "disabled", "denied"] = "ok"
    per_minute: int = 0


class Bucket:
    """A project's quota. Times are seconds of one clock."""

    def __init__(self, per_minute: int, now: float) -> None:
        self._most, self._level, self._at = float(per_minute), float(per_minute), now

    def take(self, count: int, now: float) -> tuple[int, int]:
        """(how many of so many requests pass, seconds until the next one would)."""
        self._level = min(self._most, self._level + (now - self._at) * self._most / 60)
        self._at = now
        passed = min(count, int(self._level))
        self._level -= passed
        return passed, max(1, math.ceil((1 - self._level) * 60 / self._most))


class Projects:
    """rows empty: every project exists and has no quota."""

    def __init__(self, rows: dict[str, ProjectRow], now: float) -> None:
        self._rows = rows
        self._buckets = {name: Bucket(row.per_minute, now) for name, row in rows.items() if row.per_minute}

    @property
    def rationed(self) -> bool:
        """Some project has a quota."""
        return bool(self._buckets)

    def refusal(self, name: str, allowed: frozenset[str]) -> Refusal | None:
        """allowed: what the account may send for; empty: everything."""
        row = self._rows.get(name, ProjectRow())
        if self._rows and name not in self._rows:
            return UNKNOWN_PROJECT
        if row.state == "disabled":
            text = f"Firebase Cloud Messaging API has not been used in project {name} before or it is disabled."
            return denied("SERVICE_DISABLED", text)
        if row.state == "denied" or (allowed and name not in allowed):
            where = f"//cloudresourcemanager.googleapis.com/projects/{name}"
            text = f"Permission 'cloudmessaging.messages.create' denied on resource '{where}' (or it may not exist)."
            return denied("IAM_PERMISSION_DENIED", text)
        return None

    def take(self, name: str, count: int, now: float) -> tuple[int, int]:
        """As Bucket.take."""
        bucket = self._buckets.get(name)
        return bucket.take(count, now) if bucket else (count, 0)
