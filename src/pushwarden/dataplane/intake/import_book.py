"""Imports under way, and those that ended, as the store keeps them: how far, and every bad line."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from pushwarden.core.errors import AlreadyExists, Busy, Conflict, Invalid, NotFound, PushwardenError, StoreFull
from pushwarden.core.import_report import KEPT, Import, ImportState, left_behind
from pushwarden.core.scope import Scope
from pushwarden.ports.clock import Clock
from pushwarden.ports.imports import Imports
from pushwarden.web.call import Answer

NOTED_MS = 2000
"""So often what came of a running import is kept, for the case that this process ends."""
_ID = re.compile(r"[a-z0-9_]{8,40}")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class ImportBook:
    """Running imports are here and in the store; one that is only there was left behind by a process that is gone."""

    def __init__(self, store: Imports, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._running: dict[tuple[Scope, str], Import] = {}

    async def open(self, where: Scope, by: str, named: str, *, dry_run: bool, size: int) -> Import:
        """named: an id the caller chose, so that it can look meanwhile; else one is made."""
        if named and _ID.fullmatch(named) is None:
            raise Invalid("`id` must be 8 to 40 characters of a-z 0-9 _", field="id")
        made = Import(named or f"imp_{secrets.token_hex(6)}", where, by, self._clock.now_ms(), dry_run, size)
        if (where, made.id) in self._running:
            raise _known()
        self._running[where, made.id] = made
        try:
            if named and await self._store.kept_import(where, named) is not None:
                raise _known()
            await self._store.keep_import(made)
        except BaseException:
            del self._running[where, made.id]
            raise
        return made

    async def of(self, where: Scope) -> list[Import]:
        """Newest first."""
        kept = await self._store.kept_imports(where)
        return [self._running.get((where, one.id)) or left_behind(one) for one in kept]

    async def get(self, where: Scope, name: str) -> Import:
        if running := self._running.get((where, name)):
            return running
        found = await self._store.kept_import(where, name)
        if found is None:
            raise _unknown()
        return left_behind(found)

    async def remove(self, where: Scope, name: str) -> None:
        """The report alone: what was imported stays."""
        if (where, name) in self._running:
            raise Conflict("This import is still running; remove its report when it has ended.")
        if not await self._store.drop_import(where, name):
            raise _unknown()

    async def follow(self, one: Import, reports: AsyncIterator[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
        """The reports as they come, noted. Whoever stops listening ends the import."""
        noted = self._clock.now_ms()
        try:
            async for report in reports:
                one.report = report
                if self._clock.now_ms() - noted >= NOTED_MS:
                    noted = self._clock.now_ms()
                    await self._keep(one)
                yield report
            one.state = ImportState.DONE
        except PushwardenError as error:
            one.state, one.problem = ImportState.FAILED, error.detail
            one.report = one.report | {key: value for key, value in error.extra.items() if key != "field"}
            raise
        finally:
            await asyncio.shield(self._end(one))

    async def _end(self, one: Import) -> None:
        if one.state is ImportState.RUNNING:
            one.state = ImportState.BROKEN
        one.ended_at = self._clock.now_ms()
        await self._keep(one)
        del self._running[one.where, one.id]

    async def _keep(self, one: Import) -> None:
        """A store that takes nothing now hides no answer; the report is lost then."""
        with contextlib.suppress(Busy, StoreFull):
            await self._store.keep_import(one)

    async def counted(self, one: Import, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for part in parts:
            one.read += len(part)
            yield part


def _known() -> AlreadyExists:
    return AlreadyExists("An import with this id is known; choose another one.", field="id")


def _unknown() -> NotFound:
    return NotFound(f"There is no report of this import here; the last {KEPT} are kept, for 90 days.")


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
