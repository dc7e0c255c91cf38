"""Imports under way and the last ones that ended, as this process remembers them: how far, and every bad line."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pushwarden.core.errors import AlreadyExists, Invalid, NotFound, PushwardenError
from pushwarden.core.scope import Scope
from pushwarden.ports.clock import Clock
from pushwarden.web.call import Answer

KEPT = 20
"""Imports remembered; the oldest that ended goes first."""
SHOWN = 50
"""Line errors the view has; all that are kept come as CSV."""
_ID = re.compile(r"[a-z0-9_]{8,40}")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class ImportState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"  # the store, or the file as a whole
    BROKEN = "broken"  # the sender went away


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
            "errors": self.report.get("errors", [])[:SHOWN],
        }


class ImportBook:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, Import] = {}

    def open(self, where: Scope, by: str, named: str, *, dry_run: bool, size: int) -> Import:
        """named: an id the caller chose, so that it can look meanwhile; else one is made."""
        if named and _ID.fullmatch(named) is None:
            raise Invalid("`id` must be 8 to 40 characters of a-z 0-9 _", field="id")
        if named in self._kept:
            raise AlreadyExists("An import with this id is known; choose another one.", field="id")
        made = Import(named or f"imp_{secrets.token_hex(6)}", where, by, self._clock.now_ms(), dry_run, size)
        for old in [one for one in self._kept.values() if one.state is not ImportState.RUNNING][: self._surplus()]:
            del self._kept[old.id]
        self._kept[made.id] = made
        return made

    def _surplus(self) -> int:
        return max(0, len(self._kept) - KEPT + 1)

    def of(self, where: Scope) -> list[Import]:
        """Newest first."""
        return [one for one in reversed(self._kept.values()) if one.where == where]

    def get(self, where: Scope, name: str) -> Import:
        found = self._kept.get(name)
        if found is None or found.where != where:
            raise NotFound("This import is not known; the last 20 are, until the server starts anew.")
        return found

    async def follow(self, one: Import, reports: AsyncIterator[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
        """The reports as they come, noted. Whoever stops listening ends the import."""
        try:
            async for report in reports:
                one.report = report
                yield report
            one.state = ImportState.DONE
        except PushwardenError as error:
            one.state, one.problem = ImportState.FAILED, error.detail
            one.report = one.report | {key: value for key, value in error.extra.items() if key != "field"}
            raise
        finally:
            if one.state is ImportState.RUNNING:
                one.state = ImportState.BROKEN
            one.ended_at = self._clock.now_ms()

    async def counted(self, one: Import, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for part in parts:
            one.read += len(part)
            yield part


def errors_file(errors: Iterable[Mapping[str, Any]]) -> Answer:
    """As CSV; a cell that a spreadsheet would take for a formula begins with an apostrophe."""
    rows = [",".join(map(_cell, ("line", "code", "message")))]
    rows += [",".join(_cell(error[name]) for name in ("line", "code", "message")) for error in errors]
    headers = ((b"content-disposition", b'attachment; filename="refused-lines.csv"'),)
    return Answer("\r\n".join([*rows, ""]).encode(), headers=headers, content_type=b"text/csv; charset=utf-8")


def _cell(value: object) -> str:
    text = str(value)
    safe = "'" + text if text.startswith(_FORMULA) else text
    return '"' + safe.replace('"', '""') + '"'
